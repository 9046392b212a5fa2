//! The providers that are linked to an account.

use doorward_protocol::{Field, Request, Rule, required};
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, NONE, Outcome, call};
use crate::{browser::wait::Promise, client::AuthClient, transport::Kind};

#[wasm_bindgen]
impl AuthClient {
    /// Lists the providers that are linked to the account.
    #[wasm_bindgen(js_name = listIdentities)]
    pub fn list_identities(&self, options: JsValue) -> Promise {
        self.call(&LIST, [&options, NONE, NONE])
    }

    /// Removes a provider from the account.
    pub fn unlink(&self, provider: JsValue, options: JsValue) -> Promise {
        self.call(&UNLINK, [&provider, &options, NONE])
    }
}

static LIST: Method = Method::new(
    &[Endpoint::to(Kind::Get, "/v1/identities")],
    call(Credentials::User, Outcome::Member("identities")),
);

static UNLINK: Method = Method::new(
    &[Endpoint { tail: "provider", ..Endpoint::of::<Provider>(Kind::Delete, "/v1/identities/") }],
    call(Credentials::User, Outcome::Member("identities")),
)
.positional(&["provider"]);

/// The name of a provider.
struct Provider;

impl Request for Provider {
    const FIELDS: &'static [Field] = &[required("provider", Rule::Line(64))];
}
