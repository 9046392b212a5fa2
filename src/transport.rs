//! Requests to the server: their headers and bodies, their repetition (D-16), and their answers.
//!
//! An [`Exchange`] decides and never waits: it names the next step, and takes its outcome. The browser runs
//! the steps, behind [`Transport`], so that plain tests can check these rules.

use std::{cell::RefCell, mem};

use crate::{
    document::{Document, whole},
    error::{Error, code, error},
};

/// The time in milliseconds for which a nonce is certainly valid.
const NONCE_LIFE: f64 = 60_000.0;
/// The pause in milliseconds before a request is repeated. Also the time until this tab knows of a sign-out
/// in another tab.
pub(crate) const PAUSE: f64 = 250.0;
/// A solution may be too old when it arrives, so the work is done at most twice.
const MOST_WORKS: u32 = 2;
/// The maximum number of puzzles of a challenge.
const MOST_PUZZLES: u32 = 64;
/// The number of characters at the end of a challenge's id that are the seed of its puzzles.
const SEED: usize = 24;

/// The kind of a call: its HTTP method, and whether it may be repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Get,
    Put,
    Patch,
    Delete,
    /// Never repeated.
    Post,
    /// Carries an `Idempotency-Key`, so that it may be repeated.
    PostOnce,
    /// `POST /v1/token`: form-encoded, may be repeated.
    Token,
    /// Ends a session: may be repeated, and may outlive the page.
    Farewell,
    /// Sends nothing. The answer contains the headers with the credentials for a request to another server; the body of the call has the
    /// `method` and `url` of that request.
    Headers,
}

impl Kind {
    fn method(self) -> &'static str {
        match self {
            Kind::Get | Kind::Headers => "GET",
            Kind::Put => "PUT",
            Kind::Patch => "PATCH",
            Kind::Delete => "DELETE",
            Kind::Post | Kind::PostOnce | Kind::Token | Kind::Farewell => "POST",
        }
    }

    fn may_be_repeated(self) -> bool {
        matches!(self, Kind::Get | Kind::PostOnce | Kind::Token | Kind::Farewell)
    }
}

/// A call to the server.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    /// Sent with all kinds except `Get` and `Delete`.
    pub(crate) body: Document,
    /// The solution of a captcha, in the format of its header.
    pub(crate) captcha: Option<String>,
    /// The known-device tokens of this browser, in the format of their header.
    pub(crate) devices: String,
}

impl Call {
    pub(crate) fn new(kind: Kind, path: &str, body: Document) -> Call {
        Call { kind, path: path.into(), body, captcha: None, devices: String::new() }
    }
}

/// The credentials of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Holder {
    /// The access token.
    pub(crate) token: Option<String>,
    /// The id of the key that the token is, or will be, bound to. Empty without a key.
    pub(crate) key: String,
    /// The estimated time of the server, in seconds since 1970.
    pub(crate) time: f64,
}

/// One HTTP request.
#[derive(Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: String,
    /// The values of the headers, by name.
    pub(crate) headers: Document,
    pub(crate) body: Option<&'a Document>,
    /// True if the body is form-encoded, and not JSON.
    pub(crate) is_form: bool,
    /// True if the request may outlive the page.
    pub(crate) keepalive: bool,
}

/// The answer to a call.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The HTTP status. 0 if the page's own `fetch` returned no response.
    pub(crate) status: u16,
    /// Empty if the body is not a JSON object.
    pub(crate) body: Document,
    /// True if the body is a JSON object.
    pub(crate) is_object: bool,
    /// The seconds to wait, from the header `Retry-After`.
    pub(crate) retry_after: Option<f64>,
}

/// An answer with the headers that matter to the exchange.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) answer: Answer,
    /// The header `DPoP-Nonce`.
    pub(crate) nonce: Option<String>,
    /// The header `Retry-After`.
    pub(crate) retry_after: Option<String>,
}

/// A proof-of-work captcha, as `protocol/src/captcha.rs` describes it.
#[derive(Debug, PartialEq)]
pub(crate) struct ProofOfWork {
    pub(crate) id: String,
    pub(crate) seed: String,
    pub(crate) puzzles: u32,
    pub(crate) difficulty: u32,
}

