//! `POST /v1/code` without a scene: which calls accept such a code, for which account, and how often (D-40).

use serde_json::{Value, json};

use crate::post;
use crate::support::people::to;
use crate::support::{Answer, TestApp};

const ADA: &str = "ada@example.com";
const NUMBER: &str = "+8618812348888";
const OTHER: &str = "+8615899999999";
const DEVICE: &str = "the device of ada";

/// Requests a code without a scene while signed out, and returns it.
async fn code(t: &TestApp, address: &str) -> String {
    t.post("/v1/code", to(address, json!({}))).await.ok();
    post::newest(t, address).await.code
}

/// The same while signed in.
async fn code_as(t: &TestApp, who: &Value, address: &str) -> String {
    t.post_as(who, "/v1/code", to(address, json!({}))).await.ok();
    post::newest(t, address).await.code
}

async fn login(t: &TestApp, code: &str) -> Answer {
    t.post("/v1/login/code", to(NUMBER, json!({ "code": code }))).await
}

async fn signup(t: &TestApp, code: &str) -> Answer {
    t.post("/v1/signup/code", to(NUMBER, json!({ "code": code }))).await
}

async fn reset(t: &TestApp, code: &str) -> Answer {
    t.post("/v1/password/reset", to(NUMBER, json!({ "code": code, "new_password": "a new one" }))).await
}

async fn bind(t: &TestApp, who: &Value, code: &str) -> Answer {
    t.post_as(who, "/v1/phone/bind", to(NUMBER, json!({ "phone_code": code }))).await
}

#[tokio::test]
async fn seed_a11_a_code_without_a_scene_signs_up_and_signs_in() {
    let t = TestApp::new().await;
    let given = code(&t, NUMBER).await;
    signup(&t, &given).await.ok();
    let given = code(&t, NUMBER).await;
    login(&t, &given).await.ok();
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test]
async fn seed_a36_a_code_without_a_scene_resets_the_password_of_the_number() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    let given = code(&t, NUMBER).await;
    reset(&t, &given).await.ok();
    t.post("/v1/login", to(NUMBER, json!({ "password": "a new one" }))).await.ok();
}

#[tokio::test]
async fn seed_a42_seed_a50_a_signed_in_user_binds_and_changes_a_number_without_a_scene() {
    let t = TestApp::new().await;
    let who = t.device(DEVICE).await;
    let given = code_as(&t, &who, NUMBER).await;
    assert_eq!(bind(&t, &who, &given).await.ok()["phone_number"], NUMBER);
    let (old, new) = (code_as(&t, &who, NUMBER).await, code_as(&t, &who, OTHER).await);
    let body = json!({ "phone": OTHER, "phoneCode": new, "oldPhone": NUMBER, "oldPhoneCode": old });
    assert_eq!(t.post_as(&who, "/v1/phone/change", body).await.ok()["phone_number"], OTHER);
}

#[tokio::test]
async fn sec_c03_a_code_requested_while_signed_out_works_for_no_account_call() {
    let t = TestApp::new().await;
    let owner = t.phone(NUMBER).await;
    let given = code(&t, NUMBER).await;
    t.post_as(&owner, "/v1/account/delete", json!({ "code": given })).await.refused(400, "INVALID_CODE");
    let new = code_as(&t, &owner, OTHER).await;
    let given = code(&t, NUMBER).await;
    let body = json!({ "phone": OTHER, "phoneCode": new, "oldPhone": NUMBER, "oldPhoneCode": given });
    t.post_as(&owner, "/v1/phone/change", body).await.refused(400, "INVALID_CODE");
    let other = t.device("the device of eve").await;
    bind(&t, &other, &given).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn sec_c03_a_code_requested_while_signed_in_only_binds_to_that_account() {
    let t = TestApp::new().await;
    let owner = t.phone(NUMBER).await;
    let given = code_as(&t, &owner, NUMBER).await;
    login(&t, &given).await.refused(400, "INVALID_CODE");
    signup(&t, &given).await.refused(400, "INVALID_CODE");
    reset(&t, &given).await.refused(400, "INVALID_CODE");
    t.post_as(&owner, "/v1/account/delete", json!({ "code": given })).await.refused(400, "INVALID_CODE");
    let (ada, eve) = (t.device(DEVICE).await, t.device("the device of eve").await);
    let given = code_as(&t, &ada, OTHER).await;
    let body = to(OTHER, json!({ "phone_code": given }));
    for _ in 0..6 {
        t.post_as(&eve, "/v1/phone/bind", body.clone()).await.refused(400, "INVALID_CODE");
    }
    t.post_as(&ada, "/v1/phone/bind", body).await.ok();
}

#[tokio::test]
async fn sec_c03_one_use_consumes_a_code_without_a_scene_for_all_calls() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    let given = code(&t, NUMBER).await;
    login(&t, &given).await.ok();
    reset(&t, &given).await.refused(400, "INVALID_CODE");
    login(&t, &given).await.refused(400, "INVALID_CODE");
    let given = code(&t, NUMBER).await;
    reset(&t, &given).await.ok();
    login(&t, &given).await.refused(400, "INVALID_CODE");
    reset(&t, &given).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn sec_c03_a_code_without_a_scene_allows_five_tries_over_all_calls() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    for (logins, resets, is_good) in [(2, 2, true), (3, 2, false), (0, 5, false), (5, 0, false)] {
        let given = code(&t, NUMBER).await;
        for _ in 0..logins {
            login(&t, &post::wrong(&given)).await.refused(400, "INVALID_CODE");
        }
        for _ in 0..resets {
            reset(&t, &post::wrong(&given)).await.refused(400, "INVALID_CODE");
        }
        if is_good {
            login(&t, &given).await.ok();
        } else {
            reset(&t, &given).await.refused(400, "INVALID_CODE");
            login(&t, &given).await.refused(400, "INVALID_CODE");
        }
    }
}

