//! The profile of the signed-in user, and the public part of other profiles.

use doorward_protocol::{Field, Request, Rule, optional, profile::UpdateProfileRequest, required};
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, NONE, Outcome, call};
use crate::{browser::wait::Promise, client::AuthClient, document::Value, error::code, transport::Kind};

#[wasm_bindgen]
impl AuthClient {
    /// Loads the profile of the signed-in user.
    #[wasm_bindgen(js_name = getProfile)]
    pub fn get_profile(&self, options: JsValue) -> Promise {
        self.call(&GET, [&options, NONE, NONE])
    }

    /// Changes the given fields.
    #[wasm_bindgen(js_name = updateProfile)]
    pub fn update_profile(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&UPDATE, [&input, &options, NONE])
    }

    /// Loads the public profile of another user.
    #[wasm_bindgen(js_name = getUser)]
    pub fn get_user(&self, user_id: JsValue, options: JsValue) -> Promise {
        self.call(&GET_USER, [&user_id, &options, NONE])
    }
}

static GET: Method =
    Method::new(&[Endpoint::to(Kind::Get, "/v1/profile")], call(Credentials::UserOrNull, Outcome::Profile))
        .options(&[optional("refresh_token", Rule::Flag)]);

static UPDATE: Method = Method {
    clears: true,
    ..Method::new(
        &[Endpoint::of::<UpdateProfileRequest>(Kind::Patch, "/v1/profile")],
        call(Credentials::User, Outcome::Profile),
    )
};

static GET_USER: Method = Method::new(
    &[Endpoint { tail: "user_id", ..Endpoint::of::<UserId>(Kind::Get, "/v1/users/") }],
    call(
        Credentials::User,
        Outcome::Map(|_, answer| match answer {
            Err(error) if error.is(code!(NotFound)) => Ok(Value::Null),
            answer => answer.map(Value::Object),
        }),
    ),
)
.positional(&["user_id"]);

struct UserId;

impl Request for UserId {
    const FIELDS: &'static [Field] = &[required("user_id", Rule::Line(64))];
}
