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
    /// Listens to the other tabs, and to the network coming back, until the client ends.
    pub(crate) fn listen(self: &Rc<Self>, limits: Limits) {
        let page = Value::global("globalThis");
        if !page.has_method("addEventListener") {
            return;
        }
        let keeper = self.clone();
        listen(&page, &["storage"], limits.life.clone(), move |event| keeper.stored(&event));
        let keeper = self.clone();
        listen(&page, &["online"], limits.life.clone(), move |_| {
            let (keeper, limits) = (keeper.clone(), limits.clone());
            spawn(async move { keeper.tell_ended(&limits).await });
        });
    }

    fn stored(self: &Rc<Self>, event: &Value) {
        let key = event.get("key");
        let ours = key.is_absent() || key.text().as_deref() == Some(self.store.session_key());
        if !ours || self.persistence() != "local" {
            return;
        }
        if event.text_of("newValue").as_deref() == Some(EXPIRED) {
            self.set(None, None, Some(Event::SessionExpired));
        } else {
            self.current();
        }
    }
}
