//! The session of this browser, and the other sessions of the user.

use doorward_protocol::{Field, Request, Rule, optional, required};
use wasm_bindgen::prelude::*;

use super::{
    input::Input,
    method::{Action, Credentials, Endpoint, Method, NONE, Outcome, call},
    task::Task,
};
use crate::{
    browser::{events::Function, object, wait::Promise},
    client::AuthClient,
    document::{Document, Value},
    error::{Error, code, error},
    session::refresh::{TOKEN_PATH, token_body},
    transport::Kind,
};

#[wasm_bindgen]
impl AuthClient {
    /// Calls the listener with the current state, and then with each change. `has_begun` is for `js/face.js`:
    /// a lost instance of the wasm has already reported the first state. Returns the function that removes
    /// the listener.
    #[wasm_bindgen(js_name = onAuthStateChange)]
    pub fn on_auth_state_change(&self, listener: Function, has_begun: Option<bool>) -> Function {
        self.inner.session.subscribe(listener, has_begun.unwrap_or(false))
    }

    /// The session in this browser. Makes no request.
    #[wasm_bindgen(js_name = getSession)]
    pub fn get_session(&self, options: JsValue) -> Promise {
        self.call(&GET, [&options, NONE, NONE])
    }

    /// An access token, refreshed if necessary.
    #[wasm_bindgen(js_name = getAccessToken)]
    pub fn get_access_token(&self, options: JsValue) -> Promise {
        self.call(&GET_ACCESS_TOKEN, [&options, NONE, NONE])
    }

    /// Refreshes the tokens now.
    #[wasm_bindgen(js_name = refreshToken)]
    pub fn refresh_token(&self, options: JsValue) -> Promise {
        self.call(&REFRESH, [&options, NONE, NONE])
    }

    /// Restores a session from a refresh token that was stored elsewhere.
    #[wasm_bindgen(js_name = restoreToken)]
    pub fn restore_token(&self, token: JsValue, options: JsValue) -> Promise {
        self.call(&RESTORE, [&token, &options, NONE])
    }

    /// Checks whether an access token is valid, by default the current one.
    #[wasm_bindgen(js_name = checkLoginStatus)]
    pub fn check_login_status(&self, token: JsValue, options: JsValue) -> Promise {
        self.call(&STATUS, [&token, &options, NONE])
    }

    /// The headers with the access token and its DPoP proof for one request.
    #[wasm_bindgen(js_name = authHeaders)]
    pub fn auth_headers(&self, method: JsValue, url: JsValue, options: JsValue) -> Promise {
        // The page may pass a `URL`.
        let address = object::get(&url, "href");
        let url = if address.is_string() { address } else { url };
        self.call(&HEADERS, [&method, &url, &options])
    }

    /// Signs out.
    pub fn logout(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&LOGOUT, [&input, &options, NONE])
    }

    /// Lists the sessions of the account.
    #[wasm_bindgen(js_name = listSessions)]
    pub fn list_sessions(&self, options: JsValue) -> Promise {
        self.call(&LIST, [&options, NONE, NONE])
    }

    /// Ends a session of the account.
    #[wasm_bindgen(js_name = revokeSession)]
    pub fn revoke_session(&self, id: JsValue, options: JsValue) -> Promise {
        self.call(&REVOKE, [&id, &options, NONE])
    }
}

/// The maximum length of a token in characters.
const LONGEST: u32 = 4096;

const TOKEN: &[Field] = &[required("token", Rule::Line(LONGEST))];

static GET: Method = Method::new(&[], call(Credentials::None, Outcome::Nothing))
    .known(|client| Some(client.session.shown(client.session.current().as_deref())));

static GET_ACCESS_TOKEN: Method = Method::new(&[], Action::Task(Task::AccessToken));

pub(super) static REFRESH: Method = Method::new(&[], Action::Task(Task::Refresh));

