//! `fetch` with the access token and its DPoP proof, only to the origins in the client's options.

use std::mem;

use wasm_bindgen::prelude::*;

use super::{call::carry_out, input::Input, session};
use crate::{
    browser::{
        clock,
        http::{PageRequest, PageResponse, no_answer},
        limits::Limits,
        object,
        wait::{Promise, Work, promise},
    },
    client::{AuthClient, Client},
    document::{Document, Value},
    error::Error,
    transport::origin,
};

#[wasm_bindgen]
impl AuthClient {
    /// The browser's `fetch`, with the credentials of the signed-in user.
    pub fn fetch(&self, input: JsValue, init: JsValue) -> Promise {
        let client = self.inner;
        promise(Box::pin(async move {
            match carry_out_fetch(client, input, init).await {
                Ok(response) => Ok(Some(Value::Page(response))),
                Err(error) => Err(client.messages.localized(error).await),
            }
        }))
    }
}

async fn carry_out_fetch(client: &'static Client, input: JsValue, init: JsValue) -> Result<JsValue, Error> {
    let mut exchange = Exchange::new(client, input, init)?;
    loop {
        let request = exchange.request()?;
        let headers = exchange.headers(&request).await;
        let Some(sent) = exchange.send(&request, headers)? else { break };
        let response = exchange.limits.until_ended(&sent).await?.map_err(no_answer)?;
        if !exchange.is_repeated(&request.url(), response) {
            break;
        }
    }
    Ok(exchange.response.0)
}

/// A request of the page. It is sent once more with the nonce of the answer, and once more with a new token
/// after a 401.
struct Exchange {
    client: &'static Client,
    limits: Limits,
    input: JsValue,
    init: JsValue,
    /// A stream can be sent only once.
    is_stream: bool,
    may_take_nonce: bool,
    is_renewed: bool,
    /// True if the next request needs a new token.
    wants_new: bool,
    /// The `Authorization` header of the last request. Empty if it had no token.
    authorization: String,
    /// The last answer. `undefined` before the first one.
    response: PageResponse,
}

impl Exchange {
    /// Uses the limits of the client and the page's own signal.
    fn new(client: &'static Client, input: JsValue, init: JsValue) -> Result<Exchange, Error> {
        let (signal, given) = (object::get(&init, "signal"), object::get(&input, "signal"));
        let signal = if object::is_absent(&signal) { given } else { signal };
        let (limits, _) = client.options(&object::literal("signal", &signal), &[])?;
        let is_stream = object::has_method(&object::get(&init, "body"), "getReader");
        Ok(Exchange {
            client,
            limits,
            input,
            init,
            is_stream,
            may_take_nonce: !is_stream,
            is_renewed: false,
            wants_new: false,
            authorization: String::new(),
            response: PageResponse(JsValue::UNDEFINED),
        })
    }

    fn request(&self) -> Result<PageRequest, Error> {
        PageRequest::new(&self.input, &self.init, &self.limits).map_err(|cause| {
            let why = object::text(&cause, "message").unwrap_or_default();
            Error::parameter("input", ["The browser cannot build this request. ", &why].concat())
        })
    }

    /// The headers with the credentials for a request.
    fn headers(&self, request: &PageRequest) -> Work {
        let mut options = Document::default();
        if self.wants_new {
            options.put("refresh_token", true.into());
        }
        let input = Input {
            client: self.client,
            fields: Document::of("method", request.method()).with("url", request.url()),
            options,
            limits: self.limits.clone(),
            captcha: None,
            flow: None,
            given: JsValue::UNDEFINED,
        };
        carry_out(&session::HEADERS, Box::new(input))
    }

    /// Sends a request with these headers. `None` if a repeated request has no new token: then the last
    /// answer stays.
    fn send(
        &mut self,
        request: &PageRequest,
        headers: Result<Option<Value>, Error>,
    ) -> Result<Option<Promise>, Error> {
        let headers = match headers {
            Err(_) if self.wants_new => return Ok(None),
            headers => headers?.and_then(Value::into_object).unwrap_or_default(),
        };
        for name in ["Authorization", "DPoP"] {
            if let Some(value) = headers.text(name) {
                request.set(name, value);
            }
        }
        let authorization = headers.text("Authorization").unwrap_or_default();
        if self.wants_new && authorization.is_empty() {
            return Ok(None);
        }
        self.authorization = authorization.into();
        Ok(Some(self.client.api.fetch.pass_on(request)))
    }

    /// Stores the answer. True if the request must be sent again.
    fn is_repeated(&mut self, url: &str, response: JsValue) -> bool {
        self.response = PageResponse(response);
        let nonce = self.response.header("DPoP-Nonce");
        let has_nonce = self.client.api.nonces.learn(url, nonce, clock::now().running);
        if self.authorization.is_empty() || self.response.status() != 401.0 {
            return false;
        }
        if wants_nonce(&self.response.header("WWW-Authenticate").unwrap_or_default()) {
            return has_nonce && mem::take(&mut self.may_take_nonce);
        }
        // Another call may have refreshed the token meanwhile.
        let current = self.client.session.current();
        self.wants_new = current.is_none_or(|now| self.authorization.ends_with(&now.access_token));
        !self.is_stream && !self.is_in_vain(origin(url))
    }

    /// True if this API has refused a token that was just refreshed. Then a further refresh is useless.
    fn is_in_vain(&mut self, origin: &str) -> bool {
        let mut refused = self.client.refused.borrow_mut();
        if mem::replace(&mut self.is_renewed, true) {
            refused.take(origin);
            refused.push(origin.into(), (&*self.authorization).into());
        }
        refused.text(origin) == Some(&*self.authorization)
    }
}

/// True if the header `WWW-Authenticate` requires a nonce (RFC 9449 §9).
fn wants_nonce(challenge: &str) -> bool {
    let error = b"use_dpop_nonce";
    challenge.as_bytes().windows(error.len()).any(|part| part == error)
}
