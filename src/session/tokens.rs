//! The tokens of a session: their stored text, and their lifetime. No I/O, no clock.

use std::rc::Rc;

use crate::{
    browser::{clock, json},
    document::Document,
    transport::Holder,
};

/// An access token with fewer seconds left is refreshed before it is used.
const FRESH: f64 = 30.0;

/// A session, as this browser stores it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    /// The base URL of the server.
    pub(crate) base: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    /// Can only end the session. It stays the same through all refreshes, so that it identifies the session.
    pub(crate) revoke_token: String,
    /// The id of the key that the session is bound to. Empty for a Bearer session.
    pub(crate) key: String,
    /// The time at which the access token arrived, in milliseconds since 1970 by this device's date.
    pub(crate) received_at: f64,
    /// The lifetime of the access token from then, in seconds.
    pub(crate) expires_in: f64,
    /// The server's time at the same moment, in seconds since 1970.
    pub(crate) server_time: f64,
    pub(crate) user: Document,
    /// The time at which the access token arrived, by the page's running clock. `None` for tokens that
    /// another page got.
    pub(crate) running_at: Option<f64>,
}

/// The version of the stored text. A text of another version counts as signed out.
pub(crate) const VERSION: f64 = 1.0;

impl Session {
    /// The text that is stored.
    pub(crate) fn to_text(&self) -> String {
        let key = self.is_bound().then_some(&*self.key);
        let document = Document::of("v", VERSION)
            .with("base", &*self.base)
            .with("access_token", &*self.access_token)
            .with("refresh_token", &*self.refresh_token)
            .with("revoke_token", &*self.revoke_token)
            .with_some("key", key)
            .with("received_at", self.received_at.trunc())
            .with("expires_in", self.expires_in.trunc())
            .with("server_time", self.server_time.trunc())
            .with("user", self.user.clone());
        json::text(&document)
    }

    /// True if its tokens are useful only with a key.
    pub(crate) fn is_bound(&self) -> bool {
        !self.key.is_empty()
    }

    /// The `token_type`, as the server and pages use it.
    pub(crate) fn token_type(&self) -> &'static str {
        if self.is_bound() { "DPoP" } else { "Bearer" }
    }

    /// True if these can be tokens. The stored values may be damaged, and must not get into a header then.
    pub(crate) fn is_sound(&self) -> bool {
        [&self.access_token, &self.refresh_token, &self.revoke_token].into_iter().all(|text| is_token(text))
            && self.expires_in >= 1.0
    }

    /// The remaining lifetime of the access token in seconds.
    ///
    /// It is measured from the token's arrival, so that a wrong date has no effect. The clock with the longer
    /// elapsed time counts, so that neither a date that was set back nor a stopped running clock makes an old
    /// token appear fresh.
    pub(crate) fn remaining(&self, date: f64, running: f64) -> f64 {
        let by_date = date - self.received_at;
        let elapsed = match self.running_at {
            Some(running_at) => by_date.max(running - running_at),
            // The date was set back: the elapsed time is unknown.
            None if by_date < 0.0 => return 0.0,
            None => by_date,
        };
        self.expires_in - elapsed / 1000.0
    }

    /// True if it lives long enough to be used. A server may issue tokens that live hardly longer than
    /// `FRESH`.
    pub(crate) fn is_fresh(&self, date: f64, running: f64) -> bool {
        self.remaining(date, running) >= FRESH.min(self.expires_in / 2.0)
    }

    /// The expiry of the access token by the server's clock, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> f64 {
        self.server_time + self.expires_in
    }
}

/// True if this can be a token in a header.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..0x7f).contains(&byte))
}

/// The credentials of a session.
pub(super) fn holder(session: &Session) -> Holder {
    let now = clock::now();
    Holder {
        token: Some(session.access_token.clone()),
        key: session.key.clone(),
        time: session.expires_at() - session.remaining(now.date, now.running),
    }
}

/// The session in a token response of the server. `None` if it is bound to another key than `key`. `user`
/// replaces a profile that the response lacks.
pub(super) fn read_tokens(
    tokens: &Document,
    base: &str,
    key: &str,
    user: Option<Document>,
) -> Option<Rc<Session>> {
    let now = clock::now();
    let session = read(tokens, base, key, user, now.date, Some(now.running))?;
    tokens.text("token_type")?.eq_ignore_ascii_case(session.token_type()).then_some(session)
}