static RESTORE: Method = Method::new(
    &[Endpoint { kind: Kind::Token, path: TOKEN_PATH, ..Endpoint::none(TOKEN) }],
    Action::Call {
        prepare: |input| {
            // `restore` makes the server run the hooks for a restored session instead of a refresh, and
            // return the user.
            input.fields = token_body(input.required("token")?).with("restore", "true");
            Ok(())
        },
        credentials: Credentials::Restore,
        outcome: Outcome::Map(restored),
    },
)
.positional(&["token"]);

pub(super) static HEADERS: Method = Method::new(
    &[Endpoint {
        kind: Kind::Headers,
        ..Endpoint::none(&[required("method", Rule::Line(16)), required("url", Rule::Line(LONGEST))])
    }],
    Action::Call { prepare: resolve, credentials: Credentials::UserOrNone, outcome: Outcome::Answer },
)
.positional(&["method", "url"]);

/// Resolves the URL, which must be one that may get tokens.
fn resolve(input: &mut Input) -> Result<(), Error> {
    let url = input.client.settings.reach(input.required("url")?).ok_or_else(|| {
        let message = "This is not an origin in the options url and apis.";
        Error::parameter("url", message)
    })?;
    let method = input.required("method")?.to_ascii_uppercase();
    input.fields = Document::of("method", method).with("url", url);
    Ok(())
}

/// The tokens of the restored session, or the reason why this browser cannot use it (D-12).
fn restored(input: &Input, answer: Result<Document, Error>) -> Result<Value, Error> {
    answer.map(Into::into).map_err(|error| match error.answer.text("error") {
        Some("invalid_dpop_proof" | "use_dpop_nonce") => error!(TokenBound),
        // The session has ended, or it is bound to another key than that of the current session.
        Some("invalid_grant") if input.client.session.current().is_some_and(|now| now.is_bound()) => {
            error!(TokenBound)
        }
        Some("invalid_grant" | "stale_token") => error!(TokenRevoked),
        _ => error,
    })
}

static LOGOUT: Method =
    Method::new(&[Endpoint::none(&[optional("scope", Rule::Line(16))])], Action::Task(Task::Logout));

static LIST: Method = Method::new(
    &[Endpoint::to(Kind::Get, "/v1/sessions")],
    call(Credentials::User, Outcome::Member("sessions")),
);

static REVOKE: Method = Method::new(
    &[Endpoint { tail: "id", ..Endpoint::of::<SessionId>(Kind::Delete, "/v1/sessions/") }],
    call(Credentials::User, Outcome::Nothing),
)
.positional(&["id"]);

struct SessionId;

impl Request for SessionId {
    const FIELDS: &'static [Field] = &[required("id", Rule::Line(64))];
}

static STATUS: Method = Method::new(
    &[Endpoint { path: "/v1/session", ..Endpoint::none(TOKEN) }],
    call(Credentials::ByFields(of_token), Outcome::Answer),
)
.positional(&["token"])
.then(status_of);

fn of_token(fields: &Document) -> Credentials {
    if fields.get("token").is_some() { Credentials::GivenToken } else { Credentials::User }
}

/// A token that is not valid is an answer, not an error.
fn status_of(_: &Input, answer: Result<Option<Value>, Error>) -> Result<Option<Value>, Error> {
    let is_verdict = |error: &Error| error.status == 401 || error.is(code!(SessionRequired));
    match answer {
        Ok(answer) => {
            let mut answer = answer.and_then(Value::into_object).unwrap_or_default();
            Ok(Some(
                Document::of("status", true)
                    .with("code", 200.0)
                    .with("message", "Signed in.")
                    .with_some("exp", answer.take("exp"))
                    .with_some("iat", answer.take("iat"))
                    .with("data", Document::default().with_some("id", answer.take("user_id")))
                    .into(),
            ))
        }
        Err(error) if is_verdict(&error) => Ok(Some(
            Document::of("status", false).with("code", 401.0).with("message", &*error.message).into(),
        )),
        Err(error) => Err(error),
    }
}
