//! What a page can call, in the order in which a person meets it.
//!
//! A method is data: what it takes, what it asks the server, and what becomes of the answer. So the code that
//! carries methods out is in the wasm once, and a new way to sign in is a file here and a line below.

mod email;
mod password;
mod profile;
mod session;
mod settings;

use std::rc::Rc;

use doorward_protocol::{Field, Invalid, Policy};

use crate::{
    api::Kind,
    browser::{Value, http::Limits},
    context::Client,
    error::{Error, error},
    fields::Tree,
    promise::Work,
    session::tokens::Session,
};

/// All of them.
pub(crate) const METHODS: &[&[Method]] =
    &[password::METHODS, email::METHODS, profile::METHODS, session::METHODS, settings::METHODS];

/// One method.
pub(crate) struct Method {
    /// As in JavaScript.
    pub(crate) name: &'static str,
    /// The fields of its first argument; a method without any takes its options there.
    pub(crate) fields: Option<&'static [Field]>,
    /// The fields that arguments have which are texts: `checkEmail("a@b.de")`.
    pub(crate) texts: &'static [&'static str],
    /// Its own options, beside those of every request.
    pub(crate) options: &'static [Field],
    pub(crate) does: Does,
}

/// What a method was called with, as it was at that moment.
pub(crate) struct Given {
    pub(crate) client: Rc<Client>,
    pub(crate) fields: Tree,
    pub(crate) options: Tree,
    pub(crate) limits: Limits,
}

/// What it does.
pub(crate) enum Does {
    /// Asks the server, once the fields are as they must be.
    Ask {
        kind: Kind,
        path: &'static str,
        /// Puts the last touch to the fields, before they are checked; or knows the answer already.
        prepare: fn(&mut Given) -> Result<Option<Value>, Error>,
        check: fn(&Tree, Policy) -> Result<(), Invalid>,
        then: Then,
    },
    /// Answers from what is known here.
    Now(fn(&Given) -> Result<Value, Error>),
    /// Something else.
    Work(fn(Given) -> Work),
}

/// What becomes of the server's answer.
pub(crate) enum Then {
    /// The caller gets it.
    Give,
    /// The caller gets this text.
    Say(&'static str),
    /// It signs in: gives the tokens, or what the caller gets instead.
    SignIn(fn(&Given, Result<Value, Error>) -> Result<Value, Error>),
    /// Asked as the signed-in user; nothing when signed out.
    AsUser(fn(&Given, Option<Answered>) -> Result<Value, Error>),
    /// Asked with the token in the fields; the caller gets it.
    Present,
    /// Something else; also of an error.
    Do(fn(&Given, Result<Value, Error>) -> Result<Value, Error>),
}

/// What the server answered the signed-in user, and the session that it was asked with.
pub(crate) type Answered = (Rc<Session>, Value);

/// Nothing to prepare.
pub(crate) fn as_given(_: &mut Given) -> Result<Option<Value>, Error> {
    Ok(None)
}

/// A method that takes nothing but options; its name and what it does are to be filled in.
pub(crate) const PLAIN: Method =
    Method { name: "", fields: None, texts: &[], options: &[], does: Does::Now(|_| Ok(Value::UNDEFINED)) };

/// Nothing to check.
pub(crate) fn unchecked(_: &Tree, _: Policy) -> Result<(), Invalid> {
    Ok(())
}

/// The server's answer, of whom nobody but a signed-in user can ask it.
pub(crate) fn signed_in(answer: Option<Answered>) -> Result<Value, Error> {
    answer.map(|(_, answer)| answer).ok_or_else(|| error!(SessionRequired))
}

/// `check` of a request, as a method wants it.
macro_rules! rules {
    ($request:ty) => {
        |fields, policy| <$request as doorward_protocol::Request>::check(&fields, policy)
    };
}
pub(crate) use rules;
