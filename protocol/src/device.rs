//! Signing in with a device id, which an app generates. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::login::LoginOptions;
use crate::options::options;
use crate::rules::Rule;

request! {
    /// `POST /v1/login/device`: signs in with a device id (D-23).
    pub struct DeviceLoginRequest {
        /// The device id, 16 to 128 characters. It is the only credential of the account: generate it with
        /// `crypto.randomUUID()`.
        pub device_id: String = required(Rule::Id(16, 128)),
        /// Options of the sign-in.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

options!(DeviceLoginRequest, sign_in);
