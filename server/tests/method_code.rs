//! `POST /v1/code`, `POST /v1/login/code`, `POST /v1/signup/code`: one-time codes by mail and SMS.

use serde_json::{Value, json};

use crate::post;
use crate::support::people::to;
use crate::support::{MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const NUMBER: &str = "+8618812348888";

fn with(address: &str, code: &str) -> Value {
    to(address, json!({ "code": code }))
}

#[tokio::test]
async fn seed_a04_a_phone_number_signs_up_with_its_code_and_a_password() {
    let t = TestApp::new().await;
    let code = t.code(NUMBER, "LOGIN").await;
    let body = json!({
        "phone_number": NUMBER, "code": code, "password": "passw0rd", "nickname": "Nick", "username": "nick",
        "options": { "login": true },
    });
    let user = t.post("/v1/signup/code", body).await.ok()["session"]["user"].clone();
    assert_eq!((&user["nickname"], &user["username"]), (&json!("Nick"), &json!("nick")), "seed A05");
    assert_eq!((&user["phone_number_verified"], &user["logins_count"]), (&json!(true), &json!(1)));
    let password = json!({ "phone_number": NUMBER, "password": "passw0rd" });
    t.post("/v1/login", password).await.ok();
}

#[tokio::test]
async fn seed_a11_a12_an_sms_has_six_digits_that_work_for_a_minute() {
    let t = TestApp::new().await;
    t.post("/v1/code", json!({ "phone_number": NUMBER })).await.ok();
    let code = post::newest(&t, NUMBER).await.code;
    assert_eq!(code.len(), 6);
    t.advance(MINUTE - SECOND);
    t.post("/v1/login/code", with(NUMBER, &code)).await.ok();
    let code = t.code(NUMBER, "LOGIN").await;
    t.advance(MINUTE + SECOND);
    t.post("/v1/login/code", with(NUMBER, &code)).await.refused(400, "EXPIRED_CODE");
}

#[tokio::test]
async fn seed_a15_a16_the_first_sign_in_with_a_code_makes_the_account_and_the_next_finds_it() {
    let t = TestApp::new().await;
    let first = t.phone(NUMBER).await;
    t.advance(MINUTE);
    let second = t.phone(NUMBER).await;
    assert_eq!(first["user"]["user_id"], second["user"]["user_id"]);
    assert_eq!(second["user"]["logins_count"], 2);
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test]
async fn a_sign_in_without_auto_register_leaves_the_code_valid_for_a_sign_up() {
    let t = TestApp::new().await;
    let code = t.code(NUMBER, "LOGIN").await;
    let mut body = with(NUMBER, &code);
    body["options"] = json!({ "auto_register": false });
    t.post("/v1/login/code", body.clone()).await.refused(404, "NOT_FOUND");
    t.post("/v1/signup/code", with(NUMBER, &code)).await.ok();
    t.post("/v1/login/code", body).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn a_mailed_code_creates_an_account_only_if_the_operator_allows_it() {
    let t = TestApp::new().await;
    let code = t.code(ADA, "LOGIN").await;
    t.post("/v1/login/code", with(ADA, &code)).await.refused(404, "NOT_FOUND");
    let signup = t.post("/v1/signup/code", with(ADA, &code)).await.ok();
    assert_eq!(signup["confirmation_required"], false, "the code has proven the address");
    let code = t.code(ADA, "LOGIN").await;
    let user = t.post("/v1/login/code", with(ADA, &code)).await.ok()["user"].clone();
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(ADA), &json!(true)));
    let t = TestApp::with("[auto_register]\nemail_code = true").await;
    let code = t.code(ADA, "LOGIN").await;
    t.post("/v1/login/code", with(ADA, &code)).await.ok();
}

#[tokio::test]
async fn a_sign_up_with_a_known_address_is_refused_and_its_code_still_signs_in() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    t.advance(MINUTE);
    let code = t.code(NUMBER, "LOGIN").await;
    let problem = t.post("/v1/signup/code", with(NUMBER, &code)).await.refused(409, "EXISTS");
    assert_eq!(problem["field"], "phone_number");
    t.post("/v1/login/code", with(NUMBER, &code)).await.ok();
}

#[tokio::test]
async fn seed_k42_a_code_sent_as_a_number_works_without_its_leading_zeros() {
    let t = TestApp::new().await;
    for at in 0..20 {
        t.advance(MINUTE);
        let number = format!("+49309018{at:02}");
        let code: u32 = t.code(&number, "LOGIN").await.parse().unwrap();
        t.post("/v1/login/code", to(&number, json!({ "code": code }))).await.ok();
    }
}

