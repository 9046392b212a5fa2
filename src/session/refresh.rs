//! Getting new tokens: one request at a time, however many calls ask, and the verdicts that end a session.

use std::{cell::RefCell, rc::Rc};

use doorward_protocol::session::{CLIENT_ID, ENDS_SESSION};

use super::{Keeper, events::Event, holder, lacks_key, tokens::Session};
use crate::{
    api::{Call, Kind, refusal},
    browser::{
        Promise, Value, clock,
        crypto::Holder,
        http::{Answer, Limits},
        promise::settled_unless,
        task::settled,
    },
    error::{Error, error},
    json,
    promise::promise,
};

/// A refresh that is under way, and how it ended.
#[derive(Clone)]
pub(super) struct Flight {
    promise: Promise,
    outcome: Rc<RefCell<Option<Result<(), Error>>>>,
}

/// No refresh before this time of the page's running clock: the server asked for it.
#[derive(Clone)]
pub(super) struct CoolDown {
    until: f64,
    error: Error,
}

/// No server makes a client wait longer than this, in seconds.
const LONGEST_COOL_DOWN: f64 = 60.0;

impl Keeper {
    /// The session with an access token that has at least 30 s to live; nothing when signed out.
    pub(crate) async fn fresh(self: &Rc<Self>, limits: &Limits) -> Result<Option<Rc<Session>>, Error> {
        match self.current() {
            Some(session) if !is_fresh(&session) => self.refresh(false, limits).await,
            session => Ok(session),
        }
    }

    /// Refreshes, or joins the refresh that is under way. Nothing when signed out, also by the server's verdict.
    pub(crate) async fn refresh(
        self: &Rc<Self>,
        even_if_fresh: bool,
        limits: &Limits,
    ) -> Result<Option<Rc<Session>>, Error> {
        let under_way = self.flight.borrow().clone();
        let flight = under_way.unwrap_or_else(|| self.take_off(even_if_fresh));
        // The flight has its own time limit and is everybody's: one caller's limits end that caller's wait only.
        let watch = limits.watch();
        if let Err(None) = settled_unless(flight.promise, &watch.signal).await {
            return Err(watch.why().into());
        }
        let outcome = flight.outcome.borrow().clone();
        match outcome {
            Some(Err(error)) => Err(error),
            _ => Ok(self.current()),
        }
    }

    fn take_off(self: &Rc<Self>, even_if_fresh: bool) -> Flight {
        let outcome = Rc::new(RefCell::new(None));
        let (keeper, result) = (self.clone(), outcome.clone());
        let promise = promise(Box::pin(async move {
            // Not before it is known to be under way.
            let _ = settled(Value::UNDEFINED.promise()).await;
            let rotated = keeper.rotate(even_if_fresh).await;
            keeper.flight.replace(None);
            result.replace(Some(rotated));
            Ok(Value::UNDEFINED)
        }));
        let flight = Flight { promise, outcome };
        self.flight.replace(Some(flight.clone()));
        flight
    }

    async fn rotate(&self, even_if_fresh: bool) -> Result<(), Error> {
        let limits = &self.limits;
        let mut refused: Option<String> = None;
        loop {
            // Another tab may have been faster: what is stored counts.
            self.load(limits).await?;
            let Some(session) = self.current() else { return Ok(()) };
            if !even_if_fresh && is_fresh(&session) {
                return Ok(());
            }
            if refused.as_ref() == Some(&session.refresh_token) {
                self.end(Event::SessionExpired);
                self.drop_key(&session);
                return Ok(());
            }
            self.check_cool_down()?;
            let answer = match self.ask_for_tokens(&session, limits).await {
                Err(error) if lacks_key(&error) => {
                    self.lose_key(&session);
                    continue;
                }
                answer => answer?,
            };
            if ends_session(&answer) {
                // But only if nobody has put another in its place meanwhile: look again.
                refused = Some(session.refresh_token.clone());
                continue;
            }
            return match received(&answer, &session) {
                Some(next) => {
                    self.load(limits).await?;
                    self.replace(&session, next);
                    self.flush(limits).await;
                    Ok(())
                }
                None => Err(self.cool_down(refusal(&answer))),
            };
        }
    }