/// The session in a stored text. `None` if the text is damaged, of another version, or of another server,
/// which must not get the tokens.
pub(super) fn read_stored(text: &str, base: &str) -> Option<Rc<Session>> {
    let stored = json::parse_object(text)?;
    let known = stored.number("v") == Some(VERSION);
    let ours = known && stored.text("base") == Some(base);
    let key = stored.text("key").unwrap_or_default();
    ours.then(|| read(&stored, base, key, None, stored.number("received_at")?, None)).flatten()
}

#[inline(never)]
fn read(
    from: &Document,
    base: &str,
    key: &str,
    user: Option<Document>,
    received_at: f64,
    running_at: Option<f64>,
) -> Option<Rc<Session>> {
    let text = |name: &str| from.text(name).map(str::to_owned);
    let session = Rc::new(Session {
        base: base.to_owned(),
        access_token: text("access_token")?,
        refresh_token: text("refresh_token")?,
        revoke_token: text("revoke_token")?,
        key: key.to_owned(),
        received_at,
        expires_in: from.number("expires_in")?,
        server_time: from.number("server_time").unwrap_or(received_at / 1000.0),
        user: user.or_else(|| from.object("user").filter(|user| is_profile(user)).cloned())?,
        running_at,
    });
    session.is_sound().then_some(session)
}

/// True if a document is the profile of a user.
pub(crate) fn is_profile(document: &Document) -> bool {
    document.text("user_id").is_some()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session(name: &str) -> Session {
        Session {
            base: "https://auth.example.com".into(),
            access_token: format!("access-{name}"),
            refresh_token: format!("refresh-{name}"),
            revoke_token: "revoke".into(),
            key: String::new(),
            received_at: 1_000_000.0,
            expires_in: 600.0,
            server_time: 5_000.0,
            user: Document::of("user_id", "u"),
            running_at: None,
        }
    }

    #[test]
    fn seed_k37_a_token_is_fresh_until_30_seconds_before_its_end() {
        let session = session("a");
        assert!(session.is_fresh(1_000_000.0 + 569_000.0, 0.0));
        assert!(!session.is_fresh(1_000_000.0 + 571_000.0, 0.0));
    }

    #[test]
    fn a_constantly_wrong_date_does_not_affect_freshness() {
        let mut session = session("a");
        session.received_at = 4_102_444_800_000.0;
        assert!(session.is_fresh(4_102_444_800_000.0 + 60_000.0, 0.0));
    }

    #[test]
    fn an_old_token_is_not_fresh_after_the_date_was_set_back() {
        let mut session = session("a");
        assert!(!session.is_fresh(session.received_at - 1.0, 0.0), "got by another page");
        session.running_at = Some(100.0);
        assert!(session.is_fresh(session.received_at - 3_600_000.0, 60_100.0), "the page's own clock knows");
        assert!(!session.is_fresh(session.received_at - 3_600_000.0, 580_100.0));
    }

    #[test]
    fn an_old_token_is_not_fresh_after_the_page_clock_stopped() {
        let mut session = session("a");
        session.running_at = Some(100.0);
        assert!(!session.is_fresh(session.received_at + 3_600_000.0, 200.0));
    }

    #[test]
    fn a_token_that_lives_for_seconds_only_is_not_refreshed_at_each_use() {
        let mut session = session("a");
        session.expires_in = 20.0;
        assert!(session.is_fresh(session.received_at + 5_000.0, 0.0));
        assert!(!session.is_fresh(session.received_at + 11_000.0, 0.0));
    }

    #[test]
    fn damaged_tokens_are_no_session() {
        let damage = |change: fn(&mut Session)| {
            let mut session = session("a");
            change(&mut session);
            session.is_sound()
        };
        assert!(damage(|_| {}));
        assert!(!damage(|s| s.access_token.clear()));
        assert!(!damage(|s| s.access_token.push('\n')));
        assert!(!damage(|s| s.refresh_token.push('é')));
        assert!(!damage(|s| s.expires_in = 0.5));
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn a_bound_session_names_its_key_and_a_bearer_session_none() {
        let mut session = session("a");
        assert!(!session.to_text().contains("key"));
        assert_eq!(session.token_type(), "Bearer");
        session.key = "k1".into();
        assert!(session.to_text().contains(r#""revoke_token":"revoke","key":"k1","#));
        assert_eq!(session.token_type(), "DPoP");
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn a_session_is_stored_as_versioned_json() {
        let text = session("a").to_text();
        assert!(text.starts_with(r#"{"v":1"#), "{text}");
        let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            stored,
            serde_json::json!({
                "v": 1.0, "base": "https://auth.example.com", "access_token": "access-a", "refresh_token": "refresh-a",
                "revoke_token": "revoke", "received_at": 1_000_000.0, "expires_in": 600.0, "server_time": 5_000.0,
                "user": { "user_id": "u" },
            })
        );
    }
}
