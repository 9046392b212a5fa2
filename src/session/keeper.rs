//! Manages the session of one client: begins, refreshes and ends it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::events::{Event, Listeners};
use super::flows::Flows;
use super::machine::{Command, Input, Machine, Need, Now};
use super::refresh::{Flight, revoke_call};
use super::store::{Entry, Store};
use super::tokens::{self, Session, holder, read_stored, read_tokens};
use super::unconfirmed::Unconfirmed;
use wasm_bindgen::JsValue;

use crate::{
    api::{Api, refusal},
    browser::{
        clock,
        events::{EventTarget, Function},
        json,
        keys::KeyStore,
        limits::Limits,
        page::{BroadcastChannel, Timer},
        random,
    },
    document::{Document, Value},
    error::{Error, code, error},
    options::{Place, Settings},
    transport::{Answer, Call, Holder, Kind},
};

/// The number of accounts for which this browser stores a known-device token.
const MOST_DEVICES: usize = 4;

/// The number of ended sessions that are reported later to a server that cannot be reached.
const MOST_ENDED: usize = 20;

/// Manages the session of one client.
pub(crate) struct Keeper {
    pub(super) settings: &'static Settings,
    pub(super) api: &'static Api,
    pub(super) store: Store,
    pub(super) keys: KeyStore,
    pub(crate) flows: Flows,
    pub(crate) unconfirmed: Unconfirmed,
    pub(crate) listeners: &'static Listeners,
    /// The limits of requests that serve all callers.
    pub(super) limits: Limits,
    /// True after the store has been loaded.
    pub(super) loaded: Cell<bool>,
    pub(super) machine: RefCell<Machine>,
    /// The user of the session, as one object until the session changes.
    pub(super) user: RefCell<Option<(Rc<Session>, JsValue)>>,
    pub(super) flight: RefCell<Option<Flight>>,
    /// The error of the last failed refresh.
    pub(super) refusal: RefCell<Option<Error>>,
    /// The key for the next sign-in.
    pub(super) spare: RefCell<Option<String>>,
    /// The function that the timer calls.
    pub(super) tick: RefCell<Option<Function>>,
    pub(super) timer: RefCell<Option<Timer>>,
    /// The channel to other tabs.
    pub(super) channel: RefCell<Option<BroadcastChannel>>,
    /// The event target for other clients of this page.
    pub(super) bus: Option<EventTarget>,
}

/// The parts of a keeper that depend on the page.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) keys: KeyStore,
    pub(crate) flows: Flows,
    pub(crate) unconfirmed: Unconfirmed,
    pub(crate) listeners: &'static Listeners,
    pub(crate) bus: Option<EventTarget>,
}

impl Keeper {
    pub(crate) fn new(
        settings: &'static Settings,
        api: &'static Api,
        parts: Parts,
        limits: Limits,
    ) -> Keeper {
        let Parts { store, keys, flows, unconfirmed, listeners, bus } = parts;
        Keeper {
            settings,
            api,
            store,
            keys,
            flows,
            unconfirmed,
            listeners,
            limits,
            loaded: Cell::default(),
            machine: RefCell::default(),
            user: RefCell::default(),
            flight: RefCell::default(),
            refusal: RefCell::default(),
            spare: RefCell::default(),
            tick: RefCell::default(),
            timer: RefCell::default(),
            channel: RefCell::default(),
            bus,
        }
    }

    /// The limits of requests that serve all callers.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The actual place of the session.
    pub(crate) fn place(&self) -> Place {
        self.store.place()
    }

    /// The currently stored session.
    pub(crate) fn current(&'static self) -> Option<Rc<Session>> {
        self.look(false)
    }

    /// Reads the stored session. `is_over` is true if another tab or client has reported that the server
    /// ended it.
    pub(super) fn look(&'static self, is_over: bool) -> Option<Rc<Session>> {
        let text = self.store.read(Entry::Session);
        // Before loading, an absent text is not a state to report.
        if (text.is_some() || self.loaded.get()) && !self.machine.borrow().knows(text.as_deref()) {
            let session = text.as_deref().and_then(|text| read_stored(text, &self.settings.base));
            self.step(Input::Stored(text, session, is_over));
        }
        self.machine.borrow().session().cloned()
    }

