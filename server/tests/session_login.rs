//! `POST /v1/login` and `GET /v1/profile`.

use std::time::{Duration, Instant};

use doorward_store::accounts::set_disabled;
use doorward_store::{StoreError, transaction};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{HOUR, TestApp};

fn attempt(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

async fn disable(app: &TestApp, id: &str) {
    let id = id.to_owned();
    let done: Result<(), StoreError> =
        app.app.platform.store.write(transaction!(|tx| set_disabled(tx, &id, true, 0).await)).await;
    done.unwrap();
}

#[tokio::test]
async fn seed_k32_a_login_answers_tokens_and_the_user() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    app.advance(HOUR);
    let tokens = app.login("ada@example.com", "correct horse").await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(tokens["server_time"], (crate::support::NEW_YEAR + HOUR) / 1000);
    let user = &tokens["user"];
    assert_eq!((&user["logins_count"], &user["last_login"]), (&json!(1), &json!("2026-01-01T01:00:00.000Z")));
    assert_eq!(app.login("ada@example.com", "correct horse").await["user"]["logins_count"], 2);
}

#[tokio::test]
async fn seed_k35_sec_r01_unknown_account_and_wrong_password_are_answered_alike() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    let wrong = app.post("/v1/login", attempt("ada@example.com", "wrong horse")).await;
    let unknown = app.post("/v1/login", attempt("bob@example.com", "wrong horse")).await;
    let like = |answer: &crate::support::Answer| {
        let mut body = answer.json.clone();
        body["id"] = Value::Null;
        let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        (answer.status, body, names, answer.text.len())
    };
    assert_eq!(like(&wrong), like(&unknown));
    let problem = wrong.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    assert_eq!(problem["title"], "Incorrect username or password.");
    assert_eq!(
        app.sql("select count(*) from audit where event = 'sign_in_failed'").await,
        "2",
        "both write an audit record"
    );
}

#[tokio::test]
async fn sec_r01_only_refusals_that_could_disclose_an_account_are_delayed_to_a_beat() {
    let app = TestApp::patient().await;
    let begun = Instant::now();
    app.post("/v1/login", attempt("bob@example.com", "wrong horse"))
        .await
        .refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    assert!(begun.elapsed() >= Duration::from_millis(50));
    // A busy machine may be slow, but not each time.
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let begun = Instant::now();
        app.post("/v1/login", json!({})).await.refused(400, "INVALID_PARAMETER");
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
}

#[tokio::test]
async fn sec_r01_an_unknown_account_needs_a_hash_like_any_other() {
    // Without room in the hash queue, each request that needs a hash is refused, also for an unknown address.
    let app = TestApp::with("[password]\nhash_queue = 0").await;
    app.post("/v1/login", attempt("bob@example.com", "wrong horse")).await.refused(503, "OVERLOADED");
}

#[tokio::test]
async fn sec_r01_500_known_names_cost_as_many_hashes_as_500_unknown_ones() {
    let app = TestApp::new().await;
    for email in ["ada@example.com", "bob@example.com"] {
        app.signup(email, "correct horse").await;
    }
    // The second known account has no password.
    app.sql_do(
        "delete from passwords
        where account = (select account from identities where value = 'bob@example.com')",
    )
    .await;
    let cost = async |emails: [&'static str; 2]| {
        let before = app.app.accounts.hasher.asked();
        let calls =
            (0..50).map(|at| app.post("/v1/login", attempt(emails[at % 2], "wrong horse")).into_future());
        for answer in join_all(calls).await {
            answer.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
        }
        app.app.accounts.hasher.asked() - before
    };
    for round in 0..10 {
        let known = cost(["ada@example.com", "bob@example.com"]).await;
        let unknown = cost(["eve@example.com", "mallory@example.com"]).await;
        assert_eq!((known, unknown), (50, 50), "{round}");
    }
}

