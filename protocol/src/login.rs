//! Signing in with a password. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// `POST /v1/login`
    pub struct LoginRequest {
        /// The address of the account.
        pub email: String = required(Rule::Email),
        /// Its password.
        pub password: String = required(Rule::Password),
    }
}
