//! Reports changes of other tabs as events of this one, and refreshes tokens ahead of time while the page is
//! visible.

use wasm_bindgen::JsValue;

use super::{
    events::Listener,
    keeper::{Keeper, now},
    machine::{EXPIRED, Input, Need},
};
use crate::{
    browser::{
        events::{self, AbortSignal, Function, everywhere, function, listen},
        page::{self, Timer},
        wait::{later, promise_of, settled, spawn},
    },
    options::Place,
};

/// The longest time of a timer, in milliseconds.
const LONGEST: f64 = 2_147_483_647.0;

/// The event of a change, for other clients of the page.
const CHANGED: &str = "change";

impl Keeper {
    /// Listens for changes of other tabs, for this tab becoming visible, and for the network becoming
    /// available, until the client ends.
    pub(crate) fn listen(&'static self) {
        let life = self.limits.life().clone();
        // A page that was asleep has received no `storage` event.
        let names = ["storage", "pageshow", "visibilitychange", "online"];
        listen(&everywhere(), &names, Some(&life), move |event| {
            let stored = events::stored(&event).filter(|_| self.place() == Place::Local);
            // The text may be removed by now.
            self.look(stored == Some((self.store.session_key(), EXPIRED.into())));
            if event.type_() == "online" {
                self.step(Input::Online);
                spawn(async {
                    let _ = self.tell_ended(None, &self.limits).await;
                });
            }
            self.schedule();
        });
        if let Some(bus) = &self.bus {
            listen(bus, &[CHANGED, EXPIRED], Some(&life), move |event| {
                self.look_again(event.type_() == EXPIRED);
            });
        }
        if page::is_there() {
            self.tick.replace(Some(function(move |_| {
                spawn(async {
                    let _ = self.refresh(Need::Ahead, &self.limits).await;
                    self.schedule();
                });
            })));
        }
        // On a server a channel would keep the process alive.
        if (page::is_there() || page::is_worker()) && matches!(self.place(), Place::Local | Place::Custom) {
            self.open_channel(&life);
        }
        listen(&life, &["abort"], None, move |_| {
            if let Some(channel) = self.channel.take() {
                channel.close();
            }
            self.tick.take();
            self.schedule();
        });
    }

    /// Opens the channel between tabs, because a storage of the page's own has no events.
    fn open_channel(&'static self, life: &AbortSignal) {
        let Some(channel) = page::channel(&self.store.session_key()) else { return };
        listen(&channel, &["message"], Some(life), move |event| {
            self.look_again(events::message(&event).as_deref() == Some(EXPIRED));
        });
        self.channel.replace(Some(channel));
    }

    /// Reads the stored session again, also from an asynchronous storage.
    fn look_again(&'static self, is_over: bool) {
        spawn(async move {
            let _ = self.store.load(&self.limits).await;
            self.look(is_over);
        });
    }

    /// Adds a listener of the page. It receives `INITIAL_SESSION` soon, unless it has received that before,
    /// and then each change. Returns the function that removes the listener.
    pub(crate) fn subscribe(&'static self, listener: Function, has_begun: bool) -> Function {
        let listener = self.listeners.add(listener, has_begun);
        if !has_begun {
            let listener = listener.clone();
            spawn(async move { self.begin(&listener).await });
        }
        function(move |_| listener.end())
    }

    async fn begin(&'static self, listener: &Listener) {
        // Waits until the page's code continues. A change before that is included in the first state, because
        // events are dispatched in the first microtask.
        for _ in 0..2 {
            let _ = settled(promise_of(&JsValue::UNDEFINED)).await;
        }
        let is_known = self.load(&self.limits).await.is_ok() && self.settings.fault.is_none();
        let session = if is_known { self.current() } else { None };
        self.listeners.begin(listener, self.session_for_page(session.as_deref()));
    }

    /// Notifies the other clients of this page of a change of the stored session. `is_over` is true if the
    /// server ended it.
    pub(super) fn tell_clients(&self, is_over: bool) {
        if let Some(bus) = self.bus.clone() {
            // After the text is stored.
            later(move || events::dispatch(&bus, if is_over { EXPIRED } else { CHANGED }));
        }
    }

    /// Notifies other tabs and workers of a change of the stored session, after it is stored.
    pub(super) fn tell_tabs(&'static self, text: Option<&str>) {
        let word = JsValue::from(text.filter(|text| *text == EXPIRED).unwrap_or_default());
        let written = self.store.written();
        spawn(async move {
            if let Some(written) = written {
                let _ = settled(written).await;
            }
            if let Some(channel) = &*self.channel.borrow() {
                let _ = channel.post_message(&word);
            }
        });
    }

    /// Restarts the timer.
    pub(crate) fn schedule(&self) {
        // Stops the previous timer, even if no new one follows.
        self.timer.take();
        let due = self.machine.borrow().due(now());
        let tick = self.tick.borrow();
        // A client that has ended has no tick.
        if let (Some(due), Some(tick)) =
            (due.filter(|_| page::is_visible() && self.settings.refreshes_ahead), &*tick)
        {
            self.timer.replace(Some(Timer::start(tick, due.min(LONGEST))));
        }
    }
}
