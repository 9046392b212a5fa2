//! The browser's `fetch`, as the transport of calls.
//!
//! Requests are built with gloo-net, but it neither sends them nor reads the answers: it panics if `fetch`
//! rejects with a value that is not an `Error`, or resolves with one that is not a `Response`. A page can
//! cause that with its own `fetch`.

use std::cell::RefCell;

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::AbortSignal;

use super::{
    clock, json,
    keys::KeyStore,
    limits::{Limits, Try},
    object, page, random, wait,
};
use crate::{
    document::{Document, Value},
    error::{Error, error},
    transport::{Exchange, Outcome, PAUSE, Request, Response, Step, Transport},
};

#[wasm_bindgen]
extern "C" {
    // web-sys declares it as a method of windows and workers, and without `catch`. The page may have replaced
    // it.
    #[wasm_bindgen(js_name = fetch, catch)]
    fn global_fetch(request: &web_sys::Request) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen(module = "/js/work.js")]
extern "C" {
    fn solve(seed: &str, puzzles: u32, difficulty: u32, signal: &AbortSignal) -> Promise;
}

/// The timeout for the first nonce, in milliseconds.
const NONCE_PATIENCE: f64 = 5_000.0;

/// The parts of the browser that all calls of a client share.
pub(crate) struct Fetch {
    /// The client's option `fetch`.
    own: Option<&'static Function>,
    /// The URL of the server, without a slash at its end.
    base: &'static str,
    /// The pending request for a nonce.
    asking: RefCell<Option<Promise>>,
    patience: Limits,
    keys: KeyStore,
}

impl Fetch {
    pub(crate) fn new(
        own: Option<&'static Function>,
        base: &'static str,
        keys: KeyStore,
        life: AbortSignal,
    ) -> Fetch {
        Fetch { own, base, asking: RefCell::default(), patience: Limits::new(life, NONCE_PATIENCE), keys }
    }

    /// The transport of one call.
    pub(crate) fn within<'a>(&'a self, limits: &'a Limits) -> Bounded<'a> {
        Bounded { fetch: self, limits }
    }

    /// Calls `fetch`. Returns a promise even if `fetch` throws.
    fn begin(&self, request: &web_sys::Request) -> Promise {
        let begun = match self.own {
            Some(own) => own.call1(&JsValue::UNDEFINED, request),
            None => global_fetch(request),
        };
        begun.map_or_else(|error| Promise::reject(&error), |answer| wait::promise_of(&answer))
    }

    #[inline(never)]
    fn send(&self, request: &Request<'_>, signal: &AbortSignal) -> Result<Promise, Error> {
        match build(request, signal) {
            Ok(request) => Ok(self.begin(&request.into())),
            Err(cause) => Err(error!(Internal, "The browser cannot build this request.").because(cause)),
        }
    }

    /// Sends a request of the page.
    pub(crate) fn pass_on(&self, request: &PageRequest) -> Promise {
        self.begin(&request.0)
    }

    /// Requests a nonce from the server, or joins the pending request. Returns the promise of the response.
    fn ask_for_nonce(&self) -> Result<Promise, Error> {
        let under_way = self.asking.borrow().clone();
        if let Some(asking) = under_way {
            return Ok(asking);
        }
        let one = self.patience.begin();
        let url = [self.base, "/v1/nonce"].concat();
        let request = Request { method: "GET", url, ..Request::default() };
        let asking = one.race(&self.send(&request, &one.signal)?);
        self.asking.replace(Some(asking.clone()));
        Ok(asking)
    }
}

/// The transport of one call, within its limits.
pub(crate) struct Bounded<'a> {
    fetch: &'a Fetch,
    limits: &'a Limits,
}

impl Bounded<'_> {
    /// Begins a step.
    #[inline(never)]
    fn begin(&self, exchange: &Exchange<'_>, one: &Try) -> Result<Promise, Error> {
        let Exchange { request, holder, .. } = exchange;
        Ok(match &exchange.step {
            Step::AskForNonce => self.fetch.ask_for_nonce()?,
            Step::Prove(nonce) => {
                let (nonce, token) = (nonce.as_deref(), holder.token.as_deref());
                self.fetch.keys.proof(&holder.key, request.method, &request.url, holder.time, nonce, token)
            }
            Step::Send => self.fetch.send(request, &one.signal)?,
            Step::Solve(work) => solve(&work.seed, work.puzzles, work.difficulty, &one.signal),
            Step::Pause(_) => wait::after(PAUSE),
            Step::Done => wait::promise_of(&JsValue::UNDEFINED),
        })
    }
}