#[tokio::test]
async fn sec_a03_the_first_proof_of_an_address_ends_a_strangers_session_and_password() {
    let t = TestApp::new().await;
    t.signup(ADA, "the strangers").await;
    let stranger = t.login(ADA, "the strangers").await;
    post::newest(&t, ADA).await;
    let code = t.code(ADA, "LOGIN").await;
    let owner = t.post("/v1/login/code", with(ADA, &code)).await.ok();
    assert_eq!(owner["user"]["user_id"], stranger["user"]["user_id"]);
    t.get("/v1/profile").bearer(&stranger["access_token"]).await.refused(401, "SESSION_REQUIRED");
    let body = json!({ "email": ADA, "password": "the strangers" });
    t.post("/v1/login", body).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    assert_eq!(t.audited("account_claimed").await, 1);
    assert!(post::newest(&t, ADA).await.subject.contains("was changed"), "the owner gets a notice");
    // A later proof keeps the owner's password.
    t.post_as(&owner, "/v1/password", json!({ "new_password": "her own one" })).await.ok();
    let code = t.code(ADA, "LOGIN").await;
    t.post("/v1/login/code", with(ADA, &code)).await.ok();
    t.login(ADA, "her own one").await;
}

/// An attacker's account: it claims Ada's address and has a proven phone number of the attacker.
async fn mallory(t: &TestApp) -> Value {
    t.signup(ADA, "mallory's own").await;
    let mallory = t.login(ADA, "mallory's own").await;
    t.bind(&mallory, NUMBER).await;
    t.advance(MINUTE);
    mallory
}

#[tokio::test]
async fn sec_a03_a_click_alone_does_not_confirm_a_claimed_address() {
    let t = TestApp::new().await;
    t.signup(ADA, "mallory's own").await;
    let mail = post::newest(&t, ADA).await;
    let who = t.login(ADA, "mallory's own").await;
    t.bind(&who, NUMBER).await;
    t.post("/v1/email/verify", json!({ "token": mail.token() })).await.refused(403, "PASSWORD_REQUIRED");
    t.post("/v1/email/verify", with(ADA, &mail.code)).await.refused(403, "PASSWORD_REQUIRED");
    // With a session of the account, the token of the mail proves the address.
    let user = t.post_as(&who, "/v1/email/verify", json!({ "token": mail.token() })).await.ok();
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(ADA), &json!(true)));
}

