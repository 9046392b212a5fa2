//! `POST /v1/token` for a Bearer session: D-1 to D-3.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{DAY, HOUR, MINUTE, SECOND, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";

fn token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_refresh_returns_the_next_tokens_without_the_user() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    app.advance(HOUR);
    let answer = app.refresh(token(&first)).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let second = answer.ok();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["revoke_token"], first["revoke_token"]);
    assert_eq!((second["expires_in"].as_i64(), second.get("user")), (Some(600), None));
    app.get("/v1/profile").bearer(&second["access_token"]).await.ok();
}

#[tokio::test]
async fn seed_h43_a_restored_session_includes_its_user() {
    let app = TestApp::new().await;
    let ada = app.somebody().await;
    for seconds in [0, 9] {
        // The second time is a repetition, which writes nothing.
        app.advance(seconds * SECOND);
        let form =
            format!("grant_type=refresh_token&client_id=doorward&restore=true&refresh_token={}", token(&ada));
        let restored = app.send(Method::POST, "/v1/token", FORM, form).await.ok();
        assert_eq!(restored["user"], ada["user"]);
        app.get("/v1/profile").bearer(&restored["access_token"]).await.ok();
    }
}

#[tokio::test]
async fn sec_t07_a_repeated_refresh_within_the_grace_period_gets_the_very_same_successor() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    app.advance(HOUR);
    let second = app.refresh(token(&first)).await.ok();
    for seconds in [0, 9, 10, 10] {
        app.advance(seconds * SECOND);
        let again = app.refresh(token(&first)).await.ok();
        assert_eq!(token(&again), token(&second));
    }
    app.get("/v1/profile").bearer(&second["access_token"]).await.ok();
}

#[tokio::test]
async fn a_token_younger_than_ten_seconds_is_not_replaced() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    let second = app.refresh(token(&first)).await.ok();
    assert_ne!(token(&second), token(&first), "the first refresh always rotates");
    app.advance(9 * SECOND);
    let same = app.refresh(token(&second)).await.ok();
    assert_eq!(token(&same), token(&second));
    app.advance(SECOND);
    let third = app.refresh(token(&second)).await.ok();
    assert_ne!(token(&third), token(&second));
}

#[tokio::test]
async fn sec_t08_reuse_after_the_grace_period_ends_the_session() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    app.advance(HOUR);
    let second = app.refresh(token(&first)).await.ok();
    app.advance(31 * SECOND);
    app.refresh(token(&first)).await.oauth_error("invalid_grant");
    app.refresh(token(&second)).await.oauth_error("invalid_grant");
    app.get("/v1/profile").bearer(&second["access_token"]).await.refused(401, "SESSION_REQUIRED");
    assert_eq!(app.sql("select count(*) from audit where event = 'token_reused'").await, "1");
}

#[tokio::test]
async fn sec_t08_a_token_from_two_refreshes_ago_ends_the_session_at_once() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    let second = app.refresh(token(&first)).await.ok();
    app.advance(10 * SECOND);
    let third = app.refresh(token(&second)).await.ok();
    app.refresh(token(&first)).await.oauth_error("invalid_grant");
    app.refresh(token(&third)).await.oauth_error("invalid_grant");
}

#[tokio::test]
async fn sec_t08_reuse_ends_one_session_and_no_other() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    let other = app.login("ada@example.com", "correct horse").await;
    app.refresh(token(&first)).await.ok();
    app.advance(MINUTE);
    app.refresh(token(&first)).await.oauth_error("invalid_grant");
    app.refresh(token(&other)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t09_100_simultaneous_refreshes_of_one_token_rotate_it_once() {
    let app = TestApp::new().await;
    let mut tokens = app.somebody().await;
    for _ in 0..20 {
        app.advance(HOUR);
        let calls = (0..100).map(|_| {
            let call = app.refresh(token(&tokens));
            tokio::spawn(async move { call.await.ok() })
        });
        let answers: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| token(answer) == token(&answers[0])));
        assert_ne!(token(&answers[0]), token(&tokens));
        tokens = answers[0].clone();
    }
    assert_eq!(app.sql("select generation from sessions").await, "20");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t12_no_token_survives_a_revoke_that_races_with_a_refresh() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    for round in 0..100 {
        let tokens = app.login("ada@example.com", "correct horse").await;
        let refresh = app.refresh(token(&tokens));
        let revoke = app.post("/v1/logout", serde_json::json!({ "revoke_token": tokens["revoke_token"] }));
        let refresh = tokio::spawn(async move { refresh.await });
        let revoke = tokio::spawn(async move { revoke.await });
        let (refreshed, revoked) = (refresh.await.unwrap(), revoke.await.unwrap());
        revoked.ok();
        let left = if refreshed.status == 200 { refreshed.json } else { tokens };
        app.refresh(token(&left)).await.oauth_error("invalid_grant");
        app.get("/v1/profile").bearer(&left["access_token"]).await.refused(401, "SESSION_REQUIRED");
        assert_eq!(app.sql("select count(*) from sessions").await, "0", "round {round}");
    }
}

#[tokio::test]
async fn sec_t10_reuse_is_still_found_after_a_restart() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    let second = app.refresh(token(&first)).await.ok();
    app.advance(MINUTE);
    let third = app.refresh(token(&second)).await.ok();
    let app = app.restart().await;
    app.refresh(token(&first)).await.oauth_error("invalid_grant");
    app.refresh(token(&third)).await.oauth_error("invalid_grant");
}

