//! Guessing passwords (SECURITY R03, R04, C04): guessing is slowed down, and the owner can still sign in.

use doorward_accounts::pruning;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::post;
use crate::support::captcha::work;
use crate::support::{Answer, Call, DAY, HOUR, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
/// The answer to a wrong password. A name without an account gets the same answer.
const WRONG: (u16, &str) = (401, "INCORRECT_USERNAME_OR_PASSWORD");

fn login(t: &TestApp, email: &str, password: &str) -> Call {
    t.post("/v1/login", json!({ "email": email, "password": password }))
}

/// Tries `count` wrong passwords. The server checks all of them.
async fn guess(t: &TestApp, email: &str, count: usize) {
    for _ in 0..count {
        login(t, email, "wrong horse").await.refused(WRONG.0, WRONG.1);
    }
}

/// Checks the refusal and returns the seconds to wait.
#[track_caller]
fn wait(answer: Answer) -> i64 {
    let header: i64 = answer.header("retry-after").parse().unwrap();
    let body = answer.refused(429, "REQUEST_EXCEED");
    assert_eq!(body["retry_after"], header);
    assert_eq!(body["title"], "Too many attempts. Please try again later.");
    header
}

#[tokio::test]
async fn seed_k36_too_many_logins_are_refused_with_request_exceed() {
    let t = TestApp::with("[limits]\nsign_in = \"3/1m\"").await;
    t.signup(ADA, PASSWORD).await;
    for _ in 0..3 {
        t.login(ADA, PASSWORD).await;
    }
    t.advance(20 * SECOND);
    assert_eq!(wait(login(&t, ADA, PASSWORD).await), 40);
    t.advance(40 * SECOND - 1);
    assert_eq!(wait(login(&t, ADA, PASSWORD).await), 1, "the server reports the true wait");
    t.advance(1);
    t.login(ADA, PASSWORD).await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_locks_no_user_out_after_its_correction() {
    let settings = "[limits]\nfailures = 3\npause = \"10s\"\n[captcha]\nkind = \"none\"";
    let t = TestApp::with(settings).await;
    t.signup(ADA, PASSWORD).await;
    guess(&t, ADA, 2).await;
    t.advance(DAY / 2);
    guess(&t, ADA, 1).await;
    wait(login(&t, ADA, "wrong horse").await);
    t.advance(-DAY / 2);
    guess(&t, ADA, 1).await;
    t.advance(30 * SECOND);
    t.login(ADA, PASSWORD).await;
    t.advance(10 * DAY);
    guess(&t, ADA, 3).await;
    wait(login(&t, ADA, "wrong horse").await);
    t.advance(-10 * DAY);
    t.login(ADA, PASSWORD).await;
}

#[tokio::test]
async fn seed_k36_a_page_of_another_origin_can_read_how_long_to_wait() {
    let t = TestApp::with("[limits]\nsign_in = \"1/1m\"").await;
    let ask = || login(&t, ADA, PASSWORD).header("origin", "http://localhost:3000");
    ask().await.refused(WRONG.0, WRONG.1);
    let refused = ask().await;
    assert_eq!(refused.header("access-control-allow-origin"), "http://localhost:3000");
    assert!(refused.header("access-control-expose-headers").contains("retry-after"));
    assert_eq!(wait(refused), 60);
}

#[tokio::test]
async fn sec_r03_each_source_has_a_limit_and_an_exhausted_one_causes_no_write() {
    let t = TestApp::with("[limits]\nsign_in = \"2/1m\"").await;
    let other = t.node_if_any().await;
    for ip in ["192.0.2.1", "192.0.2.2"] {
        for t in [&t, other.as_ref().unwrap_or(&t)] {
            login(t, ADA, PASSWORD).from(ip).await.refused(WRONG.0, WRONG.1);
        }
        wait(login(&t, ADA, PASSWORD).from(ip).await);
    }
    // The budgets cannot be written now. A source that is known to be over its limit is refused all the same.
    let rows = t.sql("select count(*) from audit").await;
    t.sql_do("alter table budgets rename to gone").await;
    wait(login(&t, ADA, PASSWORD).from("192.0.2.1").await);
    login(&t, ADA, PASSWORD).from("192.0.2.3").await.refused(500, "INTERNAL");
    assert_eq!(t.sql("select count(*) from audit").await, rows);
}

#[tokio::test]
async fn sec_r03_names_without_an_account_have_the_same_limits() {
    let settings = "[limits]\nfailures = 3\npause = \"10s\"\n[captcha]\nkind = \"none\"";
    let t = TestApp::with(settings).await;
    t.signup(ADA, PASSWORD).await;
    for email in [ADA, "nobody@example.com"] {
        let mut answers = Vec::new();
        for (wait, tries) in [(0, 3), (10, 1), (20, 1), (40, 1)] {
            t.advance(wait * SECOND);
            for _ in 0..tries {
                answers.push(login(&t, email, "wrong horse").await.refused(WRONG.0, WRONG.1));
            }
            let again = login(&t, email, "wrong horse").await;
            answers.push(again.refused(429, "REQUEST_EXCEED"));
        }
        let waits: Vec<&Value> = answers.iter().filter_map(|answer| answer.get("retry_after")).collect();
        assert_eq!(waits, [10, 20, 40, 80], "{email}");
    }
}

#[tokio::test]
async fn sec_c04_all_names_of_an_account_share_its_tries_and_a_sign_in_resets_them() {
    let t = TestApp::with("[limits]\nfailures = 3\npause = \"10s\"\n[captcha]\nkind = \"none\"").await;
    let body = json!({ "email": ADA, "username": "ada", "password": PASSWORD });
    t.post("/v1/signup", body).await.ok();
    let by_name = |password| t.post("/v1/login", json!({ "username": "ada", "password": password }));
    guess(&t, ADA, 2).await;
    t.login(ADA, PASSWORD).await;
    guess(&t, ADA, 2).await;
    by_name("wrong horse").await.refused(WRONG.0, WRONG.1);
    assert_eq!(wait(by_name(PASSWORD).await), 10);
    assert_eq!(wait(login(&t, ADA, PASSWORD).await), 10);
    t.advance(10 * SECOND);
    by_name(PASSWORD).await.ok();
    guess(&t, ADA, 3).await;
}

#[tokio::test]
async fn sec_c04_at_most_100_wrong_passwords_in_a_row_are_checked_in_a_day() {
    let t = TestApp::with("[limits]\nfailures = 5\nmost_failures = 100\n[captcha]\nkind = \"none\"").await;
    t.signup(ADA, PASSWORD).await;
    let (mut looked_at, mut passed, mut longest) = (0, 0, 0);
    while passed < DAY {
        let answer = login(&t, ADA, "wrong horse").await;
        if answer.status == 401 {
            looked_at += 1;
            continue;
        }
        let pause = wait(answer);
        if looked_at < 100 {
            longest = longest.max(pause);
        }
        t.advance(pause * SECOND);
        passed += pause * SECOND;
    }
    assert_eq!((looked_at, longest), (100, 15 * 60));
    // A reset by mail has its own limits, which these guesses do not use up.
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let mail = post::newest(&t, ADA).await;
    t.post("/v1/password/reset", json!({ "token": mail.token(), "new_password": "new horse" })).await.ok();
    t.login(ADA, "new horse").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_c04_of_200_guesses_at_once_by_two_names_and_two_calls_five_are_checked() {
    let t = TestApp::with("[limits]\nfailures = 5\npause = \"1m\"\n[captcha]\nkind = \"none\"").await;
    let body = json!({ "email": ADA, "username": "ada", "password": PASSWORD });
    t.post("/v1/signup", body).await.ok();
    let ada = t.login(ADA, PASSWORD).await;
    let other = t.node_if_any().await;
    let nodes = [&t, other.as_ref().unwrap_or(&t)];
    let calls = (0..200).map(|n| {
        let t = nodes[(n / 3) % 2];
        let wrong = "wrong horse";
        let call = match n % 3 {
            0 => t.post("/v1/login", json!({ "email": ADA, "password": wrong })),
            1 => t.post("/v1/login", json!({ "username": "ada", "password": wrong })),
            _ => {
                t.post_as(&ada, "/v1/password", json!({ "old_password": wrong, "new_password": "new horse" }))
            }
        };
        tokio::spawn(async move { call.await })
    });
    let answers: Vec<Answer> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let of = |status| answers.iter().filter(|answer| answer.status == status).count();
    // A call that gets no database connection in time or no room in the hash queue does not count as a try.
    let looked_at = of(401) + of(400);
    assert!((1..=5).contains(&looked_at), "{looked_at}");
    assert_eq!(looked_at + of(429) + of(503), 200);
    assert_eq!(
        t.sql("select count(*) from audit where event in ('sign_in_failed', 'password_refused')").await,
        looked_at.to_string()
    );
}

#[tokio::test]
async fn sec_r04_during_an_attack_the_owner_can_sign_in_on_a_known_device() {
    let t = TestApp::with("[limits]\nfailures = 3\npause = \"10s\"\n[captcha]\nkind = \"none\"").await;
    t.signup(ADA, PASSWORD).await;
    let device = t.login(ADA, PASSWORD).await["known_device"].as_str().unwrap().to_owned();
    let other = t.node_if_any().await;
    let other = other.as_ref().unwrap_or(&t);
    let at_home = |t: &TestApp, password: &str| {
        login(t, ADA, password).header("known-device", &format!("AAAA, {device}"))
    };
    guess(&t, ADA, 3).await;
    wait(login(&t, ADA, PASSWORD).await);
    at_home(other, PASSWORD).await.ok();
    assert_eq!(wait(login(other, ADA, PASSWORD).await), 10, "unknown devices got no new tries");
    // The device has its own tries, and no more.
    for t in [&t, other, &t] {
        at_home(t, "wrong horse").await.refused(WRONG.0, WRONG.1);
    }
    assert_eq!(wait(at_home(other, PASSWORD).await), 10);
    t.advance(10 * SECOND);
    at_home(&t, PASSWORD).await.ok();
    at_home(other, PASSWORD).await.ok();
}

#[tokio::test]
async fn sec_r04_a_known_device_is_known_to_one_account_until_its_password_changes() {
    let settings =
        "[limits]\nfailures = 1\npause = \"1h\"\nlongest_pause = \"1h\"\n[captcha]\nkind = \"none\"";
    let t = TestApp::with(settings).await;
    for email in [ADA, "bob@example.com"] {
        t.signup(email, PASSWORD).await;
    }
    let bobs = t.login("bob@example.com", PASSWORD).await;
    let adas = t.login(ADA, PASSWORD).await;
    guess(&t, ADA, 1).await;
    let try_with = |device: &str| login(&t, ADA, PASSWORD).header("known-device", device);
    let device = adas["known_device"].as_str().unwrap();
    wait(try_with(bobs["known_device"].as_str().unwrap()).await);
    for (at, letter) in device.char_indices() {
        let mut bent = device.to_owned();
        bent.replace_range(at..=at, if letter == 'A' { "B" } else { "A" });
        wait(try_with(&bent).await);
    }
    let again = try_with(&format!("{}, {device}", bobs["known_device"].as_str().unwrap())).await.ok();
    assert_eq!(again["known_device"], device, "the account keeps the value of its own device");
    assert!(t.refresh(adas["refresh_token"].as_str().unwrap()).await.ok().get("known_device").is_none());
    // The password is replaced by the same password. The old value of the device is no longer known.
    let body = json!({ "old_password": PASSWORD, "new_password": PASSWORD });
    t.sql_do("delete from budgets").await;
    t.post_as(&adas, "/v1/password", body).await.ok();
    guess(&t, ADA, 1).await;
    wait(try_with(device).await);
}

#[tokio::test]
async fn seed_a24_failures_of_a_source_or_an_account_lead_to_a_captcha() {
    let t = TestApp::with("[captcha]\nafter = 3\ndifficulty = 320").await;
    t.signup(ADA, PASSWORD).await;
    t.signup("bob@example.com", PASSWORD).await;
    for at in 0..3 {
        let ip = format!("192.0.2.{at}");
        login(&t, ADA, "wrong horse").from(&ip).await.refused(WRONG.0, WRONG.1);
        login(&t, "nobody@example.com", "wrong horse").from(&ip).await.refused(WRONG.0, WRONG.1);
    }
    // The limit of the account applies to every source, and also to a name without an account.
    login(&t, ADA, PASSWORD).from("198.51.100.1").await.challenge();
    login(&t, "nobody@example.com", PASSWORD).from("198.51.100.1").await.challenge();
    login(&t, "bob@example.com", PASSWORD).from("198.51.100.1").await.ok();
    // The limit of the source applies to every account and to every call that costs something.
    login(&t, "bob@example.com", "wrong horse").from("192.0.2.1").await.refused(WRONG.0, WRONG.1);
    login(&t, "bob@example.com", PASSWORD).from("192.0.2.1").await.challenge();
    t.post("/v1/code", json!({ "email": ADA })).from("192.0.2.1").await.challenge();
    t.post("/v1/code", json!({ "email": ADA })).from("192.0.2.2").await.ok();
    t.advance(HOUR);
    login(&t, "bob@example.com", PASSWORD).from("192.0.2.1").await.ok();
}

#[tokio::test]
async fn seed_a25_the_right_solution_lets_the_attempt_through() {
    let t = TestApp::with("[captcha]\nafter = 2\ndifficulty = 320").await;
    t.signup(ADA, PASSWORD).await;
    guess(&t, ADA, 2).await;
    let challenge = login(&t, ADA, PASSWORD).await.challenge();
    let solution = work(&challenge);
    let wrong = login(&t, ADA, "wrong horse").header("captcha-response", &solution).await;
    wrong.refused(WRONG.0, WRONG.1);
    let again = login(&t, ADA, PASSWORD).header("captcha-response", &solution).await.challenge();
    login(&t, ADA, PASSWORD).header("captcha-response", &work(&again)).await.ok();
    login(&t, ADA, PASSWORD).await.challenge();
    t.advance(HOUR);
    login(&t, ADA, PASSWORD).await.ok();
}

#[tokio::test]
async fn a_client_that_must_wait_is_not_asked_for_a_captcha() {
    let t = TestApp::with("[limits]\nfailures = 2\n[captcha]\nafter = 2\ndifficulty = 320").await;
    guess(&t, ADA, 2).await;
    assert_eq!(wait(login(&t, ADA, PASSWORD).await), 1);
    t.advance(SECOND);
    login(&t, ADA, PASSWORD).await.challenge();
}

#[tokio::test]
async fn budgets_contain_no_addresses_and_are_pruned_after_their_end() {
    let t = TestApp::with(
        "[limits]\nsign_in = \"9/1m\"\nsend = \"9/1m\"\nmail = \"9/1m\"\nmail_total = \"9/1m\"",
    )
    .await;
    login(&t, ADA, PASSWORD).from("192.0.2.77").await.refused(WRONG.0, WRONG.1);
    t.post("/v1/code", json!({ "phone_number": "+491701234567" })).from("192.0.2.77").await.ok();
    t.post("/v1/code", json!({ "email": ADA })).from("192.0.2.77").await.ok();
    let rows = t.dump("budgets").await;
    for text in ["ada", "example", "192.0.2", "49170", "1234567"] {
        assert!(!rows.contains(text), "{text} in {rows}");
    }
    t.advance(DAY + MINUTE);
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(t.sql("select count(*) from budgets").await, "0");
}
