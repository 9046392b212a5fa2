//! Signing up and in, in whatever way.

use doorward_protocol::{Request, login::LoginOptions, messages, signup::SignupOptions};

use super::{Does, Given, LOGINS, Method, PLAIN, SIGNUPS, Then, Who};
use crate::{
    browser::{Value, location},
    error::{Error, code, error},
    fields::{Node, Tree},
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "signup",
        ways: SIGNUPS,
        options: SignupOptions::FIELDS,
        does: Does::Ask {
            prepare: |given| {
                refuse_both(&given.options)?;
                resolve_confirmation(&mut given.options)?;
                with_options(given)
            },
            who: Who::Newcomer,
            then: Then::Do(signed_up),
        },
        ..PLAIN
    },
    Method {
        name: "login",
        ways: LOGINS,
        options: LoginOptions::FIELDS,
        does: Does::Ask { prepare: with_options, who: Who::Newcomer, then: Then::Do(logged_in) },
        ..PLAIN
    },
];

/// The options stand beside the fields for the caller, and within them for the server.
pub(super) fn with_options(given: &mut Given) -> Result<Option<Value>, Error> {
    if given.fields.node("options").is_some() {
        return Err(Error::parameter("options", "Give the options as the second argument."));
    }
    if !given.options.is_empty() {
        given.fields.put("options", Node::Object(std::mem::take(&mut given.options)));
    }
    Ok(None)
}

/// A path is resolved against the page; a page that is not on the web cannot be come back to (seed K22).
fn resolve_confirmation(options: &mut Tree) -> Result<(), Error> {
    let Some(address) = options.text("signup_confirmation").filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let url = location::resolve(address).map(|url| url.href()).ok_or_else(|| {
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
        if error.is(code!(SignupConfirmationNeeded)) {
            given.client.unconfirmed.replace(given.fields.text("email").map(str::to_owned));
        }
    })
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
}
