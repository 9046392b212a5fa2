//! `POST /v1/signup` and `POST /v1/login` with a password and an e-mail address, a username or a phone number.

use serde_json::{Value, json};

use crate::support::TestApp;

const AUTO: &str = "[auto_register]\npassword = true";

fn bob() -> Value {
    json!({ "username": "bob", "password": "passw0rd", "nickname": "Nick" })
}

#[tokio::test]
async fn seed_a01_a_signup_by_email_asks_for_no_proof_of_the_address() {
    let t = TestApp::new().await;
    let body = json!({
        "email": "test@example.com", "password": "passw0rd", "nickname": "Nick", "options": { "generateToken": true }
    });
    let answer = t.post("/v1/signup", body).await.ok();
    let user = &answer["session"]["user"];
    assert_eq!((&user["email_verified"], &user["nickname"]), (&json!(false), &json!("Nick")), "seed A05");
}

#[tokio::test]
async fn seed_a02_a13_an_account_with_an_unproven_address_can_sign_in() {
    let t = TestApp::new().await;
    let tokens = t.somebody().await;
    assert_eq!(tokens["user"]["email_verified"], false);
}

#[tokio::test]
async fn seed_a03_a14_a_username_and_a_password_are_enough() {
    let t = TestApp::new().await;
    t.post("/v1/signup", bob()).await.ok();
    for name in ["bob", "Bob", "ｂｏｂ", " BOB "] {
        let body = json!({ "username": name, "password": "passw0rd" });
        let user = t.post("/v1/login", body).await.ok()["user"].clone();
        assert_eq!((&user["username"], &user["nickname"]), (&json!("bob"), &json!("Nick")), "{name}");
        assert!(user.get("email").is_none());
    }
    let wrong = json!({ "username": "bob", "password": "password" });
    t.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let unknown = json!({ "username": "rob", "password": "passw0rd" });
    t.post("/v1/login", unknown).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn a_username_that_looks_like_another_is_taken() {
    let t = TestApp::new().await;
    t.post("/v1/signup", json!({ "username": "paypal", "password": "passw0rd" })).await.ok();
    for name in ["PayPal", "paypa1", "раураӏ"] {
        let problem = t.post("/v1/signup", json!({ "username": name, "password": "passw0rd" })).await;
        assert_eq!(problem.refused(409, "EXISTS")["field"], "username", "{name}");
    }
    for name in ["pаypal", "zero\u{200b}width", "a\u{202e}b", "ada＠example.com", "１２３"] {
        let problem = t.post("/v1/signup", json!({ "username": name, "password": "passw0rd" })).await;
        assert_eq!(problem.refused(400, "INVALID_PARAMETER")["field"], "username", "{name}");
    }
}

#[tokio::test]
async fn an_address_and_a_username_name_one_account() {
    let t = TestApp::new().await;
    let mut body = bob();
    body["email"] = json!("bob@example.com");
    t.post("/v1/signup", body).await.ok();
    let by_name = t.post("/v1/login", json!({ "username": "bob", "password": "passw0rd" })).await.ok();
    let by_mail = t.login("bob@example.com", "passw0rd").await;
    assert_eq!(by_name["user"]["user_id"], by_mail["user"]["user_id"]);
    let body = json!({ "username": "bob", "email": "bob@example.com", "password": "passw0rd" });
    let problem = t.post("/v1/login", body).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["field"], "username", "a call takes only one of the names");
}

#[tokio::test]
async fn sec_r01_a_quiet_sign_up_refuses_a_username_together_with_an_address() {
    let t = TestApp::with("[disclosure]\nsignup = \"quiet\"").await;
    let mut body = bob();
    body["email"] = json!("bob@example.com");
    let problem = t.post("/v1/signup", body).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["field"], "username", "a later lookup of the username would disclose the address");
    t.post("/v1/signup", bob()).await.ok();
}

#[tokio::test]
async fn required_confirmation_needs_an_email_address_at_sign_up() {
    let t = TestApp::with("[signup]\nconfirmation = \"required\"").await;
    let problem = t.post("/v1/signup", bob()).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["field"], "email");
}

#[tokio::test]
async fn seed_a06_a07_a09_a10_a_sign_up_counts_as_a_login_only_with_the_login_option() {
    let t = TestApp::new().await;
    for (number, options, count) in [
        (1, json!({ "forceLogin": true }), 1),
        (2, json!({ "generateToken": true }), 0),
        (3, json!({ "forceLogin": true, "generateToken": true }), 1),
        (4, json!({ "login": true }), 1),
    ] {
        let body =
            json!({ "username": format!("user-{number}"), "password": "passw0rd", "options": options });
        let user = t.post("/v1/signup", body).await.ok()["session"]["user"].clone();
        assert_eq!(user["logins_count"], count, "{options}");
        assert_eq!(user.get("last_login").is_some(), count == 1);
    }
    let body = json!({ "username": "user-2", "password": "passw0rd" });
    for count in 1..=3 {
        assert_eq!(t.post("/v1/login", body.clone()).await.ok()["user"]["logins_count"], count);
    }
}

