//! Connections that send requests continuously, and the latencies of their responses.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::Load;
use crate::proof::Key;

type Failure = Box<dyn Error>;

/// The requests of each connection.
pub(crate) enum Plan {
    /// Repeats the same request.
    Repeat(Request),
    /// Logs in once, then refreshes, each time with the token of the previous refresh.
    Refresh { login: Request, bound: bool },
    /// Logs in once, then reads with its token, each time with a proof.
    Read { login: Request, path: String },
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

    /// The same with the number of the request in the place of `{n}` in its body.
    fn numbered(&self, number: u64) -> Cow<'_, Request> {
        match &self.body {
            Some(body) if body.contains("{n}") => {
                let body = Some(body.replace("{n}", &number.to_string()));
                Cow::Owned(Request { body, ..self.clone() })
            }
            _ => Cow::Borrowed(self),
        }
    }

    fn refresh(token: &str) -> Result<Request, Failure> {
        let body = format!("grant_type=refresh_token&client_id=doorward&refresh_token={token}");
        let form = ("content-type".into(), "application/x-www-form-urlencoded".into());
        Ok(Request { path: "/v1/token".parse()?, headers: vec![form], body: Some(body) })
    }
}

/// Results of one connection after the warm-up.
#[derive(Default)]
struct Seen {
    milliseconds: Vec<f64>,
    /// The same by the status of the response.
    by_status: BTreeMap<u16, Vec<f64>>,
    failures: u64,
    first_failure: Option<String>,
}

/// Not measured: the sign-ins of all connections, each a password hash.
const WARM_UP: Duration = Duration::from_secs(2);

pub(crate) async fn run(load: &Load, plan: Plan) -> Result<Value, Failure> {
    if !load.address.ip().is_loopback() {
        return Err("only a server on this machine can be measured".into());
    }
    let (plan, load) = (Rc::new(plan), Rc::new(load.clone()));
    let left = Rc::new(Cell::new(load.requests));
    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs(load.seconds);
    let local = LocalSet::new();
    let mut tasks = Vec::new();
    for number in 0..load.connections {
        let pace = load.rate.map(|rate| {
            let gap = Duration::from_secs_f64(load.connections as f64 / rate);
            (gap.mul_f64(number as f64 / load.connections as f64), gap)
        });
        let load = Rc::clone(&load);
        let task = connection(load, Rc::clone(&plan), Rc::clone(&left), begin, end, pace);
        tasks.push(local.spawn_local(task));
    }
    let mut all = Seen::default();
    local
        .run_until(async {
            for task in tasks {
                let seen = task.await??;
                all.milliseconds.extend(seen.milliseconds);
                for (status, milliseconds) in seen.by_status {
                    all.by_status.entry(status).or_default().extend(milliseconds);
                }
                all.failures += seen.failures;
                all.first_failure = all.first_failure.take().or(seen.first_failure);
            }
            Ok::<_, Failure>(())
        })
        .await?;
    all.milliseconds.sort_by(f64::total_cmp);
    let at = |share: f64| percentile(&all.milliseconds, share);
    let by_status: Map<String, Value> = all
        .by_status
        .iter_mut()
        .map(|(status, times)| {
            times.sort_by(f64::total_cmp);
            let (p50, p99) = (percentile(times, 0.50), percentile(times, 0.99));
            (status.to_string(), json!({ "count": times.len(), "p50_ms": p50, "p99_ms": p99 }))
        })
        .collect();
    Ok(json!({
        "per_second": all.milliseconds.len() as f64 / load.seconds as f64,
        "p50_ms": at(0.50),
        "p99_ms": at(0.99),
        "max_ms": all.milliseconds.last(),
        "by_status": by_status,
        "failures": all.failures,
        "first_failure": all.first_failure,
    }))
}

fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    sorted.get((sorted.len() as f64 * share) as usize).copied()
}