impl Transport for Bounded<'_> {
    async fn perform(&self, exchange: &Exchange<'_>) -> Result<Outcome, Error> {
        let is_pause = matches!(exchange.step, Step::Pause(_));
        let one = if is_pause { self.limits.without_time() } else { self.limits.begin() };
        one.check()?;
        let mut promise = self.begin(exchange, &one)?;
        let mut response: Option<Response> = None;
        loop {
            let settled = one.within(&promise).await;
            if matches!(exchange.step, Step::AskForNonce) {
                self.fetch.asking.take();
            }
            let value = match settled? {
                Ok(value) => value,
                Err(cause) => return Ok(Outcome::Failed(failure(&exchange.step, cause))),
            };
            match (&exchange.step, response.take()) {
                (Step::AskForNonce, _) => return Ok(Outcome::Text(header(&value, "DPoP-Nonce"))),
                (Step::Send, None) => {
                    let (head, text) = open(&value);
                    response = Some(head);
                    promise = text;
                }
                (_, Some(mut response)) => {
                    let body = value
                        .as_string()
                        .or_else(|| json::stringify(&value))
                        .and_then(|text| json::parse_object(&text));
                    response.answer.is_object = body.is_some();
                    response.answer.body = body.unwrap_or_default();
                    return Ok(Outcome::Response(response));
                }
                _ => return Ok(Outcome::Text(value.as_string())),
            }
        }
    }

    fn now(&self) -> f64 {
        clock::now().running
    }

    fn seconds_until(&self, date: &str) -> Option<f64> {
        let seconds = (js_sys::Date::parse(date) - clock::now().date) / 1000.0;
        seconds.is_finite().then_some(seconds)
    }

    fn uuid(&self) -> String {
        random::uuid()
    }
}

/// The error of a failed step.
#[inline(never)]
fn failure(step: &Step, cause: JsValue) -> Error {
    match step {
        Step::Send => no_answer(cause),
        Step::Prove(_) => {
            error!(Internal, "The browser does not sign with the key of the session.").because(cause)
        }
        _ => error!(Internal).because(cause),
    }
}

/// The error `NETWORK` for a failed `fetch`.
pub(crate) fn no_answer(cause: JsValue) -> Error {
    let error = if page::has_origin() {
        error!(Network)
    } else {
        error!(
            Network,
            "The server could not be reached: this page has no origin (it was opened from a file or in a sandboxed frame), and servers do not answer such pages. Open it over http or https."
        )
    };
    error.because(cause)
}

/// A header of a response. `None` also for a value that is not a response.
#[inline(never)]
fn header(response: &JsValue, name: &str) -> Option<String> {
    object::call(&object::get(response, "headers"), "get", &[name.into()])?.as_string()
}

fn status(response: &JsValue) -> f64 {
    object::get(response, "status").as_f64().unwrap_or(0.0)
}

/// The head of a response, and the promise of its body. If the connection breaks before the body is complete,
/// that counts as no answer. A page of a captive portal counts as an answer that is not valid.
fn open(value: &JsValue) -> (Response, Promise) {
    let mut response = Response {
        nonce: header(value, "DPoP-Nonce"),
        retry_after: header(value, "Retry-After"),
        ..Response::default()
    };
    // A test may pass an object that has only the method `json`.
    let text = object::call(value, "text", &[]).or_else(|| object::call(value, "json", &[]));
    if text.is_some() {
        response.answer.status = status(value) as u16;
    }
    (response, wait::promise_of(&text.unwrap_or_default()))
}

/// Builds the request for `fetch`.
fn build(request: &Request<'_>, signal: &AbortSignal) -> Result<gloo_net::http::Request, JsValue> {
    let init = Document::of("method", request.method)
        .with("headers", request.headers.clone())
        .with("credentials", "omit")
        .with("keepalive", request.keepalive)
        .with_some("body", request.body.map(|body| Value::Page(json::body(body, request.is_form))));
    let make = |init: Document| {
        web_sys::Request::new_with_str_and_init(&request.url, json::to_js(&init).unchecked_ref())
    };
    // The signal may belong to another realm than `Request`, as in jsdom. Then the request is sent without
    // it, and the signal only ends the wait for the answer.
    let built = make(init.clone().with("signal", Value::Page(signal.into()))).or_else(|_| make(init));
    built.map(Into::into)
}

/// A request of the page for `AuthClient.fetch`.
pub(crate) struct PageRequest(web_sys::Request);

/// The answer to a request of the page.
pub(crate) struct PageResponse(pub(crate) JsValue);

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = web_sys::Request, js_name = Request)]
    type NewRequest;
    // The binding of js-sys cannot fail, but the page's getters may throw.
    #[wasm_bindgen(js_namespace = Object, catch)]
    fn assign(target: &Object, first: &JsValue, second: &JsValue) -> Result<JsValue, JsValue>;
    // web-sys accepts a text or a `Request`; the page may also pass a `URL`.
    #[wasm_bindgen(constructor, js_class = "Request", catch)]
    fn new(input: &JsValue, init: &JsValue) -> Result<NewRequest, JsValue>;
}

impl PageRequest {
    /// Builds the request that the page described to `fetch(input, init)`. It can be built repeatedly.
    /// Redirects are not followed, because the token is for the requested origin and the proof is for the
    /// requested URL.
    pub(crate) fn new(input: &JsValue, init: &JsValue, limits: &Limits) -> Result<PageRequest, JsValue> {
        let own = Document::of("redirect", "manual").with("signal", Value::Page(limits.ended().into()));
        let init = assign(&Object::new(), init, &json::to_js(&own))?;
        let input = object::call(input, "clone", &[]).unwrap_or_else(|| input.clone());
        NewRequest::new(&input, &init).map(|request| PageRequest(request.unchecked_into()))
    }

    pub(crate) fn method(&self) -> String {
        self.0.method()
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(crate) fn set(&self, name: &str, value: &str) {
        let _ = self.0.headers().set(name, value);
    }
}

impl PageResponse {
    pub(crate) fn status(&self) -> f64 {
        status(&self.0)
    }

    /// A header. `None` also for a response without headers.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        header(&self.0, name)
    }
}
