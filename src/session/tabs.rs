//! Other tabs of this browser: a change there is an event here.

use std::rc::Rc;

use super::{Keeper, events::Event};
use crate::{
    browser::{Value, events::listen, http::Limits},
    promise::spawn,
};

/// Stored for a moment before a session that the server ended is removed.
pub(super) const EXPIRED: &str = "expired";

impl Keeper {
    /// Listens to the other tabs, to this one being shown again, and to the network coming back, until the
    /// client ends.
    pub(crate) fn listen(self: &Rc<Self>, limits: Limits) {
        let page = Value::global("globalThis");
        let life = limits.life.clone();
        let keeper = self.clone();
        // A page that was asleep has heard no `storage` event.
        listen(&page, &["storage", "pageshow", "visibilitychange", "online"], life, move |event| {
            let is_ours = keeper.persistence() == "local"
                && event.text_of("key").as_deref() == Some(keeper.store.session_key());
            if is_ours && event.text_of("newValue").as_deref() == Some(EXPIRED) {
                keeper.set(None, None, Some(Event::SessionExpired));
            } else {
                keeper.current();
            }
            if event.text_of("type").as_deref() == Some("online") {
                let (keeper, limits) = (keeper.clone(), limits.clone());
                spawn(async move { keeper.tell_ended(&limits).await });
            }
        });
    }
}
