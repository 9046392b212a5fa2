//! Calls to the server: what is sent and repeated (D-16), and what an answer means. Knows nothing of sessions.

use crate::{
    browser::{
        Value, clock,
        http::{self, Answer, Limits, Outgoing, Silence},
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
    pub(crate) body: Option<String>,
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
        let bearer = token.map(|token| ["Bearer ", token].concat());
        let once = if call.kind == Kind::PostOnce { random::uuid() } else { None };
        let mut headers = vec![("Accept", "application/json")];
        if let Some(locale) = &self.locale {
            headers.push(("Accept-Language", locale));
        }
        if call.body.is_some() {
            let kind = match call.kind {
                Kind::Token => "application/x-www-form-urlencoded",
                _ => "application/json",
            };
            headers.push(("Content-Type", kind));
        }
        if let Some(bearer) = &bearer {
            headers.push(("Authorization", bearer));
        }
        if let Some(once) = &once {
            headers.push(("Idempotency-Key", once));
        }
        let request = Outgoing {
            method: if call.kind == Kind::Get { "GET" } else { "POST" },
            url: &url,
            headers: &headers,
            body: call.body.as_deref(),
            keepalive: call.kind == Kind::Farewell,
        };
        let may_repeat = call.kind != Kind::Post && (call.kind != Kind::PostOnce || once.is_some());
        let mut answer = http::send(&self.fetch, &request, limits).await;
        if may_repeat && matches!(answer, Err(Silence::Network)) {
            pause(RETRY_PAUSE).await;
            answer = http::send(&self.fetch, &request, limits).await;
        }
        answer.map_err(|silence| match silence {
            Silence::Network => error!(Network),
            Silence::Timeout => error!(Timeout),
            Silence::Aborted => error!(Aborted),
        })
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
