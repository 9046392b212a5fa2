//! `POST /v1/revoke` (RFC 7009) and `POST /v1/introspect` (RFC 7662); generic clients do the same in tests/api.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, HOUR, MINUTE, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";
const CLIENT: &str = "[introspection]\nclients = [\"reports:a%20secret+of/thirty-two=characters\"]";

async fn revoke(app: &TestApp, token: &Value) -> Answer {
    let body = format!("token={}&client_id=doorward", token.as_str().unwrap());
    app.send(Method::POST, "/v1/revoke", FORM, body).await
}

async fn introspect(app: &TestApp, token: &Value) -> Answer {
    let body = format!("token={}&token_type_hint=access_token", token.as_str().unwrap());
    // RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
    let basic = STANDARD.encode("reports:a%2520secret%2Bof%2Fthirty-two%3Dcharacters");
    app.send(Method::POST, "/v1/introspect", FORM, body)
        .header("authorization", &format!("Basic {basic}"))
        .await
}

#[tokio::test]
async fn sec_t12_revoking_either_token_ends_the_session_for_everything_at_once() {
    let app = TestApp::with(CLIENT).await;
    app.signup("ada@example.com", "correct horse").await;
    for kind in ["refresh_token", "access_token"] {
        let tokens = app.login("ada@example.com", "correct horse").await;
        let other = app.login("ada@example.com", "correct horse").await;
        let found = introspect(&app, &tokens["access_token"]).await.ok();
        assert_eq!((&found["active"], &found["token_type"]), (&json!(true), &json!("Bearer")));
        assert_eq!(found["sub"], tokens["user"]["user_id"]);
        revoke(&app, &tokens[kind]).await.ok();
        revoke(&app, &tokens[kind]).await.ok();
        assert_eq!(introspect(&app, &tokens["access_token"]).await.ok(), json!({ "active": false }));
        app.refresh(tokens["refresh_token"].as_str().unwrap()).await.oauth_error("invalid_grant");
        app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
        app.get("/v1/profile").bearer(&other["access_token"]).await.ok();
    }
    assert_eq!(app.sql("select count(*) from audit where event = 'signed_out'").await, "2");
}

#[tokio::test]
async fn an_expired_or_foreign_token_revokes_nothing() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let stranger = TestApp::production("").await.somebody().await;
    revoke(&app, &json!("nonsense")).await.ok();
    revoke(&app, &stranger["refresh_token"]).await.ok();
    revoke(&app, &stranger["access_token"]).await.ok();
    app.advance(HOUR);
    revoke(&app, &tokens["access_token"]).await.ok();
    app.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok();
}

#[tokio::test]
async fn an_old_copy_of_a_refresh_token_does_not_end_the_session() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    let mut newest = first.clone();
    for _ in 0..2 {
        app.advance(MINUTE);
        newest = app.refresh(newest["refresh_token"].as_str().unwrap()).await.ok();
    }
    revoke(&app, &first["refresh_token"]).await.ok();
    app.get("/v1/profile").bearer(&newest["access_token"]).await.ok();
    revoke(&app, &newest["refresh_token"]).await.ok();
    app.get("/v1/profile").bearer(&newest["access_token"]).await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn a_client_may_send_its_secret_with_or_without_form_encoding() {
    let app =
        TestApp::with("[introspection]\nclients = [\"reports:WBc+l/6oqxcJ2zhBH8BvAzn3GnpS8EIZ==\"]").await;
    let tokens = app.somebody().await;
    for basic in
        ["reports:WBc+l/6oqxcJ2zhBH8BvAzn3GnpS8EIZ==", "reports:WBc%2Bl%2F6oqxcJ2zhBH8BvAzn3GnpS8EIZ%3D%3D"]
    {
        let body = format!("token={}", tokens["access_token"].as_str().unwrap());
        let answer = app
            .send(Method::POST, "/v1/introspect", FORM, body)
            .header("authorization", &format!("Basic {}", STANDARD.encode(basic)))
            .await;
        assert_eq!(answer.ok()["active"], true, "{basic}");
    }
}

#[tokio::test]
async fn sec_t01_introspection_reports_an_expired_token_as_inactive() {
    let app = TestApp::with(CLIENT).await;
    let tokens = app.somebody().await;
    for never in ["refresh_token", "revoke_token"] {
        assert_eq!(introspect(&app, &tokens[never]).await.ok(), json!({ "active": false }));
    }
    app.advance(10 * MINUTE);
    assert_eq!(introspect(&app, &tokens["access_token"]).await.ok(), json!({ "active": false }));
}

#[tokio::test]
async fn errors_of_a_form_use_the_codes_of_the_rfc() {
    let app = TestApp::with(CLIENT).await;
    for (path, body, status, word) in [
        ("/v1/revoke", "token=a", 400, "invalid_client"),
        ("/v1/revoke", "client_id=doorward", 400, "invalid_request"),
        ("/v1/revoke", "client_id=doorward&token=", 400, "invalid_request"),
        ("/v1/revoke", "client_id=doorward&token=a&token=b", 400, "invalid_request"),
        ("/v1/introspect", "token=a", 401, "invalid_client"),
    ] {
        let answer = app.send(Method::POST, path, FORM, body).await;
        assert_eq!((answer.status, answer.json["error"].as_str()), (status, Some(word)), "{path} {body}");
    }
    for path in ["/v1/token", "/v1/revoke"] {
        let large = app.send(Method::POST, path, FORM, "x".repeat(70_000)).await;
        assert_eq!((large.status, large.json["error"].as_str()), (413, Some("invalid_request")), "{path}");
    }
    let json = app.send(Method::POST, "/v1/revoke", "application/json", "{}").await;
    assert_eq!((json.status, json.json["error"].as_str()), (400, Some("invalid_request")));
}
