//! A proof is accepted once (RFC 9449 §11.1, D-5): for a write on all nodes and across restarts, for a read on one node.

use std::collections::BTreeSet;

use axum::http::Method;
use doorward_accounts::pruning;
use serde_json::{Value, json};

use crate::post;
use crate::support::browser::{Begun, PAGE};
use crate::support::issuer::Issuer;
use crate::support::proof::ProofKey;
use crate::support::{MINUTE, TestApp};

const HERE: &str = "http://localhost:8787";

#[tokio::test]
async fn sec_d05_a_login_with_a_used_proof_is_refused_even_after_a_restart() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    app.signup("ada@example.com", "correct horse").await;
    let proof = key.proof("POST", &format!("{HERE}/v1/login"), &app.nonce(), None);
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    app.post("/v1/login", body.clone()).dpop(&proof).await.ok();
    app.post("/v1/login", body.clone()).dpop(&proof).await.refused(401, "INVALID_PROOF");
    let app = app.restart().await;
    app.post("/v1/login", body.clone()).dpop(&proof).await.refused(401, "INVALID_PROOF");
    let proof = key.proof("POST", &format!("{HERE}/v1/login"), &app.nonce(), None);
    let wrong = json!({ "email": "ada@example.com", "password": "wrong horse" });
    app.post("/v1/login", wrong.clone()).dpop(&proof).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    app.post("/v1/login", body).dpop(&proof).await.refused(401, "INVALID_PROOF");
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
    // A wrong password with a used proof still counts as a failed sign-in.
    app.post("/v1/login", wrong).dpop(&proof).await.refused(401, "INVALID_PROOF");
    assert_eq!(app.audited("sign_in_failed").await, 2);
}

#[tokio::test]
async fn sec_d05_a_proof_used_on_one_node_is_refused_by_another() {
    let app = TestApp::new().await;
    let other = app.node().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    for (one, other) in [(&app, &other), (&other, &app)] {
        let proof = key.proof("POST", &format!("{HERE}/v1/token"), &one.nonce(), None);
        one.refresh(token).dpop(&proof).await.ok();
        other.refresh(token).dpop(&proof).await.oauth_error("invalid_dpop_proof");
    }
}

#[tokio::test]
async fn sec_d05_a_repeated_refresh_also_records_its_proof() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let proof = || key.proof("POST", &format!("{HERE}/v1/token"), &app.nonce(), None);
    let (step, repetition) = (proof(), proof());
    let next = app.refresh(token).dpop(&step).await.ok();
    assert_eq!(app.refresh(token).dpop(&repetition).await.ok()["refresh_token"], next["refresh_token"]);
    for used in [&step, &repetition] {
        app.refresh(token).dpop(used).await.oauth_error("invalid_dpop_proof");
    }
    let app = app.restart().await;
    for used in [&step, &repetition] {
        app.refresh(token).dpop(used).await.oauth_error("invalid_dpop_proof");
    }
    assert_eq!(app.sql("select count(*) from proofs").await, "3");
}

#[tokio::test]
async fn sec_d05_a_read_with_a_used_proof_is_refused() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    let proof = key.proof("GET", &format!("{HERE}/v1/profile"), &app.nonce(), Some(token));
    let read = || app.get("/v1/profile").header("authorization", &format!("DPoP {token}")).dpop(&proof);
    read().await.ok();
    read().await.refused(401, "INVALID_PROOF");
    app.advance(MINUTE);
    read().await.refused(401, "INVALID_PROOF");
    app.advance(MINUTE);
    read().await.refused(401, "USE_DPOP_NONCE");
    assert_eq!(app.sql("select count(*) from proofs").await, "1", "reads cost no commit");
}

/// Reads the calls from the OpenAPI document, so that it also finds a new handler without `CurrentSession::confirm`.
#[tokio::test]
async fn sec_d05_every_write_with_an_access_token_uses_up_its_proof() {
    let op = Issuer::start().await;
    let settings = format!("[user_data.age]\ntype = \"number\"\n{}", op.settings("acme"));
    let app = TestApp::with(&settings).await;
    let document = app.get("/openapi.json").await.ok();
    let key = ProofKey::new();
    let mut tried = BTreeSet::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let takes_token = call["security"].as_array().into_iter().flatten();
            if method == "get" || !takes_token.into_iter().any(|one| one.get("access_token").is_some()) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let tokens = app.device_with(&key, &format!("a device of {method} {path}")).await;
            let (path, body) = prepare((&app, &op), &key, &tokens["access_token"], &method, path).await;
            let token = tokens["access_token"].as_str().unwrap();
            let proof = key.proof(method.as_str(), &format!("{HERE}{path}"), &app.nonce(), Some(token));
            let send = || {
                let kind = if body.is_null() { "" } else { "application/json" };
                let text = if body.is_null() { String::new() } else { body.to_string() };
                let call = app.send(method.clone(), &path, kind, text);
                call.header("authorization", &format!("DPoP {token}")).dpop(&proof)
            };
            send().await.ok();
            let again = send().await;
            // The first call has deleted the account and its session.
            let gone = path.ends_with("/delete");
            again.refused(401, if gone { "SESSION_REQUIRED" } else { "INVALID_PROOF" });
            tried.insert(format!("{method} {path}"));
        }
    }
    assert!(tried.len() >= 14, "{tried:?}");
}

