//! Other tabs of this browser: a change there is an event here. And the timer that refreshes tokens ahead, while the page is visible.

use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::{
    Keeper,
    events::Listener,
    machine::{EXPIRED, Input, Need},
    now,
};
use crate::{
    browser::{
        events::{self, AbortController, AbortSignal, Function, everywhere, function, listen},
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
    /// Listens to the other tabs, to this one being shown again, and to the network coming back, until the
    /// client ends.
    pub(crate) fn listen(self: &Rc<Self>) {
        let life = self.limits.life().clone();
        let keeper = self.clone();
        // A page that was asleep has heard no `storage` event.
        let names = ["storage", "pageshow", "visibilitychange", "online"];
        listen(&everywhere(), &names, Some(&life), move |event| {
            let stored = events::stored(&event).filter(|_| keeper.place() == Place::Local);
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
        if matches!(self.place(), Place::Local | Place::Custom) {
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

    /// Opens the channel between tabs: a storage of the page's own has no events.
    fn open_channel(self: &Rc<Self>, life: &AbortSignal) {
        let Some(channel) = page::channel(self.store.session_key()) else { return };
        let keeper = self.clone();
        listen(&channel, &["message"], Some(life), move |event| {
            keeper.look_again(events::message(&event).as_deref() == Some(EXPIRED));
        });
        self.channel.replace(Some(channel));
    }

    /// Looks what is stored, also in a storage that answers later.
    fn look_again(self: &Rc<Self>, is_over: bool) {
        let keeper = self.clone();
        spawn(async move {
            let _ = keeper.store.load(&keeper.limits).await;
            keeper.look(is_over);
        });
    }

    /// Adds a listener of the page: it gets `INITIAL_SESSION` soon, unless it has got that before, and then each change. Returns the
    /// function that ends this.
    pub(crate) fn subscribe(self: &Rc<Self>, listener: Function, has_begun: bool) -> Function {
        let Ok(ends) = AbortController::new() else { return function(|_| {}) };
        // Ended by the page, or with the client.
        let Some(limits) = self.limits.of_call(&ends.signal(), None) else { return function(|_| {}) };
        let listener = self.listeners.add(listener, limits.ended().clone(), has_begun);
        if let Some(bus) = &self.bus {
            let keeper = self.clone();
            listen(bus, &[CHANGED, EXPIRED], Some(limits.ended()), move |event| {
                keeper.look_again(event.type_() == EXPIRED);
            });
        }
        if !has_begun {
            let keeper = self.clone();
            spawn(async move { keeper.begin(&listener).await });
        }
        function(move |_| ends.abort())
    }

    async fn begin(self: &Rc<Self>, listener: &Listener) {
        // Not before the page goes on. A change that happens until then is in the first state: the listeners are told of it in the
        // first microtask.
        for _ in 0..2 {
            let _ = settled(promise_of(&JsValue::UNDEFINED)).await;
        }
        let is_known = self.load(&self.limits).await.is_ok() && !self.has_fault;
        let session = if is_known { self.current() } else { None };
        self.listeners.begin(listener, self.session_for_page(session.as_deref()));
    }

    /// Tells the other clients of this page that something else is stored now. Has the server ended the session?
    pub(super) fn tell_clients(&self, is_over: bool) {
        if let Some(bus) = self.bus.clone() {
            // When it is stored.
            later(move || events::dispatch(&bus, if is_over { EXPIRED } else { CHANGED }));
        }
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
