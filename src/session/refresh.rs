//! Refreshing tokens: one request at a time for all calls that wait, and the verdicts that end a session.

use std::{cell::RefCell, rc::Rc};

use doorward_protocol::session::{CLIENT_ID, ENDS_SESSION};
use wasm_bindgen::JsValue;

use super::{
    keeper::{Keeper, lacks_key},
    machine::{Command, Input, Need, Verdict},
    tokens::{Session, holder, read_tokens},
};
use crate::{
    api::refusal,
    browser::{
        clock,
        limits::Limits,
        wait::{Promise, pause, promise, promise_of, settled},
    },
    document::Document,
    error::{Error, code, error},
    transport::{Answer, Call, Holder, Kind},
};

/// A pending refresh, and its result.
#[derive(Clone)]
pub(super) struct Flight {
    promise: Promise,
    outcome: Rc<RefCell<Option<Result<(), Error>>>>,
}

impl Keeper {
    /// The session with a token that meets `need`. Refreshes it, or joins the pending refresh. `None` if
    /// signed out, also after a verdict that ended the session.
    pub(crate) async fn refresh(
        &'static self,
        need: Need,
        limits: &Limits,
    ) -> Result<Option<Rc<Session>>, Error> {
        let current = self.current();
        if need == Need::Usable && current.as_ref().is_none_or(|session| is_fresh(session)) {
            return Ok(current);
        }
        let under_way = self.flight.borrow().clone();
        let flight = under_way.unwrap_or_else(|| self.take_off(need));
        // The refresh has its own timeout, because all callers share it. The limits of a caller end only that
        // caller's wait.
        let _ = limits.within(&flight.promise).await?;
        let outcome = flight.outcome.borrow().clone();
        match outcome {
            Some(Err(error)) => Err(error),
            _ => Ok(self.current()),
        }
    }

    fn take_off(&'static self, need: Need) -> Flight {
        let outcome = Rc::new(RefCell::new(None));
        let result = outcome.clone();
        let promise = promise(Box::pin(async move {
            // Waits until `flight` is set, so that other calls can join.
            let _ = settled(promise_of(&JsValue::UNDEFINED)).await;
            let rotated = self.rotate(need).await;
            self.flight.replace(None);
            result.replace(Some(rotated));
            Ok(None)
        }));
        let flight = Flight { promise, outcome };
        self.flight.replace(Some(flight.clone()));
        flight
    }

    async fn rotate(&'static self, need: Need) -> Result<(), Error> {
        let limits = &self.limits;
        self.load(limits).await?;
        let mut input = Input::Wanted(need);
        loop {
            input = match self.step(input) {
                Some(Command::Send(session)) => {
                    let mut verdict = self.ask_for_verdict(&session).await;
                    // Another tab may have refreshed earlier or signed out: the stored text decides.
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

    /// Stores the error for the waiting calls.
    fn refused(&self, error: Error) -> Verdict {
        let is_silence = error.is(code!(Network)) || error.is(code!(Timeout));
        let verdict = if is_silence { Verdict::Unreachable } else { Verdict::Refused(error.retry_after) };
        self.refusal.replace(Some(error));
        verdict
    }

    async fn ask_for_tokens(&self, session: &Session, limits: &Limits) -> Result<Answer, Error> {
        let holder = Holder { token: None, ..holder(session) };
        let call = Call::new(Kind::Token, TOKEN_PATH, token_body(&session.refresh_token));
        self.api.exchange(&call, &holder, limits).await
    }

    /// Ends all sessions of the user with a session that has already ended in this browser. The tokens for
    /// that are not stored.
    pub(super) async fn revoke_all(&self, session: &Session, limits: &Limits) -> Result<(), Error> {
        let mut holder = holder(session);
        if !is_fresh(session) {
            let answer = self.ask_for_tokens(session, limits).await?;
            let next = received(&answer, session).ok_or_else(|| refusal(&answer))?;
            holder.token = Some(next.access_token.clone());
        }
        self.api.send(&revoke_call("global"), &holder, limits).await.map(|_| ())
    }
}

pub(super) fn is_fresh(session: &Session) -> bool {
    let now = clock::now();
    session.is_fresh(now.date, now.running)
}

/// The path of the token endpoint.
pub(crate) const TOKEN_PATH: &str = "/v1/token";

/// The body of a refresh (RFC 6749 §6).
pub(crate) fn token_body(refresh_token: &str) -> Document {
    Document::of("grant_type", "refresh_token")
        .with("client_id", CLIENT_ID)
        .with("refresh_token", refresh_token)
}

/// Ends sessions of the user: all, or all except this one.
pub(super) fn revoke_call(scope: &str) -> Call {
    Call::new(Kind::Post, "/v1/sessions/revoke", Document::of("scope", scope))
}

/// The verdict of an answer: new tokens, or the end of the session by an error of the closed list. `None` for
/// every other answer, which keeps the session.
fn verdict(answer: &Answer, session: &Session) -> Option<Verdict> {
    match answer.body.text("error") {
        Some("stale_token") if is_refusal(answer) => Some(Verdict::Stale),
        Some(said) if is_refusal(answer) && ENDS_SESSION.contains(&said) => Some(Verdict::Over),
        _ => received(answer, session).map(Verdict::Tokens),
    }
}

fn is_refusal(answer: &Answer) -> bool {
    matches!(answer.status, 400 | 401)
}

/// The session with the new tokens of an answer.
fn received(answer: &Answer, before: &Session) -> Option<Rc<Session>> {
    if answer.status != 200 {
        return None;
    }
    read_tokens(&answer.body, &before.base, &before.key, Some(before.user.clone()))
}
