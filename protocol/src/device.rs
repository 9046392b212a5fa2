//! Signing in with an id that an app made for its device. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::login::LoginOptions;
use crate::options::options;
use crate::rules::Rule;

request! {
    /// `POST /v1/login/device` (D-23)
    pub struct DeviceLoginRequest {
        /// 16 to 128 characters. It is all that the account is known by: make it with `crypto.randomUUID()`.
        pub device_id: String = required(Rule::Id(16, 128)),
        /// How the sign-in goes.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

options!(DeviceLoginRequest, sign_in);