    async fn ask_for_tokens(&self, session: &Session, limits: &Limits) -> Result<Answer, Error> {
        let holder = Holder { token: None, ..holder(session) };
        self.api.exchange(&token_call(&session.refresh_token), &holder, limits).await
    }

    /// Ends all sessions of the user with one that is over in this browser already: what it gets is stored nowhere.
    pub(super) async fn revoke_all(&self, session: &Session, limits: &Limits) -> Result<Value, Error> {
        let mut holder = holder(session);
        if !is_fresh(session) {
            let answer = self.ask_for_tokens(session, limits).await?;
            let next = received(&answer, session).ok_or_else(|| refusal(&answer))?;
            holder.token = Some(next.access_token);
        }
        self.api.send(&revoke_call("global"), &holder, limits).await
    }

    /// Takes up a session from a refresh token that was kept elsewhere: one that is bound to no key, or to this
    /// browser's (D-12).
    pub(crate) async fn restore(&self, token: &str, limits: &Limits) -> Result<Value, Error> {
        let mut holder = self.current().map(|session| holder(&session)).unwrap_or_default();
        holder.token = None;
        let answer = self.api.exchange(&token_call(token), &holder, limits).await?;
        let tokens = &answer.body;
        match tokens.text_of("error").as_deref() {
            None if answer.status == 200 => {}
            Some("invalid_dpop_proof" | "use_dpop_nonce") => return Err(error!(TokenBound)),
            // Of a session that is over; or bound to another key than the one that was shown.
            Some("invalid_grant") if !holder.key.is_empty() => return Err(error!(TokenBound)),
            Some("invalid_grant" | "stale_token") => return Err(error!(TokenRevoked)),
            _ => return Err(refusal(&answer)),
        }
        if tokens.text_of("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
            holder.key.clear();
        }
        holder.token = tokens.text_of("access_token");
        let call = Call { kind: Kind::Get, path: "/v1/profile", body: String::new() };
        tokens.set("user", self.api.send(&call, &holder, limits).await?);
        self.establish(tokens, &holder.key).await
    }

    fn check_cool_down(&self) -> Result<(), Error> {
        let cool_down = self.cool_down.borrow().clone();
        match cool_down {
            Some(CoolDown { until, error }) if clock::now().running < until => Err(error),
            _ => Ok(()),
        }
    }

    /// Notes how long the server wants to be left alone.
    fn cool_down(&self, error: Error) -> Error {
        if let Some(seconds) = error.retry_after {
            let until = clock::now().running + seconds.min(LONGEST_COOL_DOWN) * 1000.0;
            self.cool_down.replace(Some(CoolDown { until, error: error.clone() }));
        }
        error
    }
}

pub(super) fn is_fresh(session: &Session) -> bool {
    let now = clock::now();
    session.is_fresh(now.date, now.running)
}

/// RFC 6749 §6.
fn token_call(refresh_token: &str) -> Call {
    let body =
        ["grant_type=refresh_token&client_id=", CLIENT_ID, "&refresh_token=", &form_encoded(refresh_token)]
            .concat();
    Call { kind: Kind::Token, path: "/v1/token", body }
}

/// Ends sessions of the user: all, or all but this one.
pub(crate) fn revoke_call(scope: &str) -> Call {
    Call { kind: Kind::Post, path: "/v1/sessions/revoke", body: json::Object::of("scope", scope) }
}

fn form_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
        }
    }
    out
}

/// The closed list of verdicts; whatever else is answered keeps the session.
fn ends_session(answer: &Answer) -> bool {
    let verdict = answer.body.text_of("error");
    matches!(answer.status, 400 | 401)
        && verdict.is_some_and(|verdict| ENDS_SESSION.contains(&verdict.as_str()))
}

/// The session that goes on with the tokens of an answer.
fn received(answer: &Answer, before: &Session) -> Option<Session> {
    if answer.status != 200 {
        return None;
    }
    super::read_tokens(&answer.body, &before.key, Some(before.user.clone()))
}

#[cfg(test)]
mod tests {
    use super::form_encoded;

    #[test]
    fn a_token_that_a_storage_made_up_cannot_add_parameters() {
        assert_eq!(form_encoded("aZ09-._~"), "aZ09-._~");
        assert_eq!(form_encoded("a&b=c+d%"), "a%26b%3dc%2bd%25");
    }
}