#[tokio::test]
async fn a_restart_keeps_all_sessions() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let app = app.restart().await;
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    app.refresh(token(&tokens)).await.ok();
}

#[tokio::test]
async fn a_token_ahead_of_its_row_moves_the_row_on() {
    let app = TestApp::new().await;
    let first = app.somebody().await;
    let second = app.refresh(token(&first)).await.ok();
    // A restored backup: the database has lost the rotation.
    let lost = app.app.platform.store.write(|tx| {
        Box::pin(async move {
            sqlx::query("update sessions set generation = 0").execute(tx).await?;
            Ok::<_, doorward_store::StoreError>(())
        })
    });
    lost.await.unwrap();
    app.advance(HOUR);
    let third = app.refresh(token(&second)).await.ok();
    assert_ne!(token(&third), token(&second));
    assert_eq!(app.sql("select generation from sessions").await, "2");
    assert_eq!(app.sql("select count(*) from audit where event = 'token_ahead'").await, "1");
}

#[tokio::test]
async fn sec_t11_a_session_that_is_used_daily_ends_after_ninety_days() {
    let app = TestApp::new().await;
    let mut tokens = app.somebody().await;
    for day in 1..90 {
        app.advance(DAY);
        let answer = app.refresh(token(&tokens)).await;
        assert_eq!(answer.status, 200, "day {day}");
        tokens = answer.json;
    }
    app.advance(DAY - 5 * MINUTE);
    let last = app.refresh(token(&tokens)).await.ok();
    assert_eq!(last["expires_in"], 300, "an access token does not outlive its session");
    app.advance(5 * MINUTE);
    app.get("/v1/profile").bearer(&last["access_token"]).await.refused(401, "SESSION_REQUIRED");
    app.refresh(token(&last)).await.oauth_error("invalid_grant");
}

#[tokio::test]
async fn sec_t11_an_unused_session_ends_after_thirty_days() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    app.advance(30 * DAY - 1);
    let tokens = app.refresh(token(&tokens)).await.ok();
    app.advance(30 * DAY);
    app.refresh(token(&tokens)).await.oauth_error("invalid_grant");
}

#[tokio::test]
async fn sec_t06_a_token_cannot_be_forged_from_the_database_alone() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let store = app.app.platform.store.clone();
    let other = TestApp::with("secret_keys = \"00000001:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA\"").await;
    let session = app.sql("select id from sessions").await;
    let (session, _) =
        doorward_store::sessions::find(&mut store.read().await.unwrap(), &session).await.unwrap().unwrap();
    let forged = doorward_credentials::tokens::RefreshToken::write(
        &other.app.platform.secret_keys,
        &session.id,
        0,
        &session.salt,
    )
    .unwrap();
    app.refresh(&forged).await.oauth_error("invalid_grant");
    app.refresh(token(&tokens)).await.ok();
}

#[tokio::test]
async fn a_wrong_token_does_not_end_the_session() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let mut bent = token(&tokens).to_owned();
    bent.replace_range(40..44, "AAAA");
    for wrong in [
        bent.as_str(),
        "x",
        tokens["revoke_token"].as_str().unwrap(),
        tokens["access_token"].as_str().unwrap(),
    ] {
        app.refresh(wrong).await.oauth_error("invalid_grant");
    }
    app.refresh(token(&tokens)).await.ok();
}

#[tokio::test]
async fn sec_o01_the_token_endpoint_takes_refresh_tokens_of_our_client_and_nothing_else() {
    let app = TestApp::new().await;
    let post = |body: &str| app.send(Method::POST, "/v1/token", FORM, body.to_owned());
    for (body, error) in [
        ("grant_type=password&username=ada&password=x", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        ("", "invalid_request"),
        ("client_id=doorward&refresh_token=x", "invalid_request"),
        ("grant_type=refresh_token&client_id=doorward", "invalid_request"),
        ("grant_type=refresh_token&client_id=doorward&refresh_token=", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x", "invalid_client"),
        ("grant_type=refresh_token&refresh_token=x&client_id=other", "invalid_client"),
        (
            "grant_type=refresh_token&grant_type=refresh_token&refresh_token=x&client_id=doorward",
            "invalid_request",
        ),
        ("grant_type=refresh_token&refresh_token=x&client_id=doorward&extra=1", "invalid_grant"),
    ] {
        let answer = post(body).await;
        assert_eq!(answer.header("content-type"), "application/json", "{body}");
        answer.oauth_error(error);
    }
    app.post("/v1/token", serde_json::json!({})).await.oauth_error("invalid_request");
    let large = post(&"x".repeat(65 * 1024)).await;
    assert_eq!((large.status, large.json["error"].as_str()), (413, Some("invalid_request")));
}

#[tokio::test]
async fn a_new_secret_key_keeps_sessions_and_the_old_key_can_then_be_removed() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let file = app.folder.path().join("secret_keys");
    let old = std::fs::read_to_string(&file).unwrap();
    let new = doorward_core::secret_keys::SecretKeys::generate(&doorward_core::clock::World::default());
    std::fs::write(&file, format!("{}{old}", new.as_str())).unwrap();
    let app = app.restart().await;
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    app.advance(MINUTE);
    let next = app.refresh(token(&tokens)).await.ok();
    std::fs::write(&file, new.as_bytes()).unwrap();
    let app = app.restart().await;
    app.get("/v1/profile").bearer(&next["access_token"]).await.ok();
    app.advance(MINUTE);
    app.refresh(token(&next)).await.ok();
    app.refresh(token(&tokens)).await.oauth_error("invalid_grant");
}
