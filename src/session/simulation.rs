//! A simulation of many tabs of one browser in virtual time. Each tab has its own clocks, and all share one
//! storage. Messages between tabs may be late, lost or reordered; requests and answers may be lost, late or
//! refused. The server is the real one, in process.
//!
//! A tab consists of the machine only. The simulation does the work of the browser's shell.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_config::{Config, Layers};
use doorward_core::clock::{Clock, Millis, Random, World};
use doorward_protocol::session::ENDS_SESSION;
use doorward_server::app::{App, AppState};
use doorward_server::routes;
use http_body_util::BodyExt;
use proptest::prelude::*;
use rounds::rounds;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::events::Event;
use super::machine::{Command, EXPIRED, Input, Machine, Need, Now, Verdict};
use super::tokens::Session;
use crate::document::Document;

#[path = "../../server/tests/support/rounds.rs"]
mod rounds;

// ── the server ──

#[derive(Debug)]
struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Millis {
        self.0.load(SeqCst)
    }
}

/// Random numbers that are the same in each run.
#[derive(Debug)]
struct Dice(AtomicU64);

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let seed = self.0.fetch_add(1, SeqCst).to_le_bytes();
            chunk.copy_from_slice(&digest(&SHA256, &seed).as_ref()[..chunk.len()]);
        }
    }
}

/// One server for all cases. Each case has a user and sessions of its own, and the time only moves forward.
struct Server {
    runtime: tokio::runtime::Runtime,
    app: AppState,
    router: Router,
    clock: Arc<SetClock>,
    people: u32,
    _folder: tempfile::TempDir,
}

fn server() -> MutexGuard<'static, Server> {
    static SERVER: OnceLock<Mutex<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| Mutex::new(Server::start()));
    // A failed case does not damage the server.
    server.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Server {
    fn start() -> Server {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut layers = Layers::default();
        layers.toml("[password]\nhash_memory = 64\nhash_passes = 1\n", "the test").unwrap();
        layers.text("data", folder.path().to_str().unwrap(), "the test");
        let (config, _) = Config::load(&layers, true).unwrap();
        let clock = Arc::new(SetClock(AtomicI64::new(1_767_225_600_000)));
        let world = World::new(clock.clone(), Arc::new(Dice(AtomicU64::new(0)))).hasty();
        let app = runtime.block_on(App::open(config, true, world)).unwrap();
        let router = routes::router(&app);
        Server { runtime, app, router, clock, people: 0, _folder: folder }
    }

    fn post(&self, path: &str, kind: &str, body: String, key: Option<&EcdsaKeyPair>) -> (u16, Value) {
        let mut request = Request::post(path).header("host", "localhost").header("content-type", kind);
        if let Some(key) = key {
            request = request.header("dpop", self.proof(key, path));
        }
        let request = request.body(Body::from(body)).unwrap();
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        })
    }

    fn proof(&self, key: &EcdsaKeyPair, path: &str) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let point = key.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        let claims = json!({
            "htm": "POST",
            "htu": format!("{}{path}", self.app.platform.config.public_url),
            "iat": 0,
            "jti": format!("proof {}", COUNT.fetch_add(1, SeqCst)),
            "nonce": doorward_credentials::dpop::nonce(&self.app.platform.secret_keys, self.clock.now()),
        });
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = [encode(header), encode(claims)].join(".");
        let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        [message.as_str(), &URL_SAFE_NO_PAD.encode(signature)].join(".")
    }
}

// ── the browser ──

/// The fate of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The server processes the request at once; the answer may arrive late.
    Early,
    /// The server processes the request when the answer arrives.
    Late,
    /// The server does not receive the request.
    Lost,
    /// The server processes the request, but the answer is lost.
    AnswerLost,
    Broken,
    Busy,
}

#[derive(Clone, Debug)]
enum Action {
    Want(usize, Need),
    SignIn(usize),
    /// The flag is true if the server receives the sign-out.
    SignOut(usize, bool),
    /// Sets the fate of the following requests.
    Fate(Fate),
    /// One of the pending answers arrives.
    Answer(usize),
    /// A tab receives or misses one of its pending messages.
    Hear(usize, usize),
    Miss(usize, usize),
    /// Lets milliseconds pass.
    Pass(f64),
    /// Changes the device's date for a tab. `Sleep` also stops its running clock.
    Date(usize, f64),
    Sleep(usize, f64),
    Online(usize),
    /// The tab receives a profile from the server, which may be unchanged.
    Profile(usize, u8),
    /// The tab reads its storage, as each call does first.
    Look(usize),
}

