//! Signing in with a password. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::options::options;
use crate::rules::Rule;

request! {
    /// Options of a sign-in. The operator's settings take precedence; a page can only be stricter (D-20).
    pub struct LoginOptions {
        /// True to create the account if there is none. Default: the setting `auto_register` for the method.
        pub auto_register: Option<bool> = optional(Rule::Flag),
        /// The end user's IP address. Needs a service key of the scope `trusted`; without one the request is refused.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}

request! {
    /// `POST /v1/login`: signs in with one name and the password.
    pub struct LoginRequest, one of "email", "username", "phone_number" {
        /// The e-mail address of the account.
        pub email: Option<String> = optional(Rule::Email),
        /// The username of the account.
        pub username: Option<String> = optional(Rule::Username),
        /// The verified phone number of the account.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The password of the account.
        pub password: String = required(Rule::Password),
        /// Options of the sign-in.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

options!(LoginRequest, sign_in);
