//! The session of this browser: taking it up, keeping it, ending it, in every tab.
//!
//! What is stored is the truth and is read at each use; the copy in memory only saves the parsing. Each write
//! first looks whether the session it was computed from is still there: a sign-out in the meantime wins.

pub(crate) mod events;
mod keys;
pub(crate) mod machine;
mod refresh;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod simulation;
pub(crate) mod store;
mod tabs;
pub(crate) use refresh::revoke_call;
pub(crate) mod tokens;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use doorward_protocol::messages;
use events::Emitter;
use machine::{Command, Input, Machine, Need, Now};
use store::{Entry, Store};
use tokens::Session;

use crate::{
    api::{Api, Call, Kind},
    browser::{
        Value, clock,
        crypto::Holder,
        events::Function,
        http::{Answer, Limits},
        json_parse, json_text,
        page::{BroadcastChannel, Timer},
        random,
    },
    error::{Error, code, error},
    json,
};

/// Of so many accounts this browser shows that it has signed in before.
const MOST_DEVICES: usize = 4;

/// Of so many sessions that ended the server is told when it can be reached.
const MOST_ENDED: usize = 20;

/// Keeps the session of one client.
pub(crate) struct Keeper {
    api: Rc<Api>,
    store: Store,
    emitter: Emitter,
    /// Are new sessions bound to a key?
    binds: bool,
    /// Of what is done for all callers.
    limits: Limits,
    /// Has the store been loaded once?
    loaded: Cell<bool>,
    machine: RefCell<Machine>,
    /// The user of this session, as an object that stays the same.
    user: RefCell<Option<(Rc<Session>, Value)>>,
    flight: RefCell<Option<refresh::Flight>>,
    /// Why the last refresh failed.
    refusal: RefCell<Option<Error>>,
    /// Refresh ahead, while the page is visible?
    refreshes_ahead: bool,
    /// What the timer calls.
    tick: RefCell<Option<Function>>,
    timer: RefCell<Option<Timer>>,
    /// To other tabs.
    channel: RefCell<Option<BroadcastChannel>>,
}

impl Keeper {
    pub(crate) fn new(
        api: Rc<Api>,
        store: Store,
        emitter: Emitter,
        binds: bool,
        refreshes_ahead: bool,
        limits: Limits,
    ) -> Keeper {
        Keeper {
            api,
            store,
            emitter,
            binds,
            limits,
            loaded: Cell::default(),
            machine: RefCell::default(),
            user: RefCell::default(),
            flight: RefCell::default(),
            refusal: RefCell::default(),
            refreshes_ahead,
            tick: RefCell::default(),
            timer: RefCell::default(),
            channel: RefCell::default(),
        }
    }

