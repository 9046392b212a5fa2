//! What a page is told about its session: real changes only.

use super::tokens::Session;
use crate::browser::Value;

/// As in `onAuthStateChange`; `INITIAL_SESSION` is each subscriber's own and made in `js/client.js`.
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

/// What happened between two states, if anything did.
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

/// Tells the page: a function of `js/client.js`, which calls the listeners in a later microtask.
#[derive(Clone)]
pub(crate) struct Emitter(pub(crate) Value);

impl Emitter {
    pub(crate) fn tell(&self, event: Event, session: Value) {
        self.0.apply(&Value::UNDEFINED, &[&event.name().into(), &session]);
    }

    /// `WARNING`, with what is the matter.
    pub(crate) fn warn(&self, code: &str) {
        self.0.apply(&Value::UNDEFINED, &[&"WARNING".into(), &Value::UNDEFINED, &code.into()]);
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
        renamed.user = r#"{"user_id":"u","name":"Ada"}"#.into();
        assert_eq!(change(Some(&a), Some(&renamed)), Some(Event::UserUpdated));
    }
}
