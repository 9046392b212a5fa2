//! 200 calls at once: one succeeds, the others get clean errors, and exactly one account exists.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::people::to;
use crate::support::{Answer, Call, MINUTE, TestApp};

const CROWD: usize = 200;

/// Makes `calls` calls at once and counts the answers by status and code.
async fn all(calls: usize, call: impl Fn(usize) -> Call) -> (Vec<Answer>, BTreeMap<String, usize>) {
    let (answers, count, _) = all_and_repeated(calls, call).await;
    (answers, count)
}

/// As [`all`]. Also returns how many answers were 503 and were repeated.
async fn all_and_repeated(
    calls: usize,
    call: impl Fn(usize) -> Call,
) -> (Vec<Answer>, BTreeMap<String, usize>, usize) {
    let mut waiting: Vec<usize> = (0..calls).collect();
    let mut answers = Vec::new();
    let mut repeated = 0;
    static CROWDS: AtomicU16 = AtomicU16::new(0);
    let crowd = CROWDS.fetch_add(1, Ordering::SeqCst);
    // A busy machine may have no free connection to PostgreSQL. The client repeats such a call with the same
    // idempotency key, as the SDK does. If the call was carried out before its answer was lost, the server
    // returns the answer and does not carry it out again.
    for _ in 0..20 {
        let tasks = waiting.iter().map(|at| {
            let key = format!("6f1c2b70-5f0d-4e0c-{crowd:04x}-{at:012x}");
            let call = call(*at).header("idempotency-key", &key);
            tokio::spawn(async move { call.await })
        });
        let new: Vec<Answer> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        let (busy, done): (Vec<_>, Vec<_>) =
            waiting.into_iter().zip(new).partition(|(_, answer)| answer.status == 503);
        repeated += busy.len();
        waiting = busy.into_iter().map(|(at, _)| at).collect();
        answers.extend(done.into_iter().map(|(_, answer)| answer));
        if waiting.is_empty() {
            break;
        }
    }
    assert_eq!(answers.len(), calls, "the server stayed overloaded");
    let mut count = BTreeMap::new();
    for answer in &answers {
        let code = answer.json["code"].as_str().unwrap_or_default();
        *count.entry(format!("{} {code}", answer.status)).or_default() += 1;
    }
    (answers, count, repeated)
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_h40_200_first_sign_ins_of_one_device_at_once_create_one_account() {
    let t = TestApp::new().await;
    let body = json!({ "device_id": "one-device-for-all-of-them" });
    let (answers, count, repeated) =
        all_and_repeated(CROWD, |_| t.post("/v1/login/device", body.clone())).await;
    assert_eq!(count, counts([("200 ", CROWD)]));
    let first = &answers[0].json["user"]["user_id"];
    assert!(answers.iter().all(|answer| &answer.json["user"]["user_id"] == first));
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
    // This call takes no idempotency key. A committed sign-in can still be answered 503, because its answer
    // is read over another connection. Such a sign-in counts and has a session.
    let logins: usize = t.sql("select logins_count from accounts").await.parse().unwrap();
    assert!((CROWD..=CROWD + repeated).contains(&logins), "{logins} sign-ins, {repeated} calls repeated");
    assert_eq!(t.sql("select count(*) from sessions").await, logins.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_signups_at_once_with_one_name_create_one_account() {
    let t = TestApp::new().await;
    for name in [json!({ "email": "ada@example.com" }), json!({ "username": "ada" })] {
        let mut body = name;
        body["password"] = json!("correct horse");
        let (_, count) = all(CROWD, |_| t.post("/v1/signup", body.clone())).await;
        assert_eq!(count, counts([("200 ", 1), ("409 EXISTS", CROWD - 1)]));
    }
    assert_eq!(t.sql("select count(*) from accounts").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_that_is_used_200_times_at_once_signs_in_once() {
    let t = TestApp::new().await;
    let code = t.code("+4930901820", "LOGIN").await;
    let body = to("+4930901820", json!({ "code": code }));
    let (_, count) = all(CROWD, |_| t.post("/v1/login/code", body.clone())).await;
    assert_eq!(count, counts([("200 ", 1), ("400 INVALID_CODE", CROWD - 1)]));
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_c04_of_200_wrong_codes_at_once_the_server_checks_five() {
    let t = TestApp::new().await;
    let code = t.code("+4930901820", "LOGIN").await;
    let wrong = |at: usize| format!("{:06}", (code.parse::<usize>().unwrap() + 1 + at) % 1_000_000);
    let attempt = |at| t.post("/v1/login/code", to("+4930901820", json!({ "code": wrong(at) })));
    let (_, count) = all(CROWD, attempt).await;
    assert_eq!(count, counts([("400 INVALID_CODE", CROWD)]));
    assert_eq!(t.sql("select tries from challenges").await, "5");
    let right = to("+4930901820", json!({ "code": code }));
    t.post("/v1/login/code", right).await.refused(400, "INVALID_CODE");
}

#[tokio::test(flavor = "multi_thread")]
async fn unbinding_both_addresses_at_once_keeps_one() {
    let t = TestApp::new().await;
    let who = t.phone("+4930901820").await;
    t.bind(&who, "ada@example.com").await;
    t.advance(MINUTE);
    let paths = ["/v1/email/unbind", "/v1/phone/unbind"];
    let (_, count) = all(CROWD, |at| t.post_as(&who, paths[at % 2], json!({}))).await;
    assert_eq!(count["200 "], 1, "{count:?}");
    // The other calls unbind the last address (403) or an address that is already unbound (400).
    assert_eq!(count["403 FORBIDDEN"] + count["400 INVALID_REQUEST"], CROWD - 1, "{count:?}");
    assert_eq!(t.sql("select count(*) from identities").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_chosen_by_ten_accounts_at_once_belongs_to_one() {
    let t = TestApp::new().await;
    let mut people = Vec::new();
    for at in 0..10 {
        people.push(t.device(&format!("the device number {at}")).await);
    }
    let name = json!({ "username": "ada" });
    let (_, count) =
        all(people.len(), |at| t.send_as(&people[at], "PATCH", "/v1/profile", name.clone())).await;
    assert_eq!(count, counts([("200 ", 1), ("409 EXISTS", 9)]));
    assert_eq!(t.sql("select count(*) from identities where kind = 'username'").await, "1");
}
