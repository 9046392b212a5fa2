//! Calls of one client to the server, and the errors in answers. Knows nothing of sessions.

use crate::{
    browser::{http::Fetch, limits::Limits},
    document::Document,
    error::{Details, Error, beside, error},
    transport::{Answer, Call, Exchange, Holder, Nonces, Server},
};

/// The server of one client.
pub(crate) struct Api {
    /// The URL of the server, without a slash at its end.
    pub(crate) base: &'static str,
    /// The language of the server's messages.
    pub(crate) locale: Option<&'static str>,
    pub(crate) fetch: Fetch,
    pub(crate) nonces: Nonces,
}

impl Api {
    fn server(&self) -> Server<'_> {
        Server { base: self.base, locale: self.locale, nonces: &self.nonces }
    }

    /// Sends a call. Returns the object of the answer, or its error.
    pub(crate) async fn send(
        &self,
        call: &Call,
        holder: &Holder,
        limits: &Limits,
    ) -> Result<Document, Error> {
        let answer = self.exchange(call, holder, limits).await?;
        if (200..300).contains(&answer.status) && answer.is_object {
            return Ok(answer.body);
        }
        Err(refusal(&answer))
    }

    /// Sends a call. Returns the answer, even if it is an error.
    pub(crate) async fn exchange(
        &self,
        call: &Call,
        holder: &Holder,
        limits: &Limits,
    ) -> Result<Answer, Error> {
        let transport = self.fetch.within(limits);
        let mut exchange = Exchange::new(self.server(), &transport, call, holder);
        exchange.run(&transport).await?;
        Ok(exchange.answer)
    }
}

/// The error in an answer that is not a success.
pub(crate) fn refusal(answer: &Answer) -> Error {
    let text = |name: &str| answer.body.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let (code, message) = match text("code") {
        // The code of a newer server is passed on unchanged.
        Some(code) => {
            let message = text("detail").or_else(|| text("title")).unwrap_or_else(|| code.clone());
            (code.into(), message.into())
        }
        None => {
            let error = if answer.status == 503 { error!(Overloaded) } else { error!(Server) };
            (error.code.clone(), error.message.clone())
        }
    };
    let retry_after = answer.body.number("retry_after").or(answer.retry_after);
    let field = text("field").map(|field| beside(field).into());
    let (status, answer) = (answer.status, answer.body.clone());
    Details { code, message, status, field, retry_after, answer, cause: None, told: None }.into()
}
