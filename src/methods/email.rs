//! Addresses: proving one, asking whether one is taken.

use doorward_protocol::{
    email::{CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest},
    messages,
};

use super::{Does, Given, Method, PLAIN, Then, Way, Who, ask, password::one_proof};
use crate::{
    api::Kind,
    browser::Value,
    error::{Error, error},
    fields::Node,
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "checkEmail",
        ways: &[Way::of::<CheckEmailRequest>(Kind::Post, "/v1/email/check")],
        texts: &["email"],
        does: ask(Who::Anybody, Then::Give),
        ..PLAIN
    },
    Method {
        name: "resendVerification",
        ways: &[RESEND],
        texts: &["email"],
        does: ask(Who::Anybody, Then::Give),
        ..PLAIN
    },
    Method {
        name: "resendSignupConfirmation",
        ways: &[Way { fields: &[], ..RESEND }],
        does: Does::Ask {
            prepare: to_the_unconfirmed,
            who: Who::Anybody,
            then: Then::Say(messages::CONFIRMATION_SENT),
        },
        ..PLAIN
    },
    Method { name: "verifyAccount", texts: &["token"], ..VERIFY },
    Method { name: "verifyEmail", ..VERIFY },
];

const RESEND: Way = Way::of::<ResendVerificationRequest>(Kind::Post, "/v1/email/resend");

const VERIFY: Method = Method {
    ways: &[Way::of::<VerifyEmailRequest>(Kind::PostOnce, "/v1/email/verify")],
    does: Does::Ask { prepare: one_proof, who: Who::Anybody, then: Then::Learn },
    ..PLAIN
};

fn to_the_unconfirmed(given: &mut Given) -> Result<Option<Value>, Error> {
    let email = given.client.unconfirmed.borrow().clone();
    let email = email.ok_or_else(|| error!(InvalidRequest, messages::LOGIN_ATTEMPT_REQUIRED))?;
    given.fields.put("email", Node::Text(email));
    Ok(None)
}
