//! Sign-in with identity providers: going to the provider, and using its answer.

use doorward_protocol::{
    Request,
    login::LoginOptions,
    messages,
    provider::{FlowRequest, ProviderLoginRequest, ProviderSignupOptions, ProviderSignupRequest},
};
use wasm_bindgen::prelude::*;

use super::{
    flow::is_gone,
    flow_step::{FlowStep, Step},
    input::Input,
    method::{Action, Credentials, Endpoint, Method, NONE, Outcome, Then, call},
    password,
    signin::{LOGIN, with_options},
};
use crate::{
    browser::{
        location::{self, Query},
        object, page,
        wait::Promise,
    },
    client::{AuthClient, Same},
    document::{Document, Value},
    error::{Error, error},
    session::flows::has_answer,
    transport::Kind,
};

#[wasm_bindgen]
impl AuthClient {
    /// Opens the provider's consent screen, which returns to `callback`.
    #[wasm_bindgen(js_name = oauthRedirect)]
    pub fn oauth_redirect(&self, provider: JsValue, callback: JsValue, options: JsValue) -> Promise {
        let same = same_call("redirect", &[&provider, &callback, &options]);
        let data = object::literal("callback", &callback);
        self.begin(&REDIRECT, FlowStep::of(&provider, Some(Step::Begin)), same, [&data, &options, NONE])
    }

    /// Repeats the last `oauthRedirect`.
    #[wasm_bindgen(js_name = redoOAuth)]
    pub fn redo_oauth(&self, provider: JsValue, options: JsValue) -> Promise {
        let same = same_call("redo", &[&provider, &options]);
        let flow = FlowStep::of(&provider, Some(Step::Repeat)).and_then(|flow| match &flow {
            Some(FlowStep { provider, .. }) if matches!(&**provider, "twitter" | "apple") => {
                let refused = ["The consent of ", provider, " is valid only once. Call oauthRedirect again."];
                Err(error!(InvalidRequest, refused.concat()))
            }
            _ => Ok(flow),
        });
        self.begin(&REDO, flow, same, [NONE, &options, NONE])
    }

    /// Creates an account with the answer of a provider, or for the provider `local` with e-mail address and
    /// password.
    pub fn register(&self, provider: JsValue, data: JsValue, options: JsValue) -> Promise {
        let same = same_call("register", &[&provider, &data, &options]);
        let (method, step) = if is_local(&provider) {
            (&REGISTER_LOCAL, None)
        } else {
            (&REGISTER_BY_PROVIDER, Some(Step::SignIn))
        };
        let flow = FlowStep::of(&provider, step);
        match flattened(&data) {
            Ok(data) => self.begin(method, flow, same, [&data, &options, NONE]),
            Err(error) => self.begin(method, flow.and(Err(error)), same, [NONE, &options, NONE]),
        }
    }
}

