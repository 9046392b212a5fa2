//! What the server allows.

use doorward_protocol::Policy;
use wasm_bindgen::prelude::*;

use crate::{
    api::Call,
    browser::{Promise, Value, clock, json_parse, json_text},
    client::{Client, Core},
    error::error,
};

/// Milliseconds for which an answer is good.
const KEPT: f64 = 60_000.0;

#[wasm_bindgen]
impl Core {
    /// `getSettings()`
    #[wasm_bindgen(js_name = getSettings)]
    pub fn get_settings(&self, options: JsValue) -> Promise {
        let client = self.client();
        self.run(options, &[], |_, limits| async move {
            if let Some(settings) = client.known_settings() {
                return Ok(settings);
            }
            let settings = client.api.send(&Call::get("/v1/settings"), None, &limits).await?;
            client.learn_settings(&settings).ok_or_else(|| error!(Server))?;
            Ok(settings)
        })
    }
}

impl Client {
    fn known_settings(&self) -> Option<Value> {
        let settings = self.settings.borrow();
        let (text, at) = settings.as_ref()?;
        (clock::now().running - at < KEPT).then(|| json_parse(text))
    }

    /// From here on the operator's rule for passwords is the form's.
    fn learn_settings(&self, settings: &Value) -> Option<()> {
        let rule = settings.get("password");
        let limit = |name: &str| rule.get(name).number().map(|number| number as u32);
        let policy = Policy { password_min: limit("min_length")?, password_max: limit("max_length")? };
        self.policy.set(policy);
        self.settings.replace(Some((json_text(settings)?, clock::now().running)));
        Some(())
    }
}
