//! The phone number of an account. The answers are a [`crate::profile::UserProfile`].

use crate::fields::request;
use crate::password::GivenCode;
use crate::rules::Rule;

request! {
    /// `POST /v1/phone/bind`: the first number of the account, with a code of the scene `BIND_PHONE`.
    pub struct BindPhoneRequest {
        /// The number.
        pub phone_number: String = required(Rule::Phone),
        /// The code that was sent to it.
        pub phone_code: GivenCode = required(Rule::Code),
    }
}

request! {
    /// `POST /v1/phone/change`: another number. Both are proven with codes of the scene `BIND_PHONE`; the old one only
    /// where the server asks for it.
    pub struct ChangePhoneRequest {
        /// The new number.
        pub phone_number: String = required(Rule::Phone),
        /// The code that was sent to it.
        pub phone_code: GivenCode = required(Rule::Code),
        /// The number so far.
        pub old_phone_number: Option<String> = optional(Rule::Phone),
        /// The code that was sent to that.
        pub old_phone_code: Option<GivenCode> = optional(Rule::Code),
    }
}

request! {
    /// `POST /v1/phone/unbind` and `POST /v1/email/unbind`: an empty object.
    pub struct UnbindRequest {}
}