impl AuthClient {
    /// `login` with the name of a provider as its first argument.
    pub(super) fn login_by_provider(
        &self,
        provider: &JsValue,
        data: &JsValue,
        intent: &JsValue,
        options: &JsValue,
    ) -> Promise {
        // The options may take the place of the intent.
        let (intent, options) = if object::is_plain(intent) { (NONE, intent) } else { (intent, options) };
        let same = same_login(provider, data, intent, options);
        let name = if object::is_absent(intent) { Some("register".into()) } else { intent.as_string() };
        let (method, step) = match (name.as_deref(), is_local(provider)) {
            (Some("register"), true) => (&LOGIN_LOCAL, None),
            (Some("link"), false) => (&LINK, Some(Step::Link)),
            _ => (&LOGIN_BY_PROVIDER, Some(Step::SignIn)),
        };
        let mut flow = FlowStep::of(provider, step);
        if name.as_deref() != Some("register") && step != Some(Step::Link) {
            flow = flow.and(Err(Error::parameter("intent", r#"Give "register", or "link" for a provider."#)));
        }
        self.begin(method, flow, same, [data, options, NONE])
    }
}

static REDIRECT: Method = begin(|input, answer| go(input, answer, |data| Document::of("data", data)));

static REDO: Method = begin(|input, answer| {
    go(input, answer, |mut data| {
        let (url, provider) = (data.take("url"), data.take("provider"));
        Document::default().with_some("reloginUrl", url).with_some("provider", provider)
    })
});

/// Begins a flow, and opens its URL after the flow is stored.
const fn begin(then: Then) -> Method {
    const BEGIN: &[Endpoint] =
        &[Endpoint { tail: "provider", ..Endpoint::for_page::<FlowRequest>(Kind::Post, "/v1/flows/") }];
    Method::new(BEGIN, call(Credentials::Flow, Outcome::Answer)).then(then)
}

static LOGIN_BY_PROVIDER: Method =
    Method::new(&[to::<ProviderLoginRequest>(Kind::PostOnce, "/v1/login/provider/")], FINISH)
        .options(LoginOptions::FIELDS)
        .then(told);

static LINK: Method = Method::new(&[to::<ProviderLoginRequest>(Kind::PostOnce, "/v1/identities/")], FINISH)
    .options(LoginOptions::FIELDS)
    .then(told);

static REGISTER_BY_PROVIDER: Method =
    Method::new(&[to::<ProviderSignupRequest>(Kind::PostOnce, "/v1/signup/provider/")], FINISH)
        .options(ProviderSignupOptions::FIELDS)
        .then(told);

static LOGIN_LOCAL: Method = LOGIN.then(existing);

static REGISTER_LOCAL: Method = Method::new(
    &[password::SIGNUP],
    Action::Call {
        prepare: with_options,
        credentials: Credentials::Signup,
        outcome: Outcome::Map(registered),
    },
)
.options(ProviderSignupOptions::FIELDS);

/// Sends the answer of a provider, with the key of the flow.
const FINISH: Action =
    Action::Call { prepare: with_options, credentials: Credentials::Flow, outcome: Outcome::MaySignIn };

/// An endpoint with a path that ends with the name of the provider.
const fn to<R: Request>(kind: Kind, path: &'static str) -> Endpoint {
    Endpoint { tail: "provider", ..Endpoint::of::<R>(kind, path) }
}

/// Opens the provider's URL. Outside of a page it returns the answer to the caller instead.
fn go(
    input: &Input,
    answer: Result<Option<Value>, Error>,
    told: fn(Document) -> Document,
) -> Result<Option<Value>, Error> {
    let mut answer = answer?.and_then(Value::into_object).unwrap_or_default();
    let data = answer.take("data").and_then(Value::into_object).unwrap_or_default();
    if !page::is_there() {
        return Ok(Some(told(data).into()));
    }
    let url = data.text("url").filter(|url| location::resolve(url).is_some());
    let url = url.ok_or_else(|| error!(Server, "The server returned no URL to open."))?;
    if !input.limits.is_over() {
        location::go_to(url);
    }
    Ok(Some(Value::Null))
}

/// Maps errors to the names that the page uses.
fn told(input: &Input, outcome: Result<Option<Value>, Error>) -> Result<Option<Value>, Error> {
    let links = input.flow.as_ref().is_some_and(|flow| flow.step == Step::Link);
    outcome.map_err(|error| {
        if is_gone(&error) && !links {
            return error!(OauthStateMismatch, "The key of this sign-in is gone. Please start again.");
        }
        // The page may have used the camelCase name.
        let field = error.field.as_deref().filter(|field| object::get(&input.given, field).is_undefined());
        match field {
            Some("oauth_key") => error.about("oauthKey"),
            Some("oauth_token") => error.about("oauthToken"),
            Some("oauth_verifier") => error.about("oauthVerifier"),
            _ => error,
        }
    })
}

/// True for the provider name that means sign-in with a password.
fn is_local(provider: &JsValue) -> bool {
    provider.as_string().as_deref() == Some("local")
}

/// The data of a registration. Profile fields in `extras` are moved up, and are then not fields of the
/// operator.
fn flattened(data: &JsValue) -> Result<JsValue, Error> {
    let extras = object::get(data, "extras");
    if !object::is_plain(&extras) {
        return Ok(data.clone());
    }
    object::flattened(data, "extras")
        .map_err(|field| Error::parameter(field, "This is given twice, with two values."))
}

/// The answer of a sign-in with a password, in the format of one with a provider.
fn existing(_: &Input, outcome: Result<Option<Value>, Error>) -> Result<Option<Value>, Error> {
    let mut user = outcome?.and_then(Value::into_object).unwrap_or_default();
    let data = Document::of("provider", "local")
        .with_some("email", user.take("email"))
        .with_some("verified", user.take("email_verified"))
        .with_some("id", user.take("user_id"));
    Ok(Some(
        Document::of("type", "LoginExisting").with("data", data).with("message", messages::LOGGED_IN).into(),
    ))
}

/// The new account. A server that does not disclose whether the account existed returns none: then it
/// consists of the fields that the caller sent.
fn registered(input: &Input, answer: Result<Document, Error>) -> Result<Value, Error> {
    let user = answer?.take("user").unwrap_or_else(|| {
        let email = input.fields.text("email").unwrap_or_default();
        Document::of("email", email).with("email_verified", false).into()
    });
    Ok(Document::of("data", user).with("message", messages::PLEASE_CONFIRM).into())
}

/// Identifies a call by its arguments. `None` if a form, a FormData or a signal in them belongs to one call
/// only.
fn same_call(name: &str, arguments: &[&JsValue]) -> Option<Same> {
    object::snapshot(arguments).map(|arguments| Same::Arguments(vec![[name, &*arguments].concat()]))
}

/// The same for `login`. A call with an answer in its callback joins by that answer. A call without one joins
/// by its page, because the first call may have removed the answer from the URL.
fn same_login(provider: &JsValue, data: &JsValue, intent: &JsValue, options: &JsValue) -> Option<Same> {
    let full = ["login", &*object::snapshot(&[provider, data, intent, options])?].concat();
    let callback = object::text(data, "callback");
    let Some((query, address)) =
        callback.and_then(|callback| Some((Query::of(&callback)?, location::without_query(&callback)?)))
    else {
        return Some(Same::Arguments(vec![full]));
    };
    let page = ["page", &*object::snapshot(&[provider, &address.into(), intent, options])?].concat();
    let has_more = object::names(data).len() > 1;
    let first = if has_more || has_answer(&query) { full } else { page.clone() };
    Some(Same::Arguments(vec![first, page]))
}
