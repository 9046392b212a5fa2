//! What the server allows, and what it asks for before going on.

use doorward_protocol::Policy;

use super::{Does, Method, PLAIN, Then, Way, Who, ask};
use crate::{
    api::Kind,
    browser::{Value, clock, fields::whole, json_parse, json_text},
    context::Client,
    error::error,
};

/// Milliseconds for which an answer is good.
const KEPT: f64 = 60_000.0;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getSettings",
        ways: &[Way::to(Kind::Get, "/v1/settings")],
        does: Does::Ask {
            prepare: |given| Ok(known(&given.client)),
            who: Who::Anybody,
            then: Then::Do(|given, answer| {
                let settings = answer?;
                learn(&given.client, &settings).ok_or_else(|| error!(Server))?;
                Ok(settings)
            }),
        },
        ..PLAIN
    },
    Method {
        name: "getCaptcha",
        ways: &[Way::to(Kind::Get, "/v1/captcha")],
        does: ask(Who::Anybody, Then::Give),
        ..PLAIN
    },
];

fn known(client: &Client) -> Option<Value> {
    let settings = client.kept.borrow();
    let (text, at) = settings.as_ref()?;
    (clock::now().running - at < KEPT).then(|| json_parse(text))
}

/// From here on the operator's rule for passwords is the form's.
fn learn(client: &Client, settings: &Value) -> Option<()> {
    let rule = settings.get("password");
    let limit = |name: &str| u32::try_from(whole(rule.number_of(name)?)?).ok();
    client.policy.set(Policy { password_min: limit("min_length")?, password_max: limit("max_length")? });
    client.kept.replace(Some((json_text(settings)?, clock::now().running)));
    Some(())
}
