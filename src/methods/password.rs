//! Signing up and in with an e-mail address and a password, and getting back in.

use doorward_protocol::{
    Request,
    error::ErrorCode,
    login::LoginRequest,
    messages,
    password::{ForgotPasswordRequest, ResetPasswordRequest},
    signup::{SignupOptions, SignupRequest},
};

use super::{Does, Given, Method, Then, as_given, rules};
use crate::{
    api::Kind,
    browser::{Value, location},
    error::{Error, error},
    fields::{Node, Tree},
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "signup",
        fields: Some(SignupRequest::FIELDS),
        texts: &[],
        options: SignupOptions::FIELDS,
        does: Does::Ask {
            kind: Kind::PostOnce,
            path: "/v1/signup",
            prepare: with_options,
            check: rules!(SignupRequest),
            then: Then::SignIn(signed_up),
        },
    },
    Method {
        name: "login",
        fields: Some(LoginRequest::FIELDS),
        texts: &[],
        options: &[],
        does: Does::Ask {
            kind: Kind::Post,
            path: "/v1/login",
            prepare: as_given,
            check: rules!(LoginRequest),
            then: Then::SignIn(logged_in),
        },
    },
    Method {
        name: "forgotPassword",
        fields: Some(ForgotPasswordRequest::FIELDS),
        texts: &["email"],
        options: &[],
        does: Does::Ask {
            kind: Kind::Post,
            path: "/v1/password/forgot",
            prepare: as_given,
            check: rules!(ForgotPasswordRequest),
            then: Then::Say(messages::CODE_SENT),
        },
    },
    Method {
        name: "resetPassword",
        fields: Some(ResetPasswordRequest::FIELDS),
        texts: &["token", "new_password"],
        options: &[],
        does: Does::Ask {
            kind: Kind::PostOnce,
            path: "/v1/password/reset",
            prepare: one_proof,
            check: rules!(ResetPasswordRequest),
            then: Then::Say(messages::PASSWORD_SET),
        },
    },
];

fn with_options(given: &mut Given) -> Result<Option<Value>, Error> {
    if given.fields.node("options").is_some() {
        return Err(Error::parameter("options", "Give the options as the second argument."));
    }
    let mut options = std::mem::take(&mut given.options);
    refuse_both(&options)?;
    resolve_confirmation(&mut options)?;
    given.fields.put("options", Node::Object(options));
    Ok(None)
}

/// A path is resolved against the page; a page that is not on the web cannot be come back to (seed K22).
fn resolve_confirmation(options: &mut Tree) -> Result<(), Error> {
    let Some(address) = options.text("signup_confirmation").filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let url = location::resolve(address).and_then(|url| url.text_of("href")).ok_or_else(|| {
        Error::parameter(
            "signup_confirmation",
            "Give true, an https address, or a path on a page that is served over http or https.",
        )
    })?;
    options.put("signup_confirmation", Node::Text(url));
    Ok(())
}

/// Nobody can be signed in at once and yet have to confirm first (seed K25).
fn refuse_both(options: &Tree) -> Result<(), Error> {
    let wanted = ["login", "generate_token"].into_iter().find(|name| options.is_set(name));
    match wanted {
        Some(name) if options.is_set("signup_confirmation") => {
            Err(Error::parameter(name, "Not together with signup_confirmation."))
        }
        _ => Ok(()),
    }
}

fn signed_up(_: &Given, answer: Result<Value, Error>) -> Result<Value, Error> {
    let answer = answer?;
    let session = answer.get("session");
    if !session.is_absent() {
        return Ok(session);
    }
    let required = answer.get("confirmation_required").flag().ok_or_else(|| error!(Server))?;
    Ok(if required { messages::SIGNUP_CONFIRMATION_REQUIRED } else { messages::SIGNED_UP }.into())
}

fn logged_in(given: &Given, answer: Result<Value, Error>) -> Result<Value, Error> {
    answer.inspect_err(|error| {
        if error.is(ErrorCode::SignupConfirmationNeeded) {
            given.client.unconfirmed.replace(given.fields.text("email").map(str::to_owned));
        }
    })
}

/// A code with its address, or the token of a link: one of the two, as the server wants it.
pub(super) fn one_proof(given: &mut Given) -> Result<Option<Value>, Error> {
    proof_of(&given.fields).map(|()| None)
}

fn proof_of(fields: &Tree) -> Result<(), Error> {
    let missing = |field: &'static str| Error::parameter(field, "This field is required.");
    match (fields.is_set("email"), fields.is_set("code"), fields.is_set("token")) {
        (_, false, true) | (true, true, false) => Ok(()),
        (_, true, true) => Err(Error::parameter("token", "Give a code or a token, not both.")),
        (false, _, false) => Err(missing("email")),
        (true, false, false) => Err(missing("code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&'static str]) -> Tree {
        let mut tree = Tree::default();
        for name in names {
            tree.put(name, Node::Text("x".into()));
        }
        tree
    }

    #[test]
    fn seed_k25_login_and_confirmation_exclude_each_other() {
        let refused =
            |names: &[&'static str]| refuse_both(&tree(names)).err().and_then(|error| error.field.clone());
        assert_eq!(refused(&["login", "signup_confirmation"]).as_deref(), Some("login"));
        assert_eq!(refused(&["generate_token", "signup_confirmation"]).as_deref(), Some("generate_token"));
        assert_eq!(refused(&["login"]), None);
        assert_eq!(refused(&["signup_confirmation"]), None);
    }

    #[test]
    fn seed_k41_a_reset_takes_a_code_with_its_address_or_a_token() {
        let fault =
            |names: &[&'static str]| proof_of(&tree(names)).err().and_then(|error| error.field.clone());
        assert_eq!(fault(&["email", "code"]), None);
        assert_eq!(fault(&["token"]), None);
        assert_eq!(fault(&["code"]).as_deref(), Some("email"));
        assert_eq!(fault(&["email"]).as_deref(), Some("code"));
        assert_eq!(fault(&["email", "code", "token"]).as_deref(), Some("token"));
    }
}
