//! Floods (SECURITY S13, S14): excess requests are refused and cause no lasting cost. `npm run bench flood`
//! measures how long users wait meanwhile.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

#[tokio::test(flavor = "multi_thread")]
async fn sec_s14_sec_p04_each_of_500_sign_ins_at_once_is_checked_or_told_when_to_retry() {
    let settings =
        "[limits]\nfailures = 5\npause = \"1m\"\n[password]\nhash_queue = 8\n[captcha]\nkind = \"none\"";
    let t = TestApp::with(settings).await;
    t.signup(ADA, PASSWORD).await;
    let ada = t.login(ADA, PASSWORD).await;
    let calls = (0..500).map(|at| {
        let email = if at % 2 == 0 { ADA.to_owned() } else { format!("nobody{at}@example.com") };
        let call = t.post("/v1/login", json!({ "email": email, "password": "wrong horse" }));
        tokio::spawn(async move { (at, call.await) })
    });
    let answers: Vec<(usize, Answer)> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let mut looked_at = [0, 0];
    for (at, answer) in answers {
        match answer.status {
            401 => looked_at[at % 2] += 1,
            status => {
                assert!([429, 503].contains(&status), "{status} {}", answer.text);
                assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
            }
        }
    }
    assert!(looked_at[0] <= 5, "{looked_at:?}");
    t.refresh(ada["refresh_token"].as_str().unwrap()).await.ok();
    t.get("/.well-known/jwks.json").await.ok();
}

#[tokio::test]
async fn sec_s13_an_invalid_request_causes_no_write() {
    let t =
        TestApp::with("[limits]\nsign_in = \"9/1m\"\nsend = \"9/1m\"\ncode = \"9/1m\"\nsign_up = \"9/1m\"")
            .await;
    let ada = t.somebody().await;
    let rows = async || {
        let mut rows = Vec::new();
        for table in
            ["select count(*) from audit", "select count(*) from budgets", "select count(*) from proofs"]
        {
            rows.push(t.sql(table).await);
        }
        rows.push(t.sql("select cast(coalesce(sum(used), 0) as bigint) from budgets").await);
        rows
    };
    let before = rows().await;
    let forged = format!("{}A", ada["access_token"].as_str().unwrap());
    let post = |path: &str, body: Value| t.post(path, body);
    for path in
        ["/v1/login", "/v1/signup", "/v1/code", "/v1/login/code", "/v1/password/reset", "/v1/email/verify"]
    {
        for body in [
            json!({}),
            json!({ "email": 1 }),
            json!([]),
            json!({ "email": "x", "password": "y", "code": "z" }),
        ] {
            assert_eq!(post(path, body).await.status, 400);
        }
        for (kind, text) in
            [("application/json", "{"), ("text/plain", "{}"), ("application/json", "{\"a\":1,\"a\":2}")]
        {
            assert!([400, 415].contains(&t.send(Method::POST, path, kind, text).await.status));
        }
        let long = json!({ "email": "a".repeat(70_000) });
        assert_eq!(post(path, long).await.status, 413);
        let good = json!({ "email": ADA, "password": PASSWORD });
        assert_eq!(post(path, good).header("dpop", "eyJ.eyJ.x").await.status / 100, 4);
    }
    t.get("/v1/profile")
        .header("authorization", &format!("Bearer {forged}"))
        .await
        .refused(401, "SESSION_REQUIRED");
    t.refresh("AAAA").await.oauth_error("invalid_grant");
    assert_eq!(rows().await, before);
}
