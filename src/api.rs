//! Calls to the server, and what an answer means. Knows nothing of sessions; how a request is sent and repeated (D-16) is
//! `js/http.js`.

use crate::{
    browser::{
        Value,
        crypto::{Holder, Keyring},
        http::{Answer, Limits, Transport},
    },
    error::{Error, Said, beside, error},
};

/// What a call is to HTTP.
#[derive(Clone, Copy)]
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

impl Kind {
    /// As `js/http.js` knows it.
    fn name(self) -> &'static str {
        match self {
            Kind::Get => "GET",
            Kind::Put => "PUT",
            Kind::Patch => "PATCH",
            Kind::Delete => "DELETE",
            Kind::Post => "POST",
            Kind::PostOnce => "ONCE",
            Kind::Token => "TOKEN",
            Kind::Farewell => "FAREWELL",
        }
    }
}

/// One call.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    /// Of all but `Get` and `Delete`.
    pub(crate) body: String,
    /// What shows that a person asks.
    pub(crate) captcha: Option<String>,
    /// What shows that this browser has signed in before.
    pub(crate) devices: String,
}

impl Call {
    pub(crate) fn new(kind: Kind, path: &str, body: String) -> Call {
        Call { kind, path: path.into(), body, captcha: None, devices: String::new() }
    }
}

/// The server, as one client reaches it.
pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) fetch: Value,
    pub(crate) locale: Option<String>,
    pub(crate) keys: Keyring,
    pub(crate) transport: Transport,
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
        let sent = shown(&url, holder, limits);
        sent.set("kind", call.kind.name());
        if !matches!(call.kind, Kind::Get | Kind::Delete) {
            sent.set("body", call.body.as_str());
        }
        if let Some(captcha) = &call.captcha {
            sent.set("captcha", captcha.as_str());
        }
        sent.set("devices", call.devices.as_str());
        if let Some(locale) = &self.locale {
            sent.set("locale", locale.as_str());
        }
        sent.set("fetch", &self.fetch);
        Ok(self.transport.exchange(&sent).await?)
    }

    /// The headers that show who asks, good for one request. `TOKEN_BOUND` when the key for it is gone.
    pub(crate) async fn headers(
        &self,
        method: &str,
        url: &str,
        holder: &Holder,
        limits: &Limits,
    ) -> Result<Value, Error> {
        let sent = shown(url, holder, limits);
        sent.set("method", method);
        Ok(self.transport.headers(&sent).await?)
    }
}

/// Who asks, as `js/http.js` wants it.
fn shown(url: &str, holder: &Holder, limits: &Limits) -> Value {
    let sent = Value::object();
    sent.set("url", url);
    sent.set("limits", &limits.0);
    sent.set("key", holder.key.as_str());
    sent.set("time", holder.time);
    if let Some(token) = &holder.token {
        sent.set("token", token.as_str());
    }
    sent
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
    let retry_after = body.number_of("retry_after").or(answer.retry_after);
    let field = said("field").map(|field| beside(field).into());
    Said { code, message, status: answer.status, field, retry_after, answer: body.clone() }.into()
}
