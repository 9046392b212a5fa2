//! The e-mail address and the phone number of the account: the first one, another, none.

use doorward_protocol::{
    email::{BindEmailRequest, ChangeEmailRequest},
    phone::{BindPhoneRequest, ChangePhoneRequest},
};

use super::{Method, PLAIN, Then, Way, Who, ask};
use crate::api::Kind;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "bindEmail",
        ways: &[Way::of::<BindEmailRequest>(Kind::PostOnce, "/v1/email/bind")],
        ..CHANGE
    },
    Method {
        name: "updateEmail",
        ways: &[Way::of::<ChangeEmailRequest>(Kind::PostOnce, "/v1/email/change")],
        ..CHANGE
    },
    Method { name: "unbindEmail", ways: &[Way::to(Kind::Post, "/v1/email/unbind")], ..CHANGE },
    Method {
        name: "bindPhone",
        ways: &[Way::of::<BindPhoneRequest>(Kind::PostOnce, "/v1/phone/bind")],
        ..CHANGE
    },
    Method {
        name: "updatePhone",
        ways: &[Way::of::<ChangePhoneRequest>(Kind::PostOnce, "/v1/phone/change")],
        ..CHANGE
    },
    Method { name: "unbindPhone", ways: &[Way::to(Kind::Post, "/v1/phone/unbind")], ..CHANGE },
];

const CHANGE: Method = Method { does: ask(Who::User, Then::Learn), ..PLAIN };
