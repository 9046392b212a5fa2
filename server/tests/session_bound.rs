//! `POST /v1/token` for a session that is bound to a key: the whole table of D-1. A copy of the session's tokens is
//! useless.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::proof::ProofKey;
use crate::support::rounds::rounds;
use crate::support::{Answer, DAY, HOUR, MINUTE, SECOND, TestApp};

/// A signed-in browser with its key.
struct Browser {
    app: TestApp,
    key: ProofKey,
}

impl Browser {
    async fn new() -> (Browser, Value) {
        let (app, key) = (TestApp::new().await, ProofKey::new());
        let tokens = app.somebody_with(&key).await;
        (Browser { app, key }, tokens)
    }

    async fn refresh(&self, tokens: &Value) -> Answer {
        self.app.refresh_with(&self.key, &tokens["refresh_token"]).await
    }

    async fn lives(&self, tokens: &Value) {
        let token = &tokens["access_token"];
        self.app.get("/v1/profile").bound(&self.key, &self.app, token).await.ok();
    }
}

fn same(one: &Value, other: &Value) -> bool {
    one["refresh_token"] == other["refresh_token"]
}

#[tokio::test]
async fn the_newest_token_is_replaced_unless_it_is_younger_than_ten_seconds() {
    let (browser, first) = Browser::new().await;
    let second = browser.refresh(&first).await.ok();
    assert!(!same(&second, &first), "the first refresh always rotates");
    assert_eq!((&second["token_type"], second.get("user")), (&json!("DPoP"), None));
    browser.app.advance(9 * SECOND);
    assert!(same(&browser.refresh(&second).await.ok(), &second));
    browser.app.advance(SECOND);
    let third = browser.refresh(&second).await.ok();
    assert!(!same(&third, &second));
    browser.lives(&third).await;
}

#[tokio::test]
async fn sec_t07_a_lost_answer_can_be_requested_again_at_any_time() {
    let (browser, first) = Browser::new().await;
    let second = browser.refresh(&first).await.ok();
    for later in [0, 29 * SECOND, HOUR, 28 * DAY] {
        browser.app.advance(later);
        let again = browser.refresh(&first).await.ok();
        assert!(same(&again, &second));
        browser.lives(&again).await;
    }
    let third = browser.refresh(&second).await.ok();
    assert_eq!(browser.app.sql("select generation from sessions").await, "2");
    // `second` was presented by now, so `first` is stale, and `second` leads to `third`.
    assert!(same(&browser.refresh(&second).await.ok(), &third));
    browser.refresh(&first).await.oauth_error("stale_token");
}

#[tokio::test]
async fn sec_t07_a_token_works_only_for_its_grace_after_its_successor_was_used() {
    let (browser, first) = Browser::new().await;
    let second = browser.refresh(&first).await.ok();
    // A repetition also presents the successor, which shows that the browser has it.
    assert!(same(&browser.refresh(&second).await.ok(), &second));
    browser.app.advance(30 * SECOND - 1);
    assert!(same(&browser.refresh(&first).await.ok(), &second));
    browser.app.advance(1);
    browser.refresh(&first).await.oauth_error("stale_token");
    browser.app.advance(DAY);
    assert!(!same(&browser.refresh(&second).await.ok(), &second));
    assert_eq!(browser.app.audited("token_stale").await, 1);
}

#[tokio::test]
async fn sec_t08_an_older_token_is_refused_as_stale_and_the_session_goes_on() {
    let (browser, first) = Browser::new().await;
    let second = browser.refresh(&first).await.ok();
    browser.app.advance(MINUTE);
    let third = browser.refresh(&second).await.ok();
    for later in [0, MINUTE, DAY] {
        browser.app.advance(later);
        browser.refresh(&first).await.oauth_error("stale_token");
    }
    assert_eq!(browser.app.audited("token_stale").await, 3);
    let fourth = browser.refresh(&third).await.ok();
    browser.lives(&fourth).await;
}

#[tokio::test]
async fn sec_t10_a_stale_token_is_known_after_a_restart() {
    let (Browser { app, key }, first) = Browser::new().await;
    let second = app.refresh_with(&key, &first["refresh_token"]).await.ok();
    app.advance(MINUTE);
    let third = app.refresh_with(&key, &second["refresh_token"]).await.ok();
    app.advance(HOUR);
    let app = app.restart().await;
    app.refresh_with(&key, &first["refresh_token"]).await.oauth_error("stale_token");
    let app = app.restart().await;
    app.refresh_with(&key, &third["refresh_token"]).await.ok();
}

#[tokio::test]
async fn sec_t10_a_token_ahead_of_its_row_moves_the_row_on() {
    let (browser, first) = Browser::new().await;
    let second = browser.refresh(&first).await.ok();
    browser.app.advance(MINUTE);
    let third = browser.refresh(&second).await.ok();
    // A restored backup: the database has lost both rotations.
    let lost = browser.app.app.platform.store.write(|tx| {
        Box::pin(async move {
            sqlx::query("update sessions set generation = 0, presented = -1").execute(tx).await?;
            Ok::<_, doorward_store::StoreError>(())
        })
    });
    lost.await.unwrap();
    browser.app.advance(HOUR);
    let fourth = browser.refresh(&third).await.ok();
    assert_eq!(browser.app.sql("select generation from sessions").await, "3");
    assert_eq!(browser.app.audited("token_ahead").await, 1);
    assert!(same(&browser.refresh(&third).await.ok(), &fourth));
    browser.refresh(&second).await.oauth_error("stale_token");
}

