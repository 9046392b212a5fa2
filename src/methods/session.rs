//! The session of this browser.

use doorward_protocol::{Rule, optional};

use super::{Does, Given, Method};
use crate::{
    browser::Value,
    error::{Error, error},
    promise::Work,
};

pub(super) const METHODS: &[Method] = &[
    Method { name: "getSession", does: Does::Now(get_session), ..PLAIN },
    Method { name: "getAccessToken", does: Does::Work(get_access_token), ..PLAIN },
    Method { name: "refreshToken", does: Does::Work(refresh_token), ..PLAIN },
    Method {
        name: "logout",
        // This browser is the only scope so far.
        fields: Some(&[optional("scope", Rule::Line(16))]),
        does: Does::Work(logout),
        ..PLAIN
    },
];

const PLAIN: Method =
    Method { name: "", fields: None, texts: &[], options: &[], does: Does::Now(get_session) };

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
        let refreshed = session.refresh(true, &given.limits).await?;
        Ok(session.shown(Some(&*refreshed.ok_or_else(|| error!(SessionRequired))?)))
    })
}

fn logout(given: Given) -> Work {
    Box::pin(async move {
        match given.fields.text("scope") {
            None | Some("" | "local") => Ok(given.client.session.sign_out(&given.limits).await),
            Some(_) => Err(Error::parameter("scope", "Only \"local\" is possible.")),
        }
    })
}
