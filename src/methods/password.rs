//! The password: signing up and in with it, getting another.

use doorward_protocol::{
    login::LoginRequest,
    messages,
    password::{ForgotPasswordRequest, ResetPasswordRequest, UpdatePasswordRequest},
    signup::SignupRequest,
};

use super::{Does, Given, Method, PLAIN, Then, Way, Who, ask};
use crate::{api::Kind, browser::Value, error::Error, fields::Tree};

pub(super) const SIGNUP: Way = Way::of::<SignupRequest>(Kind::PostOnce, "/v1/signup");

pub(super) const LOGIN: Way = Way::of::<LoginRequest>(Kind::Post, "/v1/login");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "forgotPassword",
        ways: &[Way::for_page::<ForgotPasswordRequest>(Kind::Post, "/v1/password/forgot")],
        texts: &["email"],
        does: Does::Ask {
            prepare: number_or_address,
            who: Who::Anybody,
            then: Then::Say(messages::CODE_SENT),
        },
        ..PLAIN
    },
    Method {
        name: "resetPassword",
        ways: &[Way::for_page::<ResetPasswordRequest>(Kind::PostOnce, "/v1/password/reset")],
        texts: &["token", "new_password"],
        does: Does::Ask { prepare: one_proof, who: Who::Prover, then: Then::Say(messages::PASSWORD_SET) },
        ..PLAIN
    },
    Method {
        name: "updatePassword",
        ways: &[Way::of::<UpdatePasswordRequest>(Kind::Post, "/v1/password")],
        does: ask(Who::User, Then::Do(password_set)),
        ..PLAIN
    },
];

/// Keeps the new value of `Known-Device`: the change of the password has ended the old one.
fn password_set(given: &Given, answer: Result<Value, Error>) -> Result<Value, Error> {
    given.client.session.know_device(&answer?);
    Ok(messages::PASSWORD_SET.into())
}

/// Takes a text that begins like a phone number and has no @ for a phone number.
fn number_or_address(given: &mut Given) -> Result<Option<Value>, Error> {
    let text = given.fields.text("email").unwrap_or_default().trim_start().as_bytes();
    if matches!(text, [b'+' | b'0'..=b'9', ..])
        && !text.contains(&b'@')
        && let Some(number) = given.fields.take("email")
    {
        given.fields.put("phone_number", number);
    }
    Ok(None)
}

/// A code with where it was sent to, or the token of a link: one of the two, as the server wants it.
pub(super) fn one_proof(given: &mut Given) -> Result<Option<Value>, Error> {
    proof_of(&given.fields).map(|()| None)
}

fn proof_of(fields: &Tree) -> Result<(), Error> {
    let missing = |field: &'static str| Err(Error::parameter(field, "This field is required."));
    let (email, phone) = (fields.is_set("email"), fields.is_set("phone_number"));
    match (fields.is_set("code"), fields.is_set("token")) {
        (true, true) => Err(Error::parameter("token", "Give a code or a token, not both.")),
        (_, false) if email && phone => {
            Err(Error::parameter("phone_number", "Give an address or a number, not both."))
        }
        (_, false) if !email && !phone => missing("email"),
        (false, false) => missing("code"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Node;

    fn tree(names: &[&'static str]) -> Tree {
        let mut tree = Tree::default();
        for name in names {
            tree.put(name, Node::Text("x".into()));
        }
        tree
    }

    #[test]
    fn seed_k41_a_reset_takes_a_code_with_its_address_or_a_token() {
        let fault =
            |names: &[&'static str]| proof_of(&tree(names)).err().and_then(|error| error.field.clone());
        assert_eq!(fault(&["email", "code"]), None);
        assert_eq!(fault(&["phone_number", "code"]), None);
        assert_eq!(fault(&["phone_number", "email", "code"]).as_deref(), Some("phone_number"));
        assert_eq!(fault(&["token"]), None);
        assert_eq!(fault(&["code"]).as_deref(), Some("email"));
        assert_eq!(fault(&["email"]).as_deref(), Some("code"));
        assert_eq!(fault(&["email", "code", "token"]).as_deref(), Some("token"));
    }
}
