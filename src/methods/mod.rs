//! What a page can call, in the order in which a person meets it.
//!
//! A method is data: what it takes, what it asks the server, and what becomes of the answer. So the code that
//! carries methods out is in the wasm once, and a new way to sign in is a file here and a line below.

mod account;
mod addresses;
mod code;
mod custom;
mod data;
mod device;
mod email;
mod password;
mod profile;
mod provider;
mod session;
mod settings;
mod signin;

use std::rc::Rc;

use doorward_protocol::{Field, Invalid, Policy, Request, Rule};

use crate::{
    api::Kind,
    browser::{Value, http::Limits},
    context::Client,
    error::Error,
    fields::Tree,
};

pub(crate) use session::{Task, carry_out};

/// All of them.
pub(crate) const METHODS: &[&[Method]] = &[
    signin::METHODS,
    code::METHODS,
    password::METHODS,
    provider::METHODS,
    email::METHODS,
    addresses::METHODS,
    profile::METHODS,
    data::METHODS,
    account::METHODS,
    session::METHODS,
    settings::METHODS,
];

/// The ways to sign in. The fields that are given say which is meant; what none of them says is the last.
const LOGINS: &[Way] = &[code::LOGIN, device::LOGIN, custom::LOGIN, password::LOGIN];

/// The ways to sign up, likewise.
const SIGNUPS: &[Way] = &[code::SIGNUP, password::SIGNUP];

/// One method.
pub(crate) struct Method {
    /// As in JavaScript.
    pub(crate) name: &'static str,
    /// What it takes and asks: one way, or several between which the given fields decide.
    pub(crate) ways: &'static [Way],
    /// The fields that arguments have which are no object: `checkEmail("a@b.de")`.
    pub(crate) texts: &'static [&'static str],
    /// Its own options, beside those of every request.
    pub(crate) options: &'static [Field],
    /// Does a field that is given as nothing clear what is stored?
    pub(crate) clears: bool,
    pub(crate) does: Does,
}

impl Method {
    /// The way that the given fields ask for.
    pub(crate) fn way(&self, fields: &Tree) -> Option<&'static Way> {
        self.ways.iter().find(|way| fields.is_set(way.by)).or(self.ways.last())
    }
}

/// What a method takes, and what it asks the server with it.
pub(crate) struct Way {
    pub(crate) kind: Kind,
    /// Where it ends in a slash, a field named in `tail` goes on with it.
    pub(crate) path: &'static str,
    /// The fields of the first argument; a method without any takes its options there.
    pub(crate) fields: &'static [Field],
    pub(crate) check: fn(&Tree, Policy) -> Result<(), Invalid>,
    /// The field that only this way has, where a method has several.
    pub(crate) by: &'static str,
    /// The field that goes into the path.
    pub(crate) tail: &'static str,
}

impl Way {
    /// With the fields and rules of a request.
    const fn of<R: Request>(kind: Kind, path: &'static str) -> Way {
        let check = |fields: &Tree, policy| R::check(&fields, policy);
        Way { kind, path, fields: R::FIELDS, check, by: "", tail: "" }
    }

    /// The same without the `options` that end the table: they are for programs of the operator's, and no fields of a page.
    const fn for_page<R: Request>(kind: Kind, path: &'static str) -> Way {
        let fields = match R::FIELDS {
            [fields @ .., Field { rule: Rule::Object(_), .. }] => fields,
            fields => fields,
        };
        Way { fields, ..Way::of::<R>(kind, path) }
    }

    /// With these fields, which nobody checks but whoever uses them.
    const fn with(fields: &'static [Field]) -> Way {
        Way { fields, ..Way::to(Kind::Get, "") }
    }

    /// With no fields at all.
    const fn to(kind: Kind, path: &'static str) -> Way {
        Way { kind, path, fields: &[], check: |_, _| Ok(()), by: "", tail: "" }
    }
}

/// What a method was called with, as it was at that moment.
pub(crate) struct Given {
    pub(crate) client: Rc<Client>,
    pub(crate) fields: Tree,
    pub(crate) options: Tree,
    pub(crate) limits: Limits,
    /// The answer to a captcha, as it goes into its header.
    pub(crate) captcha: Option<String>,
    /// The flow that the call belongs to: a promise of `js/flows.js`.
    pub(crate) flow: Value,
}

/// What it does.
pub(crate) enum Does {
    /// Asks the server, once the fields are as they must be.
    Ask {
        /// Puts the last touch to the fields, before they are checked; or knows the answer already.
        prepare: fn(&mut Given) -> Result<Option<Value>, Error>,
        who: Who,
        then: Then,
    },
    /// Answers from what is known here.
    Now(fn(&Given) -> Result<Value, Error>),
    /// Something else.
    Task(Task),
}

/// As whom the server is asked.
pub(crate) enum Who {
    /// It may be anybody.
    Anybody,
    /// Somebody who signs in: the answer has the tokens, unless `then` finds something else in it.
    Newcomer,
    /// A person who signs up and is not signed in by that. The key of the signup is kept (D-39).
    Registrant,
    /// The signed-in user; `SESSION_REQUIRED` when signed out.
    User,
    /// The signed-in user; `null` is the answer when signed out.
    UserOrNull,
    /// The signed-in user; anybody when signed out.
    UserOrAnybody,
    /// As the given fields say.
    By(fn(&Tree) -> Who),
    /// Whoever has the token in the fields.
    Presenter,
    /// A person who proves an address: with the key of a signup in this browser, else with the session, else with neither.
    Prover,
    /// Whoever began the flow: the holder of its key, or the signed-in user where it names none.
    Flow,
}

/// What becomes of the server's answer.
pub(crate) enum Then {
    /// The caller gets it.
    Give,
    /// The caller gets what it has under this name.
    Field(&'static str),
    /// The caller gets this text.
    Say(&'static str),
    /// The caller gets nothing.
    Done,
    /// It is the user's profile: it is kept, and the caller gets it.
    Learn,
    /// The session in it, if there is one, is taken up; the caller gets all of it.
    Enter,
    /// The account is no more, and its session over; the caller gets this text.
    Leave(&'static str),
    /// Something else; also of an error.
    Do(fn(&Given, Result<Value, Error>) -> Result<Value, Error>),
}

/// Nothing to prepare.
pub(crate) fn as_given(_: &mut Given) -> Result<Option<Value>, Error> {
    Ok(None)
}

/// A method that takes nothing but options; its name and what it does are to be filled in.
pub(crate) const PLAIN: Method = Method {
    name: "",
    ways: &[],
    texts: &[],
    options: &[],
    clears: false,
    does: Does::Now(|_| Ok(Value::UNDEFINED)),
};

/// What asks the server without further ado.
const fn ask(who: Who, then: Then) -> Does {
    Does::Ask { prepare: as_given, who, then }
}