#[tokio::test]
async fn sec_a03_proving_an_address_takes_it_from_an_account_that_only_claims_it() {
    for way in ["login", "signup", "bind"] {
        let t = TestApp::with("[auto_register]\nemail_code = true").await;
        let mallory = mallory(&t).await;
        let user = match way {
            "bind" => {
                let device = t.device("the device of the owner").await;
                t.bind(&device, ADA).await
            }
            _ => {
                let mut body = with(ADA, &t.code(ADA, "LOGIN").await);
                if way == "signup" {
                    body["options"] = json!({ "login": true });
                }
                let answer = t.post(&format!("/v1/{way}/code"), body).await.ok();
                answer.get("user").or(answer["session"].get("user")).unwrap().clone()
            }
        };
        assert_ne!(user["user_id"], mallory["user"]["user_id"], "{way}");
        assert_eq!((&user["email"], &user["email_verified"]), (&json!(ADA), &json!(true)), "{way}");
        assert!(t.profile(&mallory).await.get("email").is_none(), "{way}");
        assert_eq!(t.audited("claim_released").await, 1);
        let old = json!({ "email": ADA, "password": "mallory's own" });
        t.post("/v1/login", old).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
}

#[tokio::test]
async fn a_password_set_by_a_mailed_code_survives_the_first_proof_of_the_address() {
    let t = TestApp::new().await;
    t.signup(ADA, "the first one").await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let code = post::newest(&t, ADA).await.code;
    let body = json!({ "email": ADA, "code": code, "new_password": "her own one" });
    t.post("/v1/password/reset", body).await.ok();
    let before = t.login(ADA, "her own one").await;
    assert_eq!(before["user"]["email_verified"], false, "seed M54");
    let code = t.code(ADA, "LOGIN").await;
    t.post("/v1/login/code", with(ADA, &code)).await.ok();
    t.login(ADA, "her own one").await;
    t.profile(&before).await;
}

#[tokio::test]
async fn sec_c03_one_account_cannot_void_or_use_up_the_code_of_another() {
    let t = TestApp::new().await;
    let (ada, eve) = (t.device("the device of ada").await, t.device("the device of eve").await);
    let code = t.code_as(&ada, "new@example.com", "CHANGE_EMAIL").await;
    t.code_as(&eve, "new@example.com", "CHANGE_EMAIL").await;
    let body = json!({ "email": "new@example.com", "email_code": code });
    for _ in 0..6 {
        t.post_as(&eve, "/v1/email/bind", body.clone()).await.refused(400, "INVALID_CODE");
    }
    t.post_as(&ada, "/v1/email/bind", body).await.ok();
}

#[tokio::test]
async fn sec_c03_a_code_works_only_for_its_scene() {
    let t = TestApp::with("[auto_register]\nemail_code = true").await;
    let who = t.somebody().await;
    let scenes = ["LOGIN", "RESET_PASSWORD", "VERIFY_EMAIL", "CHANGE_EMAIL", "DELETE_ACCOUNT"];
    for sent in scenes {
        for used in scenes.iter().filter(|used| **used != sent) {
            let code = t.code_as(&who, ADA, sent).await;
            let answer = match *used {
                "LOGIN" => t.post("/v1/login/code", with(ADA, &code)).await,
                "RESET_PASSWORD" => {
                    let body = json!({ "email": ADA, "code": code, "new_password": "another one" });
                    t.post("/v1/password/reset", body).await
                }
                "VERIFY_EMAIL" => t.post("/v1/email/verify", with(ADA, &code)).await,
                "CHANGE_EMAIL" => {
                    let new = t.code_as(&who, "new@example.com", "CHANGE_EMAIL").await;
                    t.sql_do("update identities set verified_at = 1").await;
                    let body = json!({
                        "email": "new@example.com", "email_code": new, "old_email": ADA, "old_email_code": code
                    });
                    let answer = t.post_as(&who, "/v1/email/change", body).await;
                    t.sql_do("update identities set verified_at = null").await;
                    answer
                }
                _ => t.post_as(&who, "/v1/account/delete", json!({ "code": code })).await,
            };
            answer.refused(400, "INVALID_CODE");
        }
    }
}

#[tokio::test]
async fn seed_a32_a33_a34_a35_a_mail_goes_out_for_each_scene_in_both_spellings() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    for (scene, subject) in [
        ("LOGIN", "Your code"),
        ("RESET_PASSWORD", "password"),
        ("VerifyEmail", "Confirm"),
        ("VERIFY_EMAIL", "Confirm"),
        ("ChangeEmail", ""),
        ("CHANGE_EMAIL", ""),
        ("DELETE_ACCOUNT", ""),
    ] {
        t.advance(SECOND);
        let before = post::all(&t, ADA).await.len();
        t.post_as(&who, "/v1/code", json!({ "email": ADA, "scene": scene })).await.ok();
        let mails = post::all(&t, ADA).await;
        assert_eq!(mails.len(), before + 1, "{scene}");
        assert!(mails[0].subject.contains(subject), "{scene}: {}", mails[0].subject);
        assert_eq!(mails[0].code.len(), 6, "{scene}");
    }
}

#[tokio::test]
async fn a_scene_accepts_one_kind_of_address_and_some_scenes_need_a_session() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    for (body, field) in [
        (json!({ "scene": "LOGIN" }), "email"),
        (json!({ "email": ADA, "phone_number": NUMBER }), "phone_number"),
        (json!({ "email": ADA, "scene": "BIND_PHONE" }), "scene"),
        (json!({ "phone_number": NUMBER, "scene": "VERIFY_EMAIL" }), "scene"),
        (json!({ "phone_number": NUMBER, "scene": "CHANGE_EMAIL" }), "scene"),
        (json!({ "email": ADA, "scene": "login" }), "scene"),
        (json!({ "email": "new@example.com", "scene": "DELETE_ACCOUNT" }), "email"),
    ] {
        let problem = t.post_as(&who, "/v1/code", body.clone()).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field, "{body}");
    }
    for scene in ["CHANGE_EMAIL", "DELETE_ACCOUNT"] {
        let body = json!({ "email": ADA, "scene": scene });
        t.post("/v1/code", body).await.refused(401, "SESSION_REQUIRED");
    }
    let body = json!({ "phone_number": NUMBER, "scene": "BIND_PHONE" });
    t.post("/v1/code", body).await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn sec_r01_a_code_request_is_answered_alike_for_known_and_unknown_addresses() {
    let t = TestApp::with("[signup]\nopen = false").await;
    t.sql_do("insert into accounts (id, profile, email_subscription, roles, disabled, confirmation_required, logins_count, created_at, updated_at) values ('a', '{}', 0, '[]', 0, 0, 0, 0, 0)").await;
    t.sql_do("insert into identities (kind, value, account, verified_at, created_at) values ('email', 'ada@example.com', 'a', 1, 0)").await;
    for scene in ["LOGIN", "RESET_PASSWORD", "VERIFY_EMAIL"] {
        let known = t.post("/v1/code", json!({ "email": ADA, "scene": scene })).await;
        let unknown = t.post("/v1/code", json!({ "email": "bob@example.com", "scene": scene })).await;
        assert_eq!((known.status, known.text), (unknown.status, unknown.text), "{scene}");
    }
    assert!(post::all(&t, "bob@example.com").await.is_empty());
    for (code, wrong) in [("000000", "bob@example.com"), ("000000", ADA)] {
        t.post("/v1/login/code", with(wrong, code)).await.refused(400, "INVALID_CODE");
    }
}

