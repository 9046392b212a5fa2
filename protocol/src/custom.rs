//! Signing in with a user id of another system. The answer is a [`crate::session::Tokens`].

use crate::fields::request;
use crate::login::LoginOptions;
use crate::options::options;
use crate::rules::Rule;

request! {
    /// `POST /v1/login/custom`, from the back end of an app with a service key of the scope `trusted` (D-23). No
    /// key is needed if the setting `custom_id.open` is on.
    pub struct CustomLoginRequest {
        /// The id in the other system, 6 to 128 characters.
        pub custom_id: String = required(Rule::Id(6, 128)),
        /// Options of the sign-in.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

options!(CustomLoginRequest, sign_in);