#[tokio::test]
async fn seed_a21_h39_a_sign_in_creates_an_account_if_page_and_operator_allow_it() {
    let t = TestApp::with(AUTO).await;
    for (body, spelling) in [
        (json!({ "email": "new@example.com", "password": "passw0rd" }), "auto_register"),
        (json!({ "username": "bob", "password": "passw0rd" }), "autoRegister"),
    ] {
        t.post("/v1/login", body.clone()).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
        let mut asking = body.clone();
        asking["options"] = json!({ spelling: true });
        let made = t.post("/v1/login", asking.clone()).await.ok();
        assert_eq!(made["user"]["logins_count"], 1);
        let again = t.post("/v1/login", asking).await.ok();
        assert_eq!(again["user"]["user_id"], made["user"]["user_id"]);
        assert_eq!(t.post("/v1/login", body.clone()).await.ok()["user"]["logins_count"], 3);
    }
    let wrong = json!({ "username": "bob", "password": "other", "options": { "auto_register": true } });
    t.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let short = json!({ "username": "rob", "password": "12345", "options": { "auto_register": true } });
    assert_eq!(t.post("/v1/login", short).await.refused(400, "INVALID_PARAMETER")["field"], "password");
}

#[tokio::test]
async fn auto_register_is_refused_unless_the_operator_allows_it() {
    for settings in [
        "",
        "[disclosure]\nsignup = \"quiet\"\n[auto_register]\npassword = true",
        "[signup]\nopen = false\n[auto_register]\npassword = true",
    ] {
        let t = TestApp::with(settings).await;
        let body = json!({
            "email": "new@example.com", "password": "passw0rd", "options": { "auto_register": true }
        });
        let problem = t.post("/v1/login", body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], "options.auto_register", "{settings}");
        assert_eq!(t.sql("select count(*) from accounts").await, "0");
    }
}

#[tokio::test]
async fn an_auto_registered_account_must_confirm_its_address_if_that_is_required() {
    let t = TestApp::with("[auto_register]\npassword = true\n[signup]\nconfirmation = \"required\"").await;
    let body =
        json!({ "email": "new@example.com", "password": "passw0rd", "options": { "auto_register": true } });
    t.post("/v1/login", body.clone()).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    t.post("/v1/login", body.clone()).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    t.confirm("new@example.com", "passw0rd").await;
    t.post("/v1/login", body).await.ok();
}

#[tokio::test]
async fn seed_a18_a20_a_phone_number_and_a_password_sign_in_once_the_number_is_proven() {
    let t = TestApp::with(AUTO).await;
    const NUMBER: &str = "+8618812348888";
    let login = |password: &str| json!({ "phone_number": NUMBER, "password": password });
    let claimed = json!({ "email": "eve@example.com", "password": "passw0rd", "phone_number": NUMBER });
    t.post("/v1/signup", claimed).await.ok();
    t.post("/v1/login", login("passw0rd")).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let code = t.code(NUMBER, "LOGIN").await;
    let body = json!({ "phone_number": NUMBER, "code": code, "password": "passw0rd!" });
    t.post("/v1/signup/code", body).await.ok();
    let user = t.post("/v1/login", login("passw0rd!")).await.ok()["user"].clone();
    assert_eq!((&user["phone_number"], &user["phone_number_verified"]), (&json!(NUMBER), &json!(true)));
    assert!(user.get("email").is_none(), "a separate account");
    let mut asking = login("passw0rd");
    asking["phone_number"] = json!("+8618812349999");
    asking["options"] = json!({ "auto_register": true });
    t.post("/v1/login", asking).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn seed_a19_a22_a_request_may_carry_a_captcha_solution() {
    let t = TestApp::new().await;
    t.post("/v1/signup", bob()).await.ok();
    let login = || t.post("/v1/login", json!({ "username": "bob", "password": "passw0rd" }));
    for solution in ["id:4711", "%F0%9F%94%91:a%3Ab", "nonsense", ":", "\u{ff}"] {
        login().header("captcha-response", solution).await.ok();
    }
}

#[tokio::test]
async fn seed_a24_a89_captcha_required_has_the_business_code_2000() {
    use doorward_protocol::error::ErrorCode;
    let problem = doorward_request::error::ApiError::from(ErrorCode::CaptchaRequired).problem("id");
    assert_eq!((problem.status, problem.code.as_str()), (403, "CAPTCHA_REQUIRED"));
    assert_eq!(problem.business_code, Some(2000));
}
