//! The profile of the signed-in user.

use doorward_protocol::{Rule, optional};

use super::{Does, Method, PLAIN, Then, as_given, unchecked};
use crate::{api::Kind, browser::Value, error::error, session::user_text};

pub(super) const METHODS: &[Method] = &[Method {
    name: "getProfile",
    options: &[optional("refreshToken", Rule::Flag)],
    does: Does::Ask {
        kind: Kind::Get,
        path: "/v1/profile",
        prepare: as_given,
        check: unchecked,
        then: Then::AsUser(|given, answer| {
            let Some((of, user)) = answer else { return Ok(Value::NULL) };
            user_text(&user).ok_or_else(|| error!(Server))?;
            given.client.session.learn_user(&of, &user);
            Ok(user)
        }),
    },
    ..PLAIN
}];
