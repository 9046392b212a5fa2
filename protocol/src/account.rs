//! Deleting an account.

use crate::fields::request;
use crate::password::GivenCode;
use crate::rules::Rule;

request! {
    /// `POST /v1/account/delete`: deletes the signed-in account and erases its data. Needs the password or a code
    /// of the scene `DELETE_ACCOUNT`, if the account has a password or an address for a code.
    pub struct DeleteAccountRequest {
        /// The password of the account.
        pub password: Option<String> = optional(Rule::Password),
        /// A code that was sent to its e-mail address or phone number.
        pub code: Option<GivenCode> = optional(Rule::Code),
    }
}
