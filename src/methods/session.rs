//! The session of this browser.

use doorward_protocol::{Field, Rule, optional};
use wasm_bindgen::prelude::*;

use crate::{
    browser::{Promise, Value},
    client::Core,
    error::{Error, error},
};

/// `logout` may name its scope; this browser is the only one so far.
const LOGOUT: &[Field] = &[optional("scope", Rule::Line(16))];

#[wasm_bindgen]
impl Core {
    /// `AuthClient.user`: the object, or null.
    #[wasm_bindgen(getter)]
    pub fn user(&self) -> JsValue {
        self.client().session.user().or_null().into()
    }

    /// `AuthClient.persistence`
    #[wasm_bindgen(getter)]
    pub fn persistence(&self) -> JsValue {
        Value::from(self.client().session.persistence()).into()
    }

    /// `getSession()`
    #[wasm_bindgen(js_name = getSession)]
    pub fn get_session(&self, options: JsValue) -> Promise {
        let session = self.client().session.clone();
        self.run(options, &[], |_, _| async move {
            let current = session.current().await;
            Ok(session.shown(current.as_deref()).or_null())
        })
    }

    /// `getAccessToken()`
    #[wasm_bindgen(js_name = getAccessToken)]
    pub fn get_access_token(&self, options: JsValue) -> Promise {
        let session = self.client().session.clone();
        self.run(options, &[], |_, limits| async move {
            Ok(session
                .fresh(&limits)
                .await?
                .map_or(Value::NULL, |session| session.access_token.as_str().into()))
        })
    }

    /// `refreshToken()`
    #[wasm_bindgen(js_name = refreshToken)]
    pub fn refresh_token(&self, options: JsValue) -> Promise {
        let session = self.client().session.clone();
        self.run(options, &[], |_, limits| async move {
            let refreshed = session.refresh(true, &limits).await?;
            let refreshed = refreshed.ok_or_else(|| error!(SessionRequired))?;
            Ok(session.shown(Some(&refreshed)))
        })
    }

    /// `logout(event)`
    pub fn logout(&self, event: JsValue, options: JsValue) -> Promise {
        let session = self.client().session.clone();
        let given = self.take(event, LOGOUT, None, options, &[]);
        self.perform(given, |tree, _, limits| async move {
            match tree.text("scope") {
                None | Some("" | "local") => Ok(session.sign_out(&limits).await),
                Some(_) => Err(Error::parameter("scope", "Only \"local\" is possible.")),
            }
        })
    }
}
