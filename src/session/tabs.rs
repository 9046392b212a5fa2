//! Other tabs of this browser: a change there is an event here. And being woken: to refresh ahead, while somebody
//! looks at the page.

use std::rc::Rc;

use super::{
    Keeper,
    machine::{EXPIRED, Input, Need},
    now,
};
use crate::browser::{
    Value,
    events::{function, listen},
    wait::spawn,
};

/// The greatest that timers take, in milliseconds.
const LONGEST: f64 = 2_147_483_647.0;

impl Keeper {
    /// Listens to the other tabs, to this one being shown again, and to the network coming back, until the
    /// client ends.
    pub(crate) fn listen(self: &Rc<Self>) {
        let page = Value::global("globalThis");
        let life = self.limits.life();
        let keeper = self.clone();
        // A page that was asleep has heard no `storage` event.
        listen(&page, &["storage", "pageshow", "visibilitychange", "online"], life.clone(), move |event| {
            let is_ours = keeper.persistence() == "local"
                && event.text_of("key").as_deref() == Some(keeper.store.session_key());
            // By now it may be removed.
            keeper.look(is_ours && event.text_of("newValue").as_deref() == Some(EXPIRED));
            if event.text_of("type").as_deref() == Some("online") {
                keeper.step(Input::Online);
                let keeper = keeper.clone();
                spawn(async move { keeper.tell_ended(&keeper.limits).await });
            }
            keeper.schedule();
        });
        if Value::global("document").is_absent() {
            return;
        }
        let keeper = self.clone();
        self.tick.replace(function(move |_| {
            let keeper = keeper.clone();
            spawn(async move {
                let _ = keeper.refresh(Need::Ahead, &keeper.limits).await;
                keeper.schedule();
            });
        }));
        if matches!(self.persistence(), "local" | "custom") {
            self.open_channel(life.clone());
        }
        let keeper = self.clone();
        listen(&life, &["abort"], Value::UNDEFINED, move |_| {
            keeper.channel.replace(Value::UNDEFINED).call("close", &[]);
            keeper.tick.replace(Value::UNDEFINED);
            keeper.schedule();
        });
    }

    /// A page's own storage tells nobody of changes; and where the browser's does, this is as good.
    fn open_channel(self: &Rc<Self>, life: Value) {
        let channel = Value::global("BroadcastChannel").construct(&[&self.store.session_key().into()]);
        let keeper = self.clone();
        listen(&channel, &["message"], life.clone(), move |event| {
            let is_over = event.text_of("data").as_deref() == Some(EXPIRED);
            let keeper = keeper.clone();
            spawn(async move {
                let _ = keeper.store.load(&keeper.limits).await;
                keeper.look(is_over);
            });
        });
        self.channel.replace(channel);
    }

    /// Tells the other tabs that something else is stored now.
    pub(super) fn tell_tabs(&self, text: Option<&str>) {
        let word = text.filter(|text| *text == EXPIRED).unwrap_or_default();
        self.channel.borrow().call("postMessage", &[&word.into()]);
    }

    /// Sets the one timer anew.
    pub(crate) fn schedule(&self) {
        let is_visible = Value::global("document").text_of("visibilityState").as_deref() == Some("visible");
        Value::global("clearTimeout").apply(&Value::UNDEFINED, &[&*self.timer.borrow()]);
        let due = self.machine.borrow().due(now());
        let tick = self.tick.borrow();
        // A client that is over has none, and timers take anything else for the text of a script.
        let may_refresh = is_visible && self.refreshes_ahead && tick.is_function();
        if let Some(due) = due.filter(|_| may_refresh) {
            let set = Value::global("setTimeout");
            let timer = set.apply(&Value::UNDEFINED, &[&*tick, &due.min(LONGEST).into()]);
            self.timer.replace(timer.unwrap_or(Value::UNDEFINED));
        }
    }
}
