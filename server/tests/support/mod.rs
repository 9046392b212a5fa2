//! A server for tests: the real router on a real database, with a clock that the test sets and repeatable
//! random numbers.
#![allow(unreachable_pub, dead_code, reason = "helpers for all tests, some of them unused today")]

pub mod binary;
pub mod browser;
pub mod captcha;
#[path = "../../../xtask/src/cluster.rs"]
pub mod cluster;
pub mod database;
pub mod hooks;
pub mod issuer;
pub mod people;
pub mod proof;
pub mod rounds;
pub mod stand_in;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_config::{Config, Layers};
use doorward_core::clock::{Clock, Millis, Random, World};
use doorward_core::tasks;
use doorward_server::app::{App, AppState};
use doorward_server::routes;
use doorward_store::transaction;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// Cheap password hashes. All other settings are those of `--dev`.
const DEFAULTS: &str = "[password]\nhash_memory = 64\nhash_passes = 1\n";

/// The stand-ins for providers and gateways run on this machine.
const OUTBOUND: &str = "outbound.allow = [\"127.0.0.0/8\", \"::1\"]";

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR: Millis = 1_767_225_600_000;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;
pub const HOUR: Millis = 60 * MINUTE;
pub const DAY: Millis = 24 * HOUR;

/// A clock that moves only when a test moves it.
#[derive(Debug)]
pub struct TestClock {
    now: AtomicI64,
    faulty_in: Mutex<Vec<String>>,
}

impl TestClock {
    pub fn advance(&self, by: Millis) {
        self.now.fetch_add(by, Ordering::SeqCst);
    }

    /// Panics when this task of the server asks for the time the next time.
    pub fn panic_in(&self, task: &str) {
        self.faulty_in.lock().unwrap().push(task.to_owned());
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        if let Some(task) = tasks::current() {
            let mut faulty_in = self.faulty_in.lock().unwrap();
            let fault = faulty_in.iter().position(|name| **name == *task).map(|at| faulty_in.remove(at));
            drop(faulty_in);
            assert_eq!(fault, None, "a panic that the test caused");
        }
        self.now.load(Ordering::SeqCst)
    }
}

/// Random numbers that are the same in each run: SplitMix64.
#[derive(Debug)]
struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z =
                self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Waits for an effect of another task or process. Panics with `what` after 20 seconds.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "still waiting until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn clock(now: Millis) -> Arc<TestClock> {
    Arc::new(TestClock { now: AtomicI64::new(now), faulty_in: Mutex::default() })
}

/// A server without a socket.
pub struct TestApp {
    pub app: AppState,
    pub router: Router,
    pub clock: Arc<TestClock>,
    pub folder: Arc<TempDir>,
    settings: String,
    dev: bool,
}

impl TestApp {
    /// A server as `--dev` starts it.
    pub async fn new() -> TestApp {
        TestApp::with("").await
    }

    /// As [`TestApp::new`], with further settings as TOML.
    pub async fn with(settings: &str) -> TestApp {
        TestApp::open(settings, true, tempfile::tempdir().unwrap().into(), clock(NEW_YEAR)).await
    }

    /// As [`TestApp::new`], with the waiting times of the product. All other test servers are
    /// [`World::hasty`].
    pub async fn patient() -> TestApp {
        let folder = tempfile::tempdir().unwrap().into();
        TestApp::open_as(|world| world, "", true, folder, clock(NEW_YEAR)).await
    }