/// Prepares a new account so that the call succeeds. Returns the path and body of the call.
async fn prepare(
    (app, op): (&TestApp, &Issuer),
    key: &ProofKey,
    token: &Value,
    method: &Method,
    path: &str,
) -> (String, Value) {
    const NEW: &str = "new@example.com";
    const NUMBER: &str = "+4930901820";
    let call = |path: &str, body: Value| app.post(path, body).bound(key, app, token);
    let code = async |to: Value, scene: &str| {
        let address = to.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        let mut body = to;
        body["scene"] = scene.into();
        call("/v1/code", body).await.ok();
        post::newest(app, &address).await.code
    };
    let bind_email = async |address: &str| {
        let code = code(json!({ "email": address }), "CHANGE_EMAIL").await;
        json!({ "email": address, "email_code": code })
    };
    let bind_phone = async |number: &str| {
        let code = code(json!({ "phone_number": number }), "BIND_PHONE").await;
        json!({ "phone_number": number, "phone_code": code })
    };
    // The answer of the provider for a new person in each call.
    let consent = async || {
        let begun = Begun::of(call("/v1/flows/acme", json!({ "callback": PAGE })).await.ok());
        let somebody = format!("somebody for {method}");
        op.person(&somebody, json!({}));
        begun.body(&op.consent(&begun.url, &somebody))
    };
    let body = match path {
        "/v1/flows/{provider}" => return ("/v1/flows/acme".to_owned(), json!({ "callback": PAGE })),
        "/v1/identities/{provider}" => {
            let (path, body) = ("/v1/identities/acme", consent().await);
            if method == Method::POST {
                return (path.to_owned(), body);
            }
            call(path, body).await.ok();
            return (path.to_owned(), Value::Null);
        }
        "/v1/sessions/{id}" => {
            let other = app.device_with(key, "a device of DELETE /v1/sessions/{id}").await;
            return (path.replace("{id}", &session_of(app, key, &other).await), Value::Null);
        }
        "/v1/data/{key}" => {
            let path = path.replace("{key}", "age");
            let value = json!({ "value": 15 });
            if method == Method::PUT {
                return (path, value);
            }
            app.send(Method::PUT, &path, "application/json", value.to_string())
                .bound(key, app, token)
                .await
                .ok();
            return (path, Value::Null);
        }
        "/v1/sessions/revoke" => json!({ "scope": "others" }),
        "/v1/code" => json!({ "email": NEW, "scene": "CHANGE_EMAIL" }),
        // The repeated call sends the password that the first one has set as the old one.
        "/v1/password" => json!({ "new_password": "correct horse", "old_password": "correct horse" }),
        "/v1/profile" => json!({ "nickname": "Nick" }),
        "/v1/account/delete" => json!({}),
        "/v1/email/verify" => {
            app.signup("new@example.net", "correct horse").await;
            let mail = post::newest(app, "new@example.net").await;
            json!({ "token": mail.token(), "password": "correct horse" })
        }
        "/v1/email/bind" => bind_email("first@example.com").await,
        "/v1/email/change" => {
            call("/v1/email/bind", bind_email("second@example.com").await).await.ok();
            let old = code(json!({ "email": "second@example.com" }), "CHANGE_EMAIL").await;
            let mut body = bind_email("third@example.com").await;
            body["old_email_code"] = old.into();
            body
        }
        "/v1/email/unbind" => {
            call("/v1/email/bind", bind_email("fourth@example.com").await).await.ok();
            json!({})
        }
        "/v1/phone/bind" => bind_phone(NUMBER).await,
        "/v1/phone/change" => {
            call("/v1/phone/bind", bind_phone("+4930901821").await).await.ok();
            app.advance(MINUTE);
            let old = code(json!({ "phone_number": "+4930901821" }), "BIND_PHONE").await;
            let mut body = bind_phone("+4930901822").await;
            body["old_phone_code"] = old.into();
            body
        }
        "/v1/phone/unbind" => {
            call("/v1/phone/bind", bind_phone("+4930901823").await).await.ok();
            json!({})
        }
        _ => Value::Null,
    };
    (path.to_owned(), body)
}

async fn session_of(app: &TestApp, key: &ProofKey, tokens: &serde_json::Value) -> String {
    let live = app.get("/v1/session").bound(key, app, &tokens["access_token"]).await.ok();
    live["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_d05_one_of_many_simultaneous_requests_with_one_proof_succeeds() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let proof = key.proof("POST", &format!("{HERE}/v1/token"), &app.nonce(), None);
    let calls = (0..50).map(|_| {
        let call = app.refresh(token).dpop(&proof);
        tokio::spawn(async move { call.await.status })
    });
    let statuses = futures_util::future::join_all(calls).await;
    assert_eq!(statuses.iter().filter(|status| *status.as_ref().unwrap() == 200).count(), 1);
}

#[tokio::test]
async fn a_proof_is_kept_longer_than_its_nonce_is_valid_and_then_deleted() {
    let app = TestApp::new().await;
    app.somebody_with(&ProofKey::new()).await;
    app.advance(MINUTE);
    pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from proofs").await, "1");
    app.advance(3 * MINUTE);
    pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from proofs").await, "0");
}
