//! The session of one tab as a pure state machine: inputs go in, commands come out. It does no I/O and has no
//! clock or random numbers of its own, so that `simulation.rs` can run many machines in virtual time against the
//! real server.
//!
//! The stored text decides. The shell (`keeper.rs`) reads it before each decision, so that a sign-out in another
//! tab wins over the result of a request that this tab sent with the ended session.

use std::rc::Rc;

use super::{
    events::{Event, change},
    tokens::Session,
};
use crate::document::Document;

/// The text that replaces a session that the server ended, for a moment before the text is removed.
pub(crate) const EXPIRED: &str = "expired";

/// The longest pause in milliseconds, also for a server that asks for more.
const LONGEST_REST: f64 = 60_000.0;
/// The first pause after a failed refresh, in milliseconds. Each further pause is twice as long.
const SHORTEST_REST: f64 = 500.0;
/// The longest pause in milliseconds that a call waits for. It fails at once if the pause is longer.
const PATIENCE: f64 = 1_000.0;
/// An access token is refreshed early when this part of its lifetime is left.
const AHEAD: f64 = 0.2;

/// The clocks of the device (see `browser::clock`), and a random number between 0 and 1.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) date: f64,
    pub(crate) running: f64,
    pub(crate) chance: f64,
}

/// The kind of access token that a call needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Need {
    /// Valid long enough to be used.
    Usable,
    /// Not yet due for an early refresh.
    Ahead,
    /// Newer than the current one.
    New,
}

/// The result of a refresh.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Tokens(Rc<Session>),
    /// The session has ended: an error of `doorward_protocol::session::ENDS_SESSION`.
    Over,
    /// This copy of the session has ended. Another copy may continue, for example in a duplicated tab (D-1).
    Stale,
    /// The key of the session is gone.
    KeyGone,
    /// Another error, with the seconds to wait if the server requested that.
    Refused(Option<f64>),
    Unreachable,
}

/// An input of the machine.
#[derive(Debug)]
pub(crate) enum Input {
    /// The stored text, and the session in it. The flag is true if there is no session because the server ended it.
    Stored(Option<String>, Option<Rc<Session>>, bool),
    /// A sign-in on this page, or a restored session.
    SignedIn(Rc<Session>),
    SignedOut,
    /// A newer profile of the user.
    Profile(Document),
    /// A call needs a token.
    Wanted(Need),
    /// The pause of [`Command::Rest`] is over.
    Rested,
    /// The refresh with this session's token has ended.
    Answered(Rc<Session>, Verdict),
    /// A call found that the key of this session is gone.
    KeyGone(Rc<Session>),
    /// The network is available again.
    Online,
}

/// A command that the shell carries out.
#[derive(Debug)]
pub(crate) enum Command {
    /// Store this text, or remove the stored one.
    Store(Option<String>),
    /// Notify the listeners of this event.
    Tell(Event),
    Warn(&'static str),
    /// Request new tokens with this session's refresh token.
    Send(Rc<Session>),
    /// Send the input `Rested` after this number of milliseconds.
    Rest(f64),
    /// Waiting calls continue: with the current state if true, or with the last error if false.
    Settle(bool),
    /// Remove this key, because its session has ended.
    DropKey(String),
}

/// A pause after failures: no refresh with this token before `until`, a time of the running clock.
struct Rest {
    token: String,
    failures: u32,
    until: f64,
    /// True if the server requested the pause.
    is_asked_for: bool,
}

/// The state of one tab.
#[derive(Default)]
pub(crate) struct Machine {
    /// True after the first read of the storage. The first state is not a change.
    has_read: bool,
    text: Option<String>,
    session: Option<Rc<Session>>,
    /// The need that the pending refresh serves. The refresh may still wait for the end of a pause.
    flight: Option<Need>,
    rest: Option<Rest>,
    is_offline: bool,
}

impl Machine {
    pub(crate) fn session(&self) -> Option<&Rc<Session>> {
        self.session.as_ref()
    }

    /// True if `Stored` with this text would change nothing.
    pub(crate) fn knows(&self, text: Option<&str>) -> bool {
        self.has_read && self.text.as_deref() == text
    }

    /// The milliseconds until the early refresh of the token. They include a random delay, so that one of several
    /// tabs refreshes first, for all of them.
    pub(crate) fn due(&self, now: Now) -> Option<f64> {
        let session = self.session.as_ref()?;
        let spare = session.remaining(now.date, now.running) - session.expires_in * AHEAD;
        let jitter = now.chance * session.expires_in * AHEAD / 4.0;
        Some(((spare + jitter) * 1000.0).max(self.rest_left(session, now)).max(0.0))
    }

    pub(crate) fn step(&mut self, input: Input, now: Now) -> Vec<Command> {
        let mut out = Vec::new();
        match input {
            Input::Stored(text, session, is_over) => {
                let is_over = is_over || text.as_deref() == Some(EXPIRED);
                let event = is_over.then_some(Event::SessionExpired);
                self.set(text, session, event, &mut out);
            }
            Input::SignedIn(session) => {
                let before = self.session.clone().filter(|before| before.key != session.key);
                self.put(session, &mut out);
                drop_key(before.as_deref(), &mut out);
            }
            Input::SignedOut => self.end(Event::SignedOut, &mut out),
            Input::Profile(user) => {
                if let Some(mut session) = self.session.clone().filter(|session| session.user != user) {
                    Rc::make_mut(&mut session).user = user;
                    self.put(session, &mut out);
                }
            }
            Input::Wanted(need) if self.flight.is_none() => self.ask(need, now, &mut out),
            Input::Wanted(_) => {}
            Input::Rested => {
                if let Some(need) = self.flight {
                    self.ask(need, now, &mut out);
                }
            }
            Input::Answered(sent, verdict) => self.answered(&sent, verdict, now, &mut out),
            Input::KeyGone(of) => self.lose_key(&of, &mut out),
            Input::Online => self.rest = self.rest.take().filter(|rest| rest.is_asked_for),
        }
        out
    }