    /// Where the session really is kept.
    pub(crate) fn persistence(&self) -> &'static str {
        self.store.persistence()
    }

    /// The session as it is stored now.
    pub(crate) fn current(&self) -> Option<Rc<Session>> {
        self.look(false)
    }

    /// Looks what is stored. Has somebody said that the server ended the session?
    fn look(&self, is_over: bool) -> Option<Rc<Session>> {
        let text = self.store.read(Entry::Session);
        // Not yet loaded: that is no state to tell of.
        if (text.is_some() || self.loaded.get()) && !self.machine.borrow().knows(text.as_deref()) {
            let session = text.as_deref().and_then(|text| read_stored(text, &self.api.base));
            self.step(Input::Stored(text, session, is_over));
        }
        self.machine.borrow().session().cloned()
    }

    /// Tells the machine what happened, and does what it says; what takes time is left to the caller.
    fn step(&self, input: Input) -> Option<Command> {
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
                    self.emitter.tell(event, self.shown(session.as_deref()));
                    self.schedule();
                }
                Command::Warn(code) => self.emitter.warn(code),
                Command::DropKey(key) => self.api.keys.drop(&key),
                Command::Send(_) | Command::Rest(_) | Command::Settle(_) => rest = Some(command),
            }
        }
        rest
    }

    /// Makes sure that `current` knows what is stored.
    pub(crate) async fn load(&self, limits: &Limits) -> Result<(), Error> {
        self.store.load(limits).await?;
        self.loaded.set(true);
        self.current();
        Ok(())
    }

    /// Waits until what changed is stored.
    pub(crate) async fn flush(&self, limits: &Limits) {
        self.store.flush(limits).await;
    }

    /// The user, without waiting; the same object until something changes.
    pub(crate) fn user(&self) -> Value {
        let Some(session) = self.current() else { return Value::UNDEFINED };
        let mut user = self.user.borrow_mut();
        match &*user {
            Some((of, value)) if Rc::ptr_eq(of, &session) => value.clone(),
            _ => user.insert((session.clone(), json_parse(&session.user))).1.clone(),
        }
    }

    /// `Session` as pages see it; `undefined` for none.
    pub(crate) fn shown(&self, session: Option<&Session>) -> Value {
        let Some(session) = session else { return Value::UNDEFINED };
        let value = Value::object();
        if !self.binds && !session.is_bound() {
            value.set("refresh_token", session.refresh_token.as_str());
        }
        value.set("access_token", session.access_token.as_str());
        value.set("token_type", session.token_type());
        value.set("expires_at", session.expires_at());
        value.set("user", json_parse(&session.user));
        value
    }

    /// Takes up the session that an answer carries, and gives its user. Tokens that are not bound to the key, where
    /// there is one, are none.
    pub(crate) async fn establish(&self, tokens: &Value, key: &str) -> Result<Value, Error> {
        let session = read_tokens(tokens, &self.api.base, key, None).ok_or_else(|| error!(Server))?;
        self.keep_key(key).await;
        self.forget_signup(key);
        // What was stored before must be known, so that this is seen as a change.
        self.current();
        self.step(Input::SignedIn(session));
        self.know_device(tokens);
        Ok(tokens.get("user"))
    }

    /// Carries out a call as the signed-in user; nothing when signed out, also by the server's verdict.
    pub(crate) async fn send(
        self: &Rc<Self>,
        call: &Call,
        refreshed: bool,
        limits: &Limits,
    ) -> Result<Option<(Rc<Session>, Value)>, Error> {
        let (mut refresh, mut last) = (refreshed, refreshed);
        loop {
            let session =
                if refresh { self.refresh(Need::New, limits).await } else { self.usable(limits).await };
            let Some(session) = session? else { return Ok(None) };
            match self.api.send(call, &holder(&session), limits).await {
                Err(error) if lacks_key(&error) => self.lose_key(session),
                // Once: a server that says no to a new token too has another reason.
                Err(error) if error.is(code!(SessionRequired)) && !last => {
                    last = true;
                    // Unless another call has got a new one meanwhile.
                    refresh = self.current().is_some_and(|now| now.access_token == session.access_token);
                }
                answer => return Ok(Some((session, answer?))),
            }
        }
    }

    /// The headers for one request of the signed-in user to whoever takes our tokens; none when signed out.
    pub(crate) async fn show(
        self: &Rc<Self>,
        method: &str,
        url: &str,
        limits: &Limits,
    ) -> Result<Value, Error> {
        while let Some(session) = self.usable(limits).await? {
            match self.api.headers(method, url, &holder(&session), limits).await {
                Err(error) if lacks_key(&error) => self.lose_key(session),
                headers => return headers,
            }
        }
        Ok(Value::object())
    }

    /// Who presents a token that may be anybody's.
    pub(crate) fn presenter(&self, token: Option<&str>) -> Result<Holder, Error> {
        let token = token.filter(|token| tokens::is_token(token)).ok_or_else(|| error!(SessionRequired))?;
        let ours = self.current().filter(|session| session.access_token == token);
        let stranger = || Holder { token: Some(token.to_owned()), ..Holder::default() };
        Ok(ours.map_or_else(stranger, |session| holder(&session)))
    }

    /// Is there another access token than one that was refused? It is got, if need be.
    pub(crate) async fn renew(self: &Rc<Self>, refused: &str, limits: &Limits) -> bool {
        let is_another = |now: Rc<Session>| now.access_token != refused;
        self.current().is_some_and(is_another)
            || self.refresh(Need::New, limits).await.is_ok_and(|now| now.is_some_and(is_another))
    }

    /// A session whose access token the server may still take, refreshed if that is possible.
    async fn usable(self: &Rc<Self>, limits: &Limits) -> Result<Option<Rc<Session>>, Error> {
        let before = self.current();
        let fresh = self.fresh(limits).await;
        let now = clock::now();
        match before {
            Some(session) if fresh.is_err() && session.remaining(now.date, now.running) > 0.0 => {
                Ok(Some(session))
            }
            _ => fresh,
        }
    }

    /// Puts a newer profile of its user into the session that it was asked for with, if that is still there.
    pub(crate) fn learn_user(&self, of: &Session, user: &Value) {
        let Some(text) = json_text(user) else { return };
        if let Some(now) = self.current()
            && now.revoke_token == of.revoke_token
            && is_newer(user, &json_parse(&now.user))
            && now.user != text
            && self.store.has_room(&Session { user: text.clone(), ..(*now).clone() }.to_text())
        {
            self.step(Input::Profile(text));
        }
    }

    /// Signs out: here and in all tabs at once, then at the server, now or when it can be reached.
    pub(crate) async fn sign_out(&self, limits: &Limits) -> Value {
        if let Some(session) = self.leave() {
            self.drop_key(&session);
        }
        self.tell_ended(limits).await;
        messages::LOGGED_OUT.into()
    }

    /// Signs out on all devices: here at once, whether the server can be reached or not.
    pub(crate) async fn sign_out_everywhere(&self, limits: &Limits) -> Result<Value, Error> {
        let session = self.leave();
        let done = match &session {
            Some(session) => self.revoke_all(session, limits).await.map(|_| ()),
            None => Ok(()),
        };
        if let Some(session) = session {
            self.drop_key(&session);
        }
        self.tell_ended(limits).await;
        done.map(|()| messages::LOGGED_OUT.into())
    }

    /// The account of this session is no more, as the user wanted it. What shows that it signed in here goes, too: the
    /// newest, since no other has signed in after it.
    pub(crate) fn forget(&self, session: &Session) {
        if self.current().is_some_and(|now| now.revoke_token == session.revoke_token) {
            self.step(Input::SignedOut);
            self.store.withdraw_old();
            let mut devices = self.listed(Entry::Devices);
            devices.pop();
            self.write_list(Entry::Devices, &devices, MOST_DEVICES);
            self.drop_key(session);
        }
    }

    fn leave(&self) -> Option<Rc<Session>> {
        let session = self.current()?;
        let mut ended = self.ended_here();
        ended.push(session.revoke_token.clone());
        // What leaves frees the space for what is to be kept.
        self.step(Input::SignedOut);
        self.store.withdraw_old();
        self.write_ended(&ended);
        Some(session)
    }

    /// Tells the server of sessions that were ended while it could not be reached.
    pub(crate) async fn tell_ended(&self, limits: &Limits) {
        let mut told = Vec::new();
        for token in self.ended_here() {
            let body = json::Object::of("revoke_token", &token);
            let call = Call::new(Kind::Farewell, "/v1/logout", body);
            match self.api.exchange(&call, &Holder::default(), limits).await {
                Ok(answer) if hears(&answer) => told.push(token),
                Ok(_) | Err(_) => break,
            }
        }
        if !told.is_empty() {
            let mut rest = self.ended_here();
            rest.retain(|token| !told.contains(token));
            self.write_ended(&rest);
        }
    }

    /// What shows that this browser has signed in before, the newest first, as it goes into its header. What the storage
    /// holds may have been damaged.
    pub(crate) fn known_devices(&self) -> String {
        let mut devices = self.listed(Entry::Devices);
        devices.retain(|device| tokens::is_token(device));
        devices.reverse();
        devices.join(",")
    }

    /// Keeps what an answer gives this device to show, if it does.
    pub(crate) fn know_device(&self, answer: &Value) {
        let Some(newest) = answer.text_of("known_device") else { return };
        let mut devices = self.listed(Entry::Devices);
        devices.retain(|device| *device != newest);
        devices.push(newest);
        self.write_list(Entry::Devices, &devices, MOST_DEVICES);
    }

    fn ended_here(&self) -> Vec<String> {
        self.listed(Entry::Ended)
    }

    fn write_ended(&self, tokens: &[String]) {
        self.write_list(Entry::Ended, tokens, MOST_ENDED);
    }

    #[inline(never)]
    fn listed(&self, entry: Entry) -> Vec<String> {
        let text = self.store.read(entry).unwrap_or_default();
        text.split_ascii_whitespace().map(str::to_owned).collect()
    }

    #[inline(never)]
    fn write_list(&self, entry: Entry, list: &[String], most: usize) {
        let latest = list.rchunks(most).next();
        self.store.write(entry, latest.map(|list| list.join(" ")).as_deref());
    }
}