struct Tab {
    machine: Machine,
    ahead: f64,
    asleep: f64,
    messages: Vec<Option<String>>,
    resting_until: Option<f64>,
    /// For each refresh token that failed, the end of the shortest allowed pause, and whether the server
    /// requested it.
    quiet: HashMap<String, (f64, bool)>,
    is_new: bool,
    /// True if the tab has missed a message. Then it learns the state when it reads the storage.
    missed: bool,
}

struct Asked {
    tab: usize,
    sent: Rc<Session>,
    fate: Fate,
    outcome: Option<Verdict>,
}

struct Browser<'a> {
    server: MutexGuard<'a, Server>,
    now: f64,
    tabs: Vec<Tab>,
    stored: Option<String>,
    keys: HashMap<String, EcdsaKeyPair>,
    asked: Vec<Asked>,
    fate: Fate,
    /// Revoke tokens of sessions that have ended: in the storage, and on the server.
    over: HashSet<String>,
    over_there: HashSet<String>,
    person: String,
}

const TABS: usize = 4;

impl Browser<'_> {
    fn open() -> Browser<'static> {
        let mut server = server();
        server.people += 1;
        let person = format!("person.{}@example.com", server.people);
        let body = json!({ "email": person, "password": "correct horse" }).to_string();
        assert_eq!(server.post("/v1/signup", "application/json", body, None).0, 200);
        let tab = |number: usize| Tab {
            machine: Machine::default(),
            ahead: [0.0, 600_000.0, -600_000.0, 259_200_000.0][number % 4],
            asleep: number as f64 * 1e6,
            messages: Vec::new(),
            resting_until: None,
            quiet: HashMap::new(),
            is_new: true,
            missed: false,
        };
        Browser {
            now: server.clock.now() as f64,
            server,
            tabs: (0..TABS).map(tab).collect(),
            stored: None,
            keys: HashMap::new(),
            asked: Vec::new(),
            fate: Fate::Early,
            over: HashSet::new(),
            over_there: HashSet::new(),
            person,
        }
    }

    fn clocks(&self, tab: usize) -> Now {
        let date = self.now + self.tabs[tab].ahead;
        Now { date, running: self.now - 1_767_225_600_000.0 - self.tabs[tab].asleep + 1e9, chance: 0.5 }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Want(tab, need) => self.input(tab, Input::Wanted(need)),
            Action::SignIn(tab) => self.sign_in(tab),
            Action::SignOut(tab, is_heard) => self.sign_out(tab, is_heard),
            Action::Fate(fate) => self.fate = fate,
            Action::Answer(which) if !self.asked.is_empty() => {
                let asked = self.asked.remove(which % self.asked.len());
                self.answer(asked);
            }
            Action::Answer(_) => {}
            Action::Hear(tab, which) => {
                if let Some(message) = self.take_message(tab, which) {
                    self.look(tab, message.as_deref() == Some(EXPIRED));
                }
            }
            Action::Miss(tab, which) => self.tabs[tab].missed |= self.take_message(tab, which).is_some(),
            Action::Pass(milliseconds) => self.pass(milliseconds),
            Action::Date(tab, milliseconds) => self.tabs[tab].ahead += milliseconds,
            Action::Sleep(tab, milliseconds) => {
                self.tabs[tab].asleep += milliseconds.min(self.now - 1_767_225_600_000.0);
                self.pass(milliseconds);
            }
            Action::Online(tab) => {
                self.tabs[tab].quiet.retain(|_, (_, is_asked_for)| *is_asked_for);
                self.input(tab, Input::Online);
            }
            Action::Profile(tab, name) => {
                self.input(tab, Input::Profile(Document::of("name", f64::from(name))))
            }
            Action::Look(tab) => self.look(tab, false),
        }
    }

    fn take_message(&mut self, tab: usize, which: usize) -> Option<Option<String>> {
        let messages = &mut self.tabs[tab].messages;
        (!messages.is_empty()).then(|| messages.remove(which % messages.len()))
    }

    fn pass(&mut self, milliseconds: f64) {
        self.now += milliseconds;
        self.server.clock.0.store(self.now as i64, SeqCst);
        for tab in 0..TABS {
            if self.tabs[tab].resting_until.is_some_and(|until| until <= self.clocks(tab).running) {
                self.tabs[tab].resting_until = None;
                self.input(tab, Input::Rested);
            }
        }
    }

    fn sign_in(&mut self, tab: usize) {
        let name =
            format!("key {}", self.server.people * 1000 + self.keys.len() as u32 + self.over.len() as u32);
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let body = json!({ "email": self.person, "password": "correct horse" }).to_string();
        let (status, tokens) = self.server.post("/v1/login", "application/json", body, Some(&key));
        assert_eq!((status, tokens["token_type"].as_str()), (200, Some("DPoP")), "{tokens}");
        let user = Document::of("user_id", tokens["user"]["user_id"].as_str().unwrap());
        self.keys.insert(name.clone(), key);
        let session = self.session(tab, &tokens, &name, user);
        self.input(tab, Input::SignedIn(Rc::new(session)));
    }

    fn sign_out(&mut self, tab: usize, is_heard: bool) {
        self.look(tab, false);
        let Some(session) = self.tabs[tab].machine.session().cloned() else { return };
        self.input(tab, Input::SignedOut);
        self.keys.remove(&session.key);
        if is_heard {
            let body = json!({ "revoke_token": session.revoke_token }).to_string();
            assert_eq!(self.server.post("/v1/logout", "application/json", body, None).0, 200);
            self.over_there.insert(session.revoke_token.clone());
        }
    }

    fn session(&self, tab: usize, tokens: &Value, key: &str, user: Document) -> Session {
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let now = self.clocks(tab);
        Session {
            base: String::new(),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            revoke_token: text("revoke_token"),
            key: key.to_owned(),
            received_at: now.date,
            expires_in: tokens["expires_in"].as_f64().unwrap(),
            server_time: tokens["server_time"].as_f64().unwrap(),
            user,
            running_at: Some(now.running),
        }
    }

    /// The server's verdict on a refresh, as the shell would read it.
    fn verdict(&mut self, tab: usize, sent: &Session) -> Verdict {
        let Some(key) = self.keys.get(&sent.key) else { return Verdict::KeyGone };
        let body = format!(
            "grant_type=refresh_token&client_id=doorward&refresh_token={}",
            sent.refresh_token.replace('+', "%2B")
        );
        let (status, answer) =
            self.server.post("/v1/token", "application/x-www-form-urlencoded", body, Some(key));
        match answer["error"].as_str() {
            None if status == 200 => {
                Verdict::Tokens(Rc::new(self.session(tab, &answer, &sent.key, sent.user.clone())))
            }
            Some("stale_token") => Verdict::Stale,
            Some(error) if ENDS_SESSION.contains(&error) => Verdict::Over,
            _ => panic!("{status} {answer}"),
        }
    }

    fn ask(&mut self, tab: usize, sent: Rc<Session>) {
        assert!(
            !self.asked.iter().any(|asked| asked.tab == tab),
            "a second refresh is under way in tab {tab}"
        );
        let running = self.clocks(tab).running;
        let quiet = self.tabs[tab].quiet.get(&sent.refresh_token).map_or(0.0, |(until, _)| *until);
        assert!(running >= quiet, "tab {tab} asks again without a rest");
        let outcome = match self.fate {
            Fate::Early => Some(self.verdict(tab, &sent)),
            Fate::Late => None,
            Fate::Lost => Some(Verdict::Unreachable),
            Fate::AnswerLost => {
                let _ = self.verdict(tab, &sent);
                Some(Verdict::Unreachable)
            }
            Fate::Broken => Some(Verdict::Refused(None)),
            Fate::Busy => Some(Verdict::Refused(Some(30.0))),
        };
        self.asked.push(Asked { tab, sent, fate: self.fate, outcome });
    }

    fn answer(&mut self, asked: Asked) {
        let Asked { tab, sent, fate, outcome } = asked;
        let verdict = outcome.unwrap_or_else(|| self.verdict(tab, &sent));
        let running = self.clocks(tab).running;
        match verdict {
            Verdict::Refused(Some(seconds)) => {
                self.tabs[tab].quiet.insert(sent.refresh_token.clone(), (running + seconds * 1000.0, true));
            }
            Verdict::Refused(None) | Verdict::Unreachable => {
                self.tabs[tab].quiet.insert(sent.refresh_token.clone(), (running + 250.0, false));
            }
            _ => assert!(matches!(fate, Fate::Early | Fate::Late)),
        }
        self.input(tab, Input::Answered(sent, verdict));
    }

    fn look(&mut self, tab: usize, is_over: bool) {
        if !self.tabs[tab].machine.knows(self.stored.as_deref()) {
            let session = self.stored.as_deref().and_then(read).map(Rc::new);
            self.step(tab, Input::Stored(self.stored.clone(), session, is_over));
        }
    }

    /// Reads the storage first, as the shell does.
    fn input(&mut self, tab: usize, input: Input) {
        self.look(tab, false);
        self.step(tab, input);
    }

    fn step(&mut self, tab: usize, input: Input) {
        let clocks = self.clocks(tab);
        let is_first = std::mem::take(&mut self.tabs[tab].is_new);
        let before = self.tabs[tab].machine.session().cloned();
        // Only the user, a server verdict on this very token, or a missing key may end the stored session.
        let may_end = match &input {
            Input::SignedOut => true,
            Input::Answered(sent, Verdict::Over | Verdict::Stale) => {
                let is_meant = self
                    .stored
                    .as_deref()
                    .and_then(read)
                    .is_some_and(|now| now.refresh_token == sent.refresh_token);
                is_meant && self.over_there.contains(&sent.revoke_token)
            }
            Input::Answered(sent, Verdict::KeyGone) => !self.keys.contains_key(&sent.key),
            _ => false,
        };
        let mut told = Vec::new();
        for command in self.tabs[tab].machine.step(input, clocks) {
            match command {
                Command::Store(text) => {
                    let replaced = self.stored.as_deref().and_then(read).map(Rc::new);
                    match text.as_deref().and_then(read) {
                        Some(next) => {
                            assert!(
                                !self.over.contains(&next.revoke_token),
                                "a session that is over is stored again"
                            );
                            if let Some(replaced) =
                                replaced.filter(|old| old.revoke_token != next.revoke_token)
                            {
                                self.over.insert(replaced.revoke_token.clone());
                            }
                        }
                        None => {
                            assert!(may_end, "tab {tab} ends the session without the server's verdict");
                            self.over.extend(replaced.map(|old| old.revoke_token.clone()));
                        }
                    }
                    self.stored.clone_from(&text);
                    for (number, other) in self.tabs.iter_mut().enumerate() {
                        if number != tab {
                            other.messages.push(text.clone());
                        }
                    }
                }
                Command::Tell(event) => told.push(event),
                Command::Warn(_) => {}
                Command::Send(session) => self.ask(tab, session),
                Command::Rest(milliseconds) => {
                    self.tabs[tab].resting_until = Some(clocks.running + milliseconds)
                }
                Command::Settle(_) => {}
                Command::DropKey(key) => drop(self.keys.remove(&key)),
            }
        }
        let after = self.tabs[tab].machine.session().cloned();
        if !is_first {
            assert_eq!(told, expected(before.as_deref(), after.as_deref(), &told), "{before:?} {after:?}");
        }
    }

    /// Ends all network failures, and delivers all answers and messages.
    fn settle(&mut self) {
        self.fate = Fate::Early;
        while !self.asked.is_empty() {
            self.act(Action::Answer(0));
        }
        for tab in 0..TABS {
            while let Some(message) = self.take_message(tab, 0) {
                self.look(tab, message.as_deref() == Some(EXPIRED));
            }
        }
        for tab in 0..TABS {
            if std::mem::take(&mut self.tabs[tab].missed) {
                self.look(tab, false);
            }
        }
        let stored = self.stored.as_deref().and_then(read).map(|session| session.access_token);
        for tab in 0..TABS {
            let knows = self.tabs[tab].machine.session().map(|session| session.access_token.clone());
            assert_eq!(knows, stored, "tab {tab} knows something else");
        }
    }

    /// Checks that a session that was not signed out works again after all failures.
    fn recovers(&mut self) {
        let Some(session) = self.stored.as_deref().and_then(read) else { return };
        if self.over_there.contains(&session.revoke_token) {
            return;
        }
        for tab in 0..TABS {
            self.pass(61_000.0);
            self.input(tab, Input::Wanted(Need::New));
            self.settle();
            assert!(self.stored.is_some(), "tab {tab} has lost the session");
        }
    }
}