    /// Passes an input to the machine and runs its commands. Returns the asynchronous command, if any, to the
    /// caller.
    pub(super) fn step(&'static self, input: Input) -> Option<Command> {
        let commands = self.machine.borrow_mut().step(input, now());
        let mut rest = None;
        for command in commands {
            match command {
                Command::Store(text) => {
                    self.store.write(Entry::Session, text.as_deref());
                    self.tell_tabs(text.as_deref());
                }
                Command::Tell(event) => {
                    let session = self.machine.borrow().session().cloned();
                    self.listeners.tell(event, self.session_for_page(session.as_deref()));
                    self.tell_clients(event == Event::SessionExpired);
                    self.schedule();
                }
                Command::Warn(code) => self.listeners.warn(code),
                Command::DropKey(key) => self.drop_key(&key),
                Command::Send(_) | Command::Rest(_) | Command::Settle(_) => rest = Some(command),
            }
        }
        rest
    }

    /// Loads the store, so that `current` returns the stored session.
    pub(crate) async fn load(&'static self, limits: &Limits) -> Result<(), Error> {
        self.store.load(limits).await?;
        self.loaded.set(true);
        self.current();
        Ok(())
    }

    /// Waits until changes are stored.
    pub(crate) async fn flush(&self, limits: &Limits) {
        self.store.flush(limits).await;
    }

    /// The user, without a request. It is the same object until something changes, and `null` if signed out.
    pub(crate) fn user(&'static self) -> JsValue {
        let Some(session) = self.current() else { return JsValue::NULL };
        let mut user = self.user.borrow_mut();
        match &*user {
            Some((of, value)) if Rc::ptr_eq(of, &session) => value.clone(),
            _ => user.insert((session.clone(), json::to_js(&session.user))).1.clone(),
        }
    }

    /// A session in the format of the page. `null` for none.
    pub(crate) fn shown(&self, session: Option<&Session>) -> Value {
        let Some(session) = session else { return Value::Null };
        // The refresh token of a bound session would be useless to the page, and must not leave the SDK
        // (D-12).
        let refresh_token = (!self.settings.binds && !session.is_bound()).then_some(&*session.refresh_token);
        Document::default()
            .with_some("refresh_token", refresh_token)
            .with("access_token", &*session.access_token)
            .with("token_type", session.token_type())
            .with("expires_at", session.expires_at())
            .with("user", session.user.clone())
            .into()
    }

    pub(crate) fn session_for_page(&self, session: Option<&Session>) -> JsValue {
        json::to_js(&self.shown(session))
    }

    /// The session in an answer. Rejects tokens that are not bound to the given key.
    pub(crate) fn session_of(&self, tokens: &Document, key: &str) -> Result<Rc<Session>, Error> {
        let session = read_tokens(tokens, &self.settings.base, key, None).ok_or_else(|| error!(Server))?;
        // The next sign-in needs a new key.
        self.spare.borrow_mut().take_if(|spare| spare == key);
        Ok(session)
    }

    /// Begins a new session. If its key cannot be stored, the session is kept in memory only, because other
    /// pages could not use it.
    pub(crate) fn establish(&'static self, session: Rc<Session>, is_kept: bool) {
        if !is_kept && !self.is_memory() {
            self.store.retreat();
            self.listeners.warn("key_in_memory");
        }
        self.forget_signup(&session.key);
        self.unconfirmed.set(None);
        // Reads the previous state, so that the sign-in counts as a change.
        self.current();
        self.step(Input::SignedIn(session));
    }

    /// True if the session lives only as long as this page.
    pub(crate) fn is_memory(&self) -> bool {
        self.store.is_memory()
    }