    /// Begins a refresh, unless it is not needed or too early for another try.
    fn ask(&mut self, need: Need, now: Now, out: &mut Vec<Command>) {
        self.flight = None;
        let Some(session) = self.session.clone().filter(|session| !satisfies(session, need, now)) else {
            out.push(Command::Settle(true));
            return;
        };
        let left = self.rest_left(&session, now);
        let is_asked_for = self.rest.as_ref().is_some_and(|rest| rest.is_asked_for);
        if left > 0.0 && (is_asked_for || left > PATIENCE) {
            out.push(Command::Settle(false));
            return;
        }
        self.flight = Some(need);
        out.push(if left > 0.0 { Command::Rest(left) } else { Command::Send(session) });
    }

    fn answered(&mut self, sent: &Session, verdict: Verdict, now: Now, out: &mut Vec<Command>) {
        let Some(need) = self.flight.take() else { return };
        if !matches!(verdict, Verdict::Unreachable) {
            self.is_offline = false;
        }
        let is_current =
            self.session.as_ref().is_some_and(|session| session.refresh_token == sent.refresh_token);
        match verdict {
            Verdict::Tokens(mut next) => {
                // The session that was refreshed may have ended meanwhile. Its tokens must not replace another
                // session.
                if let Some(before) = self.session.clone().filter(|_| is_current) {
                    self.rest = None;
                    Rc::make_mut(&mut next).user = before.user.clone();
                    self.put(next, out);
                }
            }
            Verdict::Over if is_current => {
                self.end(Event::SessionExpired, out);
                drop_key(Some(sent), out);
            }
            // The other copy needs the key.
            Verdict::Stale if is_current => self.end(Event::SessionExpired, out),
            Verdict::KeyGone if is_current => self.lose_key(sent, out),
            // The verdict was about another session than the current one.
            Verdict::Over | Verdict::Stale | Verdict::KeyGone => return self.ask(need, now, out),
            Verdict::Refused(retry_after) => return self.fail(sent, retry_after, now, out),
            Verdict::Unreachable => {
                if !std::mem::replace(&mut self.is_offline, true) {
                    out.push(Command::Warn("offline"));
                }
                return self.fail(sent, None, now, out);
            }
        }
        out.push(Command::Settle(true));
    }

    /// Begins a pause after a failure. Each further pause is longer.
    fn fail(&mut self, sent: &Session, retry_after: Option<f64>, now: Now, out: &mut Vec<Command>) {
        let token = sent.refresh_token.clone();
        let failures = self.rest.take().filter(|rest| rest.token == token).map_or(0, |rest| rest.failures);
        let pause = SHORTEST_REST * f64::from(1_u32 << failures.min(7)) * (1.0 + now.chance) / 2.0;
        let pause = pause.max(retry_after.unwrap_or(0.0) * 1000.0).min(LONGEST_REST);
        let until = now.running + pause;
        let failures = failures.saturating_add(1);
        self.rest = Some(Rest { token, failures, until, is_asked_for: retry_after.is_some() });
        out.push(Command::Settle(false));
    }

    fn rest_left(&self, session: &Session, now: Now) -> f64 {
        let rest = self.rest.as_ref().filter(|rest| rest.token == session.refresh_token);
        rest.map_or(0.0, |rest| (rest.until - now.running).max(0.0))
    }

    /// Ends a session whose key is gone, unless another session has replaced it.
    fn lose_key(&mut self, of: &Session, out: &mut Vec<Command>) {
        if self.session.as_ref().is_some_and(|now| now.key == of.key) {
            out.push(Command::Warn("key_lost"));
            self.end(Event::SessionExpired, out);
        }
    }

    fn put(&mut self, session: Rc<Session>, out: &mut Vec<Command>) {
        let text = session.to_text();
        out.push(Command::Store(Some(text.clone())));
        self.set(Some(text), Some(session), None, out);
    }

    fn end(&mut self, event: Event, out: &mut Vec<Command>) {
        if event == Event::SessionExpired {
            // Other tabs first receive the storage event for this text, and other clients of this page receive an
            // event for it, so that they can distinguish this from a sign-out.
            out.push(Command::Store(Some(EXPIRED.into())));
        }
        self.set(None, None, Some(event), out);
        out.push(Command::Store(None));
    }

    /// Sets the state, and reports the change. `named` is the event to report if the session has ended.
    fn set(
        &mut self,
        text: Option<String>,
        session: Option<Rc<Session>>,
        named: Option<Event>,
        out: &mut Vec<Command>,
    ) {
        let is_first = !std::mem::replace(&mut self.has_read, true);
        let before = std::mem::replace(&mut self.session, session);
        self.text = text;
        match change(before.as_deref(), self.session.as_deref()) {
            // Each listener receives a session that exists at page load as INITIAL_SESSION.
            Some(_) if is_first => {}
            Some(Event::SignedOut) => out.push(Command::Tell(named.unwrap_or(Event::SignedOut))),
            Some(event) => out.push(Command::Tell(event)),
            None => {}
        }
    }
}

fn satisfies(session: &Session, need: Need, now: Now) -> bool {
    match need {
        Need::Usable => session.is_fresh(now.date, now.running),
        Need::Ahead => session.remaining(now.date, now.running) > session.expires_in * AHEAD,
        Need::New => false,
    }
}

fn drop_key(session: Option<&Session>, out: &mut Vec<Command>) {
    if let Some(session) = session.filter(|session| session.is_bound()) {
        out.push(Command::DropKey(session.key.clone()));
    }
}