    /// A server as in production: `https://auth.example.com`, real password hashes, and no defaults of
    /// `--dev`.
    pub async fn production(settings: &str) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let keys = doorward_core::secret_keys::SecretKeys::generate(&World::default());
        std::fs::write(folder.path().join("secret_keys"), keys.as_bytes()).unwrap();
        let settings = format!("public_url = \"https://auth.example.com\"\n{settings}");
        TestApp::open(&settings, false, folder.into(), clock(NEW_YEAR)).await
    }

    async fn open(settings: &str, dev: bool, folder: Arc<TempDir>, clock: Arc<TestClock>) -> TestApp {
        TestApp::open_as(World::hasty, settings, dev, folder, clock).await
    }

    async fn open_as(
        kind: fn(World) -> World,
        settings: &str,
        dev: bool,
        folder: Arc<TempDir>,
        clock: Arc<TestClock>,
    ) -> TestApp {
        let mut layers = Layers::default();
        if dev {
            layers.toml(DEFAULTS, "the test's defaults").unwrap();
        }
        layers.toml(OUTBOUND, "the test's defaults").unwrap();
        layers.toml(settings, "the test").unwrap();
        layers.text("data", folder.path().to_str().unwrap(), "the test");
        let (mut config, _) = Config::load(&layers, dev).unwrap();
        config.database = database::of(folder.path());
        // Each node has its own random numbers. The first node of a test has the same ones in each run.
        let nodes = Arc::strong_count(&folder) as u64;
        let random = Arc::new(TestRandom(AtomicU64::new(clock.now().unsigned_abs() ^ (nodes << 48))));
        let world = World::new(clock.clone(), random).with_program(env!("CARGO_BIN_EXE_doorward"));
        database::prepare(folder.path());
        let app = App::open(config, dev, kind(world)).await.unwrap();
        let router = routes::router(&app);
        TestApp { app, router, clock, folder, settings: settings.to_owned(), dev }
    }

    /// Stops the server and starts it again on the same files, a second later.
    pub async fn restart(self) -> TestApp {
        self.clock.advance(SECOND);
        self.app.platform.store.close().await;
        TestApp::open(&self.settings, self.dev, self.folder, self.clock).await
    }

    /// The same with other settings.
    pub async fn restart_with(mut self, settings: &str) -> TestApp {
        self.settings = settings.to_owned();
        self.restart().await
    }

    /// Another node on the same database, with the same clock.
    pub async fn node(&self) -> TestApp {
        TestApp::open(&self.settings, self.dev, self.folder.clone(), self.clock.clone()).await
    }

    /// The same, if the database supports several nodes.
    pub async fn node_if_any(&self) -> Option<TestApp> {
        if database::is_sqlite() { None } else { Some(self.node().await) }
    }

    pub fn advance(&self, by: Millis) {
        self.clock.advance(by);
    }

    pub fn get(&self, path: &str) -> Call {
        Call::new(&self.router, Method::GET, path, Body::empty())
    }

    pub fn post(&self, path: &str, body: Value) -> Call {
        let call = Call::new(&self.router, Method::POST, path, Body::from(body.to_string()));
        call.header("content-type", "application/json")
    }

    /// Sends any body with any content type. An empty `kind` sends no content type.
    pub fn send(&self, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Call {
        let call = Call::new(&self.router, method, path, body.into());
        if kind.is_empty() { call } else { call.header("content-type", kind) }
    }

    /// `POST /v1/token`.
    pub fn refresh(&self, token: &str) -> Call {
        let body = format!("grant_type=refresh_token&client_id=doorward&refresh_token={token}");
        self.send(Method::POST, "/v1/token", "application/x-www-form-urlencoded", body)
    }

    /// Signs up.
    pub async fn signup(&self, email: &str, password: &str) {
        self.post("/v1/signup", json!({ "email": email, "password": password })).await.ok();
    }

    /// Signs in and returns the tokens.
    pub async fn login(&self, email: &str, password: &str) -> Value {
        self.post("/v1/login", json!({ "email": email, "password": password })).await.ok()
    }

    /// Creates the account `ada@example.com` and signs in.
    pub async fn somebody(&self) -> Value {
        self.signup("ada@example.com", "correct horse").await;
        self.login("ada@example.com", "correct horse").await
    }

    /// The number of audit records of this event.
    pub async fn audited(&self, event: &str) -> i64 {
        let mut db = self.app.platform.store.read().await.unwrap();
        let count = sqlx::query_scalar("select count(*) from audit where event = $1");
        count.bind(event).fetch_one(&mut *db).await.unwrap()
    }

    /// Runs SQL that changes the database.
    pub async fn sql_do(&self, sql: &'static str) {
        let done: Result<(), doorward_store::StoreError> = self
            .app
            .platform
            .store
            .write(transaction!(|tx| Ok(sqlx::query(sql).execute(tx).await.map(drop)?)))
            .await;
        done.unwrap();
    }

    /// The texts and bytes in a table. Each byte becomes the character with its number.
    pub async fn dump(&self, table: &'static str) -> String {
        use sqlx::{Column, Row};
        let mut db = self.app.platform.store.read().await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("select * from {table}"));
        let rows = sqlx::query(sql).fetch_all(&mut *db).await.unwrap();
        let mut text = String::new();
        for row in &rows {
            for column in row.columns() {
                let name = column.name();
                if let Ok(Some(value)) = row.try_get::<Option<String>, _>(name) {
                    text.push_str(&value);
                } else if let Ok(Some(value)) = row.try_get::<Option<Vec<u8>>, _>(name) {
                    text.extend(value.into_iter().map(char::from));
                }
                text.push('\n');
            }
        }
        assert!(!text.is_empty());
        text
    }

    /// Runs a query and returns the first column of the first row as text.
    pub async fn sql(&self, sql: &'static str) -> String {
        use sqlx::Row;
        let mut db = self.app.platform.store.read().await.unwrap();
        let row = sqlx::query(sql).fetch_one(&mut *db).await.unwrap();
        row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string())).unwrap()
    }
}

/// A request that is not sent yet. Awaiting it sends it.
#[derive(Debug)]
pub struct Call {
    router: Router,
    request: Request<Body>,
}

impl Call {
    fn new(router: &Router, method: Method, path: &str, body: Body) -> Call {
        let request = Request::builder().method(method).uri(path).body(body).unwrap();
        Call { router: router.clone(), request }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Call {
        self.request.headers_mut().append(name, value.parse().unwrap());
        self
    }

    /// Sends the request over a connection from this IP address.
    pub fn from(mut self, address: &str) -> Call {
        let peer = SocketAddr::new(address.parse().unwrap(), 40_000);
        self.request.extensions_mut().insert(ConnectInfo(peer));
        self
    }

    pub fn bearer(self, token: &Value) -> Call {
        self.header("authorization", &format!("Bearer {}", token.as_str().unwrap()))
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        // Every HTTP/1.1 client sends this header.
        let host = || header::HeaderValue::from_static("localhost");
        self.request.headers_mut().entry(header::HOST).or_insert_with(host);
        Box::pin(async move { Answer::of(self.router.oneshot(self.request).await.unwrap()).await })
    }
}

/// The claims of an access token, without a check.
pub fn claims_of(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
    pub text: String,
}

impl Answer {
    pub async fn of(response: axum::response::Response) -> Answer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, json, text }
    }

    /// Expects success and returns the body.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json
    }

    /// Expects a refusal with this status and code (RFC 9457) and returns the body.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["id"].as_str(), Some(self.header("x-request-id")));
        self.json
    }

    /// Expects this error of the token endpoint.
    #[track_caller]
    pub fn oauth_error(self, word: &str) {
        assert_eq!((self.status, self.json["error"].as_str()), (400, Some(word)), "{}", self.text);
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}
