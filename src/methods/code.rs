//! One-time codes: requesting a code, and signing up and in with it.

use doorward_protocol::{
    Field, Request, Rule,
    code::{CodeLoginRequest, CodeSignupRequest, SCENES},
    messages, optional, required,
};
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, Outcome, call};
use crate::{browser::wait::Promise, client::AuthClient, document::Document, transport::Kind};

#[wasm_bindgen]
impl AuthClient {
    /// Sends a one-time code by SMS.
    #[wasm_bindgen(js_name = sendSmsCode)]
    pub fn send_sms_code(&self, input: JsValue, scene: JsValue, options: JsValue) -> Promise {
        self.call(&SEND_SMS_CODE, [&input, &scene, &options])
    }

    /// Sends a one-time code by e-mail.
    #[wasm_bindgen(js_name = sendEmail)]
    pub fn send_email(&self, input: JsValue, scene: JsValue, options: JsValue) -> Promise {
        self.call(&SEND_EMAIL, [&input, &scene, &options])
    }
}

pub(super) const SIGNUP: Endpoint =
    Endpoint { chosen_by: "code", ..Endpoint::of::<CodeSignupRequest>(Kind::PostOnce, "/v1/signup/code") };

pub(super) const LOGIN: Endpoint =
    Endpoint { chosen_by: "code", ..Endpoint::of::<CodeLoginRequest>(Kind::PostOnce, "/v1/login/code") };

static SEND_SMS_CODE: Method = Method::new(
    &[Endpoint::of::<SmsCodeRequest>(Kind::Post, "/v1/code")],
    call(Credentials::ByFields(of_scene), Outcome::Text(messages::CODE_SENT)),
)
.positional(&["phone_number", "scene"]);

static SEND_EMAIL: Method = Method::new(
    &[Endpoint::of::<EmailCodeRequest>(Kind::Post, "/v1/code")],
    call(Credentials::ByFields(of_scene), Outcome::Text(messages::EMAIL_SENT)),
)
.positional(&["email", "scene"]);

/// A `SendCodeRequest` with a phone number.
struct SmsCodeRequest;

impl Request for SmsCodeRequest {
    const FIELDS: &'static [Field] = &[required("phone_number", Rule::Phone), optional("scene", SCENES)];
}

/// A `SendCodeRequest` with an e-mail address.
struct EmailCodeRequest;

impl Request for EmailCodeRequest {
    const FIELDS: &'static [Field] = &[required("email", Rule::Email), required("scene", SCENES)];
}

/// Some scenes need the session of the signed-in user. Without a scene the server decides by the session, if
/// there is one.
fn of_scene(fields: &Document) -> Credentials {
    match fields.text("scene") {
        None | Some("") => Credentials::UserOrNone,
        Some("CHANGE_EMAIL" | "ChangeEmail" | "BIND_PHONE" | "DELETE_ACCOUNT") => Credentials::User,
        Some(_) => Credentials::None,
    }
}
