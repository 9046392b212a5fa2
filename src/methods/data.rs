//! Data that an app stores for a user, in types that the operator has declared.

use doorward_protocol::{Field, Request, Rule, required};
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, NONE, Outcome, call};
use crate::{browser::wait::Promise, client::AuthClient, transport::Kind};

#[wasm_bindgen]
impl AuthClient {
    /// Lists the values.
    #[wasm_bindgen(js_name = listUdv)]
    pub fn list_udv(&self, options: JsValue) -> Promise {
        self.call(&LIST, [&options, NONE, NONE])
    }

    /// Sets a value.
    #[wasm_bindgen(js_name = setUdv)]
    pub fn set_udv(&self, key: JsValue, value: JsValue, options: JsValue) -> Promise {
        self.call(&SET, [&key, &value, &options])
    }

    /// Removes a value.
    #[wasm_bindgen(js_name = removeUdv)]
    pub fn remove_udv(&self, key: JsValue, options: JsValue) -> Promise {
        self.call(&REMOVE, [&key, &options, NONE])
    }
}

static LIST: Method =
    Method::new(&[Endpoint::to(Kind::Get, "/v1/data")], call(Credentials::User, Outcome::Member("data")));

static SET: Method = Method::new(
    &[Endpoint { tail: "key", ..Endpoint::of::<Item>(Kind::Put, "/v1/data/") }],
    call(Credentials::User, Outcome::Nothing),
)
.positional(&["key", "value"]);

static REMOVE: Method = Method::new(
    &[Endpoint { tail: "key", ..Endpoint::of::<Key>(Kind::Delete, "/v1/data/") }],
    call(Credentials::User, Outcome::Nothing),
)
.positional(&["key"]);

/// The server has further rules for keys.
const KEY: Field = required("key", Rule::Line(256));

struct Item;

impl Request for Item {
    const FIELDS: &'static [Field] = &[KEY, required("value", Rule::Any)];
}

struct Key;

impl Request for Key {
    const FIELDS: &'static [Field] = &[KEY];
}
