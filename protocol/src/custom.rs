//! Signing in with an id that another system knows the person by. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::login::LoginOptions;
use crate::options::options;
use crate::rules::Rule;

request! {
    /// `POST /v1/login/custom`, from an app's own back end with a service key of the scope `trusted` (D-23).
    pub struct CustomLoginRequest {
        /// 6 to 128 characters.
        pub custom_id: String = required(Rule::Id(6, 128)),
        /// How the sign-in goes.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

options!(CustomLoginRequest, sign_in);
