//! One-time codes are accepted as people and keyboards write them: with spaces and dashes, and in the digits
//! of any script.

use axum::http::Method;
use serde_json::json;

use crate::post;
use crate::support::TestApp;

const ADA: &str = "ada@example.com";

/// Writes a code of six digits in another form.
type Form = fn(&str) -> String;

fn in_digits(code: &str, zero: u32) -> String {
    code.bytes().map(|digit| char::from_u32(zero + u32::from(digit - b'0')).unwrap()).collect()
}

const FORMS: [Form; 6] = [
    |code| format!("{} {}", &code[..3], &code[3..]),
    |code| format!("{}-{}", &code[..3], &code[3..]),
    |code| format!("\u{a0}{}\u{2013}{}\u{3000}", &code[..2], &code[2..]),
    |code| in_digits(code, 0xff10),
    |code| in_digits(code, 0x660),
    |code| format!("{} {}", in_digits(&code[..3], 0x966), &code[3..]),
];

#[tokio::test]
async fn a_code_in_any_written_form_signs_in() {
    let t = TestApp::with("[limits]\nsend = \"100/1m\"\ncode = \"100/1m\"\n").await;
    t.signup(ADA, "correct horse").await;
    for form in FORMS {
        t.post("/v1/code", json!({ "email": ADA, "scene": "LOGIN" })).await.ok();
        let code = form(&post::newest(&t, ADA).await.code);
        t.post("/v1/login/code", json!({ "email": ADA, "code": code })).await.ok();
    }
    for code in ["12345a", "1234567", "-", "\u{b2}12345", "123_456"] {
        let said = t.post("/v1/login/code", json!({ "email": ADA, "code": code })).await;
        assert_eq!(said.refused(400, "INVALID_PARAMETER")["field"], "code", "{code}");
    }
}

#[tokio::test]
async fn a_code_in_any_written_form_verifies_resets_changes_and_deletes() {
    let t = TestApp::with("[limits]\nsend = \"100/1m\"\ncode = \"100/1m\"\n").await;
    t.signup(ADA, "correct horse").await;
    let code = FORMS[0](&post::newest(&t, ADA).await.code);
    let verify = json!({ "email": ADA, "code": code, "password": "correct horse" });
    t.post("/v1/email/verify", verify).await.ok();
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let code = FORMS[1](&post::newest(&t, ADA).await.code);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("email", ADA)
        .append_pair("code", &code)
        .append_pair("new_password", "battery staple")
        .finish();
    let page = t.send(Method::POST, "/account/reset", "application/x-www-form-urlencoded", body).await;
    assert_eq!(page.header("location"), "/account/reset/done", "{}", page.text);
    let who = t.login(ADA, "battery staple").await;
    let new = t.code_as(&who, "new@example.com", "CHANGE_EMAIL").await;
    let old = t.code_as(&who, ADA, "CHANGE_EMAIL").await;
    let change = json!({
        "email": "new@example.com", "email_code": FORMS[3](&new), "old_email": ADA, "old_email_code": FORMS[4](&old),
    });
    t.post_as(&who, "/v1/email/change", change).await.ok();
    let code = t.code_as(&who, "new@example.com", "DELETE_ACCOUNT").await;
    t.post_as(&who, "/v1/account/delete", json!({ "code": FORMS[2](&code) })).await.ok();
}
