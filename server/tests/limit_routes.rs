//! Each spelling of a limited path has the same limit or is not a route (SECURITY R05).

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Call, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
/// Each source may do everything once.
pub(crate) const ONCE: &str = "[limits]\nsign_in = \"1/1h\"\nsign_up = \"1/1h\"\nsend = \"1/1h\"\ncode = \"1/1h\"\ncheck = \"1/1h\"\n\
    flow = \"1/1h\"\n[compat]\nauth_v1 = true";

/// The limited calls, each with a body that is counted.
pub(crate) fn limited() -> Vec<(&'static str, Value)> {
    let email = json!({ "email": "new@example.com" });
    let code = json!({ "email": "new@example.com", "code": "123456" });
    let with = |base: &Value, more: Value| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let callback = json!({ "callback": "https://app.example.com/signin?code=1&state=2" });
    let phone = json!({ "phone_number": "+491701234567", "phone_code": "123456" });
    vec![
        ("/v1/signup", with(&email, json!({ "password": PASSWORD }))),
        ("/v1/signup/code", code.clone()),
        ("/v1/signup/provider/{provider}", json!({ "oauth_key": "x" })),
        ("/v1/login", with(&email, json!({ "password": "wrong horse" }))),
        ("/v1/login/code", code.clone()),
        ("/v1/login/device", json!({ "device_id": "0123456789abcdef" })),
        ("/v1/login/custom", json!({ "custom_id": "customer-7" })),
        ("/v1/login/provider/{provider}", callback.clone()),
        ("/v1/flows/{provider}", json!({ "callback": "https://app.example.com/signin" })),
        ("/v1/identities/{provider}", callback),
        ("/v1/code", email.clone()),
        ("/v1/password", json!({ "old_password": "wrong horse", "new_password": PASSWORD })),
        ("/v1/password/forgot", email.clone()),
        ("/v1/password/reset", with(&code, json!({ "new_password": PASSWORD }))),
        ("/v1/email/verify", code.clone()),
        ("/v1/email/resend", email.clone()),
        ("/v1/email/check", email.clone()),
        ("/v1/email/bind", with(&email, json!({ "email_code": "123456" }))),
        ("/v1/email/change", with(&email, json!({ "email_code": "123456" }))),
        ("/v1/phone/bind", phone.clone()),
        ("/v1/phone/change", phone),
        ("/v1/account/delete", json!({ "password": "wrong horse" })),
        ("/v1/profile", json!({ "username": "ada_l" })),
        ("/v1/captcha", json!({})),
        ("/api/v1/auth/login", with(&email, json!({ "password": "wrong horse" }))),
        ("/api/v1/auth/register", with(&email, json!({ "password": PASSWORD }))),
        ("/api/v1/auth/verifyAccount", json!({ "secret": "x".repeat(43) })),
        ("/api/v1/auth/resendEmail", email),
        ("/api/v1/auth/registerOrLogin/google", json!({ "authenToken": "x" })),
        ("/api/v1/auth/registerOrLogin/facebook", json!({ "authenToken": "x" })),
        ("/api/v1/auth/registerOrLogin/microsoftAD", json!({ "JWTToken": "x" })),
        ("/account/verify", "action=act&email=new%40example.com&code=123456".into()),
        ("/account/reset", "action=send&email=new%40example.com".into()),
    ]
}

/// The HTTP method of the call.
pub(crate) fn method_of(template: &str) -> Method {
    match template {
        "/v1/profile" => Method::PATCH,
        "/v1/captcha" => Method::GET,
        _ => Method::POST,
    }
}

/// Calls that change something and are not limited.
const FREE: [&str; 12] = [
    // Data of the signed-in user: these calls cost no more than a request and reveal nothing about other
    // users.
    "DELETE /v1/data/{key}",
    "DELETE /v1/identities/{provider}",
    "DELETE /v1/sessions/{id}",
    "POST /v1/email/unbind",
    "POST /v1/phone/unbind",
    "POST /v1/sessions/revoke",
    "PUT /v1/data/{key}",
    // Values of 128 bits and more cannot be guessed.
    "POST /v1/introspect",
    "POST /v1/logout",
    "POST /v1/revoke",
    "POST /v1/token",
    // Redirects to the page that began the flow. The calls of that page are limited.
    "POST /v1/callback/{provider}",
];

/// Other calls with the same path, which do nothing that is limited.
fn is_another(method: &Method, template: &str) -> bool {
    match template {
        "/v1/identities/{provider}" => method == Method::DELETE,
        "/v1/profile" | "/account/verify" | "/account/reset" => [Method::GET, Method::HEAD].contains(method),
        _ => false,
    }
}

