//! Connections that keep asking, and what their answers took.

use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::Load;

type Failure = Box<dyn Error>;

/// What each connection sends.
pub(crate) enum Plan {
    /// The same request again and again.
    Repeat(Request),
    /// A login, and then each refresh with the token of the one before.
    Refresh { login: String },
}

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    path: Uri,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Request {
    pub(crate) fn new(path: &str, headers: &[String], body: Option<String>) -> Result<Request, Failure> {
        let mut pairs = Vec::new();
        for header in headers {
            let (name, value) = header.split_once(':').ok_or("a header is written as name: value")?;
            pairs.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        if body.is_some() {
            pairs.push(("content-type".into(), "application/json".into()));
        }
        Ok(Request { path: path.parse()?, headers: pairs, body })
    }

    fn refresh(token: &str) -> Result<Request, Failure> {
        let body = format!("grant_type=refresh_token&client_id=doorward&refresh_token={token}");
        let form = ("content-type".into(), "application/x-www-form-urlencoded".into());
        Ok(Request { path: "/v1/token".parse()?, headers: vec![form], body: Some(body) })
    }
}

/// What one connection saw after the warm-up.
#[derive(Default)]
struct Seen {
    milliseconds: Vec<f64>,
    failures: u64,
    first_failure: Option<String>,
}

/// Not measured: the sign-ins of all connections, each a password hash.
const WARM_UP: Duration = Duration::from_secs(2);

pub(crate) async fn run(load: &Load, plan: Plan) -> Result<Value, Failure> {
    if !load.address.ip().is_loopback() {
        return Err("only a server on this machine is measured".into());
    }
    let plan = Rc::new(plan);
    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs(load.seconds);
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for number in 0..load.connections {
        let pace = load.rate.map(|rate| {
            let gap = Duration::from_secs_f64(load.connections as f64 / rate);
            (gap.mul_f64(number as f64 / load.connections as f64), gap)
        });
        let task = connection(load.address, Rc::clone(&plan), begin, end, pace);
        tasks.push(local.spawn_local(task));
    }
    let mut all = Seen::default();
    local
        .run_until(async {
            for task in tasks {
                let seen = task.await??;
                all.milliseconds.extend(seen.milliseconds);
                all.failures += seen.failures;
                all.first_failure = all.first_failure.take().or(seen.first_failure);
            }
            Ok::<_, Failure>(())
        })
        .await?;
    all.milliseconds.sort_by(f64::total_cmp);
    let at = |share: f64| all.milliseconds.get((all.milliseconds.len() as f64 * share) as usize).copied();
    Ok(json!({
        "per_second": all.milliseconds.len() as f64 / load.seconds as f64,
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "failures": all.failures,
        "first_failure": all.first_failure,
    }))
}

async fn connection(
    address: SocketAddr,
    plan: Rc<Plan>,
    begin: Instant,
    end: Instant,
    pace: Option<(Duration, Duration)>,
) -> Result<Seen, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(driver);
    let mut seen = Seen::default();
    let mut token = match &*plan {
        Plan::Repeat(_) => None,
        Plan::Refresh { login } => {
            let request = Request::new("/v1/login", &[], Some(login.clone()))?;
            let (status, body) = send(&mut sender, address, &request).await?;
            Some(refresh_token(&body).ok_or_else(|| format!("the login was answered {status}"))?)
        }
    };
    // From now: what is late because of a sign-in before would count as slow.
    let mut pace = pace.map(|(offset, gap)| (Instant::now() + offset, gap));
    while Instant::now() < end {
        let mut due = Instant::now();
        if let Some((next, gap)) = &mut pace {
            sleep_until(*next).await;
            due = *next;
            *next += *gap;
        }
        let (status, body) = match (&*plan, &token) {
            (Plan::Repeat(request), _) => send(&mut sender, address, request).await?,
            (Plan::Refresh { .. }, Some(token)) => {
                send(&mut sender, address, &Request::refresh(token)?).await?
            }
            (Plan::Refresh { .. }, None) => return Ok(seen),
        };
        if token.is_some() {
            token = refresh_token(&body);
        }
        if !status.is_success() {
            seen.failures += 1;
            seen.first_failure.get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(&body)));
        } else if due >= begin && Instant::now() < end {
            seen.milliseconds.push(due.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(seen)
}

async fn send(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    request: &Request,
) -> Result<(StatusCode, Bytes), Failure> {
    let method = if request.body.is_some() { "POST" } else { "GET" };
    let mut builder = hyper::Request::builder()
        .method(method)
        .uri(request.path.clone())
        .header("host", address.to_string());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let answer = sender.send_request(builder.body(request.body.clone().unwrap_or_default().into())?).await?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await?.to_bytes()))
}

fn refresh_token(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    Some(answer.get("refresh_token")?.as_str()?.to_owned())
}
