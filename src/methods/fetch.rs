//! `fetch` with the access token and its proof, to the origins that the client's options name and to no other.

use std::{mem, rc::Rc};

use wasm_bindgen::prelude::*;

use super::{Method, call::carry_out, input::Input, session};
use crate::{
    browser::{
        clock,
        http::{PageRequest, PageResponse},
        limits::Limits,
        object,
        wait::{Promise, Work, promise},
    },
    client::{AuthClient, Client},
    document::{Document, Value},
    error::{Error, error},
    transport::origin,
};

#[wasm_bindgen]
impl AuthClient {
    /// `fetch` of the browser, with the credentials of the signed-in user.
    pub fn fetch(&self, input: JsValue, init: JsValue) -> Promise {
        let client = self.inner.clone();
        promise(Box::pin(async move {
            let mut exchange = Exchange::new(client, input, init)?;
            let mut request = exchange.request()?;
            loop {
                let fields = Document::of("method", request.method()).with("url", request.url());
                let headers = exchange.begin(&session::HEADERS, fields).await?;
                let authorization = set_credentials(&request, headers);
                let sent = exchange.client.api.fetch.pass_on(&request);
                let response = exchange.limits.until_ended(&sent).await?.map_err(|_| error!(Network))?;
                let response = PageResponse(response);
                let is_repeated = match exchange.next(&request.url(), &response, &authorization) {
                    Next::Done => false,
                    Next::Repeat => true,
                    Next::Renew => {
                        let _ = exchange.begin(&session::REFRESH, Document::default()).await;
                        exchange.has_other_token(&authorization)
                    }
                };
                // Its body may have been read meanwhile.
                match is_repeated.then(|| exchange.request()) {
                    Some(Ok(next)) => request = next,
                    _ => return Ok(Some(Value::Page(response.0))),
                }
            }
        }))
    }
}

/// A request of the page: sent once more with the nonce that the answer brings, and once more with a new token where the answer is 401.
struct Exchange {
    client: Rc<Client>,
    limits: Limits,
    input: JsValue,
    init: JsValue,
    /// A stream can be sent once only.
    is_stream: bool,
    may_take_nonce: bool,
    is_renewed: bool,
}

/// What follows from an answer.
enum Next {
    /// It is the caller's.
    Done,
    /// The request is sent again.
    Repeat,
    /// The same, if a new token can be got.
    Renew,
}

impl Exchange {
    /// With the limits of the client and of the page's own signal.
    fn new(client: Rc<Client>, input: JsValue, init: JsValue) -> Result<Exchange, Error> {
        let (signal, given) = (object::get(&init, "signal"), object::get(&input, "signal"));
        let signal = if object::is_absent(&signal) { given } else { signal };
        let (limits, _) = client.options(&object::literal("signal", &signal), &[])?;
        let is_stream = object::has_method(&object::get(&init, "body"), "getReader");
        Ok(Exchange { client, limits, input, init, is_stream, may_take_nonce: !is_stream, is_renewed: false })
    }

    fn request(&self) -> Result<PageRequest, Error> {
        PageRequest::new(&self.input, &self.init, &self.limits).map_err(|cause| {
            let why = object::text(&cause, "message").unwrap_or_default();
            Error::parameter("input", ["The browser makes no request of this. ", &why].concat())
        })
    }

    /// The work of a method.
    fn begin(&self, method: &'static Method, fields: Document) -> Work {
        let (client, limits) = (self.client.clone(), self.limits.clone());
        let options = Document::default();
        carry_out(
            method,
            Box::new(Input {
                client,
                fields,
                options,
                limits,
                captcha: None,
                flow: None,
                given: JsValue::UNDEFINED,
            }),
        )
    }

    fn next(&mut self, url: &str, response: &PageResponse, authorization: &str) -> Next {
        let nonce = response.header("DPoP-Nonce");
        let has_nonce = self.client.api.nonces.learn(url, nonce, clock::now().running);
        if authorization.is_empty() || response.status() != 401.0 {
            return Next::Done;
        }
        if wants_nonce(&response.header("WWW-Authenticate").unwrap_or_default()) {
            let may_take = has_nonce && mem::take(&mut self.may_take_nonce);
            return if may_take { Next::Repeat } else { Next::Done };
        }
        if self.is_stream || self.is_in_vain(origin(url), authorization) {
            Next::Done
        } else if self.has_other_token(authorization) {
            Next::Repeat
        } else {
            Next::Renew
        }
    }

    /// Has this API refused the token, although it was new? Then no newer one is got for it.
    fn is_in_vain(&mut self, origin: &str, authorization: &str) -> bool {
        let mut refused = self.client.refused.borrow_mut();
        if mem::replace(&mut self.is_renewed, true) {
            refused.take(origin);
            refused.push(origin.into(), authorization.into());
        }
        refused.text(origin) == Some(authorization)
    }

    /// Is there another access token than the refused one?
    fn has_other_token(&self, refused: &str) -> bool {
        self.client.session.current().is_some_and(|now| !refused.ends_with(&now.access_token))
    }
}

/// Puts the headers into a request. Returns the one with the token; empty if there is none.
fn set_credentials(request: &PageRequest, headers: Option<Value>) -> String {
    let headers = headers.and_then(Value::into_object).unwrap_or_default();
    for name in ["Authorization", "DPoP"] {
        if let Some(value) = headers.text(name) {
            request.set(name, value);
        }
    }
    headers.text("Authorization").unwrap_or_default().to_owned()
}

/// Does the header `WWW-Authenticate` ask for a nonce (RFC 9449 §9)?
fn wants_nonce(challenge: &str) -> bool {
    let error = b"use_dpop_nonce";
    challenge.as_bytes().windows(error.len()).any(|part| part == error)
}
