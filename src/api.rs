//! Calls to the server: what is sent and repeated (D-16), and what an answer means. Knows nothing of sessions.

use crate::{
    browser::{
        Value, clock,
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
    pub(crate) path: &'static str,
    /// Of all but `Get`.
    pub(crate) body: String,
}

/// The server, as one client reaches it.
pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) fetch: Value,
    pub(crate) locale: Option<String>,
}

impl Api {
    /// The object that the server answers, or its error.
    pub(crate) async fn send(
        &self,
        call: &Call,
        token: Option<&str>,
        limits: &Limits,
    ) -> Result<Value, Error> {
        let answer = self.exchange(call, token, limits).await?;
        if (200..300).contains(&answer.status) && answer.body.is_object() {
            return Ok(answer.body);
        }
        Err(refusal(&answer))
    }

    /// Sends, and repeats once what may be repeated when no answer came.
    pub(crate) async fn exchange(
        &self,
        call: &Call,
        token: Option<&str>,
        limits: &Limits,
    ) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.push_str(call.path);
        let headers = Value::object();
        headers.set("Accept", "application/json");
        if let Some(locale) = &self.locale {
            headers.set("Accept-Language", locale.as_str());
        }
        if let Some(token) = token {
            headers.set("Authorization", ["Bearer ", token].concat().as_str());
        }
        let init = Value::object();
        if call.kind != Kind::Get {
            let is_token = call.kind == Kind::Token;
            let kind = if is_token { "application/x-www-form-urlencoded" } else { "application/json" };
            headers.set("Content-Type", kind);
            init.set("method", "POST");
            init.set("body", call.body.as_str());
        }
        let mut may_repeat = call.kind != Kind::Post;
        if call.kind == Kind::PostOnce {
            match random::uuid() {
                Some(once) => headers.set("Idempotency-Key", once.as_str()),
                None => may_repeat = false,
            }
        }
        init.set("keepalive", call.kind == Kind::Farewell);
        init.set("headers", headers);
        loop {
            match http::send(&self.fetch, &url, &init, limits).await {
                Ok(answer) => return Ok(answer),
                Err(Silence::Network) if may_repeat => may_repeat = false,
                Err(silence) => return Err(silence.into()),
            }
            pause(RETRY_PAUSE).await;
        }
    }
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
    let text = answer.retry_after.as_deref()?;
    match text.trim().parse::<u32>() {
        Ok(seconds) => Some(f64::from(seconds)),
        Err(_) => Some(((clock::parse_date(text)? - clock::now().date) / 1000.0).max(0.0).ceil()),
    }
}
