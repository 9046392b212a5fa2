//! Getting new tokens: one request at a time, however many calls ask, and the verdicts that end a session.

use std::{cell::RefCell, rc::Rc};

use doorward_protocol::session::{CLIENT_ID, ENDS_SESSION};

use super::{
    Keeper, holder, lacks_key,
    machine::{Command, Input, Need, Verdict},
    tokens::Session,
};
use crate::{
    api::{Call, Kind, refusal},
    browser::{
        Promise, Value, clock,
        crypto::Holder,
        http::{Answer, Limits},
        wait::{pause, promise, settled},
    },
    error::{Error, code, error},
    json,
};

/// A refresh that is under way, and how it ended.
#[derive(Clone)]
pub(super) struct Flight {
    promise: Promise,
    outcome: Rc<RefCell<Option<Result<(), Error>>>>,
}

impl Keeper {
    /// The session with an access token that has at least 30 s to live; nothing when signed out.
    pub(crate) async fn fresh(self: &Rc<Self>, limits: &Limits) -> Result<Option<Rc<Session>>, Error> {
        match self.current() {
            Some(session) if !is_fresh(&session) => self.refresh(Need::Usable, limits).await,
            session => Ok(session),
        }
    }

    /// Refreshes, or joins the refresh that is under way. Nothing when signed out, also by the server's verdict.
    pub(crate) async fn refresh(
        self: &Rc<Self>,
        need: Need,
        limits: &Limits,
    ) -> Result<Option<Rc<Session>>, Error> {
        let under_way = self.flight.borrow().clone();
        let flight = under_way.unwrap_or_else(|| self.take_off(need));
        // The flight has its own time limit and is everybody's: one caller's limits end that caller's wait only.
        self.api.transport.within(&flight.promise, limits).await?;
        let outcome = flight.outcome.borrow().clone();
        match outcome {
            Some(Err(error)) => Err(error),
            _ => Ok(self.current()),
        }
    }

    fn take_off(self: &Rc<Self>, need: Need) -> Flight {
        let outcome = Rc::new(RefCell::new(None));
        let (keeper, result) = (self.clone(), outcome.clone());
        let promise = promise(Box::pin(async move {
            // Not before it is known to be under way.
            let _ = settled(Value::UNDEFINED.promise()).await;
            let rotated = keeper.rotate(need).await;
            keeper.flight.replace(None);
            result.replace(Some(rotated));
            Ok(Value::UNDEFINED)
        }));
        let flight = Flight { promise, outcome };
        self.flight.replace(Some(flight.clone()));
        flight
    }

    async fn rotate(&self, need: Need) -> Result<(), Error> {
        let limits = &self.limits;
        self.load(limits).await?;
        let mut input = Input::Wanted(need);
        loop {
            input = match self.step(input) {
                Some(Command::Send(session)) => {
                    let mut verdict = self.ask_for_verdict(&session).await;
                    // Another tab may have been faster, or have signed out: what is stored counts.
                    if let Err(error) = self.load(limits).await {
                        verdict = self.refused(error);
                    }
                    Input::Answered(session, verdict)
                }
                Some(Command::Rest(milliseconds)) => {
                    pause(milliseconds).await;
                    self.current();
                    Input::Rested
                }
                Some(Command::Settle(false)) => {
                    return Err(self.refusal.borrow().clone().unwrap_or_else(|| error!(Internal)));
                }
                _ => {
                    self.flush(limits).await;
                    return Ok(());
                }
            };
        }
    }

    async fn ask_for_verdict(&self, session: &Session) -> Verdict {
        match self.ask_for_tokens(session, &self.limits).await {
            Err(error) if lacks_key(&error) => Verdict::KeyGone,
            Err(error) => self.refused(error),
            Ok(answer) => verdict(&answer, session).unwrap_or_else(|| self.refused(refusal(&answer))),
        }
    }

    /// Keeps the error for those who wait.
    fn refused(&self, error: Error) -> Verdict {
        let is_silence = error.is(code!(Network)) || error.is(code!(Timeout));
        let verdict = if is_silence { Verdict::Unreachable } else { Verdict::Refused(error.retry_after) };
        self.refusal.replace(Some(error));
        verdict
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
        let mut call = token_call(token);
        // The operator's hooks know the one from the other.
        call.body.push_str("&restore=true");
        let answer = self.api.exchange(&call, &holder, limits).await?;
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
        let call = Call::new(Kind::Get, "/v1/profile", String::new());
        tokens.set("user", self.api.send(&call, &holder, limits).await?);
        self.establish(tokens, &holder.key).await
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
    Call::new(Kind::Token, "/v1/token", body)
}

/// Ends sessions of the user: all, or all but this one.
pub(crate) fn revoke_call(scope: &str) -> Call {
    Call::new(Kind::Post, "/v1/sessions/revoke", json::Object::of("scope", scope))
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

/// The session goes on, or an answer of the closed list ends it; whatever else is answered keeps it.
fn verdict(answer: &Answer, session: &Session) -> Option<Verdict> {
    match answer.body.text_of("error").as_deref() {
        Some("stale_token") if is_refusal(answer) => Some(Verdict::Stale),
        Some(said) if is_refusal(answer) && ENDS_SESSION.contains(&said) => Some(Verdict::Over),
        _ => received(answer, session).map(Verdict::Tokens),
    }
}

fn is_refusal(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 401)
}

/// The session that goes on with the tokens of an answer.
fn received(answer: &Answer, before: &Session) -> Option<Session> {
    if answer.status != 200 {
        return None;
    }
    super::read_tokens(&answer.body, &before.base, &before.key, Some(before.user.clone()))
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
