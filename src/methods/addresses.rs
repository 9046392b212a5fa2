//! Adding, changing and removing the e-mail address and the phone number of the account.

use doorward_protocol::{
    email::{BindEmailRequest, ChangeEmailRequest},
    phone::{BindPhoneRequest, ChangePhoneRequest},
};
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, NONE, Outcome, call};
use crate::{browser::wait::Promise, client::AuthClient, transport::Kind};

#[wasm_bindgen]
impl AuthClient {
    /// Adds the first e-mail address to the account.
    #[wasm_bindgen(js_name = bindEmail)]
    pub fn bind_email(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&BIND_EMAIL, [&input, &options, NONE])
    }

    /// Changes the e-mail address of the account.
    #[wasm_bindgen(js_name = updateEmail)]
    pub fn update_email(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&UPDATE_EMAIL, [&input, &options, NONE])
    }

    /// Removes the e-mail address from the account.
    #[wasm_bindgen(js_name = unbindEmail)]
    pub fn unbind_email(&self, options: JsValue) -> Promise {
        self.call(&UNBIND_EMAIL, [&options, NONE, NONE])
    }

    /// Adds the first phone number to the account.
    #[wasm_bindgen(js_name = bindPhone)]
    pub fn bind_phone(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&BIND_PHONE, [&input, &options, NONE])
    }

    /// Changes the phone number of the account.
    #[wasm_bindgen(js_name = updatePhone)]
    pub fn update_phone(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&UPDATE_PHONE, [&input, &options, NONE])
    }

    /// Removes the phone number from the account.
    #[wasm_bindgen(js_name = unbindPhone)]
    pub fn unbind_phone(&self, options: JsValue) -> Promise {
        self.call(&UNBIND_PHONE, [&options, NONE, NONE])
    }
}

static BIND_EMAIL: Method = change(&[Endpoint::of::<BindEmailRequest>(Kind::PostOnce, "/v1/email/bind")]);
static UPDATE_EMAIL: Method =
    change(&[Endpoint::of::<ChangeEmailRequest>(Kind::PostOnce, "/v1/email/change")]);
static UNBIND_EMAIL: Method = change(&[Endpoint::to(Kind::Post, "/v1/email/unbind")]);
static BIND_PHONE: Method = change(&[Endpoint::of::<BindPhoneRequest>(Kind::PostOnce, "/v1/phone/bind")]);
static UPDATE_PHONE: Method =
    change(&[Endpoint::of::<ChangePhoneRequest>(Kind::PostOnce, "/v1/phone/change")]);
static UNBIND_PHONE: Method = change(&[Endpoint::to(Kind::Post, "/v1/phone/unbind")]);

/// A change of the account. The server returns the new profile.
const fn change(endpoints: &'static [Endpoint]) -> Method {
    Method::new(endpoints, call(Credentials::User, Outcome::Profile))
}
