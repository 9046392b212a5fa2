//! Addresses: proving one, asking whether one is taken.

use doorward_protocol::{
    Request,
    email::{CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest},
    messages,
};

use super::{Does, Given, Method, Then, as_given, password::one_proof, rules};
use crate::{
    api::Kind,
    browser::Value,
    error::{Error, error},
    fields::Node,
    session::user_text,
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "checkEmail",
        fields: Some(CheckEmailRequest::FIELDS),
        texts: &["email"],
        options: &[],
        does: Does::Ask {
            kind: Kind::Post,
            path: "/v1/email/check",
            prepare: as_given,
            check: rules!(CheckEmailRequest),
            then: Then::Give,
        },
    },
    Method {
        name: "resendVerification",
        fields: Some(ResendVerificationRequest::FIELDS),
        texts: &["email"],
        options: &[],
        does: Does::Ask {
            kind: Kind::Post,
            path: "/v1/email/resend",
            prepare: as_given,
            check: rules!(ResendVerificationRequest),
            then: Then::Give,
        },
    },
    Method {
        name: "resendSignupConfirmation",
        fields: None,
        texts: &[],
        options: &[],
        does: Does::Ask {
            kind: Kind::Post,
            path: "/v1/email/resend",
            prepare: to_the_unconfirmed,
            check: rules!(ResendVerificationRequest),
            then: Then::Say(messages::CONFIRMATION_SENT),
        },
    },
    Method { name: "verifyAccount", texts: &["token"], ..VERIFY },
    Method { name: "verifyEmail", ..VERIFY },
];

const VERIFY: Method = Method {
    name: "",
    fields: Some(VerifyEmailRequest::FIELDS),
    texts: &[],
    options: &[],
    does: Does::Ask {
        kind: Kind::PostOnce,
        path: "/v1/email/verify",
        prepare: one_proof,
        check: rules!(VerifyEmailRequest),
        then: Then::Do(verified),
    },
};

fn to_the_unconfirmed(given: &mut Given) -> Result<Option<Value>, Error> {
    let email = given.client.unconfirmed.borrow().clone();
    let email = email.ok_or_else(|| error!(InvalidRequest, messages::LOGIN_ATTEMPT_REQUIRED))?;
    given.fields.put("email", Node::Text(email));
    Ok(None)
}

fn verified(given: &Given, answer: Result<Value, Error>) -> Result<Value, Error> {
    let user = answer?;
    user_text(&user).ok_or_else(|| error!(Server))?;
    let session = &given.client.session;
    if let Some(current) = session.current() {
        session.learn_user(&current, &user);
    }
    Ok(user)
}
