//! The profile of the signed-in user, and what others show of theirs.

use doorward_protocol::{Field, Request, Rule, optional, profile::UpdateProfileRequest, required};

use super::{Method, PLAIN, Then, Way, Who, ask};
use crate::{api::Kind, browser::Value, error::code};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getProfile",
        ways: &[Way::to(Kind::Get, "/v1/profile")],
        options: &[optional("refresh_token", Rule::Flag)],
        does: ask(Who::UserOrNull, Then::Learn),
        ..PLAIN
    },
    Method {
        name: "updateProfile",
        ways: &[Way::of::<UpdateProfileRequest>(Kind::Patch, "/v1/profile")],
        clears: true,
        does: ask(Who::User, Then::Learn),
        ..PLAIN
    },
    Method {
        name: "getUser",
        ways: &[Way { tail: "user_id", ..Way::of::<User>(Kind::Get, "/v1/users/") }],
        texts: &["user_id"],
        does: ask(
            Who::User,
            Then::Do(|_, answer| match answer {
                Err(error) if error.is(code!(NotFound)) => Ok(Value::NULL),
                answer => answer,
            }),
        ),
        ..PLAIN
    },
];

struct User;

impl Request for User {
    const FIELDS: &'static [Field] = &[required("user_id", Rule::Line(64))];
}