impl ProofOfWork {
    /// The work that an answer requires. `None` for an invalid challenge.
    fn of(answer: &Answer) -> Option<ProofOfWork> {
        let asked = answer.body.object("captcha").filter(|_| answer.status == 403)?;
        let id = asked.text("id").filter(|_| asked.text("kind") == Some("proof_of_work"))?;
        let is_sound = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let is_asked = is_sound && answer.body.text("code") == Some(code!(CaptchaRequired));
        let seed = id.len().checked_sub(SEED).and_then(|at| id.get(at..)).filter(|_| is_asked)?;
        let positive = |name: &str| u32::try_from(whole(asked.number(name)?)?).ok().filter(|n| *n > 0);
        let puzzles = positive("puzzles").filter(|puzzles| *puzzles <= MOST_PUZZLES)?;
        Some(ProofOfWork { id: id.into(), seed: seed.into(), puzzles, difficulty: positive("difficulty")? })
    }
}

/// The next step of an exchange.
#[derive(Debug)]
pub(crate) enum Step {
    /// Request a nonce from the server. Concurrent exchanges share the request.
    AskForNonce,
    /// Create a proof for the request with this nonce (RFC 9449 §4.2), signed with the holder's key.
    Prove(Option<String>),
    /// Send the request.
    Send,
    /// Solve the puzzles. The solution consists of numbers, separated by dots.
    Solve(ProofOfWork),
    /// Wait a short time. Then the exchange fails with the error, or begins again.
    Pause(Option<Error>),
    /// The exchange has ended.
    Done,
}

/// The outcome of a step.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// No answer arrived, or the browser failed. The call fails with this error, unless it is repeated.
    Failed(Error),
    /// The nonce, the proof, or the solution. `None` for a proof if the key is gone.
    Text(Option<String>),
    Response(Response),
}

/// The interface of an exchange to the browser. Each call has its own, which knows the limits of the call.
pub(crate) trait Transport {
    /// Runs the next step of an exchange. Fails with `TIMEOUT` or `ABORTED` if it takes too long.
    async fn perform(&self, exchange: &Exchange<'_>) -> Result<Outcome, Error>;
    /// Milliseconds on a clock that never goes back.
    fn now(&self) -> f64;
    /// The seconds from now until a date in the format of HTTP. `None` if it is not a date.
    fn seconds_until(&self, date: &str) -> Option<f64>;
    /// A random UUID.
    fn uuid(&self) -> String;
}

/// The nonces from servers, by origin, and when they arrived (RFC 9449 §8).
#[derive(Default)]
pub(crate) struct Nonces(RefCell<Document>);

impl Nonces {
    /// Stores a nonce. Returns true if there was one.
    #[inline(never)]
    pub(crate) fn learn(&self, url: &str, nonce: Option<String>, now: f64) -> bool {
        let Some(text) = nonce.filter(|nonce| !nonce.is_empty()) else { return false };
        let mut known = self.0.borrow_mut();
        known.take(origin(url));
        known.push(origin(url).into(), Document::of("nonce", text).with("at", now).into());
        true
    }

    fn get(&self, url: &str) -> Option<(String, f64)> {
        let known = self.0.borrow();
        let known = known.object(origin(url))?;
        Some((known.text("nonce")?.into(), known.number("at")?))
    }
}

/// The scheme, host and port of a normalised URL: the part before the third slash.
pub(crate) fn origin(url: &str) -> &str {
    let end = url.bytes().enumerate().filter(|(_, byte)| *byte == b'/').nth(2);
    end.and_then(|(at, _)| url.get(..at)).unwrap_or(url)
}

/// The server of one client.
#[derive(Clone, Copy)]
pub(crate) struct Server<'a> {
    /// The URL of the server, without a slash at its end.
    pub(crate) base: &'a str,
    /// The language of the server's messages.
    pub(crate) locale: Option<&'a str>,
    pub(crate) nonces: &'a Nonces,
}

