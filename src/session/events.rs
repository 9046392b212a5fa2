//! The events that tell a page about changes of its session.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use wasm_bindgen::JsValue;

use super::tokens::Session;
use crate::{
    browser::{
        events::{AbortSignal, Function},
        json, object,
        wait::later,
    },
    document::Document,
};

/// A change of the session. `INITIAL_SESSION` and `WARNING` are not changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event {
    SignedIn,
    SignedOut,
    TokenRefreshed,
    UserUpdated,
    SessionExpired,
}

impl Event {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Event::SignedIn => "SIGNED_IN",
            Event::SignedOut => "SIGNED_OUT",
            Event::TokenRefreshed => "TOKEN_REFRESHED",
            Event::UserUpdated => "USER_UPDATED",
            Event::SessionExpired => "SESSION_EXPIRED",
        }
    }
}

/// The change between two states, if any.
pub(crate) fn change(before: Option<&Session>, after: Option<&Session>) -> Option<Event> {
    match (before, after) {
        (None, None) => None,
        (Some(_), None) => Some(Event::SignedOut),
        (None, Some(_)) => Some(Event::SignedIn),
        (Some(before), Some(after)) if before.revoke_token != after.revoke_token => Some(Event::SignedIn),
        (Some(before), Some(after)) if before.access_token != after.access_token => {
            Some(Event::TokenRefreshed)
        }
        (Some(before), Some(after)) if before.user != after.user => Some(Event::UserUpdated),
        (Some(_), Some(_)) => None,
    }
}

/// A listener of the page.
pub(crate) struct Listener {
    /// `None` after the page has unsubscribed.
    function: RefCell<Option<Function>>,
    /// True if it has received its `INITIAL_SESSION`.
    has_begun: Cell<bool>,
    /// The session for its next event. `None` before the first one.
    session: RefCell<Option<JsValue>>,
}

impl Listener {
    fn tell(&self, event: &str, warning: Option<&str>) {
        let function = self.function.borrow().clone();
        let Some(function) = function else { return };
        let session = self.session.borrow().clone().unwrap_or(JsValue::NULL);
        let detail = warning.map_or(JsValue::UNDEFINED, |code| json::to_js(&Document::of("code", code)));
        // An error of one listener must not keep the others from being called.
        if let Err(error) = function.call3(&JsValue::UNDEFINED, &event.into(), &session, &detail) {
            object::report(&error);
        }
    }

    /// Ends the listener.
    pub(crate) fn end(&self) {
        self.function.take();
    }
}

/// The listeners of a client, and the warnings that later listeners also receive.
pub(crate) struct Listeners {
    /// Aborted when the client ends.
    life: AbortSignal,
    list: RefCell<Vec<Rc<Listener>>>,
    warnings: RefCell<Vec<&'static str>>,
}

impl Listeners {
    pub(crate) fn new(life: AbortSignal) -> Listeners {
        Listeners { life, list: RefCell::default(), warnings: RefCell::default() }
    }

    /// Adds a listener. It receives nothing before [`Listeners::begin`], unless another instance of the wasm
    /// has sent it its `INITIAL_SESSION`.
    pub(crate) fn add(&self, function: Function, has_begun: bool) -> Rc<Listener> {
        let (function, has_begun) = (RefCell::new(Some(function)), Cell::new(has_begun));
        let listener = Rc::new(Listener { function, has_begun, session: RefCell::default() });
        let mut list = self.list.borrow_mut();
        list.retain(|listener| listener.function.borrow().is_some());
        list.push(listener.clone());
        listener
    }

    /// Sends a listener the first state, and the warnings that it has missed. The first state includes
    /// changes since the listener was added.
    pub(crate) fn begin(&self, listener: &Listener, session: JsValue) {
        if self.life.aborted() {
            return;
        }
        listener.has_begun.set(true);
        listener.session.borrow_mut().get_or_insert(session);
        listener.tell("INITIAL_SESSION", None);
        for code in self.warnings.borrow().clone() {
            listener.tell("WARNING", Some(code));
        }
    }

    /// Sends a change to the listeners.
    pub(crate) fn tell(&'static self, event: Event, session: JsValue) {
        self.emit(event.name(), Some(session), None);
    }

    /// Sends a warning to the listeners, most warnings only once.
    pub(crate) fn warn(&'static self, code: &'static str) {
        if self.warnings.borrow().contains(&code) {
            return;
        }
        // These two no longer apply when a later listener is added.
        if !matches!(code, "offline" | "key_lost") {
            self.warnings.borrow_mut().push(code);
        }
        self.emit("WARNING", None, Some(code));
    }

    /// Calls the listeners in the next microtask, so that they may call the client, but before the call that
    /// caused the event resolves.
    fn emit(&'static self, event: &'static str, session: Option<JsValue>, warning: Option<&'static str>) {
        later(move || {
            if self.life.aborted() {
                return;
            }
            let list = self.list.borrow().clone();
            for listener in list {
                if let Some(session) = &session {
                    listener.session.replace(Some(session.clone()));
                }
                if listener.has_begun.get() {
                    listener.tell(event, warning);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tokens::tests::session, *};

    #[test]
    fn only_real_changes_are_events() {
        let (a, mut other) = (session("a"), session("b"));
        assert_eq!(change(None, None), None);
        assert_eq!(change(Some(&a), Some(&a.clone())), None);
        assert_eq!(change(None, Some(&a)), Some(Event::SignedIn));
        assert_eq!(change(Some(&a), None), Some(Event::SignedOut));
        assert_eq!(change(Some(&a), Some(&other)), Some(Event::TokenRefreshed));
        other.revoke_token = "another session".into();
        assert_eq!(change(Some(&a), Some(&other)), Some(Event::SignedIn));
        let mut renamed = a.clone();
        renamed.user = renamed.user.with("name", "Ada");
        assert_eq!(change(Some(&a), Some(&renamed)), Some(Event::UserUpdated));
    }
}
