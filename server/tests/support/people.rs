//! Users of the tests: with codes that are sent to them, and with device ids.

use serde_json::{Value, json};

use super::browser::Browser;
use super::{Call, TestApp};
use crate::post;

/// The name of the field for this address.
fn field(to: &str) -> &'static str {
    if to.starts_with('+') { "phone_number" } else { "email" }
}

/// A body with this address and further fields.
pub fn to(address: &str, more: Value) -> Value {
    let mut body = json!({ field(address): address });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

impl TestApp {
    /// `POST` as a signed-in user.
    pub fn post_as(&self, who: &Value, path: &str, body: Value) -> Call {
        self.post(path, body).bearer(&who["access_token"])
    }

    /// Another method than `POST`, as a signed-in user.
    pub fn send_as(&self, who: &Value, method: &str, path: &str, body: Value) -> Call {
        let method = axum::http::Method::from_bytes(method.as_bytes()).unwrap();
        let (kind, text) = match &body {
            Value::Null => ("", String::new()),
            body => ("application/json", body.to_string()),
        };
        self.send(method, path, kind, text).bearer(&who["access_token"])
    }

    /// Requests a code and returns it.
    pub async fn code(&self, address: &str, scene: &str) -> String {
        self.post("/v1/code", to(address, json!({ "scene": scene }))).await.ok();
        post::newest(self, address).await.code
    }

    /// The same as a signed-in user.
    pub async fn code_as(&self, who: &Value, address: &str, scene: &str) -> String {
        self.post_as(who, "/v1/code", to(address, json!({ "scene": scene }))).await.ok();
        post::newest(self, address).await.code
    }

    /// Confirms the address of an account with this password, by the newest mail.
    pub async fn confirm(&self, email: &str, password: &str) -> Value {
        let mail = post::newest(self, email).await;
        self.post("/v1/email/verify", json!({ "token": mail.token(), "password": password })).await.ok()
    }

    /// Signs in with a device. The name becomes the device id.
    pub async fn device(&self, name: &str) -> Value {
        self.post("/v1/login/device", json!({ "device_id": name.replace(' ', "-") })).await.ok()
    }

    /// Signs in with this phone number. The first sign-in creates the account.
    pub async fn phone(&self, number: &str) -> Value {
        let code = self.code(number, "LOGIN").await;
        self.post("/v1/login/code", to(number, json!({ "code": code }))).await.ok()
    }

    /// The current profile.
    pub async fn profile(&self, who: &Value) -> Value {
        self.get("/v1/profile").bearer(&who["access_token"]).await.ok()
    }

    /// Binds an address to the account of a user who is signed in with this browser.
    pub async fn bind_in(&self, browser: &Browser<'_>, who: &Value, email: &str) {
        let body = to(email, json!({ "scene": "CHANGE_EMAIL" }));
        browser.post_as(who, "/v1/code", body).await.ok();
        let code = post::newest(self, email).await.code;
        browser.post_as(who, "/v1/email/bind", to(email, json!({ "email_code": code }))).await.ok();
    }

    /// Binds an address to the account.
    pub async fn bind(&self, who: &Value, address: &str) -> Value {
        let (scene, kind, code) = match field(address) {
            "email" => ("CHANGE_EMAIL", "email", "email_code"),
            _ => ("BIND_PHONE", "phone", "phone_code"),
        };
        let given = self.code_as(who, address, scene).await;
        let body = to(address, json!({ code: given }));
        self.post_as(who, &format!("/v1/{kind}/bind"), body).await.ok()
    }
}
