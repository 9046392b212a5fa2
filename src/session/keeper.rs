//! Keeps the session of one client: takes it up, refreshes it, ends it.

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

/// Of so many accounts this browser shows that it has signed in before.
const MOST_DEVICES: usize = 4;

/// Of so many sessions that ended the server is told when it can be reached.
const MOST_ENDED: usize = 20;

/// Keeps the session of one client.
pub(crate) struct Keeper {
    pub(super) settings: &'static Settings,
    pub(super) api: &'static Api,
    pub(super) store: Store,
    pub(super) keys: KeyStore,
    pub(crate) flows: Flows,
    pub(crate) unconfirmed: Unconfirmed,
    pub(crate) listeners: &'static Listeners,
    /// Of requests that serve all callers.
    pub(super) limits: Limits,
    /// Has the store been loaded once?
    pub(super) loaded: Cell<bool>,
    pub(super) machine: RefCell<Machine>,
    /// The user of this session, as an object that stays the same.
    pub(super) user: RefCell<Option<(Rc<Session>, JsValue)>>,
    pub(super) flight: RefCell<Option<Flight>>,
    /// Why the last refresh failed.
    pub(super) refusal: RefCell<Option<Error>>,
    /// The key of the next sign-in.
    pub(super) spare: RefCell<Option<String>>,
    /// The function that the timer calls.
    pub(super) tick: RefCell<Option<Function>>,
    pub(super) timer: RefCell<Option<Timer>>,
    /// To other tabs.
    pub(super) channel: RefCell<Option<BroadcastChannel>>,
    /// To other clients of this page.
    pub(super) bus: Option<EventTarget>,
}

