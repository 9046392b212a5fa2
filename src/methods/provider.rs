//! Signing in with an outside issuer. Which flow a call belongs to, and who began it, is what `js/flows.js` knows; going
//! to the provider and what callers get is the affair of `js/providers.js`.

use doorward_protocol::{
    Field, Request, Rule,
    login::LoginOptions,
    provider::{FlowRequest, ProviderLoginRequest, ProviderSignupOptions, ProviderSignupRequest},
    required,
};

use super::{Does, Given, Method, PLAIN, Then, Way, Who, ask, password, signin::with_options};
use crate::{api::Kind, browser::Value, error::Error};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "listIdentities",
        ways: &[Way::to(Kind::Get, "/v1/identities")],
        does: ask(Who::User, Then::Field("identities")),
        ..PLAIN
    },
    Method {
        name: "unlink",
        ways: &[to::<Named>(Kind::Delete, "/v1/identities/")],
        texts: &["provider"],
        does: ask(Who::User, Then::Field("identities")),
        ..PLAIN
    },
    // What `oauthRedirect` and `redoOAuth`, `login` and `register` ask.
    Method {
        name: "beginFlow",
        ways: &[Way { tail: "provider", ..Way::for_page::<FlowRequest>(Kind::Post, "/v1/flows/") }],
        does: ask(Who::Flow, Then::Give),
        ..PLAIN
    },
    Method {
        name: "loginBy",
        ways: &[to::<ProviderLoginRequest>(Kind::PostOnce, "/v1/login/provider/")],
        ..FINISH
    },
    Method {
        name: "linkBy",
        ways: &[to::<ProviderLoginRequest>(Kind::PostOnce, "/v1/identities/")],
        ..FINISH
    },
    Method {
        name: "registerBy",
        ways: &[to::<ProviderSignupRequest>(Kind::PostOnce, "/v1/signup/provider/")],
        options: ProviderSignupOptions::FIELDS,
        ..FINISH
    },
    Method {
        name: "registerLocal",
        ways: &[password::SIGNUP],
        options: ProviderSignupOptions::FIELDS,
        does: Does::Ask { prepare: with_options, who: Who::Registrant, then: Then::Do(registered) },
        ..PLAIN
    },
];

/// Something with what came back from a provider.
const FINISH: Method = Method {
    options: LoginOptions::FIELDS,
    does: Does::Ask { prepare: with_options, who: Who::Flow, then: Then::Enter },
    ..PLAIN
};

/// A way that goes on with the provider's name.
const fn to<R: Request>(kind: Kind, path: &'static str) -> Way {
    Way { tail: "provider", ..Way::of::<R>(kind, path) }
}

/// One of the providers.
struct Named;

impl Request for Named {
    const FIELDS: &'static [Field] = &[required("provider", Rule::Line(64))];
}

/// The account; where the server does not tell whether there is one now, what the caller knows of it.
fn registered(given: &Given, answer: Result<Value, Error>) -> Result<Value, Error> {
    let user = answer?.get("user");
    if user.is_object() {
        return Ok(user);
    }
    let known = Value::object();
    known.set("email", given.fields.text("email").unwrap_or_default());
    known.set("email_verified", false);
    Ok(known)
}
