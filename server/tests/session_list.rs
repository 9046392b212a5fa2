//! `/v1/sessions` lists and ends the sessions of an account (SECURITY T13). `/v1/session` checks an access token.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::proof::ProofKey;
use crate::support::{Answer, Call, DAY, HOUR, NEW_YEAR, TestApp};

async fn login(app: &TestApp, agent: &str) -> Value {
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    app.post("/v1/login", body).header("user-agent", agent).await.ok()
}

async fn list(app: &TestApp, tokens: &Value) -> Vec<Value> {
    let answer = app.get("/v1/sessions").bearer(&tokens["access_token"]).await.ok();
    answer["sessions"].as_array().unwrap().clone()
}

fn delete(app: &TestApp, id: &str) -> Call {
    app.send(Method::DELETE, &format!("/v1/sessions/{id}"), "", "")
}

async fn revoke(app: &TestApp, tokens: &Value, scope: &str) -> Answer {
    app.post("/v1/sessions/revoke", json!({ "scope": scope })).bearer(&tokens["access_token"]).await
}

async fn is_over(app: &TestApp, tokens: &Value) -> bool {
    let over = app.get("/v1/profile").bearer(&tokens["access_token"]).await.status == 401;
    let refreshed = app.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(over, refreshed.status == 400);
    over
}

#[tokio::test]
async fn sec_t13_the_owner_sees_browser_and_last_use_of_each_session() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    let desk = login(&app, "Desk/1.0").await;
    app.advance(HOUR);
    let phone = login(&app, &"x".repeat(1000)).await;
    app.advance(HOUR);
    let body = format!(
        "grant_type=refresh_token&client_id=doorward&refresh_token={}",
        desk["refresh_token"].as_str().unwrap()
    );
    let form = app.send(Method::POST, "/v1/token", "application/x-www-form-urlencoded", body);
    let desk = form.header("user-agent", "Desk/2.0").await.ok();
    app.signup("bob@example.com", "correct horse").await;
    app.login("bob@example.com", "correct horse").await;
    let sessions = list(&app, &desk).await;
    assert_eq!(sessions.len(), 2, "Bob's session is not listed");
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(sessions[0]["user_agent"], "Desk/2.0");
    assert_eq!(sessions[0]["created_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(sessions[0]["last_seen_at"], "2026-01-01T02:00:00.000Z");
    assert_eq!(sessions[1]["last_seen_at"], "2026-01-01T01:00:00.000Z");
    assert_eq!(sessions[1]["user_agent"].as_str().unwrap().len(), 256);
    app.refresh(phone["refresh_token"].as_str().unwrap()).await.ok();
    // A session that idled too long is not shown, although its row still exists.
    app.advance(29 * DAY);
    let desk = app.refresh(desk["refresh_token"].as_str().unwrap()).await.ok();
    app.advance(2 * DAY);
    let desk = app.refresh(desk["refresh_token"].as_str().unwrap()).await.ok();
    assert_eq!(list(&app, &desk).await.len(), 1);
    assert_eq!(app.sql("select count(*) from sessions s join accounts a on a.id = s.account").await, "3");
}

#[tokio::test]
async fn sec_t13_one_session_ends_another_of_the_same_account_at_once() {
    let app = TestApp::new().await;
    let here = app.somebody().await;
    let there = app.login("ada@example.com", "correct horse").await;
    let other = list(&app, &here).await.into_iter().find(|session| session["current"] == false).unwrap();
    let id = other["id"].as_str().unwrap();
    let call = || delete(&app, id).bearer(&here["access_token"]);
    assert_eq!(call().await.ok(), json!({}));
    assert!(is_over(&app, &there).await);
    call().await.refused(404, "NOT_FOUND");
    assert!(!is_over(&app, &here).await);
    assert_eq!(app.sql("select count(*) from audit where event = 'session_revoked'").await, "1");
    assert_eq!(app.sql("select session from audit where event = 'session_revoked'").await, id);
}

#[tokio::test]
async fn sec_x01_an_account_cannot_see_or_end_sessions_of_another() {
    let app = TestApp::new().await;
    let ada = app.somebody().await;
    app.signup("bob@example.com", "correct horse").await;
    let bob = app.login("bob@example.com", "correct horse").await;
    let theirs = list(&app, &bob).await;
    let id = theirs[0]["id"].as_str().unwrap();
    for id in [id, "00000000-0000-0000-0000-000000000000", "x", "%00", "%ff", "' or 1=1 --"] {
        let path = id.replace(' ', "%20");
        delete(&app, &path).bearer(&ada["access_token"]).await.refused(404, "NOT_FOUND");
    }
    revoke(&app, &ada, "global").await.ok();
    assert!(!is_over(&app, &bob).await);
    delete(&app, id).await.refused(401, "SESSION_REQUIRED");
    app.get("/v1/sessions").await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn sec_t13_one_call_ends_all_other_sessions_or_all_sessions() {
    let app = TestApp::new().await;
    let here = app.somebody().await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(app.login("ada@example.com", "correct horse").await);
    }
    assert_eq!(revoke(&app, &here, "others").await.ok(), json!({}));
    for other in &others {
        assert!(is_over(&app, other).await);
    }
    assert_eq!(list(&app, &here).await.len(), 1);
    let there = app.login("ada@example.com", "correct horse").await;
    revoke(&app, &here, "global").await.ok();
    assert!(is_over(&app, &here).await && is_over(&app, &there).await);
    assert_eq!(app.sql("select count(*) from audit where event = 'session_revoked'").await, "2");
    let again = app.login("ada@example.com", "correct horse").await;
    for scope in ["", "local", "Global"] {
        let refused = revoke(&app, &again, scope).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(refused["field"], "scope");
    }
}

#[tokio::test]
async fn a_session_can_end_itself() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = &tokens["access_token"];
    let live = app.get("/v1/session").bound(&key, &app, token).await.ok();
    delete(&app, live["session_id"].as_str().unwrap()).bound(&key, &app, token).await.ok();
    app.get("/v1/session").bound(&key, &app, token).await.refused(401, "SESSION_REQUIRED");
    app.refresh_with(&key, &tokens["refresh_token"]).await.oauth_error("invalid_grant");
}

#[tokio::test]
async fn an_access_token_is_reported_as_valid_until_its_session_ends() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let live = app.get("/v1/session").bearer(&tokens["access_token"]).await.ok();
    assert_eq!(live["user_id"], tokens["user"]["user_id"]);
    assert_eq!((&live["iat"], &live["exp"]), (&json!(NEW_YEAR / 1000), &json!(NEW_YEAR / 1000 + 600)));
    assert_eq!(live["session_id"], list(&app, &tokens).await[0]["id"]);
    app.post("/v1/logout", json!({ "revoke_token": tokens["revoke_token"] })).await.ok();
    app.get("/v1/session").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
}
