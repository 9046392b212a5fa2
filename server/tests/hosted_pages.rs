//! The pages that mailed links open: `/account/verify` and `/account/reset`.

use axum::http::Method;
use serde_json::json;

use crate::post;
use crate::support::{Answer, HOUR, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

async fn submit(t: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    t.send(Method::POST, path, "application/x-www-form-urlencoded", body.finish()).await
}

#[track_caller]
fn goes_to(answer: &Answer, to: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, to), "{}", answer.text);
}

#[tokio::test]
async fn sec_c05_opening_a_link_changes_nothing_until_the_button_is_pressed() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let mail = post::newest(&t, ADA).await;
    for method in [Method::GET, Method::GET, Method::GET, Method::HEAD] {
        let path = format!("/account/verify?token={}", mail.token());
        assert_eq!(t.send(method, &path, "", "").await.status, 200);
    }
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    goes_to(&submit(&t, "/account/verify", &fields).await, "/account/verify/done");
    assert!(t.get("/account/verify/done").await.text.contains("Address confirmed"));
    assert_eq!(t.login(ADA, "correct horse").await["user"]["email_verified"], true);
    let again = submit(&t, "/account/verify", &[("token", mail.token())]).await;
    assert_eq!(again.status, 400);
    assert!(again.text.contains("This link was used already"), "{}", again.text);
}

#[tokio::test]
async fn the_code_of_the_mail_works_on_the_page_too() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let mail = post::newest(&t, ADA).await;
    let wrong = submit(&t, "/account/verify", &[("email", ADA), ("code", &post::wrong(&mail.code))]).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("aria-invalid=\"true\" aria-describedby=\"code-error\""), "{}", wrong.text);
    assert!(wrong.text.contains("id=\"code-error\"") && wrong.text.contains("value=\"ada@example.com\""));
    let fields = [("email", ADA), ("code", mail.code.as_str()), ("password", PASSWORD)];
    goes_to(&submit(&t, "/account/verify", &fields).await, "/account/verify/done");
}

#[tokio::test]
async fn seed_k21_a_confirmation_redirects_to_the_url_from_the_signup() {
    let welcome = "https://app.example.com/welcome";
    let t = TestApp::with(&format!("[links]\nredirects = [\"{welcome}\"]")).await;
    let options = json!({ "signup_confirmation": welcome });
    t.post("/v1/signup", json!({ "email": ADA, "password": "correct horse", "options": options })).await.ok();
    // The same holds for a resent mail.
    post::send(&t).await;
    t.post("/v1/email/resend", json!({ "email": ADA })).await.ok();
    let mail = post::newest(&t, ADA).await;
    let policy = t.get("/account/verify").await.header("content-security-policy").to_owned();
    assert!(policy.contains("form-action 'self'") && policy.contains("https://app.example.com"), "{policy}");
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    goes_to(&submit(&t, "/account/verify", &fields).await, welcome);
}

#[tokio::test]
async fn a_confirmation_may_redirect_to_an_app() {
    let welcome = "com.example.app://welcome/";
    let t = TestApp::with(&format!("[links]\nredirects = [\"{welcome}\"]")).await;
    let options = json!({ "signup_confirmation": welcome });
    t.post("/v1/signup", json!({ "email": ADA, "password": PASSWORD, "options": options })).await.ok();
    let mail = post::newest(&t, ADA).await;
    let policy = t.get("/account/verify").await.header("content-security-policy").to_owned();
    assert!(policy.contains(" com.example.app:;") && !policy.contains("null"), "{policy}");
    goes_to(
        &submit(&t, "/account/verify", &[("token", mail.token()), ("password", PASSWORD)]).await,
        welcome,
    );
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_without_any_page_of_the_app() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    goes_to(
        &submit(&t, "/account/reset", &[("action", "send"), ("email", ADA)]).await,
        "/account/reset?sent",
    );
    assert!(t.get("/account/reset?sent").await.text.contains("a mail is on its way"));
    let mail = post::newest(&t, ADA).await;
    let short = submit(&t, "/account/reset", &[("token", mail.token()), ("new_password", "short")]).await;
    assert_eq!(short.status, 400);
    assert!(
        short.text.contains("id=\"token-password-error\">A password needs at least 6 characters."),
        "{}",
        short.text
    );
    assert!(
        short.text.contains(&format!("name=\"token\" value=\"{}\"", mail.token())),
        "the form contains the token again"
    );
    let fields = [("token", mail.token()), ("new_password", "new password")];
    goes_to(&submit(&t, "/account/reset", &fields).await, "/account/reset/done");
    t.login(ADA, "new password").await;
    goes_to(
        &submit(&t, "/account/reset", &[("action", "send"), ("email", ADA)]).await,
        "/account/reset?sent",
    );
    let mail = post::newest(&t, ADA).await;
    let fields = [("email", ADA), ("code", &mail.code), ("new_password", "newer password"), ("token", "")];
    goes_to(&submit(&t, "/account/reset", &fields).await, "/account/reset/done");
    t.login(ADA, "newer password").await;
}