/// The parts of a keeper that the page holds.
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

    /// Where the session is really kept.
    pub(crate) fn place(&self) -> Place {
        self.store.place()
    }

    /// The session as it is stored now.
    pub(crate) fn current(&'static self) -> Option<Rc<Session>> {
        self.look(false)
    }

    /// Reads the stored session. `is_over`: another tab or client said that the server ended it.
    pub(super) fn look(&'static self, is_over: bool) -> Option<Rc<Session>> {
        let text = self.store.read(Entry::Session);
        // Not yet loaded: that is no state to tell of.
        if (text.is_some() || self.loaded.get()) && !self.machine.borrow().knows(text.as_deref()) {
            let session = text.as_deref().and_then(|text| read_stored(text, &self.settings.base));
            self.step(Input::Stored(text, session, is_over));
        }
        self.machine.borrow().session().cloned()
    }

    /// Tells the machine what happened, and does what it says; what takes time is left to the caller.
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

    /// Makes sure that `current` knows what is stored.
    pub(crate) async fn load(&'static self, limits: &Limits) -> Result<(), Error> {
        self.store.load(limits).await?;
        self.loaded.set(true);
        self.current();
        Ok(())
    }

    /// Waits until what changed is stored.
    pub(crate) async fn flush(&self, limits: &Limits) {
        self.store.flush(limits).await;
    }

    /// The user, without waiting; the same object until something changes. `null` when signed out.
    pub(crate) fn user(&'static self) -> JsValue {
        let Some(session) = self.current() else { return JsValue::NULL };
        let mut user = self.user.borrow_mut();
        match &*user {
            Some((of, value)) if Rc::ptr_eq(of, &session) => value.clone(),
            _ => user.insert((session.clone(), json::to_js(&session.user))).1.clone(),
        }
    }

    /// A session as the page gets it; `null` for none.
    pub(crate) fn shown(&self, session: Option<&Session>) -> Value {
        let Some(session) = session else { return Value::Null };
        // Of a bound session it would be useless to the page, and the browser is to keep it to itself (D-12).
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

    /// The session that an answer carries. Tokens that are not bound to the key, where there is one, are rejected.
    pub(crate) fn session_of(&self, tokens: &Document, key: &str) -> Result<Rc<Session>, Error> {
        let session = read_tokens(tokens, &self.settings.base, key, None).ok_or_else(|| error!(Server))?;
        // The next sign-in makes another key.
        self.spare.borrow_mut().take_if(|spare| spare == key);
        Ok(session)
    }

    /// Takes up a new session. Where its key cannot be kept, the session must not outlive this page either: other pages could not use it.
    pub(crate) fn establish(&'static self, session: Rc<Session>, is_kept: bool) {
        if !is_kept && !self.is_memory() {
            self.store.retreat();
            self.listeners.warn("key_in_memory");
        }
        self.forget_signup(&session.key);
        self.unconfirmed.set(None);
        // The state before must be known, so that this is seen as a change.
        self.current();
        self.step(Input::SignedIn(session));
    }

    /// Is what is stored kept as long as this page only?
    pub(crate) fn is_memory(&self) -> bool {
        self.store.is_memory()
    }

    /// Carries out a call with these credentials, or as the signed-in user. Returns the session that it was made with, too. Fails with
    /// `SESSION_REQUIRED` and the status 0 when signed out, also by the server's verdict on the refresh token.
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
                // Once: a server that refuses a new token too has another reason.
                (Err(error), Some(session)) if error.is(code!(SessionRequired)) && !last => {
                    last = true;
                    // Unless another call has got a new one meanwhile.
                    refresh = self.current().is_some_and(|now| now.access_token == session.access_token);
                }
                (answer, session) => return Ok((session, answer?)),
            }
        }
    }

    /// The credentials that a token makes, which may be of another session.
    pub(crate) fn presenter(&'static self, token: Option<&str>) -> Result<Holder, Error> {
        let token = token.filter(|token| tokens::is_token(token)).ok_or_else(|| error!(SessionRequired))?;
        let ours = self.current().filter(|session| session.access_token == token);
        let other = || Holder { token: Some(token.to_owned()), ..Holder::default() };
        Ok(ours.map_or_else(other, |session| holder(&session)))
    }

    /// A session whose access token the server may still take, unless it must be new; refreshed if that is possible.
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

    /// Puts a newer profile of its user into the session that it was asked for with, if that is still there.
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

    /// Signs out: here and in all tabs at once, then at the server, now or when it can be reached. And on all devices, if the server can
    /// be reached. Fails if the server refuses, as a hook of the operator can: then its session lives on, and the local one ends anyway.
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

    /// The account of this session was deleted by its user. Also forgets that the account has signed in here: that is the newest known
    /// device, since no other account has signed in after it.
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
        // Removing the session frees the space for its revoke token.
        self.step(Input::SignedOut);
        self.store.withdraw_old();
        self.write_ended(&ended);
        Some(session)
    }

    /// Tells the server of sessions that were ended while it could not be reached. Fails if it refuses to end the session of the revoke
    /// token `own`.
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

    /// What shows that this browser has signed in before, the newest first, as it goes into its header. What the storage
    /// holds may have been damaged.
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

    /// Keeps what an answer gives this device to show, if it does.
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

/// Has the server decided about a sign-out? A rate limit, a captive portal or a gateway in between has not.
fn hears(answer: &Answer) -> bool {
    match answer.status {
        200 => answer.is_object,
        429 => false,
        status => (400..500).contains(&status) && answer.body.text("code").is_some(),
    }
}

/// The clocks, and some chance.
pub(super) fn now() -> Now {
    let now = clock::now();
    Now { date: now.date, running: now.running, chance: random::fraction() }
}

/// Was nothing sent, because no user is signed in?
pub(crate) fn is_signed_out(error: &Error) -> bool {
    error.is(code!(SessionRequired)) && error.status == 0
}

/// Was nothing sent, because the key for it is gone?
pub(crate) fn lacks_key(error: &Error) -> bool {
    error.is(code!(TokenBound)) && error.status == 0
}

/// Is it a profile of the same user, and not an older one? Answers may overtake each other. Their times are texts of one format and
/// compare as such.
fn is_newer(user: &Document, kept: &Document) -> bool {
    user.text("user_id") == kept.text("user_id") && user.text("updated_at") >= kept.text("updated_at")
}