/// Is a sign-out taken, or never to be taken? Not by a captive portal or a gateway that is in the way.
fn hears(answer: &Answer) -> bool {
    match answer.status {
        200 => answer.body.is_object(),
        400 | 422 => answer.body.text_of("code").is_some(),
        _ => false,
    }
}

/// The clocks, and some chance.
fn now() -> Now {
    let now = clock::now();
    Now { date: now.date, running: now.running, chance: random::fraction() }
}

/// Was nothing sent, because the key for it is gone?
pub(crate) fn lacks_key(error: &Error) -> bool {
    error.is(code!(TokenBound)) && error.status == 0
}

/// Who holds a session.
fn holder(session: &Session) -> Holder {
    let now = clock::now();
    Holder {
        token: Some(session.access_token.clone()),
        key: session.key.clone(),
        time: session.expires_at() - session.remaining(now.date, now.running),
    }
}

/// The session that the server's tokens make, if they are bound to this key, or to none; with their own user, or
/// one that is known.
fn read_tokens(tokens: &Value, base: &str, key: &str, user: Option<String>) -> Option<Session> {
    let now = clock::now();
    let session = read(tokens, user, now.date, Some(now.running))?;
    let session = Session { base: base.to_owned(), key: key.to_owned(), ..session };
    let kind = tokens.text_of("token_type")?;
    kind.eq_ignore_ascii_case(session.token_type()).then_some(session)
}