/// A request in progress. It has its credentials, and is repeated once without an answer if its kind allows
/// that, once with the nonce of the answer, and with the solution of a proof-of-work captcha.
pub(crate) struct Exchange<'a> {
    server: Server<'a>,
    pub(crate) holder: &'a Holder,
    pub(crate) request: Request<'a>,
    pub(crate) step: Step,
    /// Empty until the answer arrives.
    pub(crate) answer: Answer,
    /// True if no request is sent.
    is_for_headers: bool,
    may_repeat: bool,
    may_take_nonce: bool,
    works: u32,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        server: Server<'a>,
        transport: &impl Transport,
        call: &'a Call,
        holder: &'a Holder,
    ) -> Exchange<'a> {
        let mut request = if call.kind == Kind::Headers {
            let text = |name: &str| call.body.text(name).unwrap_or_default();
            Request { method: text("method"), url: text("url").into(), ..Request::default() }
        } else {
            request(server, transport, call)
        };
        if let Some(token) = &holder.token {
            let scheme = if holder.key.is_empty() { "Bearer " } else { "DPoP " };
            request.headers.put("Authorization", [scheme, token].concat().into());
        }
        let mut exchange = Exchange {
            server,
            holder,
            request,
            step: Step::Done,
            answer: Answer::default(),
            is_for_headers: call.kind == Kind::Headers,
            may_repeat: call.kind.may_be_repeated(),
            may_take_nonce: true,
            works: 0,
        };
        exchange.step = exchange.first_step(transport.now());
        exchange
    }

    /// Runs the exchange. Fails with `TOKEN_BOUND` if the key is gone, and with `NETWORK` without an answer.
    pub(crate) async fn run(&mut self, transport: &impl Transport) -> Result<(), Error> {
        while !matches!(self.step, Step::Done) {
            let outcome = transport.perform(self).await;
            self.step = self.next_step(outcome, transport)?;
        }
        if self.is_for_headers {
            let body = mem::take(&mut self.request.headers);
            self.answer = Answer { status: 200, body, is_object: true, retry_after: None };
        }
        Ok(())
    }

    /// The first step of each try. Each try has a proof of its own.
    fn first_step(&self, now: f64) -> Step {
        if self.holder.key.is_empty() {
            return self.last_step();
        }
        // Requests the first nonce from the doorward server: a request without a nonce would be rejected with
        // one, which takes as long and shows as an error in the browser's console. On another server that
        // path may have another meaning.
        let is_ours =
            self.request.url.strip_prefix(self.server.base).is_some_and(|path| path.starts_with("/v1/"));
        match self.server.nonces.get(&self.request.url) {
            Some((nonce, at)) if !is_ours || now - at <= NONCE_LIFE => Step::Prove(Some(nonce)),
            _ if is_ours => Step::AskForNonce,
            _ => Step::Prove(None),
        }
    }

    fn last_step(&self) -> Step {
        if self.is_for_headers { Step::Done } else { Step::Send }
    }

    #[inline(never)]
    fn next_step(
        &mut self,
        outcome: Result<Outcome, Error>,
        transport: &impl Transport,
    ) -> Result<Step, Error> {
        let now = transport.now();
        let url = &self.request.url;
        Ok(match (&self.step, outcome) {
            // Without a nonce the server may reject the proof, but then it returns a nonce.
            (Step::AskForNonce, outcome) => {
                if let Ok(Outcome::Text(nonce)) = outcome {
                    self.server.nonces.learn(url, nonce, now);
                }
                Step::Prove(self.server.nonces.get(url).map(|(nonce, _)| nonce))
            }
            (_, Err(error)) => return Err(error),
            (Step::Pause(Some(error)), _) => return Err(error.clone()),
            (Step::Pause(None), _) => self.first_step(now),
            (Step::Prove(_), Ok(Outcome::Text(Some(proof)))) => {
                self.request.headers.put("DPoP", proof.into());
                self.last_step()
            }
            // After a sign-out in another tab the session is removed before its key, but the event may not
            // have arrived yet.
            (Step::Prove(_), Ok(Outcome::Text(None))) => Step::Pause(Some(error!(TokenBound))),
            (Step::Solve(work), Ok(Outcome::Text(Some(numbers)))) => {
                self.request.headers.put("Captcha-Response", [&*work.id, ":", &numbers].concat().into());
                self.first_step(now)
            }
            (Step::Send, Ok(Outcome::Response(response))) => self.receive(response, transport),
            (Step::Send, Ok(Outcome::Failed(_))) if mem::take(&mut self.may_repeat) => Step::Pause(None),
            (_, Ok(Outcome::Failed(error))) => return Err(error),
            (Step::Send | Step::Prove(_) | Step::Solve(_) | Step::Done, _) => return Err(error!(Internal)),
        })
    }

    fn receive(&mut self, response: Response, transport: &impl Transport) -> Step {
        let Response { answer, nonce, retry_after } = response;
        let now = transport.now();
        let has_nonce = self.server.nonces.learn(&self.request.url, nonce, now);
        if has_nonce && wants_nonce(&answer) && mem::take(&mut self.may_take_nonce) {
            return self.first_step(now);
        }
        if self.works < MOST_WORKS
            && let Some(work) = ProofOfWork::of(&answer)
        {
            self.works = self.works.saturating_add(1);
            return Step::Solve(work);
        }
        self.answer = answer;
        self.answer.retry_after = retry_after.and_then(|text| seconds(transport, text.trim()));
        Step::Done
    }
}

