//! Ending an account.

use crate::fields::request;
use crate::password::GivenCode;
use crate::rules::Rule;

request! {
    /// `POST /v1/account/delete`: closes the account of whoever asks and erases its data. Needs the password or a code of
    /// the scene `DELETE_ACCOUNT`, where the account has either.
    pub struct DeleteAccountRequest {
        /// The password of the account.
        pub password: Option<String> = optional(Rule::Password),
        /// A code that was sent to its address or phone number.
        pub code: Option<GivenCode> = optional(Rule::Code),
    }
}