/// The session that a stored text says; nothing for what is damaged, of another version, or of another server: that
/// one must not get its tokens.
fn read_stored(text: &str, base: &str) -> Option<Session> {
    let stored = json_parse(text);
    let known = stored.number_of("v") == Some(tokens::VERSION);
    let ours = known && stored.text_of("base").as_deref() == Some(base);
    ours.then(|| read(&stored, None, stored.number_of("received_at")?, None)).flatten()
}

fn read(value: &Value, user: Option<String>, received_at: f64, running_at: Option<f64>) -> Option<Session> {
    let session = Session {
        base: value.text_of("base").unwrap_or_default(),
        access_token: value.text_of("access_token")?,
        refresh_token: value.text_of("refresh_token")?,
        revoke_token: value.text_of("revoke_token")?,
        key: value.text_of("key").unwrap_or_default(),
        received_at,
        expires_in: value.number_of("expires_in")?,
        server_time: value.number_of("server_time").unwrap_or(received_at / 1000.0),
        user: user.or_else(|| user_text(&value.get("user")))?,
        running_at,
    };
    session.is_sound().then_some(session)
}

/// The text of a profile; nothing for what is none.
pub(crate) fn user_text(user: &Value) -> Option<String> {
    user.text_of("user_id")?;
    json_text(user)
}

/// Is it a profile of the same user, and not one from before? Answers may overtake each other; their times are texts of
/// one form and compare as such.
fn is_newer(user: &Value, kept: &Value) -> bool {
    user.text_of("user_id") == kept.text_of("user_id")
        && user.text_of("updated_at") >= kept.text_of("updated_at")
}