/// The request of a call, without its credentials.
fn request<'a>(server: Server<'_>, transport: &impl Transport, call: &'a Call) -> Request<'a> {
    let mut headers = Document::of("Accept", "application/json");
    let body = (!matches!(call.kind, Kind::Get | Kind::Delete)).then_some(&call.body);
    let mut add = |name, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            headers.put(name, value.into());
        }
    };
    add("Accept-Language", server.locale);
    add("Captcha-Response", call.captcha.as_deref());
    add("Known-Device", Some(&call.devices));
    let is_form = call.kind == Kind::Token;
    let kind = if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
    add("Content-Type", body.map(|_| kind));
    if call.kind == Kind::PostOnce {
        headers.put("Idempotency-Key", transport.uuid().into());
    }
    Request {
        method: call.kind.method(),
        url: [server.base, &*call.path].concat(),
        headers,
        body,
        is_form,
        keepalive: call.kind == Kind::Farewell,
    }
}

/// True if the server rejects the proof because it needs a nonce (RFC 9449 §8 and §9).
fn wants_nonce(answer: &Answer) -> bool {
    let says = |name| answer.body.text(name).is_some_and(|said| said.eq_ignore_ascii_case("use_dpop_nonce"));
    says("error") || says("code")
}

/// The seconds in a header `Retry-After`: a number or a date (RFC 9110 §10.2.3).
fn seconds(transport: &impl Transport, text: &str) -> Option<f64> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u32>().ok().map(f64::from);
    }
    transport.seconds_until(text).map(|seconds| seconds.ceil().max(0.0))
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::{
        cell::Cell,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    const BASE: &str = "https://auth.example.com";
    const ID: &str = "challenge-ABCDEFGHIJKLMNOPQRSTUVWX";

    /// A browser with step outcomes that a test supplies. Records the steps.
    struct Browser<'a> {
        ends: &'a dyn Fn(&Exchange<'_>, usize) -> Result<Outcome, Error>,
        /// The steps as text.
        steps: RefCell<Vec<String>>,
        sent: Cell<usize>,
        now: f64,
    }

    impl Transport for Browser<'_> {
        async fn perform(&self, exchange: &Exchange<'_>) -> Result<Outcome, Error> {
            let Exchange { request, step, .. } = exchange;
            if matches!(step, Step::Send) {
                self.sent.set(self.sent.get() + 1);
            }
            assert!(self.steps.borrow().len() < 20, "it never ends");
            self.steps.borrow_mut().push(match step {
                Step::AskForNonce => "ask".into(),
                Step::Prove(nonce) => format!("prove {}", nonce.as_deref().unwrap_or("nothing")),
                Step::Send => format!("{} {}", request.method, request.url.trim_start_matches(BASE)),
                Step::Solve(work) => format!("solve {} {}x{}", work.seed, work.puzzles, work.difficulty),
                Step::Pause(_) => "pause".into(),
                Step::Done => "done".into(),
            });
            (self.ends)(exchange, self.sent.get())
        }
        fn now(&self) -> f64 {
            self.now
        }
        fn seconds_until(&self, date: &str) -> Option<f64> {
            (date == "Tue, 01 Dec 2026 00:00:00 GMT").then_some(19.5)
        }
        fn uuid(&self) -> String {
            format!("uuid {}", self.steps.borrow().len())
        }
    }

    fn browser<'a>(ends: &'a dyn Fn(&Exchange<'_>, usize) -> Result<Outcome, Error>) -> Browser<'a> {
        Browser { ends, steps: RefCell::default(), sent: Cell::default(), now: 1_000_000.0 }
    }

    impl Browser<'_> {
        fn told(&self) -> String {
            self.steps.take().join(", ")
        }

        /// Runs an exchange, which never waits here.
        fn run(&self, exchange: &mut Exchange<'_>) -> Result<(), Error> {
            match pin!(exchange.run(self)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => panic!("nothing here takes time"),
            }
        }

        fn send(&self, nonces: &Nonces, call: &Call, holder: &Holder) -> Result<Answer, Error> {
            let mut exchange = Exchange::new(server(nonces), self, call, holder);
            self.run(&mut exchange).map(|()| exchange.answer)
        }

        fn headers(&self, nonces: &Nonces, url: &str, holder: &Holder) -> Result<Document, Error> {
            let body = Document::of("method", "GET").with("url", url);
            let call = Call::new(Kind::Headers, "", body);
            let mut exchange = Exchange::new(server(nonces), self, &call, holder);
            self.run(&mut exchange).map(|()| exchange.answer.body)
        }
    }

    fn server(nonces: &Nonces) -> Server<'_> {
        Server { base: BASE, locale: Some("de"), nonces }
    }

    fn call(kind: Kind) -> Call {
        Call::new(kind, "/v1/x", Document::default())
    }

    fn bound() -> Holder {
        Holder { token: Some("token".into()), key: "key".into(), time: 7.0 }
    }

    fn answer(status: u16, body: Document) -> Response {
        Response {
            answer: Answer { status, body, is_object: true, retry_after: None },
            ..Response::default()
        }
    }

    fn fine() -> Result<Outcome, Error> {
        Ok(Outcome::Response(answer(200, Document::default())))
    }

    fn text(text: &str) -> Result<Outcome, Error> {
        Ok(Outcome::Text(Some(text.into())))
    }

    fn refused_for_its_nonce(nonce: &str) -> Result<Outcome, Error> {
        let refusal = answer(401, Document::of("code", "USE_DPOP_NONCE"));
        Ok(Outcome::Response(Response { nonce: Some(nonce.into()), ..refusal }))
    }

    /// An answer that requires a proof of work.
    fn challenge(id: &str, kind: &str, puzzles: f64, difficulty: f64) -> Document {
        let captcha =
            Document::of("kind", kind).with("id", id).with("puzzles", puzzles).with("difficulty", difficulty);
        Document::of("code", "CAPTCHA_REQUIRED").with("captcha", captcha)
    }

    fn code(outcome: Result<Answer, Error>) -> String {
        outcome.unwrap_err().code.clone().into_owned()
    }

    #[test]
    fn a_call_without_an_answer_is_repeated_once_if_its_kind_allows_that() {
        let dead = browser(&|_, _| Ok(Outcome::Failed(error!(Network))));
        for (kind, method) in
            [(Kind::Get, "GET"), (Kind::PostOnce, "POST"), (Kind::Token, "POST"), (Kind::Farewell, "POST")]
        {
            assert_eq!(code(dead.send(&Nonces::default(), &call(kind), &Holder::default())), "NETWORK");
            assert_eq!(dead.told(), format!("{method} /v1/x, pause, {method} /v1/x"), "{kind:?}");
        }
        for (kind, method) in
            [(Kind::Post, "POST"), (Kind::Put, "PUT"), (Kind::Patch, "PATCH"), (Kind::Delete, "DELETE")]
        {
            assert_eq!(code(dead.send(&Nonces::default(), &call(kind), &Holder::default())), "NETWORK");
            assert_eq!(dead.told(), format!("{method} /v1/x"), "{kind:?}");
        }
    }

    #[test]
    fn an_answer_that_refuses_is_not_repeated() {
        let busy = browser(&|_, _| Ok(Outcome::Response(answer(503, Document::default()))));
        assert_eq!(busy.send(&Nonces::default(), &call(Kind::Get), &Holder::default()).unwrap().status, 503);
        assert_eq!(busy.told(), "GET /v1/x");
    }

    #[test]
    fn a_call_that_took_too_long_or_was_ended_is_not_repeated() {
        for error in [error!(Timeout), error!(Aborted)] {
            let ends = |_: &Exchange<'_>, _| Err(error.clone());
            let slow = browser(&ends);
            assert_eq!(code(slow.send(&Nonces::default(), &call(Kind::Get), &Holder::default())), error.code);
            assert_eq!(slow.told(), "GET /v1/x");
        }
    }

    #[test]
    fn a_repeated_call_has_the_same_idempotency_key_and_a_new_proof() {
        let seen = RefCell::new(Vec::new());
        let ends = |exchange: &Exchange<'_>, sent| match &exchange.step {
            Step::Send => {
                let header = |name| exchange.request.headers.text(name).unwrap().to_owned();
                seen.borrow_mut()
                    .push([header("Idempotency-Key"), header("DPoP"), header("Authorization")].join(" "));
                if sent == 1 { Ok(Outcome::Failed(error!(Network))) } else { fine() }
            }
            Step::Prove(_) => text(&format!("proof {sent}")),
            _ => text("n"),
        };
        let flaky = browser(&ends);
        flaky.send(&Nonces::default(), &call(Kind::PostOnce), &bound()).unwrap();
        assert_eq!(flaky.told(), "ask, prove n, POST /v1/x, pause, prove n, POST /v1/x");
        assert_eq!(seen.take(), ["uuid 0 proof 0 DPoP token", "uuid 0 proof 1 DPoP token"]);
    }

    #[test]
    fn only_a_call_of_kind_post_once_has_an_idempotency_key() {
        let kinds =
            [Kind::Get, Kind::Put, Kind::Patch, Kind::Delete, Kind::Post, Kind::Token, Kind::Farewell];
        for kind in kinds {
            let ends = |exchange: &Exchange<'_>, _| {
                assert_eq!(exchange.request.headers.get("Idempotency-Key"), None, "{kind:?}");
                fine()
            };
            browser(&ends).send(&Nonces::default(), &call(kind), &Holder::default()).unwrap();
        }
    }

    #[test]
    fn a_request_carries_the_headers_and_body_of_its_call() {
        let mut full = call(Kind::Token);
        full.captcha = Some("id:code".into());
        full.devices = "d1,d2".into();
        let holder = Holder { token: Some("token".into()), ..Holder::default() };
        let ends = |exchange: &Exchange<'_>, _| {
            let expected = Document::of("Accept", "application/json")
                .with("Accept-Language", "de")
                .with("Captcha-Response", "id:code")
                .with("Known-Device", "d1,d2")
                .with("Content-Type", "application/x-www-form-urlencoded")
                .with("Authorization", "Bearer token");
            assert_eq!(exchange.request.headers, expected);
            assert_eq!(
                (exchange.request.body, exchange.request.keepalive),
                (Some(&Document::default()), false)
            );
            fine()
        };
        browser(&ends).send(&Nonces::default(), &full, &holder).unwrap();

        let ends = |exchange: &Exchange<'_>, _| {
            let expected = Document::of("Accept", "application/json").with("Accept-Language", "de");
            assert_eq!(exchange.request.headers, expected);
            assert_eq!(exchange.request.body, None);
            fine()
        };
        browser(&ends).send(&Nonces::default(), &call(Kind::Get), &Holder::default()).unwrap();

        let ends = |exchange: &Exchange<'_>, _| {
            assert_eq!(exchange.request.headers.text("Content-Type"), Some("application/json"));
            assert!(exchange.request.keepalive, "it may outlive the page");
            fine()
        };
        browser(&ends).send(&Nonces::default(), &call(Kind::Farewell), &Holder::default()).unwrap();
    }

    #[test]
    fn a_nonce_is_taken_from_the_answer_once() {
        let strict = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::Send => refused_for_its_nonce("another"),
            Step::AskForNonce => Ok(Outcome::Text(None)),
            _ => text("proof"),
        };
        let strict = browser(&strict);
        let nonces = Nonces::default();
        let answer = strict.send(&nonces, &call(Kind::Post), &bound()).unwrap();
        assert_eq!(answer.status, 401, "a server that always wants another one gets no third request");
        assert_eq!(strict.told(), "ask, prove nothing, POST /v1/x, prove another, POST /v1/x");
        strict.send(&nonces, &call(Kind::Post), &bound()).unwrap();
        assert_eq!(strict.told(), "prove another, POST /v1/x, prove another, POST /v1/x", "it is remembered");
    }

    #[test]
    fn a_nonce_error_without_a_nonce_is_returned_to_the_caller() {
        let odd = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::Send => Ok(Outcome::Response(answer(400, Document::of("error", "use_dpop_nonce")))),
            _ => text("x"),
        };
        let odd = browser(&odd);
        assert_eq!(odd.send(&Nonces::default(), &call(Kind::Token), &bound()).unwrap().status, 400);
        assert_eq!(odd.told(), "ask, prove x, POST /v1/x");
    }

    #[test]
    fn a_nonce_is_asked_for_again_after_a_minute() {
        let ends = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::Send => fine(),
            Step::AskForNonce => text("new"),
            _ => text("proof"),
        };
        for (age, steps) in [
            (0.0, "prove old, GET /v1/x"),
            (60_000.0, "prove old, GET /v1/x"),
            (60_001.0, "ask, prove new, GET /v1/x"),
        ] {
            let browser = browser(&ends);
            let nonces = Nonces::default();
            nonces.learn(BASE, Some("old".into()), browser.now - age);
            browser.send(&nonces, &call(Kind::Get), &bound()).unwrap();
            assert_eq!(browser.told(), steps, "{age}");
        }
    }

    #[test]
    fn without_a_new_nonce_the_old_one_is_used() {
        for failure in [error!(Timeout), error!(Aborted)] {
            let ends = |exchange: &Exchange<'_>, _| match &exchange.step {
                Step::Send => fine(),
                Step::AskForNonce => Err(failure.clone()),
                _ => text("proof"),
            };
            let browser = browser(&ends);
            let nonces = Nonces::default();
            nonces.learn(BASE, Some("old".into()), 0.0);
            browser.send(&nonces, &call(Kind::Get), &bound()).unwrap();
            assert_eq!(browser.told(), "ask, prove old, GET /v1/x");
        }
    }

    #[test]
    fn each_answer_brings_the_next_nonce() {
        let ends = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::Send => {
                let fine = answer(200, Document::default());
                Ok(Outcome::Response(Response { nonce: Some("next".into()), ..fine }))
            }
            _ => text("first"),
        };
        let browser = browser(&ends);
        let nonces = Nonces::default();
        browser.send(&nonces, &call(Kind::Get), &bound()).unwrap();
        browser.send(&nonces, &call(Kind::Get), &bound()).unwrap();
        assert_eq!(browser.told(), "ask, prove first, GET /v1/x, prove next, GET /v1/x");
    }

    #[test]
    fn no_nonce_is_requested_from_an_api_of_another_origin() {
        let ends = |_: &Exchange<'_>, _| text("proof");
        let browser = browser(&ends);
        let nonces = Nonces::default();
        let api = "https://api.example.com/v1/things";
        let headers = browser.headers(&nonces, api, &bound()).unwrap();
        assert_eq!(headers, Document::of("Authorization", "DPoP token").with("DPoP", "proof"));
        assert_eq!(browser.told(), "prove nothing");
        // A nonce is valid for its origin only, regardless of its age.
        nonces.learn(api, Some("api".into()), 0.0);
        browser.headers(&nonces, "https://api.example.com/other", &bound()).unwrap();
        browser.headers(&nonces, "https://api.example.com:8443/other", &bound()).unwrap();
        browser.headers(&nonces, "https://auth.example.com.evil.example/v1/x", &bound()).unwrap();
        assert_eq!(browser.told(), "prove api, prove nothing, prove nothing");
        browser.headers(&nonces, "https://auth.example.com/v1/x", &bound()).unwrap();
        assert_eq!(browser.told(), "ask, prove proof");
    }

    #[test]
    fn headers_without_a_key_need_no_browser_step() {
        let browser = browser(&|_, _| fine());
        let bearer = Holder { token: Some("token".into()), ..Holder::default() };
        let headers = browser.headers(&Nonces::default(), BASE, &bearer).unwrap();
        assert_eq!(headers, Document::of("Authorization", "Bearer token"));
        assert_eq!(browser.told(), "");
    }

    #[test]
    fn the_time_to_wait_is_a_number_or_a_date() {
        for (header, seconds) in [
            (Some("17"), Some(17.0)),
            (Some(" 0 "), Some(0.0)),
            (Some("Tue, 01 Dec 2026 00:00:00 GMT"), Some(20.0)),
            (Some("soon"), None),
            (Some("-5"), None),
            (Some("1.5"), None),
            (Some("99999999999"), None),
            (Some(""), None),
            (None, None),
        ] {
            let ends = |_: &Exchange<'_>, _| {
                let busy = answer(503, Document::default());
                Ok(Outcome::Response(Response { retry_after: header.map(str::to_owned), ..busy }))
            };
            let answer =
                browser(&ends).send(&Nonces::default(), &call(Kind::Get), &Holder::default()).unwrap();
            assert_eq!(answer.retry_after, seconds, "{header:?}");
        }
    }

    #[test]
    fn a_proof_of_work_is_solved_twice_at_most() {
        for most in [1, 2, 3] {
            let solutions = RefCell::new(Vec::new());
            let ends = |exchange: &Exchange<'_>, sent| match &exchange.step {
                Step::Solve(_) => text("1.2.3"),
                _ => {
                    solutions
                        .borrow_mut()
                        .push(exchange.request.headers.text("Captcha-Response").map(str::to_owned));
                    if sent > most {
                        fine()
                    } else {
                        Ok(Outcome::Response(answer(403, challenge(ID, "proof_of_work", 3.0, 500.0))))
                    }
                }
            };
            let browser = browser(&ends);
            let status =
                browser.send(&Nonces::default(), &call(Kind::Post), &Holder::default()).unwrap().status;
            let work = "solve ABCDEFGHIJKLMNOPQRSTUVWX 3x500, POST /v1/x";
            let steps = ["POST /v1/x", work, work];
            let solved = most.min(2);
            assert_eq!(browser.told(), steps[..=solved].join(", "));
            assert_eq!(status, if most > 2 { 403 } else { 200 });
            assert_eq!(solutions.take().pop().flatten(), Some(format!("{ID}:1.2.3")));
        }
    }

    #[test]
    fn failed_proof_of_work_is_an_error() {
        let ends = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::Solve(_) => Ok(Outcome::Failed(error!(Internal))),
            _ => Ok(Outcome::Response(answer(403, challenge(ID, "proof_of_work", 3.0, 500.0)))),
        };
        assert_eq!(
            code(browser(&ends).send(&Nonces::default(), &call(Kind::Post), &Holder::default())),
            "INTERNAL"
        );
    }

    #[test]
    fn an_invalid_challenge_is_returned_to_the_caller() {
        let means = |status, body: Document| {
            let ends = |exchange: &Exchange<'_>, sent| match &exchange.step {
                Step::Solve(_) => text("1"),
                _ if sent == 1 => Ok(Outcome::Response(answer(status, body.clone()))),
                _ => fine(),
            };
            browser(&ends).send(&Nonces::default(), &call(Kind::Post), &Holder::default()).unwrap().status
                != status
        };
        let work = "proof_of_work";
        assert!(means(403, challenge(ID, work, 1.0, 1.0)));
        assert!(means(403, challenge(ID, work, 64.0, 2_147_483_648.0)));
        assert!(!means(401, challenge(ID, work, 1.0, 1.0)));
        assert!(!means(403, challenge(ID, work, 1.0, 1.0).with("code", "USER_IS_DISABLED")));
        assert!(!means(403, challenge(ID, "picture", 1.0, 1.0)));
        for id in ["", "ABCDEFGHIJKLMNOPQRSTUVW", "ABCDEFGHIJKLMNOPQRSTUVW:X", "é-ABCDEFGHIJKLMNOPQRSTUVWX"]
        {
            assert!(!means(403, challenge(id, work, 1.0, 1.0)), "{id}");
        }
        for number in [0.0, -1.0, 1.5, f64::NAN, 4_294_967_296.0] {
            assert!(!means(403, challenge(ID, work, number, 1.0)), "{number} puzzles");
            assert!(!means(403, challenge(ID, work, 1.0, number)), "difficulty {number}");
        }
        assert!(!means(403, challenge(ID, work, 65.0, 1.0)));
        assert!(!means(403, Document::of("code", "CAPTCHA_REQUIRED").with("captcha", "text")));
    }

    #[test]
    fn a_missing_key_is_reported_after_a_pause_without_a_request() {
        let ends = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::AskForNonce => text("n"),
            _ => Ok(Outcome::Text(None)),
        };
        let browser = browser(&ends);
        assert_eq!(code(browser.send(&Nonces::default(), &call(Kind::Get), &bound())), "TOKEN_BOUND");
        assert_eq!(browser.told(), "ask, prove n, pause");
    }

    #[test]
    fn a_signing_failure_is_reported_at_once() {
        let ends = |exchange: &Exchange<'_>, _| match &exchange.step {
            Step::AskForNonce => text("n"),
            _ => Ok(Outcome::Failed(error!(Internal))),
        };
        let browser = browser(&ends);
        assert_eq!(code(browser.send(&Nonces::default(), &call(Kind::Get), &bound())), "INTERNAL");
        assert_eq!(browser.told(), "ask, prove n");
    }

    #[test]
    fn an_origin_ends_before_the_path() {
        for (url, expected) in [
            ("https://a.example/x/y", "https://a.example"),
            ("http://a.example:8080/?next=/x", "http://a.example:8080"),
            ("https://a.example", "https://a.example"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
