//! The public settings of the server, and its captcha.

use doorward_protocol::Policy;
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, NONE, Outcome, call};
use crate::{
    browser::{clock, wait::Promise},
    client::{AuthClient, Client},
    document::{Document, Value, whole},
    error::error,
    transport::Kind,
};

/// The time in milliseconds for which an answer is cached.
const KEPT: f64 = 60_000.0;

#[wasm_bindgen]
impl AuthClient {
    /// Loads the public settings of the server. Cached for a minute.
    #[wasm_bindgen(js_name = getSettings)]
    pub fn get_settings(&self, options: JsValue) -> Promise {
        self.call(&GET, [&options, NONE, NONE])
    }

    /// Loads a captcha picture.
    #[wasm_bindgen(js_name = getCaptcha)]
    pub fn get_captcha(&self, options: JsValue) -> Promise {
        self.call(&GET_CAPTCHA, [&options, NONE, NONE])
    }
}

static GET: Method = Method::new(
    &[Endpoint::to(Kind::Get, "/v1/settings")],
    call(
        Credentials::None,
        Outcome::Map(|input, answer| {
            let answer = answer?;
            learn(input.client, &answer).ok_or_else(|| error!(Server))?;
            Ok(answer.into())
        }),
    ),
)
.known(known);

static GET_CAPTCHA: Method =
    Method::new(&[Endpoint::to(Kind::Get, "/v1/captcha")], call(Credentials::None, Outcome::Answer));

/// The cached answer.
fn known(client: &Client) -> Option<Value> {
    let known = client.server_settings.borrow();
    let (settings, at) = known.as_ref()?;
    (clock::now().running - at < KEPT).then(|| settings.clone().into())
}

/// Caches the answer. From now on the client checks passwords by the operator's rule.
fn learn(client: &Client, settings: &Document) -> Option<()> {
    let rule = settings.object("password")?;
    let limit = |name: &str| u32::try_from(whole(rule.number(name)?)?).ok();
    client.policy.set(Policy { password_min: limit("min_length")?, password_max: limit("max_length")? });
    client.server_settings.replace(Some((settings.clone(), clock::now().running)));
    Some(())
}
