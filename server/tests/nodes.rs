//! Two nodes on one PostgreSQL database (SECURITY S7, S8; D-34): simultaneous requests to both have one outcome.

use std::sync::Arc;

use doorward_credentials::rotation;
use doorward_messages::outbox;
use doorward_store::{Store, StoreError, budgets, transaction};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::post;
use crate::post::sink::Sink;
use crate::support::rounds::rounds;
use crate::support::{Answer, DAY, HOUR, TestApp, database};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

/// Two nodes. `None` on SQLite, which supports only one node.
async fn two() -> Option<[TestApp; 2]> {
    two_with("").await
}

async fn two_with(settings: &str) -> Option<[TestApp; 2]> {
    if database::is_sqlite() {
        return None;
    }
    let one = TestApp::with(settings).await;
    let other = one.node().await;
    Some([one, other])
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

/// Sends all calls at once.
async fn at_once(calls: impl IntoIterator<Item = crate::support::Call>) -> Vec<Answer> {
    let calls = calls.into_iter().map(|call| tokio::spawn(async move { call.await }));
    join_all(calls).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_start_on_an_empty_database_migrate_it_once() {
    if database::is_sqlite() {
        return;
    }
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let settings = database::empty(folder.path());
        let stores = (0..4).map(|_| {
            let (settings, folder) = (settings.clone(), folder.path().to_owned());
            tokio::spawn(async move { Store::open(&folder, &settings).await.unwrap() })
        });
        for store in join_all(stores).await {
            let store = store.unwrap();
            assert!(store.ping().await.unwrap().is_some());
            store.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_signing_key_is_created_once_across_nodes() {
    if database::is_sqlite() {
        return;
    }
    for _ in 0..5 {
        let first = TestApp::new().await;
        let all: Vec<TestApp> = join_all((0..4).map(|_| first.node())).await;
        first.sql_do("delete from signing_keys").await;
        let loads = all.iter().map(|node| {
            let app = node.app.clone();
            tokio::spawn(async move {
                doorward_credentials::signing::SigningKeys::load(
                    &app.platform.store,
                    &app.platform.secret_keys,
                    &app.platform.world,
                )
                .await
                .unwrap()
                .jwks()
            })
        });
        let keys: Vec<Value> = join_all(loads).await.into_iter().map(Result::unwrap).collect();
        assert!(keys.iter().all(|these| *these == keys[0]), "{keys:?}");
        assert_eq!(keys[0]["keys"].as_array().unwrap().len(), 1);
        first.advance(29 * DAY);
        let turns = all.iter().map(|node| {
            let app = node.app.clone();
            tokio::spawn(async move { rotation::turn(&app.issuer).await.unwrap() })
        });
        join_all(turns).await;
        assert_eq!(first.sql("select count(*) from signing_keys").await, "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t09_100_refreshes_of_one_token_over_two_nodes_rotate_it_once() {
    let Some(nodes) = two().await else { return };
    let mut tokens = nodes[0].somebody().await;
    for _ in 0..20 {
        nodes[0].advance(HOUR);
        let answers = at_once((0..100).map(|n| nodes[n % 2].refresh(refresh_token(&tokens)))).await;
        let answers: Vec<Value> = answers.into_iter().map(Answer::ok).collect();
        assert!(answers.iter().all(|answer| refresh_token(answer) == refresh_token(&answers[0])));
        assert_ne!(refresh_token(&answers[0]), refresh_token(&tokens));
        tokens = answers[0].clone();
        for node in &nodes {
            node.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
        }
    }
    assert_eq!(nodes[0].sql("select generation from sessions").await, "20");
}

async fn race_refresh_with_revoke(count: usize) {
    let Some(nodes) = two().await else { return };
    nodes[0].signup(ADA, PASSWORD).await;
    for round in 0..count {
        let tokens = nodes[round % 2].login(ADA, PASSWORD).await;
        nodes[0].advance(HOUR);
        let revoke = json!({ "revoke_token": tokens["revoke_token"] });
        let revoke = nodes[(round / 2) % 2].post("/v1/logout", revoke);
        let refreshes = (0..4).map(|n| nodes[n % 2].refresh(refresh_token(&tokens)));
        let mut answers = at_once(refreshes.chain([revoke])).await;
        answers.pop().unwrap().ok();
        let minted = answers.into_iter().filter(|answer| answer.status == 200).map(|answer| answer.json);
        for left in minted.chain([tokens]) {
            for node in &nodes {
                node.refresh(refresh_token(&left)).await.oauth_error("invalid_grant");
                let profile = node.get("/v1/profile").bearer(&left["access_token"]);
                profile.await.refused(401, "SESSION_REQUIRED");
            }
        }
        assert_eq!(nodes[0].sql("select count(*) from sessions").await, "0", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_t12_no_token_survives_a_revoke_that_races_with_refreshes_on_two_nodes() {
    race_refresh_with_revoke(rounds(200, 1000) as usize).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_of_the_old_password_survives_a_reset_that_races_with_logins() {
    let Some(nodes) = two().await else { return };
    nodes[0].signup(ADA, PASSWORD).await;
    let mut password = PASSWORD.to_owned();
    for round in 0..40 {
        nodes[0].post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
        let mail = post::newest(&nodes[0], ADA).await;
        let new = format!("correct horse {round}");
        let reset = json!({ "token": mail.token(), "new_password": new });
        let login = json!({ "email": ADA, "password": password });
        let calls = (0..6).map(|n| nodes[n % 2].post("/v1/login", login.clone()));
        let mut answers = at_once(calls.chain([nodes[round % 2].post("/v1/password/reset", reset)])).await;
        answers.pop().unwrap().ok();
        for answer in answers.into_iter().filter(|answer| answer.status == 200) {
            nodes[0].refresh(refresh_token(&answer.json)).await.oauth_error("invalid_grant");
        }
        assert_eq!(nodes[0].sql("select count(*) from sessions").await, "0", "round {round}");
        nodes[0].advance(HOUR);
        password = new;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_c01_wrong_codes_on_two_nodes_at_once_are_all_counted() {
    let Some(nodes) = two().await else { return };
    nodes[0].signup(ADA, PASSWORD).await;
    let code = post::newest(&nodes[0], ADA).await.code;
    let wrong = json!({ "email": ADA, "code": post::wrong(&code) });
    let answers = at_once((0..20).map(|n| nodes[n % 2].post("/v1/email/verify", wrong.clone()))).await;
    assert!(answers.iter().all(|answer| answer.status == 400));
    assert_eq!(nodes[0].sql("select tries from challenges").await, "5");
    let right = json!({ "email": ADA, "code": code });
    nodes[1].post("/v1/email/verify", right).await.refused(400, "INVALID_CODE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_both_nodes_get_at_once_works_once() {
    let Some(nodes) = two().await else { return };
    for round in 0..20 {
        let email = format!("user{round}@example.com");
        nodes[0].signup(&email, PASSWORD).await;
        let mail = post::newest(&nodes[round % 2], &email).await;
        let proof = match round % 2 {
            0 => json!({ "email": email, "code": mail.code, "password": PASSWORD }),
            _ => json!({ "token": mail.token(), "password": PASSWORD }),
        };
        let answers = at_once((0..10).map(|n| nodes[n % 2].post("/v1/email/verify", proof.clone()))).await;
        let worked = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(worked, 1, "{answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_signups_of_one_address_on_both_nodes_wins() {
    for disclosure in ["exists", "quiet"] {
        let settings = format!("[disclosure]\nsignup = \"{disclosure}\"");
        let Some(nodes) = two_with(&settings).await else { return };
        let body = json!({ "email": ADA, "password": PASSWORD });
        let answers = at_once((0..20).map(|n| nodes[n % 2].post("/v1/signup", body.clone()))).await;
        let worked = answers.iter().filter(|answer| answer.status == 200).count();
        if disclosure == "quiet" {
            assert_eq!(worked, 20, "the answers do not disclose whether the address was free");
        } else {
            assert_eq!(worked, 1);
            assert!(answers.iter().all(|answer| answer.status == 200 || answer.json["code"] == "EXISTS"));
        }
        assert_eq!(nodes[0].sql("select count(*) from accounts").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_one_idempotency_key_on_both_nodes_is_carried_out_once() {
    let Some(nodes) = two().await else { return };
    for round in 0..10 {
        let key = format!("7c9e6679-7425-40de-944b-e07fc1f90{round:03}");
        let body = json!({ "email": format!("user{round}@example.com"), "password": PASSWORD, "options": { "login": true } });
        let calls =
            (0..10).map(|n| nodes[n % 2].post("/v1/signup", body.clone()).header("idempotency-key", &key));
        let answers: Vec<Value> = at_once(calls).await.into_iter().map(Answer::ok).collect();
        let session = |answer: &Value| answer["session"]["revoke_token"].clone();
        assert!(answers.iter().all(|answer| session(answer) == session(&answers[0])));
    }
    assert_eq!(nodes[0].sql("select count(*) from sessions").await, "10");
    assert_eq!(nodes[0].sql("select count(*) from audit where event = 'signed_up'").await, "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mail_leaves_once_however_many_nodes_send() {
    let sink = Sink::start().await;
    let Some(nodes) = two_with(&sink.settings()).await else { return };
    for n in 0..40 {
        nodes[n % 2].signup(&format!("user{n}@example.com"), PASSWORD).await;
    }
    let nodes = Arc::new(nodes);
    let workers = (0..4).map(|n| {
        let nodes = nodes.clone();
        tokio::spawn(async move { while outbox::send_due(&nodes[n % 2].app.outbox).await {} })
    });
    join_all(workers).await.into_iter().for_each(Result::unwrap);
    let mut to: Vec<String> = sink.taken().into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to.len(), 40);
    to.dedup();
    assert_eq!(to.len(), 40, "no address got two mails");
    assert_eq!(nodes[0].sql("select count(*) from outbox").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ignores_a_failed_statement_is_not_reported_as_written() {
    let Some([node, _]) = two().await else { return };
    let kept_to_itself = node.app.platform.store.write(|tx| {
        Box::pin(async move {
            let _ = sqlx::query("insert into no_such_table values (1)").execute(&mut *tx).await;
            Ok::<_, doorward_store::StoreError>(())
        })
    });
    assert!(kept_to_itself.await.is_err());
    let (one, other) = join(node.app.platform.store.ping(), node.app.platform.store.ping()).await;
    assert!(one.is_ok() && other.is_ok());
}

#[tokio::test]
async fn a_node_with_a_wrong_clock_reports_it_and_serves() {
    let Some([node, _]) = two().await else { return };
    // The clock of a test stands still at the start of 2026.
    let answer = node.get("/health/ready").await.ok();
    assert!(answer["warning"].as_str().unwrap().contains("behind the database's"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_on_one_node_does_not_wait_for_a_budget_locked_by_another() {
    let Some([one, other]) = two().await else { return };
    let now = one.app.platform.world.now();
    for name in ["a", "b"] {
        let spends = one
            .app
            .platform
            .store
            .write::<_, StoreError, _>(transaction!(|tx| budgets::count(tx, name, 0, now).await));
        spends.await.unwrap();
    }
    let store = other.app.platform.store.clone();
    let renews = one.app.platform.store.write::<_, StoreError, _>(transaction!(|tx| {
        budgets::count(tx, "a", HOUR, now).await?;
        let prunes = store.write::<_, StoreError, _>(transaction!(|tx| budgets::prune(tx, now, 10).await));
        assert_eq!(prunes.await?, 1, "only the unlocked row b");
        budgets::count(tx, "b", HOUR, now).await
    }));
    renews.await.unwrap();
}
