//! One-time codes: asking for one, and signing up and in with it.

use doorward_protocol::{
    Field, Request, Rule,
    code::{CodeLoginRequest, CodeSignupRequest, SCENES},
    messages, optional, required,
};

use super::{Method, PLAIN, Then, Way, Who, ask};
use crate::{api::Kind, fields::Tree};

pub(super) const SIGNUP: Way =
    Way { by: "code", ..Way::of::<CodeSignupRequest>(Kind::PostOnce, "/v1/signup/code") };

pub(super) const LOGIN: Way =
    Way { by: "code", ..Way::of::<CodeLoginRequest>(Kind::PostOnce, "/v1/login/code") };

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "sendSmsCode",
        ways: &[Way::of::<BySms>(Kind::Post, "/v1/code")],
        texts: &["phone_number", "scene"],
        does: ask(Who::By(asker), Then::Say(messages::CODE_SENT)),
        ..PLAIN
    },
    Method {
        name: "sendEmail",
        ways: &[Way::of::<ByMail>(Kind::Post, "/v1/code")],
        texts: &["email", "scene"],
        does: ask(Who::By(asker), Then::Say(messages::EMAIL_SENT)),
        ..PLAIN
    },
];

/// The half of `SendCodeRequest` that goes to a phone.
struct BySms;

impl Request for BySms {
    const FIELDS: &'static [Field] = &[required("phone_number", Rule::Phone), optional("scene", SCENES)];
}

/// The other half.
struct ByMail;

impl Request for ByMail {
    const FIELDS: &'static [Field] = &[required("email", Rule::Email), required("scene", SCENES)];
}

/// Some scenes are for the account of a signed-in user. Without a scene the server decides by the session, if there is one.
fn asker(fields: &Tree) -> Who {
    match fields.text("scene") {
        None | Some("") => Who::UserOrAnybody,
        Some("CHANGE_EMAIL" | "ChangeEmail" | "BIND_PHONE" | "DELETE_ACCOUNT") => Who::User,
        Some(_) => Who::Anybody,
    }
}
