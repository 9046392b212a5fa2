//! `POST /v1/logout`.

use serde_json::json;

use crate::support::{HOUR, TestApp};

#[tokio::test]
async fn seed_k38_sec_t12_a_logout_ends_refresh_and_access_token_at_once() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let other = app.login("ada@example.com", "correct horse").await;
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    let answer = app.post("/v1/logout", json!({ "revoke_token": tokens["revoke_token"] })).await.ok();
    assert_eq!(answer, json!({}));
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
    app.refresh(tokens["refresh_token"].as_str().unwrap()).await.oauth_error("invalid_grant");
    app.get("/v1/profile").bearer(&other["access_token"]).await.ok();
    assert_eq!(app.sql("select count(*) from audit where event = 'signed_out'").await, "1");
}

#[tokio::test]
async fn a_logout_works_long_after_the_access_token_has_ended_and_more_than_once() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    app.advance(20 * HOUR);
    for _ in 0..2 {
        app.post("/v1/logout", json!({ "revoke_token": tokens["revoke_token"] })).await.ok();
    }
    assert_eq!(app.sql("select count(*) from sessions").await, "0");
    assert_eq!(app.sql("select count(*) from audit where event = 'signed_out'").await, "1");
}

#[tokio::test]
async fn an_invalid_revoke_token_is_answered_alike_and_ends_no_session() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let revoke = tokens["revoke_token"].as_str().unwrap();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let mut bent = revoke.to_owned();
    bent.replace_range(30..34, "AAAA");
    for value in [bent.as_str(), refresh, "A".repeat(71).as_str(), "AAAAAAAAAAAAAAAA"] {
        assert_eq!(app.post("/v1/logout", json!({ "revoke_token": value })).await.ok(), json!({}));
    }
    let refused =
        app.post("/v1/logout", json!({ "revoke_token": "" })).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(refused["field"], "revoke_token");
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
}
