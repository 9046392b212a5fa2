//! Deleting the account.

use doorward_protocol::{account::DeleteAccountRequest, messages};
use wasm_bindgen::prelude::*;

use super::method::{Credentials, Endpoint, Method, NONE, Outcome, call};
use crate::{browser::wait::Promise, client::AuthClient, transport::Kind};

#[wasm_bindgen]
impl AuthClient {
    /// Deletes the account and its data.
    #[wasm_bindgen(js_name = deleteAccount)]
    pub fn delete_account(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&DELETE, [&input, &options, NONE])
    }
}

static DELETE: Method = Method::new(
    &[Endpoint::of::<DeleteAccountRequest>(Kind::Post, "/v1/account/delete")],
    call(Credentials::User, Outcome::AccountDeleted(messages::ACCOUNT_DELETED)),
);
