//! A method of `AuthClient` as data: its fields, endpoint and credentials, and the use of the answer.

use doorward_protocol::{Field, Invalid, Policy, Request, Rule};
use wasm_bindgen::JsValue;

use super::{input::Input, task::Task};
use crate::{
    client::Client,
    document::{Document, Value},
    error::Error,
    transport::Kind,
};

/// A missing argument.
pub(super) const NONE: &JsValue = &JsValue::UNDEFINED;

/// A method.
pub(super) struct Method {
    /// The endpoints that it can call. The given fields select one.
    pub(super) endpoints: &'static [Endpoint],
    /// The fields that can be plain arguments, as in `checkEmail("a@b.de")`.
    pub(super) positional: &'static [&'static str],
    /// Its own options, in addition to those of every request.
    pub(super) options: &'static [Field],
    /// True if an empty field clears the stored value.
    pub(super) clears: bool,
    pub(super) action: Action,
    /// Maps the outcome, including errors.
    pub(super) then: Then,
    /// Returns the answer if it is known without a call.
    pub(super) known: fn(&Client) -> Option<Value>,
}

pub(super) type Then = fn(&Input, Result<Option<Value>, Error>) -> Result<Option<Value>, Error>;

impl Method {
    /// A method with these endpoints.
    pub(super) const fn new(endpoints: &'static [Endpoint], action: Action) -> Method {
        Method {
            endpoints,
            positional: &[],
            options: &[],
            clears: false,
            action,
            then: |_, outcome| outcome,
            known: |_| None,
        }
    }

    /// The same with fields that can be plain arguments.
    pub(super) const fn positional(self, positional: &'static [&'static str]) -> Method {
        Method { positional, ..self }
    }

    /// The same with options of its own.
    pub(super) const fn options(self, options: &'static [Field]) -> Method {
        Method { options, ..self }
    }

    /// The same with an answer that may be known without a call.
    pub(super) const fn known(self, known: fn(&Client) -> Option<Value>) -> Method {
        Method { known, ..self }
    }

    /// The same with a function that maps the outcome.
    pub(super) const fn then(self, then: Then) -> Method {
        Method { then, ..self }
    }

    /// The endpoint for the given fields.
    pub(super) fn endpoint(&self, fields: &Document) -> Option<&'static Endpoint> {
        let has_field =
            |endpoint: &&Endpoint| !endpoint.chosen_by.is_empty() && fields.is_set(endpoint.chosen_by);
        self.endpoints.iter().find(has_field).or(self.endpoints.last())
    }
}

/// An endpoint of the server and its fields.
pub(super) struct Endpoint {
    pub(super) kind: Kind,
    /// If the path ends with a slash, the value of the field `tail` is appended.
    pub(super) path: &'static str,
    pub(super) tail: &'static str,
    /// The fields of the first argument. A method without fields takes its options there.
    pub(super) fields: &'static [Field],
    pub(super) check: fn(&Document, Policy) -> Result<(), Invalid>,
    /// The field that selects this endpoint among those of its method.
    pub(super) chosen_by: &'static str,
}

impl Endpoint {
    /// An endpoint with the fields and the rules of a request.
    pub(super) const fn of<R: Request>(kind: Kind, path: &'static str) -> Endpoint {
        let check = |fields: &Document, policy| R::check(&fields, policy);
        Endpoint { kind, path, tail: "", fields: R::FIELDS, check, chosen_by: "" }
    }

    /// The same without the `options` at the end of the request's table, which are for back ends of the
    /// operator.
    pub(super) const fn for_page<R: Request>(kind: Kind, path: &'static str) -> Endpoint {
        let fields = match R::FIELDS {
            [fields @ .., Field { rule: Rule::Object(_), .. }] => fields,
            fields => fields,
        };
        Endpoint { fields, ..Endpoint::of::<R>(kind, path) }
    }

    /// An endpoint without fields.
    pub(super) const fn to(kind: Kind, path: &'static str) -> Endpoint {
        Endpoint { kind, path, tail: "", fields: &[], check: |_, _| Ok(()), chosen_by: "" }
    }

    /// No endpoint: the fields of a method that answers by itself.
    pub(super) const fn none(fields: &'static [Field]) -> Endpoint {
        Endpoint { fields, ..Endpoint::to(Kind::Get, "") }
    }
}

/// The action of a method.
pub(super) enum Action {
    /// Calls an endpoint.
    Call {
        /// Changes the fields before they are checked.
        prepare: fn(&mut Input) -> Result<(), Error>,
        credentials: Credentials,
        outcome: Outcome,
    },
    /// Runs a task.
    Task(Task),
}

/// An action that calls the endpoint with the unchanged fields.
pub(super) const fn call(credentials: Credentials, outcome: Outcome) -> Action {
    Action::Call { prepare: |_| Ok(()), credentials, outcome }
}

/// The credentials of a call.
#[derive(Clone, Copy)]
pub(super) enum Credentials {
    None,
    /// The key of a new session. The answer contains its tokens, unless the outcome finds something else in
    /// it.
    NewSession,
    /// The key of a sign-up that begins no session. The key is stored (D-39).
    Signup,
    /// The session of the signed-in user. `SESSION_REQUIRED` if signed out.
    User,
    /// The same. If signed out, the answer is `null`.
    UserOrNull,
    /// The same. If signed out, the call is sent without credentials.
    UserOrNone,
    /// The given fields decide.
    ByFields(fn(&Document) -> Credentials),
    /// The token in the fields.
    GivenToken,
    /// The key of the current session. The answer contains the tokens of a session that may be bound to
    /// another key, or to no key.
    Restore,
    /// The evidence that the user has created the account: the key of a sign-up in this browser, or else the
    /// session, or else nothing.
    Claim,
    /// The key of a flow with a provider, or the session for a link.
    Flow,
}

/// The use of the server's answer.
pub(super) enum Outcome {
    /// Resolves with the answer.
    Answer,
    /// Resolves with a member of the answer.
    Member(&'static str),
    /// Resolves with a text.
    Text(&'static str),
    /// Resolves with `undefined`.
    Nothing,
    /// Stores the answer as the profile of the user, and resolves with it.
    Profile,
    /// Begins a session if the answer contains one. Resolves with the answer.
    MaySignIn,
    /// Ends the session, because the account was deleted. Resolves with a text.
    AccountDeleted(&'static str),
    /// Maps the answer or the error.
    Map(fn(&Input, Result<Document, Error>) -> Result<Value, Error>),
}
