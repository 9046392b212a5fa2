//! Signing in with a password. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::options::options;
use crate::rules::Rule;

request! {
    /// How a sign-in goes. What the operator requires wins; a page can only tighten (D-20).
    pub struct LoginOptions {
        /// Create the account when there is none? Without it: as the server's setting for the method says.
        pub auto_register: Option<bool> = optional(Rule::Flag),
        /// Of whom a program of the operator's asks, with a service key of the scope `trusted`: the address of their browser.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}

request! {
    /// `POST /v1/login`
    pub struct LoginRequest, one of "email", "username", "phone_number" {
        /// The address of the account.
        pub email: Option<String> = optional(Rule::Email),
        /// Or its username.
        pub username: Option<String> = optional(Rule::Username),
        /// Or its phone number, once that is proven.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// Its password.
        pub password: String = required(Rule::Password),
        /// How the sign-in goes.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

options!(LoginRequest, sign_in);
