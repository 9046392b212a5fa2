//! Calls to the server: what is sent and repeated (D-16), and what an answer means. Knows nothing of sessions.

use crate::{
    browser::{
        Value, clock,
        crypto::{Holder, Keyring},
        http::{self, Answer, Limits, Silence},
        promise::pause,
        random,
    },
    error::{Error, Said, beside, error},
};

/// Milliseconds before a call that may be repeated is.
const RETRY_PAUSE: f64 = 250.0;

/// How a body is written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Get,
    Put,
    Patch,
    Delete,
    /// Never repeated.
    Post,
    /// Carries an `Idempotency-Key`, so that it may be repeated.
    PostOnce,
    /// Form-encoded, may be repeated: `POST /v1/token`.
    Token,
    /// Ends a session: may be repeated, and may outlive the page.
    Farewell,
}

/// One call.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    /// Of all but `Get` and `Delete`.
    pub(crate) body: String,
    /// What shows that a person asks.
    pub(crate) captcha: Option<String>,
}

impl Call {
    pub(crate) fn new(kind: Kind, path: &str, body: String) -> Call {
        Call { kind, path: path.into(), body, captcha: None }
    }
}

/// The server, as one client reaches it.
pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) fetch: Value,
    pub(crate) locale: Option<String>,
    pub(crate) keys: Keyring,
}

impl Api {
    /// The object that the server answers, or its error.
    pub(crate) async fn send(&self, call: &Call, holder: &Holder, limits: &Limits) -> Result<Value, Error> {
        let answer = self.exchange(call, holder, limits).await?;
        if (200..300).contains(&answer.status) && answer.body.is_object() {
            return Ok(answer.body);
        }
        Err(refusal(&answer))
    }

    /// Sends, and repeats once what may be repeated when no answer came, and anything when all that was missing is
    /// the nonce that the answer brings.
    pub(crate) async fn exchange(
        &self,
        call: &Call,
        holder: &Holder,
        limits: &Limits,
    ) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.push_str(&call.path);
        let headers = Value::object();
        headers.set("Accept", "application/json");
        if let Some(locale) = &self.locale {
            headers.set("Accept-Language", locale.as_str());
        }
        let init = Value::object();
        let method = match call.kind {
            Kind::Get => "GET",
            Kind::Put => "PUT",
            Kind::Patch => "PATCH",
            Kind::Delete => "DELETE",
            _ => "POST",
        };
        init.set("method", method);
        if let Some(captcha) = &call.captcha {
            headers.set("Captcha-Response", captcha.as_str());
        }
        if !matches!(call.kind, Kind::Get | Kind::Delete) {
            let is_token = call.kind == Kind::Token;
            let kind = if is_token { "application/x-www-form-urlencoded" } else { "application/json" };
            headers.set("Content-Type", kind);
            init.set("body", call.body.as_str());
        }
        let mut may_repeat = !matches!(call.kind, Kind::Post | Kind::Put | Kind::Patch | Kind::Delete);
        if call.kind == Kind::PostOnce {
            match random::uuid() {
                Some(once) => headers.set("Idempotency-Key", once.as_str()),
                None => may_repeat = false,
            }
        }
        init.set("keepalive", call.kind == Kind::Farewell);
        init.set("headers", &headers);
        let mut had_nonce = false;
        loop {
            self.show(&headers, holder, method, &url, limits).await?;
            match http::send(&self.fetch, &url, &init, limits).await {
                Ok(answer) => {
                    let news = self.keys.learn(&url, &answer.headers);
                    if had_nonce || !news || !wants_nonce(&answer) {
                        return Ok(answer);
                    }
                    had_nonce = true;
                    continue;
                }
                Err(Silence::Network) if may_repeat => may_repeat = false,
                Err(silence) => return Err(silence.into()),
            }
            pause(RETRY_PAUSE).await;
        }
    }

    /// Adds the headers that show who asks, good for one request. `TOKEN_BOUND` when the key for it is gone.
    pub(crate) async fn show(
        &self,
        headers: &Value,
        holder: &Holder,
        method: &str,
        url: &str,
        limits: &Limits,
    ) -> Result<(), Error> {
        let watch = limits.watch();
        match self.keys.show(headers, holder, method, url, &watch.signal).await {
            Some(true) => Ok(()),
            Some(false) => Err(error!(TokenBound)),
            None if watch.signal.is_true("aborted") => Err(watch.why().into()),
            None => Err(error!(Internal, "The browser gives no key for the session.")),
        }
    }
}

/// Was a proof refused for its nonce alone? RFC 9449 §8 and §9.
fn wants_nonce(answer: &Answer) -> bool {
    ["error", "code"]
        .into_iter()
        .any(|name| answer.body.text_of(name).is_some_and(|said| said.eq_ignore_ascii_case("use_dpop_nonce")))
}

/// What an answer that is no success says.
pub(crate) fn refusal(answer: &Answer) -> Error {
    let body = &answer.body;
    let said = |name: &str| body.text_of(name).filter(|text| !text.is_empty());
    let (code, message) = match said("code") {
        // A newer server's code is passed on as it is.
        Some(code) => {
            let message = said("detail").or_else(|| said("title")).unwrap_or_else(|| code.clone());
            (code.into(), message.into())
        }
        None => {
            let error = if answer.status == 503 { error!(Overloaded) } else { error!(Server) };
            (error.code.clone(), error.message.clone())
        }
    };
    let retry_after = body.number_of("retry_after").or_else(|| retry_after(answer));
    let field = said("field").map(|field| beside(field).into());
    Said { code, message, status: answer.status, field, retry_after, answer: body.clone() }.into()
}

/// Seconds to wait, from the header: a number or a date.
fn retry_after(answer: &Answer) -> Option<f64> {
    let text = answer.headers.call("get", &[&"retry-after".into()])?.text()?;
    match text.trim().parse::<u32>() {
        Ok(seconds) => Some(f64::from(seconds)),
        Err(_) => Some(((clock::parse_date(&text)? - clock::now().date) / 1000.0).max(0.0).ceil()),
    }
}
