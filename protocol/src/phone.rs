//! The phone number of an account. The answers are a [`crate::profile::UserProfile`].

use crate::fields::request;
use crate::password::GivenCode;
use crate::rules::Rule;

request! {
    /// `POST /v1/phone/bind`: sets the first number of the account, with a code of the scene `BIND_PHONE`.
    pub struct BindPhoneRequest {
        /// The phone number.
        pub phone_number: String = required(Rule::Phone),
        /// The code that was sent to it.
        pub phone_code: GivenCode = required(Rule::Code),
    }
}

request! {
    /// `POST /v1/phone/change`: replaces the number of the account. Needs a code of the scene `BIND_PHONE` for the new
    /// number, and one for the old number if the setting `phone.verify_old` is on.
    pub struct ChangePhoneRequest {
        /// The new number.
        pub phone_number: String = required(Rule::Phone),
        /// The code that was sent to it.
        pub phone_code: GivenCode = required(Rule::Code),
        /// The old number.
        pub old_phone_number: Option<String> = optional(Rule::Phone),
        /// The code that was sent to the old number.
        pub old_phone_code: Option<GivenCode> = optional(Rule::Code),
    }
}

request! {
    /// `POST /v1/phone/unbind` and `POST /v1/email/unbind`: an empty object.
    pub struct UnbindRequest {}
}
