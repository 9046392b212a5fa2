//! Other tabs of this browser: a change there is an event here.

use std::rc::Rc;

use super::{EXPIRED, Keeper};
use crate::{
    browser::{Value, events::listen},
    promise::spawn,
};

impl Keeper {
    /// Listens to the other tabs, to this one being shown again, and to the network coming back, until the
    /// client ends.
    pub(crate) fn listen(self: &Rc<Self>) {
        let page = Value::global("globalThis");
        let life = self.limits.life.clone();
        let keeper = self.clone();
        // A page that was asleep has heard no `storage` event.
        listen(&page, &["storage", "pageshow", "visibilitychange", "online"], life, move |event| {
            let is_ours = keeper.persistence() == "local"
                && event.text_of("key").as_deref() == Some(keeper.store.session_key());
            if is_ours && event.text_of("newValue").as_deref() == Some(EXPIRED) {
                // By now it may be removed.
                keeper.learn(Some(EXPIRED.into()));
            } else {
                keeper.current();
            }
            if event.text_of("type").as_deref() == Some("online") {
                let keeper = keeper.clone();
                spawn(async move { keeper.tell_ended(&keeper.limits).await });
            }
        });
    }
}
