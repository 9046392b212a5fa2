//! Other tabs of this browser: a change there is an event here. And being woken: to refresh ahead, while somebody
//! looks at the page.

use std::rc::Rc;

use super::{
    Keeper,
    machine::{EXPIRED, Input, Need},
    now,
};

use crate::browser::{
    events::{self, AbortSignal, everywhere, function, listen},
    page::{self, Timer},
    wait::spawn,
};

/// The greatest that timers take, in milliseconds.
const LONGEST: f64 = 2_147_483_647.0;

impl Keeper {
    /// Listens to the other tabs, to this one being shown again, and to the network coming back, until the
    /// client ends.
    pub(crate) fn listen(self: &Rc<Self>) {
        let life = self.limits.life();
        let keeper = self.clone();
        // A page that was asleep has heard no `storage` event.
        let names = ["storage", "pageshow", "visibilitychange", "online"];
        listen(&everywhere(), &names, Some(&life), move |event| {
            let stored = events::stored(&event).filter(|_| keeper.persistence() == "local");
            // By now it may be removed.
            keeper.look(stored == Some((keeper.store.session_key().into(), EXPIRED.into())));
            if event.type_() == "online" {
                keeper.step(Input::Online);
                let keeper = keeper.clone();
                spawn(async move { keeper.tell_ended(&keeper.limits).await });
            }
            keeper.schedule();
        });
        if !page::is_there() {
            return;
        }
        let keeper = self.clone();
        self.tick.replace(Some(function(move |_| {
            let keeper = keeper.clone();
            spawn(async move {
                let _ = keeper.refresh(Need::Ahead, &keeper.limits).await;
                keeper.schedule();
            });
        })));
        if matches!(self.persistence(), "local" | "custom") {
            self.open_channel(&life);
        }
        let keeper = self.clone();
        listen(&life, &["abort"], None, move |_| {
            if let Some(channel) = keeper.channel.take() {
                channel.close();
            }
            keeper.tick.take();
            keeper.schedule();
        });
    }

    /// A page's own storage tells nobody of changes; and where the browser's does, this is as good.
    fn open_channel(self: &Rc<Self>, life: &AbortSignal) {
        let Some(channel) = page::channel(self.store.session_key()) else { return };
        let keeper = self.clone();
        listen(&channel, &["message"], Some(life), move |event| {
            let is_over = events::message(&event).as_deref() == Some(EXPIRED);
            let keeper = keeper.clone();
            spawn(async move {
                let _ = keeper.store.load(&keeper.limits).await;
                keeper.look(is_over);
            });
        });
        self.channel.replace(Some(channel));
    }

    /// Tells the other tabs that something else is stored now.
    pub(super) fn tell_tabs(&self, text: Option<&str>) {
        let word = text.filter(|text| *text == EXPIRED).unwrap_or_default();
        if let Some(channel) = &*self.channel.borrow() {
            let _ = channel.post_message(&word.into());
        }
    }

    /// Sets the one timer anew.
    pub(crate) fn schedule(&self) {
        // Stops the one before, also where no other follows.
        self.timer.take();
        let due = self.machine.borrow().due(now());
        let tick = self.tick.borrow();
        // A client that is over has none.
        if let (Some(due), Some(tick)) = (due.filter(|_| page::is_visible() && self.refreshes_ahead), &*tick)
        {
            self.timer.replace(Some(Timer::start(tick, due.min(LONGEST))));
        }
    }
}