    /// Sends a call with these credentials, or as the signed-in user. Also returns the session that it was
    /// sent with. Fails with `SESSION_REQUIRED` and the status 0 if signed out, also after a refresh that
    /// ended the session.
    pub(crate) async fn send(
        &'static self,
        call: &Call,
        with: Option<Holder>,
        refreshed: bool,
        limits: &Limits,
    ) -> Result<(Option<Rc<Session>>, Document), Error> {
        let (mut refresh, mut last) = (refreshed, refreshed);
        loop {
            let session = if with.is_some() {
                self.current()
            } else {
                self.usable(if refresh { Need::New } else { Need::Usable }, limits).await?
            };
            let own = session.as_ref().map(|session| holder(session));
            let used = with.as_ref().or(own.as_ref()).ok_or_else(|| error!(SessionRequired))?;
            match (self.api.send(call, used, limits).await, session) {
                (answer, session) if with.is_some() => return Ok((session, answer?)),
                (Err(error), Some(session)) if lacks_key(&error) => self.lose_key(session),
                // Refreshes once: if the server rejects a new token, too, it has another reason.
                (Err(error), Some(session)) if error.is(code!(SessionRequired)) && !last => {
                    last = true;
                    // Unless another call has refreshed the token meanwhile.
                    refresh = self.current().is_some_and(|now| now.access_token == session.access_token);
                }
                (answer, session) => return Ok((session, answer?)),
            }
        }
    }

    /// The credentials of an access token, which may belong to another session.
    pub(crate) fn presenter(&'static self, token: Option<&str>) -> Result<Holder, Error> {
        let token = token.filter(|token| tokens::is_token(token)).ok_or_else(|| error!(SessionRequired))?;
        let ours = self.current().filter(|session| session.access_token == token);
        let other = || Holder { token: Some(token.to_owned()), ..Holder::default() };
        Ok(ours.map_or_else(other, |session| holder(&session)))
    }

    /// A session with an access token that the server may still accept, or that is new if `need` requires it.
    /// Refreshes the token if possible.
    pub(super) async fn usable(
        &'static self,
        need: Need,
        limits: &Limits,
    ) -> Result<Option<Rc<Session>>, Error> {
        let before = self.current().filter(|_| need == Need::Usable);
        let fresh = self.refresh(need, limits).await;
        let now = clock::now();
        match before {
            Some(session) if fresh.is_err() && session.remaining(now.date, now.running) > 0.0 => {
                Ok(Some(session))
            }
            _ => fresh,
        }
    }

    /// Stores a newer profile in the session that it was loaded with, if that session still exists.
    pub(crate) fn learn_user(&'static self, of: &Session, user: &Document) {
        if let Some(now) = self.current()
            && now.revoke_token == of.revoke_token
            && is_newer(user, &now.user)
            && now.user != *user
            && self.store.has_room(&Session { user: user.clone(), ..(*now).clone() }.to_text())
        {
            self.step(Input::Profile(user.clone()));
        }
    }

    /// Signs out. Ends the local session in all tabs immediately, then reports it to the server, now or when
    /// it can be reached. `everywhere` also ends all other sessions, which needs the server. Fails if the
    /// server refuses, as a hook of the operator can. Then the session on the server continues, but the local
    /// one has ended.
    pub(crate) async fn sign_out(&'static self, everywhere: bool, limits: &Limits) -> Result<(), Error> {
        let mut done = Ok(());
        let mut own = None;
        if let Some(session) = self.leave() {
            if everywhere {
                done = self.revoke_all(&session, limits).await;
            }
            self.drop_key(&session.key);
            own = Some(session);
        }
        let own = own.as_ref().map(|session| &*session.revoke_token);
        done.and(self.tell_ended(own, limits).await)
    }

    /// Ends all other sessions of the account.
    pub(crate) async fn sign_out_others(&'static self, limits: &Limits) -> Result<(), Error> {
        self.send(&revoke_call("others"), None, false, limits).await.map(|_| ())
    }

    /// Ends a session after its user has deleted the account. Also removes the account's known-device token,
    /// which is the newest one because no other account has signed in later.
    pub(crate) fn forget(&'static self, session: &Session) {
        if self.current().is_some_and(|now| now.revoke_token == session.revoke_token) {
            self.step(Input::SignedOut);
            self.store.withdraw_old();
            let mut devices = self.listed(Entry::Devices);
            devices.pop();
            self.write_list(Entry::Devices, &devices, MOST_DEVICES);
            self.drop_key(&session.key);
        }
    }