#[tokio::test]
async fn an_expired_link_shows_an_error_and_offers_a_new_mail() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let mail = post::newest(&t, ADA).await;
    t.advance(25 * HOUR);
    let page = submit(&t, "/account/verify", &[("token", mail.token())]).await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("This link is too old") && page.text.contains("Send me a new mail"));
    let sent = submit(&t, "/account/verify", &[("action", "send"), ("email", ADA), ("code", "")]).await;
    goes_to(&sent, "/account/verify?sent");
    let mail = post::newest(&t, ADA).await;
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    goes_to(&submit(&t, "/account/verify", &fields).await, "/account/verify/done");
}

#[tokio::test]
async fn sec_r01_the_page_gives_unknown_addresses_the_same_answer() {
    let t = TestApp::new().await;
    for path in ["/account/verify", "/account/reset"] {
        let sent = submit(&t, path, &[("action", "send"), ("email", "nobody@example.com")]).await;
        goes_to(&sent, &format!("{path}?sent"));
    }
    let bad = submit(&t, "/account/reset", &[("action", "send"), ("email", "nobody")]).await;
    assert_eq!(bad.status, 400);
    assert!(bad.text.contains("id=\"email-error\">Enter an e-mail address"), "{}", bad.text);
}

#[tokio::test]
async fn sec_w04_a_page_cannot_be_framed_or_cached_and_escapes_its_text() {
    let t = TestApp::new().await;
    let fields = [("email", "\"><script>alert(1)</script>@x.de"), ("code", "1")];
    for page in [
        t.get("/account/verify").await,
        t.get("/account/reset").await,
        submit(&t, "/account/verify", &fields).await,
    ] {
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'nonce-"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_page_accepts_only_its_own_form() {
    let t = TestApp::new().await;
    t.post("/account/verify", json!({ "token": "A".repeat(43) })).await.refused(415, "INVALID_REQUEST");
    let put = t.send(Method::PUT, "/account/verify", "application/x-www-form-urlencoded", "token=x").await;
    put.refused(405, "INVALID_REQUEST");
    let form = "application/x-www-form-urlencoded";
    let huge = format!("token={}", "x".repeat(100_000));
    t.send(Method::POST, "/account/verify", form, huge).await.refused(413, "INVALID_REQUEST");
}

#[tokio::test]
async fn sec_a03_a_click_in_another_browser_asks_for_the_password_and_offers_a_new_one() {
    let t = TestApp::new().await;
    t.signup(ADA, PASSWORD).await;
    let mail = post::newest(&t, ADA).await;
    let page = submit(&t, "/account/verify", &[("token", mail.token())]).await;
    assert_eq!(page.status, 403);
    for said in ["Enter your password", "Set a new password and confirm", "I did not create this account"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert!(
        page.text.contains(&format!("name=\"token\" value=\"{}\"", mail.token())),
        "the form contains the token again"
    );
    let wrong = submit(&t, "/account/verify", &[("token", mail.token()), ("password", "guess")]).await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.text.contains("id=\"password-error\">This is not the password of the account."),
        "{}",
        wrong.text
    );
    let short = submit(&t, "/account/verify", &[("token", mail.token()), ("new_password", "short")]).await;
    assert!(
        short.text.contains("id=\"new_password-error\">A password needs at least 6 characters."),
        "{}",
        short.text
    );
    let fields = [("token", mail.token()), ("new_password", "a new password")];
    goes_to(&submit(&t, "/account/verify", &fields).await, "/account/verify/done");
    t.login(ADA, "a new password").await;
    t.post("/v1/login", json!({ "email": ADA, "password": PASSWORD }))
        .await
        .refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn sec_c05_the_owner_of_an_address_removes_it_from_an_account_with_two_buttons() {
    for by_code in [false, true] {
        let t = TestApp::new().await;
        t.signup(ADA, PASSWORD).await;
        let stranger = t.login(ADA, PASSWORD).await;
        let mail = post::newest(&t, ADA).await;
        let proof: &[(&str, &str)] =
            if by_code { &[("email", ADA), ("code", &mail.code)] } else { &[("token", mail.token())] };
        let press = async |action: &str| {
            submit(&t, "/account/verify", &[proof, &[("action", action)]].concat()).await
        };
        let first = press("disown").await;
        assert_eq!(first.status, 200);
        assert!(first.text.contains("Remove my address"), "{}", first.text);
        assert_eq!(t.profile(&stranger).await["email"], ADA, "the first button changes nothing");
        goes_to(&press("disown_confirmed").await, "/account/verify/removed");
        assert!(t.get("/account/verify/removed").await.text.contains("Your address was removed"));
        let left = t.profile(&stranger).await;
        assert_eq!(
            (left.get("email"), &left["user_id"]),
            (None, &stranger["user"]["user_id"]),
            "the account still exists"
        );
        assert_eq!(press("disown_confirmed").await.status, 400, "the link is void");
        t.signup(ADA, "her own password").await;
    }
}

#[tokio::test]
async fn an_old_link_cannot_remove_a_proven_address() {
    let t = TestApp::new().await;
    t.signup(ADA, PASSWORD).await;
    t.confirm(ADA, PASSWORD).await;
    t.sql_do("update challenges set consumed_at = null").await;
    let mail = post::newest(&t, ADA).await;
    let fields = [("token", mail.token()), ("action", "disown_confirmed")];
    assert_eq!(submit(&t, "/account/verify", &fields).await.status, 400);
    assert_eq!(t.login(ADA, PASSWORD).await["user"]["email"], ADA);
}

#[tokio::test]
async fn sec_r04_after_too_many_passwords_the_page_asks_to_wait_and_keeps_the_link() {
    let t = TestApp::with("[limits]\nfailures = 2\npause = \"10s\"\n[captcha]\nafter = 1\n").await;
    t.signup(ADA, PASSWORD).await;
    let mail = post::newest(&t, ADA).await;
    let guess =
        async || submit(&t, "/account/verify", &[("token", mail.token()), ("password", "guess")]).await;
    assert_eq!(guess().await.status, 400);
    let mut last = guess().await;
    for _ in 0..3 {
        last = guess().await;
    }
    assert_eq!(last.status, 429, "{}", last.text);
    assert!(
        last.text.contains("Too many tries") && last.text.contains("Enter your password"),
        "{}",
        last.text
    );
    assert!(last.text.contains(&format!("name=\"token\" value=\"{}\"", mail.token())), "{}", last.text);
    t.advance(HOUR);
    let fields = [("token", mail.token()), ("password", PASSWORD)];
    goes_to(&submit(&t, "/account/verify", &fields).await, "/account/verify/done");
}

#[tokio::test]
async fn cancelling_the_removal_of_an_address_asks_for_the_password_again() {
    let t = TestApp::new().await;
    t.signup(ADA, PASSWORD).await;
    let mail = post::newest(&t, ADA).await;
    let back = submit(&t, "/account/verify", &[("token", mail.token()), ("action", "back")]).await;
    assert!(back.text.contains("Enter your password") && back.text.contains(mail.token()), "{}", back.text);
}