#[tokio::test]
async fn seed_k34_a_disabled_account_shows_only_after_the_right_password() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    disable(&app, tokens["user"]["user_id"].as_str().unwrap()).await;
    let wrong = attempt("ada@example.com", "wrong horse");
    app.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let right = attempt("ada@example.com", "correct horse");
    let refused = app.post("/v1/login", right).await.refused(403, "USER_IS_DISABLED");
    assert_eq!(refused["title"], "This account is disabled.");
}

#[tokio::test]
async fn sec_t13_a_disabled_accounts_tokens_are_refused_at_once() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    disable(&app, tokens["user"]["user_id"].as_str().unwrap()).await;
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
    app.refresh(tokens["refresh_token"].as_str().unwrap()).await.oauth_error("invalid_grant");
}

#[tokio::test]
async fn sec_p01_passwords_are_compared_to_their_last_byte() {
    let app = TestApp::with("[password]\nmax_length = 1024").await;
    let long = "x".repeat(1024);
    app.signup("ada@example.com", &long).await;
    for at in [72, 499, 1023] {
        let mut other = long.clone();
        other.replace_range(at..=at, "y");
        app.post("/v1/login", attempt("ada@example.com", &other))
            .await
            .refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
    app.login("ada@example.com", &long).await;
    let longer = "x".repeat(1025);
    let refused =
        app.post("/v1/login", attempt("ada@example.com", &longer)).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(refused["field"], "password");
}

#[tokio::test]
async fn a_password_keeps_its_spaces_and_its_script() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "  סיסמה 🔑 ").await;
    app.login("ada@example.com", "  סיסמה 🔑 ").await;
    let trimmed = attempt("ada@example.com", "סיסמה 🔑");
    app.post("/v1/login", trimmed).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn sec_p03_a_login_replaces_a_hash_of_older_settings() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    let old = "update passwords set hash =
        '$argon2id$v=19$m=32,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$' || substr(hash, -43)";
    // A hash with other costs, made by the same library.
    let mut hash = [0; 32];
    let params = argon2::Params::new(32, 2, 1, Some(32)).unwrap();
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(b"correct horse", &(0..16).collect::<Vec<u8>>(), &mut hash)
        .unwrap();
    let phc = format!("$argon2id$v=19$m=32,t=2,p=1$AAECAwQFBgcICQoLDA0ODw${}", base64(&hash));
    let done: Result<(), StoreError> = app
        .app
        .platform
        .store
        .write(transaction!(|tx| {
            sqlx::query(old).execute(&mut *tx).await?;
            sqlx::query("update passwords set hash = $1").bind(phc).execute(tx).await?;
            Ok(())
        }))
        .await;
    done.unwrap();
    app.login("ada@example.com", "correct horse").await;
    assert!(app.sql("select hash from passwords").await.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    app.login("ada@example.com", "correct horse").await;
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn seed_k37_a_profile_needs_the_token_of_a_live_session() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let user = app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    assert_eq!(user, tokens["user"]);
    let without = app.get("/v1/profile").await;
    assert_eq!(without.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    without.refused(401, "SESSION_REQUIRED");
    for header in ["Basic YTpi", "Bearer", "Bearer ", "bearer x.y.z", "DPoP x"] {
        app.get("/v1/profile").header("authorization", header).await.refused(401, "SESSION_REQUIRED");
    }
    let twice = app.get("/v1/profile").bearer(&tokens["access_token"]).bearer(&tokens["access_token"]).await;
    twice.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn sec_p06_no_password_and_no_token_is_in_the_database() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let next = app.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok();
    let mut secrets = vec!["correct horse".to_owned()];
    for tokens in [&tokens, &next] {
        for name in ["access_token", "refresh_token", "revoke_token"] {
            secrets.push(tokens[name].as_str().unwrap().to_owned());
        }
    }
    for file in std::fs::read_dir(app.folder.path()).unwrap() {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        for secret in &secrets {
            // The MAC at the end of a token, as bytes, must not be there either.
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "sec_T06: {secret} in {:?}", file.file_name());
        }
    }
}
