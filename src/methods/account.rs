//! The end of an account.

use doorward_protocol::{account::DeleteAccountRequest, messages};

use super::{Method, PLAIN, Then, Way, Who, ask};
use crate::api::Kind;

pub(super) const METHODS: &[Method] = &[Method {
    name: "deleteAccount",
    ways: &[Way::of::<DeleteAccountRequest>(Kind::Post, "/v1/account/delete")],
    does: ask(Who::User, Then::Leave(messages::ACCOUNT_DELETED)),
    ..PLAIN
}];
