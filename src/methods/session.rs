//! The session of this browser, and the others of its user.

use doorward_protocol::{Field, Request, Rule, messages, optional, required};

use super::{Does, Given, Method, PLAIN, Then, Way, Who, ask};
use crate::{
    api::Kind,
    browser::{Value, location::resolve},
    error::{Error, error},
    promise::Work,
    session::{machine::Need, revoke_call},
};

/// Characters in a token.
const LONGEST: u32 = 4096;

const TOKEN: Way = Way::with(&[required("token", Rule::Line(LONGEST))]);

pub(super) const METHODS: &[Method] = &[
    Method { name: "getSession", does: Does::Now(get_session), ..PLAIN },
    Method { name: "getAccessToken", does: Does::Work(get_access_token), ..PLAIN },
    Method { name: "refreshToken", does: Does::Work(refresh_token), ..PLAIN },
    Method {
        name: "restoreToken",
        ways: &[TOKEN],
        texts: &["token"],
        does: Does::Work(restore_token),
        ..PLAIN
    },
    Method {
        name: "authHeaders",
        ways: &[Way::with(&[required("method", Rule::Line(16)), required("url", Rule::Line(LONGEST))])],
        texts: &["method", "url"],
        does: Does::Work(auth_headers),
        ..PLAIN
    },
    // For `fetch` of `js/fetch.js`: is there another token than this one, which was refused?
    Method { name: "renew", ways: &[TOKEN], texts: &["token"], does: Does::Work(renew), ..PLAIN },
    Method {
        name: "logout",
        ways: &[Way::with(&[optional("scope", Rule::Line(16))])],
        does: Does::Work(logout),
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

fn get_access_token(given: Given) -> Work {
    Box::pin(async move {
        let session = given.client.session.fresh(&given.limits).await?;
        Ok(session.map_or(Value::NULL, |session| session.access_token.as_str().into()))
    })
}

fn refresh_token(given: Given) -> Work {
    Box::pin(async move {
        let session = &given.client.session;
        let refreshed = session.refresh(Need::New, &given.limits).await?;
        Ok(session.shown(Some(&*refreshed.ok_or_else(|| error!(SessionRequired))?)))
    })
}

fn restore_token(given: Given) -> Work {
    Box::pin(async move {
        let token = text(&given, "token")?;
        given.client.session.restore(token, &given.limits).await
    })
}

fn auth_headers(given: Given) -> Work {
    Box::pin(async move {
        let (method, address) = (text(&given, "method")?, text(&given, "url")?);
        // Tokens go to the origins of the options and to no other.
        let url = resolve(address)
            .filter(|url| url.text_of("origin").is_some_and(|origin| given.client.origins.contains(&origin)));
        let Some(href) = url.and_then(|url| url.text_of("href")) else {
            let message = "This address is of none of the origins in the options url and apis.";
            return Err(Error::parameter("url", message));
        };
        given.client.session.show(&method.to_ascii_uppercase(), &href, &given.limits).await
    })
}

fn renew(given: Given) -> Work {
    Box::pin(async move {
        let refused = text(&given, "token")?;
        Ok(given.client.session.renew(refused, &given.limits).await.into())
    })
}

fn logout(given: Given) -> Work {
    Box::pin(async move {
        let session = &given.client.session;
        match given.fields.text("scope") {
            None | Some("" | "local") => Ok(session.sign_out(&given.limits).await),
            Some("global") => session.sign_out_everywhere(&given.limits).await,
            Some("others") => {
                let answer = session.send(&revoke_call("others"), false, &given.limits).await?;
                answer.map(|_| messages::LOGGED_OUT.into()).ok_or_else(|| error!(SessionRequired))
            }
            Some(_) => Err(Error::parameter("scope", "Give \"local\", \"others\" or \"global\".")),
        }
    })
}

fn text<'a>(given: &'a Given, name: &'static str) -> Result<&'a str, Error> {
    let text = given.fields.text(name).filter(|text| !text.is_empty());
    text.ok_or_else(|| Error::parameter(name, "This field is required."))
}
