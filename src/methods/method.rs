//! A method of `AuthClient` as data: its fields, its endpoint, its credentials, and the use of the answer.

use doorward_protocol::{Field, Invalid, Policy, Request, Rule};
use wasm_bindgen::JsValue;

use super::{input::Input, task::Task};
use crate::{
    client::Client,
    document::{Document, Value},
    error::Error,
    transport::Kind,
};

/// An argument that a method does not have.
pub(super) const NONE: &JsValue = &JsValue::UNDEFINED;

/// A method.
pub(super) struct Method {
    /// The endpoints that it can call. The given fields decide between them.
    pub(super) endpoints: &'static [Endpoint],
    /// The fields that may be given as plain arguments: `checkEmail("a@b.de")`.
    pub(super) positional: &'static [&'static str],
    /// Its own options, beside those of every request.
    pub(super) options: &'static [Field],
    /// Does an empty field clear the stored value?
    pub(super) clears: bool,
    pub(super) action: Action,
    /// Changes the outcome, also an error.
    pub(super) then: Then,
    /// The answer, if it is known without a call.
    pub(super) known: fn(&Client) -> Option<Value>,
}

pub(super) type Then = fn(&Input, Result<Option<Value>, Error>) -> Result<Option<Value>, Error>;

impl Method {
    /// A method that calls one endpoint with the fields of a request.
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

    /// The same with fields that may be given as plain arguments.
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

    /// The same with a change of the outcome.
    pub(super) const fn then(self, then: Then) -> Method {
        Method { then, ..self }
    }

    /// The endpoint that the given fields ask for.
    pub(super) fn endpoint(&self, fields: &Document) -> Option<&'static Endpoint> {
        let has_field =
            |endpoint: &&Endpoint| !endpoint.chosen_by.is_empty() && fields.is_set(endpoint.chosen_by);
        self.endpoints.iter().find(has_field).or(self.endpoints.last())
    }
}

/// An endpoint of the server, and the fields that it takes.
pub(super) struct Endpoint {
    pub(super) kind: Kind,
    /// Where the path ends in a slash, the value of the field `tail` follows.
    pub(super) path: &'static str,
    pub(super) tail: &'static str,
    /// The fields of the first argument. A method without fields takes its options there.
    pub(super) fields: &'static [Field],
    pub(super) check: fn(&Document, Policy) -> Result<(), Invalid>,
    /// The field that only this endpoint has, among those of its method.
    pub(super) chosen_by: &'static str,
}

impl Endpoint {
    /// An endpoint with the fields and the rules of a request.
    pub(super) const fn of<R: Request>(kind: Kind, path: &'static str) -> Endpoint {
        let check = |fields: &Document, policy| R::check(&fields, policy);
        Endpoint { kind, path, tail: "", fields: R::FIELDS, check, chosen_by: "" }
    }

    /// The same without the `options` at the end of the request's table: these are for back ends of the operator.
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

/// What a method does.
pub(super) enum Action {
    /// Calls its endpoint.
    Call {
        /// Changes the fields before they are checked.
        prepare: fn(&mut Input) -> Result<(), Error>,
        credentials: Credentials,
        outcome: Outcome,
    },
    /// Does something else.
    Task(Task),
}

/// An action that calls the endpoint with the fields as they are.
pub(super) const fn call(credentials: Credentials, outcome: Outcome) -> Action {
    Action::Call { prepare: |_| Ok(()), credentials, outcome }
}

/// The credentials that a call carries.
#[derive(Clone, Copy)]
pub(super) enum Credentials {
    None,
    /// The key of a new session. The answer has its tokens, unless the outcome finds something else in it.
    NewSession,
    /// The key of a signup that begins no session. The key is kept (D-39).
    Signup,
    /// Those of the signed-in user. `SESSION_REQUIRED` when signed out.
    User,
    /// The same; when signed out the answer is `null`.
    UserOrNull,
    /// The same; when signed out the call goes without credentials.
    UserOrNone,
    /// As the given fields decide.
    ByFields(fn(&Document) -> Credentials),
    /// The token in the fields.
    GivenToken,
    /// The key of the current session. The answer has the tokens of a session that may be bound to another key, or to no key.
    Restore,
    /// The proof that the person has made the account: the key of a signup in this browser, else the session, else none.
    Claim,
    /// Those of a flow with a provider: its key, or the session if the account is linked.
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
    /// The answer is the profile of the user: it is kept, and the call resolves with it.
    Profile,
    /// The answer may have a session, which begins. Resolves with the answer.
    MaySignIn,
    /// The account was deleted and the session is over. Resolves with a text.
    AccountDeleted(&'static str),
    /// Anything else; decides about errors as well.
    Map(fn(&Input, Result<Document, Error>) -> Result<Value, Error>),
}