/// The expected event of a change, computed independently of the code under test.
fn expected(before: Option<&Session>, after: Option<&Session>, told: &[Event]) -> Vec<Event> {
    match (before, after) {
        (None, None) => vec![],
        // Only the tab that ended the session knows the reason.
        (Some(_), None) if told == [Event::SessionExpired] => vec![Event::SessionExpired],
        (Some(_), None) => vec![Event::SignedOut],
        (None, Some(_)) => vec![Event::SignedIn],
        (Some(old), Some(new)) if old.revoke_token != new.revoke_token => vec![Event::SignedIn],
        (Some(old), Some(new)) if old.access_token != new.access_token => vec![Event::TokenRefreshed],
        (Some(old), Some(new)) if old.user != new.user => vec![Event::UserUpdated],
        _ => vec![],
    }
}

/// A profile of the simulation.
fn document(profile: &Value) -> Document {
    let mut document = Document::default();
    for (name, value) in profile.as_object().unwrap() {
        let value = value.as_f64().map_or_else(|| value.as_str().unwrap().into(), Into::into);
        document.push(name.clone(), value);
    }
    document
}

/// The session in a stored text.
fn read(text: &str) -> Option<Session> {
    let value: Value = serde_json::from_str(text).ok()?;
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    Some(Session {
        base: text("base")?,
        access_token: text("access_token")?,
        refresh_token: text("refresh_token")?,
        revoke_token: text("revoke_token")?,
        key: text("key").unwrap_or_default(),
        received_at: value["received_at"].as_f64()?,
        expires_in: value["expires_in"].as_f64()?,
        server_time: value["server_time"].as_f64()?,
        user: document(&value["user"]),
        running_at: None,
    })
}