/// Other spellings of a path. Some proxies and routers treat them as the same path.
fn spellings(path: &str) -> Vec<String> {
    let (first, rest) = path[1..].split_once('/').unwrap();
    let upper = path.to_uppercase();
    let last = path.rsplit('/').next().unwrap();
    let escaped = format!("%{:02x}{}", last.as_bytes()[0], &last[1..]);
    let parent = path.strip_suffix(last).unwrap();
    vec![
        format!("/{path}"),
        format!("/{first}//{rest}"),
        format!("{path}/"),
        format!("{path}//"),
        format!("{path}/."),
        format!("{parent}{escaped}"),
        format!("{parent}/{last}"),
        format!("{}%2f{last}", &parent[..parent.len() - 1]),
        format!("/{first}%2f{rest}"),
        format!("/{first}%2F{rest}"),
        format!("/{first}/./{rest}"),
        format!("/{first}/x/../{rest}"),
        format!("{path};x"),
        format!("{path};x=1"),
        format!("/{first};x/{rest}"),
        format!("{path}%20"),
        format!("{path}%00"),
        format!("{path}.json"),
        format!("{path}%3fx"),
        upper,
        format!("{path}?x=1"),
    ]
}

/// A server, and a user who is signed in there.
pub(crate) struct World {
    pub(crate) t: TestApp,
    pub(crate) ada: Value,
}

impl World {
    pub(crate) fn ask(&self, method: Method, template: &str, path: &str, body: &Value, ip: &str) -> Call {
        let (kind, body) = match body {
            Value::String(form) => ("application/x-www-form-urlencoded", form.clone()),
            body => ("application/json", body.to_string()),
        };
        let call = self.t.send(method, path, kind, body).from(ip);
        let signed_in = ["/v1/identities/{provider}", "/v1/password", "/v1/account/delete", "/v1/profile"];
        let is_own =
            signed_in.contains(&template) || ["/bind", "/change"].iter().any(|end| template.ends_with(end));
        if is_own { call.bearer(&self.ada["access_token"]) } else { call }
    }
}

#[tokio::test]
async fn sec_r05_each_spelling_of_a_limited_route_has_its_limit_or_is_not_found() {
    let t = TestApp::with(ONCE).await;
    t.post("/v1/signup", json!({ "email": ADA, "password": PASSWORD })).from("192.0.2.1").await.ok();
    let ada = t.post("/v1/login", json!({ "email": ADA, "password": PASSWORD })).from("192.0.2.1").await.ok();
    // Another account has the username that Ada asks for, because setting one's own username again is not
    // limited.
    let other = json!({ "username": "ada_l", "password": PASSWORD });
    t.post("/v1/signup", other).from("192.0.2.2").await.ok();
    let world = World { t, ada };
    for (at, (template, body)) in limited().into_iter().enumerate() {
        let path = template.replace("{provider}", "example");
        let ip = format!("198.51.100.{at}");
        let ask = |path: &str| world.ask(method_of(template), template, path, &body, &ip);
        let first = ask(&path).await;
        assert_ne!(first.status, 429, "{template}: {}", first.text);
        assert_eq!(ask(&path).await.status, 429, "{template} is not limited: {}", first.text);
        for spelling in spellings(&path) {
            let status = ask(&spelling).await.status;
            assert!([404, 405, 429].contains(&status), "{spelling}: {status}");
        }
        for method in ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "POST2"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let status = world.ask(method.clone(), template, &path, &body, &ip).await.status;
            let is_known = [405, 429].contains(&status) || is_another(&method, template);
            assert!(is_known, "{method} {path}: {status}");
        }
        for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let get = world.ask(Method::GET, template, &path, &body, &ip).header(header, "POST").await;
            let is_known = [404, 405, 429].contains(&get.status) || is_another(&Method::GET, template);
            assert!(is_known, "{header} {path}: {}", get.status);
            let answer = ask(&path).header(header, "PUT").await;
            assert_eq!(answer.status, 429, "{header} {path}");
        }
        for header in ["x-original-url", "x-rewrite-url"] {
            let answer = world.t.get("/health/live").header(header, &path).from(&ip).await;
            assert_eq!(answer.json["code"], Value::Null);
        }
    }
}

/// A new call must be listed here, as limited or as free.
#[tokio::test]
async fn sec_r05_every_call_that_changes_something_is_limited_or_listed_as_free() {
    let t = TestApp::new().await;
    let document = t.get("/openapi.json").await.ok();
    let limited = limited().into_iter().map(|(path, _)| format!("{} {path}", method_of(path)));
    let known: Vec<String> = limited.chain(FREE.map(str::to_owned)).collect();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let (call, is_there) = (format!("{method} {path}"), !calls[method.to_lowercase()].is_null());
            assert!(!is_there || path.starts_with("/v1/admin") || known.contains(&call), "{call}");
        }
    }
    for (method, path) in FREE.map(|call| call.split_once(' ').unwrap()) {
        assert!(
            !document["paths"][path][method.to_lowercase()].is_null(),
            "FREE lists {method} {path}, which does not exist"
        );
    }
}
