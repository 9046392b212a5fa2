//! The profile of the signed-in user.

use doorward_protocol::{Field, Rule, optional};
use wasm_bindgen::prelude::*;

use crate::{
    api::Call,
    browser::{Promise, Value},
    client::Core,
    error::error,
    session::user_text,
};

const OPTIONS: &[Field] = &[optional("refreshToken", Rule::Flag)];

#[wasm_bindgen]
impl Core {
    /// `getProfile({ refreshToken })`
    #[wasm_bindgen(js_name = getProfile)]
    pub fn get_profile(&self, options: JsValue) -> Promise {
        let client = self.client();
        self.run(options, OPTIONS, |options, limits| async move {
            let session = &client.session;
            if options.is_set("refreshToken") && session.refresh(true, &limits).await?.is_none() {
                return Ok(Value::NULL);
            }
            let answer = session.send(&Call::get("/v1/profile"), &limits).await?;
            let Some((of, user)) = answer else { return Ok(Value::NULL) };
            user_text(&user).ok_or_else(|| error!(Server))?;
            session.learn_user(&of, &user).await;
            Ok(user)
        })
    }
}