// ── what happens ──

fn action() -> impl Strategy<Value = Action> {
    let tab = 0..TABS;
    let need = prop_oneof![Just(Need::Usable), Just(Need::Ahead), Just(Need::New)];
    let fate = prop_oneof![
        4 => Just(Fate::Early),
        2 => Just(Fate::Late),
        1 => Just(Fate::Lost),
        2 => Just(Fate::AnswerLost),
        1 => Just(Fate::Broken),
        2 => Just(Fate::Busy),
    ];
    prop_oneof![
        12 => (tab.clone(), need).prop_map(|(tab, need)| Action::Want(tab, need)),
        2 => tab.clone().prop_map(Action::SignIn),
        1 => (tab.clone(), any::<bool>()).prop_map(|(tab, heard)| Action::SignOut(tab, heard)),
        4 => fate.prop_map(Action::Fate),
        8 => (0..8_usize).prop_map(Action::Answer),
        4 => (tab.clone(), 0..8_usize).prop_map(|(tab, which)| Action::Hear(tab, which)),
        1 => (tab.clone(), 0..8_usize).prop_map(|(tab, which)| Action::Miss(tab, which)),
        6 => prop_oneof![Just(300.0), Just(2_000.0), Just(40_000.0), Just(560_000.0), Just(3_600_000.0)].prop_map(Action::Pass),
        1 => (tab.clone(), prop_oneof![Just(-600_000.0), Just(600_000.0), Just(-259_200_000.0)]).prop_map(|(tab, by)| Action::Date(tab, by)),
        1 => (tab.clone(), Just(1_200_000.0)).prop_map(|(tab, by)| Action::Sleep(tab, by)),
        1 => tab.clone().prop_map(Action::Online),
        2 => (tab.clone(), 0..2_u8).prop_map(|(tab, name)| Action::Profile(tab, name)),
        2 => tab.prop_map(Action::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(60, 200), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tabs_agree_and_no_session_ends_without_a_verdict(actions in prop::collection::vec(action(), 1..80)) {
        let mut browser = Browser::open();
        browser.sign_in(0);
        for action in actions {
            browser.act(action);
        }
        browser.settle();
        browser.recovers();
    }
}

#[test]
fn fifty_refreshes_with_lost_answers_end_no_session() {
    let mut browser = Browser::open();
    browser.sign_in(0);
    browser.fate = Fate::AnswerLost;
    for round in 0..50 {
        browser.input(round % TABS, Input::Wanted(Need::New));
        browser.act(Action::Answer(0));
        browser.pass(61_000.0);
    }
    browser.settle();
    browser.recovers();
    assert!(browser.stored.is_some());
}

#[test]
fn retry_after_is_respected_and_failures_back_off() {
    let mut browser = Browser::open();
    browser.sign_in(0);
    for (fate, rounds, most) in [(Fate::Busy, 29, 1), (Fate::Broken, 600, 18)] {
        browser.fate = fate;
        let mut asked = 0;
        for _ in 0..rounds {
            browser.input(0, Input::Wanted(Need::New));
            while !browser.asked.is_empty() {
                asked += 1;
                browser.act(Action::Answer(0));
            }
            browser.pass(1_000.0);
        }
        assert!((1..=most).contains(&asked), "{asked} requests in {rounds} s");
        browser.pass(61_000.0);
    }
    browser.recovers();
}