#[tokio::test]
async fn a_disabled_account_is_reported_only_after_the_right_code() {
    let t = TestApp::new().await;
    t.phone(NUMBER).await;
    t.sql_do("update accounts set disabled = 1").await;
    t.advance(MINUTE);
    let code = t.code(NUMBER, "LOGIN").await;
    t.post("/v1/login/code", with(NUMBER, &post::wrong(&code))).await.refused(400, "INVALID_CODE");
    t.post("/v1/login/code", with(NUMBER, &code)).await.refused(403, "USER_IS_DISABLED");
    assert_eq!(t.audited("sign_in_failed").await, 1);
}

#[tokio::test]
async fn seed_a91_a_national_number_is_read_with_the_region_of_the_settings() {
    let t = TestApp::with("[phone]\nregion = \"CN\"").await;
    t.post("/v1/code", json!({ "phone": "188 1234 8888" })).await.ok();
    let code = post::newest(&t, NUMBER).await.code;
    let user =
        t.post("/v1/login/code", json!({ "phone": "18812348888", "code": code })).await.ok()["user"].clone();
    assert_eq!(user["phone_number"], NUMBER);
    let t = TestApp::new().await;
    let problem = t.post("/v1/code", json!({ "phone_number": "18812348888" })).await;
    assert_eq!(problem.refused(400, "INVALID_PARAMETER")["field"], "phone_number");
}

#[tokio::test]
async fn zeros_before_the_country_code_do_not_change_the_phone_number() {
    let t = TestApp::new().await;
    let first = t.phone(NUMBER).await;
    t.advance(MINUTE);
    for spelling in ["+00 86 188 1234 8888", "+08618812348888"] {
        t.post("/v1/code", to(spelling, json!({}))).await.ok();
        let code = post::newest(&t, NUMBER).await.code;
        let again = t.post("/v1/login/code", with(spelling, &code)).await.ok();
        assert_eq!(again["user"]["user_id"], first["user"]["user_id"], "{spelling}");
        t.advance(MINUTE);
    }
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test]
async fn without_an_sms_gateway_phone_sign_in_is_off() {
    let t = TestApp::production("").await;
    let settings = t.get("/v1/settings").await.ok();
    assert_eq!(settings["methods"], json!(["password"]));
    t.post("/v1/code", json!({ "phone_number": NUMBER })).await.refused(403, "FORBIDDEN");
    t.post("/v1/login/code", with(NUMBER, "123456")).await.refused(403, "FORBIDDEN");
    t.post("/v1/password/forgot", json!({ "phone_number": NUMBER })).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_request_repeated_with_its_idempotency_key_signs_in_once() {
    let t = TestApp::new().await;
    let code = t.code(NUMBER, "LOGIN").await;
    let call = || {
        let key = "0199aaaa-0000-7000-8000-000000000001";
        t.post("/v1/login/code", with(NUMBER, &code)).header("idempotency-key", key)
    };
    let (first, second) = (call().await.ok(), call().await.ok());
    assert_eq!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(second["user"]["logins_count"], 1);
    t.post("/v1/login/code", with(NUMBER, &code)).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn seed_a36_a37_a_code_by_sms_or_mail_sets_a_new_password() {
    let t = TestApp::new().await;
    let who = t.phone(NUMBER).await;
    t.bind(&who, ADA).await;
    t.advance(MINUTE);
    for (address, password) in [(NUMBER, "by phone!"), (ADA, "by e-mail")] {
        t.post("/v1/password/forgot", to(address, json!({}))).await.ok();
        let code = post::newest(&t, address).await.code;
        let wrong = to(address, json!({ "code": post::wrong(&code), "new_password": password }));
        t.post("/v1/password/reset", wrong).await.refused(400, "INVALID_CODE");
        let body = to(address, json!({ "code": code, "newPassword": password }));
        t.post("/v1/password/reset", body).await.ok();
        t.login(ADA, password).await;
        t.post("/v1/login", to(NUMBER, json!({ "password": password }))).await.ok();
    }
    assert_eq!(post::newest(&t, ADA).await.subject, "Your password at doorward was changed");
}