#[tokio::test]
async fn sec_d04_a_copy_of_the_tokens_is_refused_everywhere_and_the_rightful_browser_goes_on() {
    let (browser, tokens) = Browser::new().await;
    let app = &browser.app;
    let thief = ProofKey::new();
    for later in [0, HOUR, DAY] {
        app.advance(later);
        let token = tokens["refresh_token"].as_str().unwrap();
        app.refresh_with(&thief, &tokens["refresh_token"]).await.oauth_error("invalid_grant");
        app.refresh(token).await.oauth_error("invalid_dpop_proof");
        app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
    }
    assert_eq!(browser.app.audited("key_mismatch").await, 6);
    assert_eq!(app.sql("select generation from sessions").await, "0");
    let next = browser.refresh(&tokens).await.ok();
    let access = &next["access_token"];
    app.get("/v1/profile").bound(&thief, app, access).await.refused(401, "INVALID_PROOF");
    // A missing proof header does not clear the binding.
    assert_eq!(app.sql("select key_thumbprint from sessions").await, browser.key.thumbprint());
    browser.lives(&next).await;
}

#[tokio::test]
async fn sec_d04_an_old_copy_with_another_key_does_not_end_the_session() {
    let (browser, first) = Browser::new().await;
    let second = browser.refresh(&first).await.ok();
    browser.app.advance(HOUR);
    let third = browser.refresh(&second).await.ok();
    let thief = ProofKey::new();
    for copy in [&first, &second, &third] {
        browser.app.refresh_with(&thief, &copy["refresh_token"]).await.oauth_error("invalid_grant");
    }
    browser.lives(&third).await;
    browser.app.advance(40 * DAY);
    // Another key does not even end a session that has expired.
    browser.app.refresh_with(&thief, &third["refresh_token"]).await.oauth_error("invalid_grant");
    assert_eq!(browser.app.audited("session_expired").await, 0);
    browser.refresh(&third).await.oauth_error("invalid_grant");
    assert_eq!(browser.app.audited("session_expired").await, 1);
}

#[tokio::test]
async fn a_proof_does_not_bind_a_session_that_was_begun_without_one() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody().await;
    let next = app.refresh_with(&key, &tokens["refresh_token"]).await.ok();
    assert_eq!(next["token_type"], "Bearer");
    app.advance(MINUTE);
    app.refresh(next["refresh_token"].as_str().unwrap()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t09_100_simultaneous_refreshes_of_one_bound_token_rotate_it_once() {
    let (browser, mut tokens) = Browser::new().await;
    let app = &browser.app;
    for round in 1..=10 {
        app.advance(HOUR);
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let calls = (0..100).map(|_| {
            let call = app.refresh(&token).proven(&browser.key, app);
            tokio::spawn(async move { call.await.ok() })
        });
        let answers: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        let different: BTreeSet<_> =
            answers.iter().map(|answer| answer["refresh_token"].as_str().unwrap()).collect();
        assert_eq!(different.len(), 1, "round {round}");
        assert_eq!(app.sql("select generation from sessions").await, round.to_string());
        assert!(!different.contains(token.as_str()));
        tokens = answers[99].clone();
    }
    browser.lives(&tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t09_100_refreshes_of_one_bound_token_over_two_nodes_rotate_it_once() {
    let (browser, tokens) = Browser::new().await;
    let (one, other) = (&browser.app, browser.app.node().await);
    let token = tokens["refresh_token"].as_str().unwrap();
    let calls = (0..100).map(|at| {
        let node = if at % 2 == 0 { one } else { &other };
        let call = node.refresh(token).proven(&browser.key, node);
        tokio::spawn(async move { call.await.ok() })
    });
    let answers: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| same(answer, &answers[0])));
    assert_eq!(one.sql("select generation from sessions").await, "1");
    other.get("/v1/profile").bound(&browser.key, &other, &answers[0]["access_token"]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t12_no_new_token_survives_a_revoke_that_races_with_a_bound_refresh() {
    // Refreshes run at the same time as either way to end a session, in either order.
    let (browser, _) = Browser::new().await;
    let (app, key) = (&browser.app, &browser.key);
    let (mut minted_first, mut refused_first) = (0, 0);
    for round in 0..rounds(200, 1000) as usize {
        let tokens = app.login_with(key).await;
        let token = tokens["refresh_token"].as_str().unwrap();
        let refreshes: Vec<_> = (0..4).map(|_| app.refresh(token).proven(key, app)).collect();
        let revoke = if round % 2 == 0 {
            app.post("/v1/logout", json!({ "revoke_token": tokens["revoke_token"] }))
        } else {
            let call = app.post("/v1/sessions/revoke", json!({ "scope": "global" }));
            call.bound(key, app, &tokens["access_token"])
        };
        let mut calls: Vec<_> = refreshes.into_iter().collect();
        calls.insert(round % 5, revoke);
        let calls = calls.into_iter().map(|call| tokio::spawn(async move { call.await }));
        let answers: Vec<Answer> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers[round % 5].status, 200, "round {round}: {}", answers[round % 5].text);
        match answers.iter().any(|answer| answer.json["refresh_token"].is_string()) {
            true => minted_first += 1,
            false => refused_first += 1,
        }
        for minted in answers.iter().filter(|answer| answer.json["access_token"].is_string()) {
            let access = &minted.json["access_token"];
            app.get("/v1/session").bound(key, app, access).await.refused(401, "SESSION_REQUIRED");
            let next = app.refresh_with(key, &minted.json["refresh_token"]).await;
            next.oauth_error("invalid_grant");
        }
        app.refresh_with(key, &tokens["refresh_token"]).await.oauth_error("invalid_grant");
    }
    assert_eq!(app.sql("select count(*) from sessions").await, "0");
    assert!(minted_first > 0 && refused_first > 0, "{minted_first} and {refused_first}: both must occur");
}