/// Both codes sign in. If both were valid, they would allow ten tries together.
#[tokio::test]
async fn sec_c03_a_code_for_login_and_a_code_without_a_scene_replace_each_other() {
    let t = TestApp::new().await;
    let with = t.code(NUMBER, "LOGIN").await;
    let without = code(&t, NUMBER).await;
    login(&t, &with).await.refused(400, "INVALID_CODE");
    login(&t, &without).await.ok();
    let without = code(&t, NUMBER).await;
    let with = t.code(NUMBER, "LOGIN").await;
    login(&t, &without).await.refused(400, "INVALID_CODE");
    reset(&t, &without).await.refused(400, "INVALID_CODE");
    login(&t, &with).await.ok();
}

#[tokio::test]
async fn sec_c03_parallel_requests_with_and_without_a_scene_leave_one_code() {
    let t = TestApp::new().await;
    let requests = (0..20).map(|at| {
        let body = if at % 2 == 0 { json!({}) } else { json!({ "scene": "LOGIN" }) };
        t.post("/v1/code", to(NUMBER, body))
    });
    for answer in futures_util::future::join_all(requests.map(IntoFuture::into_future)).await {
        answer.ok();
    }
    assert_eq!(t.sql("select count(*) from challenges").await, "1");
}

#[tokio::test]
async fn sec_c02_of_parallel_uses_of_one_code_at_two_calls_one_succeeds() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    let given = code(&t, NUMBER).await;
    let (t, given) = (&t, &given);
    let uses = (0..10).map(|at| async move {
        let answer = if at % 2 == 0 { login(t, given).await } else { reset(t, given).await };
        answer.status
    });
    let statuses = futures_util::future::join_all(uses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
}

#[tokio::test]
async fn sec_c03_a_request_without_a_scene_voids_no_code_of_a_signed_in_user() {
    let t = TestApp::new().await;
    let owner = t.phone(NUMBER).await;
    let deleting = t.code_as(&owner, NUMBER, "DELETE_ACCOUNT").await;
    code(&t, NUMBER).await;
    t.post_as(&owner, "/v1/account/delete", json!({ "code": deleting })).await.ok();
    let ada = t.device(DEVICE).await;
    let binding = t.code_as(&ada, NUMBER, "BIND_PHONE").await;
    code(&t, NUMBER).await;
    bind(&t, &ada, &binding).await.ok();
}

#[tokio::test]
async fn a_wrong_code_uses_no_try_of_a_code_with_another_scene() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    let with = t.code(NUMBER, "LOGIN").await;
    for _ in 0..5 {
        reset(&t, &post::wrong(&with)).await.refused(400, "INVALID_CODE");
    }
    login(&t, &with).await.ok();
}

#[tokio::test]
async fn sec_c03_a_reset_code_and_a_code_without_a_scene_replace_each_other() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    let forgotten = t.code(NUMBER, "RESET_PASSWORD").await;
    let without = code(&t, NUMBER).await;
    reset(&t, &forgotten).await.refused(400, "INVALID_CODE");
    t.post("/v1/password/forgot", to(NUMBER, json!({}))).await.ok();
    post::newest(&t, NUMBER).await;
    reset(&t, &without).await.refused(400, "INVALID_CODE");
    login(&t, &without).await.refused(400, "INVALID_CODE");
    assert_eq!(t.sql("select count(*) from challenges where code_hash is not null").await, "1");
}

#[tokio::test]
async fn a_code_refused_by_a_reset_without_an_account_still_signs_up() {
    let t = TestApp::new().await;
    let given = code(&t, NUMBER).await;
    reset(&t, &given).await.refused(400, "INVALID_CODE");
    login(&t, &given).await.ok();
}