    pub(super) fn leave(&'static self) -> Option<Rc<Session>> {
        let session = self.current()?;
        let mut ended = self.ended_here();
        ended.push(session.revoke_token.clone());
        // Removing the session first frees the space for its revoke token.
        self.step(Input::SignedOut);
        self.store.withdraw_old();
        self.write_ended(&ended);
        Some(session)
    }

    /// Reports ended sessions to the server, including those from times when it could not be reached. Fails
    /// if the server refuses to end the session of the revoke token `own`.
    pub(crate) async fn tell_ended(&self, own: Option<&str>, limits: &Limits) -> Result<(), Error> {
        let mut told = Ok(());
        for token in self.ended_here() {
            let body = Document::of("revoke_token", &*token);
            let call = Call::new(Kind::Farewell, "/v1/logout", body);
            match self.api.exchange(&call, &Holder::default(), limits).await {
                Ok(answer) if hears(&answer) => {
                    if answer.status != 200 && own == Some(&*token) {
                        told = Err(refusal(&answer));
                    }
                }
                Ok(_) | Err(_) => break,
            }
            let mut rest = self.ended_here();
            rest.retain(|other| *other != token);
            self.write_ended(&rest);
        }
        told
    }

    /// The known-device tokens for the header, newest first. Skips damaged values of the storage.
    pub(crate) fn known_devices(&self) -> String {
        let mut header = String::new();
        for device in self.listed(Entry::Devices).iter().rev().filter(|device| tokens::is_token(device)) {
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str(device);
        }
        header
    }

    /// Stores the known-device token of an answer, if it contains one.
    pub(crate) fn know_device(&self, answer: &Document) {
        let Some(newest) = answer.text("known_device").map(str::to_owned) else { return };
        let mut devices = self.listed(Entry::Devices);
        devices.retain(|device| *device != newest);
        devices.push(newest);
        self.write_list(Entry::Devices, &devices, MOST_DEVICES);
    }

    pub(super) fn ended_here(&self) -> Vec<String> {
        self.listed(Entry::Ended)
    }

    pub(super) fn write_ended(&self, tokens: &[String]) {
        self.write_list(Entry::Ended, tokens, MOST_ENDED);
    }

    #[inline(never)]
    pub(super) fn listed(&self, entry: Entry) -> Vec<String> {
        let text = self.store.read(entry).unwrap_or_default();
        text.split_ascii_whitespace().map(str::to_owned).collect()
    }

    #[inline(never)]
    pub(super) fn write_list(&self, entry: Entry, list: &[String], most: usize) {
        let latest = list.rchunks(most).next();
        self.store.write(entry, latest.map(|list| list.join(" ")).as_deref());
    }
}

/// True if the server has decided about a sign-out. A rate limit, a captive portal or a gateway is not a
/// decision.
fn hears(answer: &Answer) -> bool {
    match answer.status {
        200 => answer.is_object,
        429 => false,
        status => (400..500).contains(&status) && answer.body.text("code").is_some(),
    }
}

/// The clocks, and a random number.
pub(super) fn now() -> Now {
    let now = clock::now();
    Now { date: now.date, running: now.running, chance: random::fraction() }
}

/// True if nothing was sent because no user is signed in.
pub(crate) fn is_signed_out(error: &Error) -> bool {
    error.is(code!(SessionRequired)) && error.status == 0
}

/// True if nothing was sent because the key is gone.
pub(crate) fn lacks_key(error: &Error) -> bool {
    error.is(code!(TokenBound)) && error.status == 0
}

/// True for a profile of the same user that is not older, because answers may overtake each other. The times
/// are texts of one format, so that they can be compared as texts.
fn is_newer(user: &Document, kept: &Document) -> bool {
    user.text("user_id") == kept.text("user_id") && user.text("updated_at") >= kept.text("updated_at")
}
