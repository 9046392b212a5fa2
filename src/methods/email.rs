//! Addresses: proving one, asking whether one is taken.

use doorward_protocol::{
    Field, Rule,
    email::{CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest},
    messages, optional,
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
        ways: &[Way::for_page::<CheckEmailRequest>(Kind::Post, "/v1/email/check")],
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

/// What shows that the account is the person's own, or that it is to become so.
const PASSWORDS: &[Field] =
    &[optional("password", Rule::Password), optional("new_password", Rule::NewPassword)];

const RESEND: Way = Way::for_page::<ResendVerificationRequest>(Kind::Post, "/v1/email/resend");

const VERIFY: Method = Method {
    ways: &[Way::for_page::<VerifyEmailRequest>(Kind::PostOnce, "/v1/email/verify")],
    options: PASSWORDS,
    does: Does::Ask { prepare: with_passwords, who: Who::Prover, then: Then::Learn },
    ..PLAIN
};

/// The passwords may stand among the options, behind a secret that is given as a text.
fn with_passwords(given: &mut Given) -> Result<Option<Value>, Error> {
    for field in PASSWORDS {
        if let Some(node) = given.options.take(field.name) {
            given.fields.put(field.name, node);
        }
    }
    one_proof(given)
}

fn to_the_unconfirmed(given: &mut Given) -> Result<Option<Value>, Error> {
    let email = given.client.unconfirmed.borrow().clone();
    let email = email.ok_or_else(|| error!(InvalidRequest, messages::LOGIN_ATTEMPT_REQUIRED))?;
    given.fields.put("email", Node::Text(email));
    Ok(None)
}