#[tokio::test]
async fn a_code_by_mail_without_a_scene_signs_in_and_does_nothing_else() {
    let t = TestApp::with("[auto_register]\nemail_code = true").await;
    let given = code(&t, ADA).await;
    let who = t.post("/v1/login/code", to(ADA, json!({ "code": given }))).await.ok();
    for signed_in in [false, true] {
        let given = if signed_in { code_as(&t, &who, ADA).await } else { code(&t, ADA).await };
        let body = to(ADA, json!({ "code": given, "new_password": "another one" }));
        t.post("/v1/password/reset", body).await.refused(400, "INVALID_CODE");
        t.post("/v1/login/code", to(ADA, json!({ "code": given }))).await.ok();
    }
    let who = t.device(DEVICE).await;
    let given = code_as(&t, &who, "new@example.com").await;
    let body = to("new@example.com", json!({ "email_code": given }));
    t.post_as(&who, "/v1/email/bind", body).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn sec_r01_a_code_request_gets_the_same_answer_for_known_and_unknown_numbers() {
    let t = TestApp::with("[signup]\nopen = false").await;
    t.sql_do("insert into accounts (id, profile, email_subscription, roles, disabled, confirmation_required, logins_count, created_at, updated_at) values ('a', '{}', 0, '[]', 0, 0, 0, 0, 0)").await;
    t.sql_do("insert into identities (kind, value, account, verified_at, created_at) values ('phone', '+8618812348888', 'a', 1, 0)").await;
    let known = t.post("/v1/code", to(NUMBER, json!({}))).await;
    let unknown = t.post("/v1/code", to(OTHER, json!({}))).await;
    assert_eq!((known.status, &known.text), (unknown.status, &unknown.text));
    assert_eq!(t.sql("select count(*) from challenges").await, "2");
    assert_eq!(post::all(&t, NUMBER).await.len(), 1);
    assert!(post::all(&t, OTHER).await.is_empty(), "the code would be of no use");
    for number in [NUMBER, OTHER] {
        let body = to(number, json!({ "code": "000000", "new_password": "a new one" }));
        t.post("/v1/password/reset", body).await.refused(400, "INVALID_CODE");
    }
}

#[tokio::test]
async fn sec_a03_a_code_resets_no_password_of_an_account_with_an_unproven_number() {
    let t = TestApp::new().await;
    let body = json!({ "email": ADA, "password": "correct horse", "phone_number": NUMBER });
    t.post("/v1/signup", body).await.ok();
    let given = code(&t, NUMBER).await;
    reset(&t, &given).await.refused(400, "INVALID_CODE");
    t.login(ADA, "correct horse").await;
}

#[tokio::test]
async fn sec_a05_unbinding_the_number_voids_a_code_without_a_scene() {
    let t = TestApp::new().await;
    let who = t.phone(NUMBER).await;
    t.bind(&who, ADA).await;
    let given = code(&t, NUMBER).await;
    t.post_as(&who, "/v1/phone/unbind", json!({})).await.ok();
    reset(&t, &given).await.refused(400, "INVALID_CODE");
    login(&t, &given).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn sec_c03_the_sms_names_the_uses_of_the_code_in_every_language() {
    for (language, signed_out, signed_in) in [
        ("en", ["to sign in", "to sign up", "new password"], "phone number"),
        ("de", ["anmelden", "registrieren", "neues Passwort"], "Telefonnummer"),
        ("id", ["masuk", "mendaftar", "kata sandi baru"], "nomor telepon"),
        ("zh", ["登录", "注册", "新密码"], "手机号码"),
    ] {
        let t = TestApp::with(&format!("[mail]\nlanguage = \"{language}\"")).await;
        let who = t.device(DEVICE).await;
        code(&t, NUMBER).await;
        let text = post::newest(&t, NUMBER).await.text;
        assert!(signed_out.iter().all(|word| text.contains(word)), "{text}");
        code_as(&t, &who, NUMBER).await;
        let text = post::newest(&t, NUMBER).await.text;
        assert!(text.contains(signed_in), "{text}");
    }
}

#[tokio::test]
async fn with_strict_scenes_no_code_is_sent_without_a_scene() {
    let t = TestApp::with("[codes]\ndefault_scene = \"strict\"").await;
    let who = t.device(DEVICE).await;
    for address in [NUMBER, ADA] {
        for call in [
            t.post("/v1/code", to(address, json!({}))),
            t.post("/v1/code", to(address, json!({ "scene": "" }))),
            t.post_as(&who, "/v1/code", to(address, json!({}))),
        ] {
            assert_eq!(call.await.refused(400, "INVALID_PARAMETER")["field"], "scene", "{address}");
        }
        assert!(post::all(&t, address).await.is_empty());
    }
    t.phone(NUMBER).await;
}
