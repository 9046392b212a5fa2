//! Limits must not lock out the owner of an account (SECURITY R04), and must count each guess however it is
//! made.

use serde_json::{Value, json};

use crate::post;
use crate::support::captcha::work;
use crate::support::hooks::Hooked;
use crate::support::people::to;
use crate::support::{Call, HOUR, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
const THREE: &str = "[limits]\nfailures = 3\npause = \"10s\"\n[captcha]\nkind = \"none\"";

fn login(t: &TestApp, password: &str) -> Call {
    t.post("/v1/login", json!({ "email": ADA, "password": password }))
}

async fn guess(t: &TestApp, count: usize) {
    for _ in 0..count {
        login(t, "wrong horse").await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
}

fn device(tokens: &Value) -> String {
    tokens["known_device"].as_str().unwrap().to_owned()
}

/// Creates an account with a proven address, signs in, and returns the known-device value. All budgets are
/// unused.
async fn home(t: &TestApp) -> String {
    t.signup(ADA, PASSWORD).await;
    prove(t).await;
    let device = device(&t.login(ADA, PASSWORD).await);
    t.sql_do("delete from budgets").await;
    device
}

async fn prove(t: &TestApp) {
    t.post("/v1/email/resend", json!({ "email": ADA })).await.ok();
    t.confirm(ADA, PASSWORD).await;
}

#[tokio::test]
async fn sec_r04_a_known_device_keeps_its_value() {
    let t = TestApp::new().await;
    t.signup(ADA, PASSWORD).await;
    let first = device(&t.login(ADA, PASSWORD).await);
    let again = login(&t, PASSWORD).header("known-device", &format!("AAAA, {first}")).await.ok();
    assert_eq!(device(&again), first);
    assert_ne!(device(&t.login(ADA, PASSWORD).await), first, "another browser is another device");
}

#[tokio::test]
async fn sec_r04_a_right_or_unchecked_password_does_not_count_as_wrong() {
    let t = Hooked::with("", THREE, "time = \"5s\"").await;
    t.signup(ADA, PASSWORD).await;
    let ada = t.login(ADA, PASSWORD).await;
    guess(&t, 2).await;
    t.rewrite("def pre_email_auth(model):\n    reject('Not today.')\n").await;
    for _ in 0..5 {
        login(&t, "wrong horse").await.refused(403, "HOOK_REJECTED");
    }
    t.rewrite("def pre_change_password(model):\n    reject('Not today.')\n").await;
    for _ in 0..5 {
        let body = json!({ "old_password": PASSWORD, "new_password": "new horse" });
        t.post_as(&ada, "/v1/password", body).await.refused(403, "HOOK_REJECTED");
    }
    guess(&t, 1).await;
    login(&t, PASSWORD).await.refused(429, "REQUEST_EXCEED");
    t.advance(10 * SECOND);
    t.rewrite("def pre_email_auth(model):\n    reject('Not today.')\n").await;
    login(&t, PASSWORD).await.refused(403, "HOOK_REJECTED");
    t.rewrite("# no hooks\n").await;
    t.login(ADA, PASSWORD).await;
}

#[tokio::test]
async fn sec_r04_a_right_password_of_an_unconfirmed_account_does_not_count_as_wrong() {
    let t = TestApp::with(&format!("[signup]\nconfirmation = \"required\"\n{THREE}")).await;
    t.signup(ADA, PASSWORD).await;
    for _ in 0..5 {
        login(&t, PASSWORD).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    }
    guess(&t, 3).await;
    login(&t, PASSWORD).await.refused(429, "REQUEST_EXCEED");
}

#[tokio::test]
async fn sec_c04_a_hook_that_changes_the_name_gives_the_first_name_no_new_tries() {
    let t = Hooked::with("", THREE, "time = \"5s\"").await;
    t.signup(ADA, PASSWORD).await;
    guess(&t, 2).await;
    t.rewrite("def pre_email_auth(model):\n    model.set_email('bob@example.com')\n").await;
    login(&t, "wrong horse").await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    t.rewrite("# no hooks\n").await;
    guess(&t, 1).await;
    login(&t, PASSWORD).await.refused(429, "REQUEST_EXCEED");
}

#[tokio::test]
async fn sec_r04_other_users_of_a_source_do_not_block_a_known_device() {
    let t =
        TestApp::with("[limits]\nsign_in = \"3/1m\"\nsign_in_total = \"4/1m\"\n[captcha]\nkind = \"none\"")
            .await;
    t.signup(ADA, PASSWORD).await;
    let home = device(&t.login(ADA, PASSWORD).await);
    let at_home = |password| login(&t, password).header("known-device", &home);
    for _ in 0..2 {
        let stranger = json!({ "email": "bob@example.com", "password": "wrong horse" });
        t.post("/v1/login", stranger).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
    login(&t, PASSWORD).await.refused(429, "REQUEST_EXCEED");
    for _ in 0..3 {
        at_home(PASSWORD).await.ok();
    }
    at_home(PASSWORD).await.refused(429, "REQUEST_EXCEED");
}

#[tokio::test]
async fn sec_r04_during_an_attack_the_owner_can_change_the_password_on_a_known_device() {
    let t = TestApp::with(THREE).await;
    t.signup(ADA, PASSWORD).await;
    let ada = t.login(ADA, PASSWORD).await;
    guess(&t, 3).await;
    let body = json!({ "old_password": PASSWORD, "new_password": "new horse" });
    t.post_as(&ada, "/v1/password", body.clone()).await.refused(429, "REQUEST_EXCEED");
    let changed = t.post_as(&ada, "/v1/password", body).header("known-device", &device(&ada)).await.ok();
    guess(&t, 3).await;
    login(&t, "new horse").await.refused(429, "REQUEST_EXCEED");
    // The change of the password made all devices unknown. The device that changed it got a new value.
    login(&t, "new horse").header("known-device", &device(&ada)).await.refused(429, "REQUEST_EXCEED");
    login(&t, "new horse").header("known-device", &device(&changed)).await.ok();
}

#[tokio::test]
async fn sec_r03_all_known_devices_of_an_account_share_the_limit_of_one_source() {
    let t = TestApp::with("[limits]\nsign_in = \"3/1m\"").await;
    t.signup(ADA, PASSWORD).await;
    let devices = [device(&t.login(ADA, PASSWORD).await), device(&t.login(ADA, PASSWORD).await)];
    let at_home = |device: &str| login(&t, PASSWORD).header("known-device", device);
    for at in [0, 1, 0] {
        at_home(&devices[at]).await.ok();
    }
    for device in &devices {
        at_home(device).from("192.0.2.2").await.refused(429, "REQUEST_EXCEED");
    }
}

#[tokio::test]
async fn sec_c08_a_known_device_of_an_unproven_address_has_no_advantage() {
    let t = TestApp::with("[limits]\nmail = \"5/1h\"\n[captcha]\nkind = \"none\"").await;
    t.signup(ADA, PASSWORD).await;
    let claimed = device(&t.login(ADA, PASSWORD).await);
    t.sql_do("delete from budgets").await;
    let forgot = || t.post("/v1/password/forgot", json!({ "email": ADA })).header("known-device", &claimed);
    for _ in 0..4 {
        forgot().await.ok();
    }
    forgot().await.refused(429, "LimitExceededException");
}

#[tokio::test]
async fn sec_r04_proving_the_address_clears_failures_from_before_the_account() {
    let t = TestApp::with(THREE).await;
    guess(&t, 3).await;
    t.signup(ADA, PASSWORD).await;
    login(&t, PASSWORD).await.refused(429, "REQUEST_EXCEED");
    prove(&t).await;
    login(&t, PASSWORD).await.ok();
}

#[tokio::test]
async fn sec_r04_a_code_with_five_wrong_tries_still_works_on_a_known_device() {
    let t = TestApp::new().await;
    let home = home(&t).await;
    t.signup("bob@example.com", PASSWORD).await;
    let others = device(&t.login("bob@example.com", PASSWORD).await);
    let code = t.code(ADA, "LOGIN").await;
    let give = |code: &str| t.post("/v1/login/code", to(ADA, json!({ "code": code })));
    for _ in 0..5 {
        give(&post::wrong(&code)).await.refused(400, "INVALID_CODE");
    }
    give(&code).await.refused(400, "INVALID_CODE");
    give(&code).header("known-device", &others).await.refused(400, "INVALID_CODE");
    give(&code).header("known-device", &home).await.ok();
}

#[tokio::test]
async fn sec_c01_a_code_allows_ten_wrong_tries_over_all_devices() {
    let t = TestApp::new().await;
    let home = home(&t).await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let code = post::newest(&t, ADA).await.code;
    let reset = |code: &str| {
        t.post("/v1/password/reset", to(ADA, json!({ "code": code, "new_password": "new horse" })))
    };
    for _ in 0..10 {
        reset(&post::wrong(&code)).header("known-device", &home).await.refused(400, "INVALID_CODE");
    }
    reset(&code).await.refused(400, "INVALID_CODE");
    reset(&code).header("known-device", &home).await.refused(400, "INVALID_CODE");
    assert_eq!(t.sql("select tries from challenges where scene = 'reset_password'").await, "10");
}

#[tokio::test]
async fn sec_c04_a_wrong_password_counts_even_if_the_audit_write_fails() {
    for (path, mut body) in [
        ("/v1/login", json!({ "email": ADA, "password": "wrong horse" })),
        ("/v1/password", json!({ "old_password": "wrong horse", "new_password": "new horse" })),
        ("/v1/account/delete", json!({ "password": "wrong horse" })),
    ] {
        let t = TestApp::with(THREE).await;
        t.signup(ADA, PASSWORD).await;
        let ada = t.login(ADA, PASSWORD).await;
        guess(&t, 2).await;
        t.sql_do("alter table audit rename to gone").await;
        t.post_as(&ada, path, body.take()).await.refused(500, "INTERNAL");
        t.sql_do("alter table gone rename to audit").await;
        let refused = login(&t, PASSWORD).await;
        assert_eq!(refused.status, 429, "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn sec_r01_a_quiet_server_counts_an_unconfirmed_right_password_as_wrong() {
    let quiet = "[signup]\nconfirmation = \"required\"\n[disclosure]\nsignup = \"quiet\"";
    let t = TestApp::with(&format!("{quiet}\n{THREE}")).await;
    t.signup(ADA, PASSWORD).await;
    for _ in 0..3 {
        login(&t, PASSWORD).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
    login(&t, PASSWORD).await.refused(429, "REQUEST_EXCEED");
}

#[tokio::test]
async fn sec_r03_a_first_password_has_the_limit_of_codes() {
    let t = TestApp::with("[limits]\ncode = \"1/1h\"").await;
    let ada = t.device("the phone of ada").await;
    let choose = |body: Value| t.post_as(&ada, "/v1/password", body);
    choose(json!({ "new_password": PASSWORD })).await.ok();
    choose(json!({ "new_password": "new horse" })).await.refused(429, "REQUEST_EXCEED");
    choose(json!({ "old_password": PASSWORD, "new_password": "new horse" })).await.ok();
}

#[tokio::test]
async fn sec_r03_a_sign_in_that_creates_an_account_has_the_limit_of_signups() {
    let t = TestApp::with("[limits]\nsign_up = \"2/1h\"").await;
    let sign_in = |at: u32| t.post("/v1/login/device", json!({ "device_id": format!("{at:020}") }));
    t.signup(ADA, PASSWORD).await;
    sign_in(1).await.ok();
    sign_in(2).await.refused(429, "REQUEST_EXCEED");
    sign_in(1).await.ok();
    sign_in(2).from("192.0.2.2").await.ok();
}

#[tokio::test]
async fn sec_r03_256_ipv6_networks_of_one_customer_have_the_limit_of_eight() {
    let t = TestApp::with("[limits]\nsign_in = \"1/1m\"").await;
    let from = |ip: String| login(&t, PASSWORD).from(&ip);
    for at in 0..8 {
        from(format!("2001:db8:1:{at:x}::1")).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
    from("2001:db8:1:ff::1".to_owned()).await.refused(429, "REQUEST_EXCEED");
    from("2001:db8:1:100::1".to_owned()).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn sec_c08_many_mails_to_an_address_need_a_captcha_and_leave_some_to_its_owner() {
    let t = TestApp::with("[limits]\nmail = \"6/1h\"\n[captcha]\nafter = 3\ndifficulty = 320").await;
    let home = home(&t).await;
    let forgot = || t.post("/v1/password/forgot", json!({ "email": ADA }));
    for at in 0..3 {
        forgot().from(&format!("192.0.2.{at}")).await.ok();
    }
    for _ in 0..2 {
        let challenge = forgot().await.challenge();
        forgot().header("captcha-response", &work(&challenge)).await.ok();
    }
    let body = forgot().await.refused(429, "LimitExceededException");
    assert_eq!(body["retry_after"], 3600);
    forgot().header("known-device", &home).await.ok();
    forgot().header("known-device", &home).await.refused(429, "LimitExceededException");
}

#[tokio::test]
async fn sec_c08_other_users_of_a_source_do_not_block_mails_for_a_known_device() {
    let t = TestApp::with("[limits]\nsend = \"1/1h\"").await;
    let home = home(&t).await;
    let forgot = |email: &str| t.post("/v1/password/forgot", json!({ "email": email }));
    forgot("bob@example.com").await.ok();
    forgot(ADA).await.refused(429, "LimitExceededException");
    forgot(ADA).header("known-device", &home).await.ok();
    t.advance(MINUTE);
    forgot(ADA).header("known-device", &home).await.refused(429, "LimitExceededException");
}

#[tokio::test]
async fn sec_r03_when_half_of_a_global_budget_is_used_every_call_needs_a_captcha() {
    let t = TestApp::with(
        "[limits]\nsign_up_total = \"4/1h\"\nmail_total = \"3/1h\"\n[captcha]\ndifficulty = 320",
    )
    .await;
    let from = |call: Call, at: usize| call.from(&format!("192.0.2.{at}"));
    let signup = |at: usize| {
        let body = json!({ "email": format!("{at}@example.com"), "password": PASSWORD });
        from(t.post("/v1/signup", body), at)
    };
    for at in 0..2 {
        signup(at).await.ok();
    }
    let challenge = signup(2).await.challenge();
    signup(2).header("captcha-response", &work(&challenge)).await.ok();
    t.sql_do("delete from budgets").await;
    let forgot =
        |at: usize| from(t.post("/v1/password/forgot", json!({ "email": format!("{at}@example.com") })), at);
    for at in 0..2 {
        forgot(at).await.ok();
    }
    let challenge = forgot(2).await.challenge();
    forgot(2).header("captcha-response", &work(&challenge)).await.ok();
}

#[tokio::test]
async fn sec_r03_calls_without_a_solution_do_not_use_up_a_global_budget() {
    let t = TestApp::with("[limits]\nsign_up_total = \"4/1h\"\n[captcha]\ndifficulty = 320").await;
    let signup = |at: usize| {
        let body = json!({ "email": format!("{at}@example.com"), "password": PASSWORD });
        t.post("/v1/signup", body).from(&format!("192.0.2.{at}"))
    };
    for at in 0..2 {
        signup(at).await.ok();
    }
    for at in 2..20 {
        signup(at).await.refused(403, "CAPTCHA_REQUIRED");
    }
    for at in 2..4 {
        let challenge = signup(at).await.challenge();
        signup(at).header("captcha-response", &work(&challenge)).await.ok();
    }
    signup(4).await.refused(429, "REQUEST_EXCEED");
}

#[tokio::test]
async fn sec_r04_a_known_device_has_its_own_budget_for_codes() {
    let t = TestApp::with("[limits]\ncode = \"2/10m\"\n[captcha]\nafter = 2").await;
    let home = home(&t).await;
    t.post("/v1/code", json!({ "email": ADA })).await.ok();
    let code = post::newest(&t, ADA).await.code;
    let sign_in = |code: &str| t.post("/v1/login/code", json!({ "email": ADA, "code": code }));
    for _ in 0..2 {
        sign_in("000000").await.refused(400, "INVALID_CODE");
    }
    sign_in(&code).await.refused(429, "REQUEST_EXCEED");
    sign_in(&code).from("192.0.2.2").await.refused(403, "CAPTCHA_REQUIRED");
    sign_in(&code).header("known-device", &home).await.ok();
}

#[tokio::test]
async fn sec_r04_a_full_hash_queue_still_admits_a_known_device() {
    let t = TestApp::with("").await;
    t.signup(ADA, PASSWORD).await;
    let home = device(&t.login(ADA, PASSWORD).await);
    let t = t.restart_with("[password]\nhash_queue = 0").await;
    login(&t, PASSWORD).await.refused(503, "OVERLOADED");
    login(&t, PASSWORD).header("known-device", &home).await.ok();
}

#[tokio::test]
async fn sec_r01_a_quiet_signup_keeps_failures_alike_for_free_and_taken_addresses() {
    let t = TestApp::with(&format!("[disclosure]\nsignup = \"quiet\"\n{THREE}")).await;
    t.signup("taken@example.com", PASSWORD).await;
    for email in ["taken@example.com", "free@example.com"] {
        let body = json!({ "email": email, "password": "wrong horse" });
        let guess = || t.post("/v1/login", body.clone());
        for _ in 0..3 {
            guess().await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
        }
        t.post("/v1/signup", json!({ "email": email, "password": PASSWORD })).await.ok();
        guess().await.refused(429, "REQUEST_EXCEED");
    }
}

#[tokio::test]
async fn sec_c08_a_refusal_reports_the_longest_wait_instead_of_asking_for_a_captcha() {
    let t = TestApp::with("[limits]\nmail = \"1/30s, 2/1h, 3/1d\"\n[captcha]\nafter = 2").await;
    let forgot = || t.post("/v1/password/forgot", json!({ "email": ADA }));
    let wait = |body: Value| body["retry_after"].as_i64().unwrap();
    forgot().await.ok();
    t.advance(20 * SECOND);
    assert_eq!(wait(forgot().await.refused(429, "LimitExceededException")), 10);
    t.advance(10 * SECOND);
    forgot().await.ok();
    assert_eq!(wait(forgot().await.refused(429, "LimitExceededException")), 3570);
    t.advance(HOUR);
    let challenge = forgot().await.challenge();
    forgot().header("captcha-response", &work(&challenge)).await.ok();
    assert!(wait(forgot().await.refused(429, "LimitExceededException")) > 3600);
}

#[tokio::test]
async fn sec_r04_quiet_signups_do_not_use_the_mails_reserved_for_the_owner() {
    let t = TestApp::with("[disclosure]\nsignup = \"quiet\"\n[limits]\nmail = \"5/1h\"").await;
    t.signup(ADA, PASSWORD).await;
    t.confirm(ADA, PASSWORD).await;
    let home = device(&t.login(ADA, PASSWORD).await);
    t.sql_do("delete from budgets").await;
    let signup = || t.post("/v1/signup", json!({ "email": ADA, "password": PASSWORD }));
    for _ in 0..4 {
        signup().await.ok();
    }
    signup().await.refused(429, "LimitExceededException");
    t.post("/v1/password/forgot", json!({ "email": ADA })).header("known-device", &home).await.ok();
}

#[tokio::test]
async fn seed_a24_a_hosted_form_waits_where_a_call_would_need_a_captcha() {
    let t = TestApp::with("[captcha]\nafter = 2").await;
    let form = || {
        let kind = "application/x-www-form-urlencoded";
        t.send(axum::http::Method::POST, "/account/reset", kind, "action=send&email=ada%40example.com")
    };
    guess(&t, 2).await;
    assert_eq!(form().await.status, 303);
    let refused = form().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "30"));
    t.advance(30 * SECOND);
    assert_eq!(form().await.status, 303);
}
