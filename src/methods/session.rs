//! The session of this browser, and the others of its user.

use doorward_protocol::{Field, Request, Rule, messages, optional, required};

use super::{Does, Given, Method, PLAIN, Then, Way, Who, ask};
use crate::{
    api::Kind,
    browser::Value,
    error::{Error, error},
    session::{machine::Need, revoke_call},
};

/// Characters in a token.
const LONGEST: u32 = 4096;

const TOKEN: Way = Way::with(&[required("token", Rule::Line(LONGEST))]);

pub(super) const METHODS: &[Method] = &[
    Method { name: "getSession", does: Does::Now(get_session), ..PLAIN },
    // For `js/providers.js`: as whom is a flow begun?
    Method { name: "getKey", does: Does::Now(get_key), ..PLAIN },
    Method { name: "getAccessToken", does: Does::Task(Task::AccessToken), ..PLAIN },
    Method { name: "refreshToken", does: Does::Task(Task::Refresh), ..PLAIN },
    Method {
        name: "restoreToken",
        ways: &[TOKEN],
        texts: &["token"],
        does: Does::Task(Task::Restore),
        ..PLAIN
    },
    Method {
        name: "authHeaders",
        ways: &[Way::with(&[required("method", Rule::Line(16)), required("url", Rule::Line(LONGEST))])],
        texts: &["method", "url"],
        does: Does::Task(Task::Headers),
        ..PLAIN
    },
    // For `fetch` of `js/fetch.js`: is there another token than this one, which was refused?
    Method { name: "renew", ways: &[TOKEN], texts: &["token"], does: Does::Task(Task::Renew), ..PLAIN },
    Method {
        name: "logout",
        ways: &[Way::with(&[optional("scope", Rule::Line(16))])],
        does: Does::Task(Task::Logout),
        ..PLAIN
    },
    Method {
        name: "listSessions",
        ways: &[Way::to(Kind::Get, "/v1/sessions")],
        does: ask(Who::User, Then::Field("sessions")),
        ..PLAIN
    },
    Method {
        name: "revokeSession",
        ways: &[Way { tail: "id", ..Way::of::<Named>(Kind::Delete, "/v1/sessions/") }],
        texts: &["id"],
        does: ask(Who::User, Then::Done),
        ..PLAIN
    },
    // The two halves of `checkLoginStatus` in `js/client.js`.
    Method {
        name: "getStatus",
        ways: &[Way::to(Kind::Get, "/v1/session")],
        does: ask(Who::User, Then::Give),
        ..PLAIN
    },
    Method {
        name: "getStatusOf",
        ways: &[Way { path: "/v1/session", ..TOKEN }],
        texts: &["token"],
        does: ask(Who::Presenter, Then::Give),
        ..PLAIN
    },
];

/// One of the sessions.
struct Named;

impl Request for Named {
    const FIELDS: &'static [Field] = &[required("id", Rule::Line(64))];
}

fn get_session(given: &Given) -> Result<Value, Error> {
    let session = &given.client.session;
    Ok(session.shown(session.current().as_deref()).or_null())
}

/// The name of the session's key, empty for none; null when signed out.
fn get_key(given: &Given) -> Result<Value, Error> {
    Ok(given.client.session.current().map_or(Value::NULL, |session| session.key.as_str().into()))
}

/// What takes more than one question to the server, or none at all.
#[derive(Clone, Copy)]
pub(crate) enum Task {
    AccessToken,
    Refresh,
    Restore,
    Headers,
    Renew,
    Logout,
}

/// All of them in one, so that what waits for them is in the wasm once.
pub(crate) async fn carry_out(task: Task, given: &Given) -> Result<Value, Error> {
    let (session, limits) = (&given.client.session, &given.limits);
    let token = || text(given, "token");
    match task {
        Task::AccessToken => {
            let fresh = session.fresh(limits).await?;
            Ok(fresh.map_or(Value::NULL, |session| session.access_token.as_str().into()))
        }
        Task::Refresh => {
            let refreshed = session.refresh(Need::New, limits).await?;
            Ok(session.shown(Some(&*refreshed.ok_or_else(|| error!(SessionRequired))?)))
        }
        Task::Restore => session.restore(token()?, limits).await,
        Task::Renew => Ok(session.renew(token()?, limits).await.into()),
        Task::Headers => {
            let (method, address) = (text(given, "method")?, text(given, "url")?);
            let Some(url) = given.client.settings.reach(address) else {
                let message = "This address is of none of the origins in the options url and apis.";
                return Err(Error::parameter("url", message));
            };
            session.show(&method.to_ascii_uppercase(), &url, limits).await
        }
        Task::Logout => match given.fields.text("scope") {
            None | Some("" | "local") => Ok(session.sign_out(limits).await),
            Some("global") => session.sign_out_everywhere(limits).await,
            Some("others") => {
                let answer = session.send(&revoke_call("others"), false, limits).await?;
                answer.map(|_| messages::LOGGED_OUT.into()).ok_or_else(|| error!(SessionRequired))
            }
            Some(_) => Err(Error::parameter("scope", "Give \"local\", \"others\" or \"global\".")),
        },
    }
}

fn text<'a>(given: &'a Given, name: &'static str) -> Result<&'a str, Error> {
    let text = given.fields.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| Error::parameter(name, "This field is required."))
}
