//! The profile of the signed-in user.

use doorward_protocol::{Rule, optional};

use super::{Does, Given, Method};
use crate::{
    api::{Call, Kind},
    browser::Value,
    error::error,
    promise::Work,
    session::user_text,
};

pub(super) const METHODS: &[Method] = &[Method {
    name: "getProfile",
    fields: None,
    texts: &[],
    options: &[optional("refreshToken", Rule::Flag)],
    does: Does::Work(get_profile),
}];

fn get_profile(given: Given) -> Work {
    Box::pin(async move {
        let session = &given.client.session;
        let call = Call { kind: Kind::Get, path: "/v1/profile", body: String::new() };
        let refreshed = given.options.is_set("refreshToken");
        let answer = session.send(&call, refreshed, &given.limits).await?;
        let Some((of, user)) = answer else { return Ok(Value::NULL) };
        user_text(&user).ok_or_else(|| error!(Server))?;
        session.learn_user(&of, &user);
        Ok(user)
    })
}