async fn connection(
    load: Rc<Load>,
    plan: Rc<Plan>,
    left: Rc<Cell<u64>>,
    begin: Instant,
    end: Instant,
    pace: Option<(Duration, Duration)>,
) -> Result<Seen, Failure> {
    let address = load.address;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(driver);
    let is_bound = matches!(&*plan, Plan::Refresh { bound: true, .. } | Plan::Read { .. });
    let key = if is_bound { Some(Key::generate()?) } else { None };
    let mut line = Line { sender, address, key, nonce: None };
    let mut seen = Seen::default();
    let mut tokens = match &*plan {
        Plan::Repeat(_) => None,
        Plan::Refresh { login, .. } | Plan::Read { login, .. } => {
            let (status, body) = line.send(login, None).await?;
            Some(tokens(&body).ok_or_else(|| format!("the login was answered {status}"))?)
        }
    };
    // Scheduled from now: a delay by the earlier sign-in would otherwise count as latency.
    let mut pace = pace.map(|(offset, gap)| (Instant::now() + offset, gap));
    while Instant::now() < end && left.get() > 0 {
        left.set(left.get() - 1);
        let number = load.requests - left.get();
        let mut due = Instant::now();
        if let Some((next, gap)) = &mut pace {
            sleep_until(*next).await;
            due = *next;
            *next += *gap;
        }
        let (status, body) = match (&*plan, &tokens) {
            (Plan::Repeat(request), _) => line.send(&request.numbered(number), None).await?,
            (Plan::Refresh { .. }, Some((refresh, _))) => {
                line.send(&Request::refresh(refresh)?, None).await?
            }
            (Plan::Read { path, .. }, Some((_, access))) => {
                line.send(&Request::new(path, &[], None)?, Some(access)).await?
            }
            (Plan::Refresh { .. } | Plan::Read { .. }, None) => return Ok(seen),
        };
        if let Plan::Refresh { .. } = *plan {
            tokens = self::tokens(&body);
        }
        if !status.is_success() && !load.accept.contains(&status.as_u16()) {
            seen.failures += 1;
            seen.first_failure.get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(&body)));
        } else if due >= begin && Instant::now() < end {
            let milliseconds = due.elapsed().as_secs_f64() * 1000.0;
            seen.milliseconds.push(milliseconds);
            seen.by_status.entry(status.as_u16()).or_default().push(milliseconds);
        }
    }
    Ok(seen)
}

/// A connection, and the data for its proofs.
struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    address: SocketAddr,
    key: Option<Key>,
    nonce: Option<String>,
}

impl Line {
    /// Sends a request; repeats it when the server asks for a nonce, which happens every one or two minutes.
    async fn send(&mut self, request: &Request, token: Option<&str>) -> Result<(StatusCode, Bytes), Failure> {
        let (status, body, nonce) = self.once(request, token).await?;
        let is_refused = status.is_client_error()
            && String::from_utf8_lossy(&body).to_lowercase().contains("use_dpop_nonce");
        self.nonce = nonce.or(self.nonce.take());
        if !is_refused || self.key.is_none() {
            return Ok((status, body));
        }
        let (status, body, _) = self.once(request, token).await?;
        Ok((status, body))
    }

    async fn once(
        &mut self,
        request: &Request,
        token: Option<&str>,
    ) -> Result<(StatusCode, Bytes, Option<String>), Failure> {
        let method = if request.body.is_some() { "POST" } else { "GET" };
        let mut builder = hyper::Request::builder()
            .method(method)
            .uri(request.path.clone())
            .header("host", self.address.to_string());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(key) = &self.key {
            let url = format!("http://localhost:{}{}", self.address.port(), request.path.path());
            builder = builder.header("dpop", key.proof(method, &url, token, self.nonce.as_deref())?);
        }
        if let Some(token) = token {
            builder = builder.header("authorization", format!("DPoP {token}"));
        }
        let body = request.body.clone().unwrap_or_default();
        let answer = self.sender.send_request(builder.body(body.into())?).await?;
        let status = answer.status();
        let nonce =
            answer.headers().get("dpop-nonce").and_then(|nonce| nonce.to_str().ok()).map(str::to_owned);
        Ok((status, answer.into_body().collect().await?.to_bytes(), nonce))
    }
}

/// The refresh token and the access token of a response.
fn tokens(body: &[u8]) -> Option<(String, String)> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| Some(answer.get(name)?.as_str()?.to_owned());
    Some((text("refresh_token")?, text("access_token")?))
}
