//! Bad input is refused with the right code and field name, and changes nothing.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestApp;

const JSON: &str = "application/json";

async fn refused_field(app: &TestApp, path: &str, body: Value) -> String {
    let shown = body.to_string();
    let answer = app.post(path, body).await;
    assert_eq!(answer.status, 400, "{shown}: {}", answer.text);
    let problem = answer.refused(400, "INVALID_PARAMETER");
    assert!(problem["detail"].is_string() && problem["title"].is_string(), "{problem}");
    problem["field"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_field_of_a_signup_is_named_when_it_is_wrong() {
    let app = TestApp::new().await;
    for (field, bad) in [
        ("email", json!("nobody")),
        ("email", json!("a@b.example,c@d.example")),
        ("email", json!("")),
        ("email", json!(null)),
        ("email", json!(7)),
        ("email", json!(["a@b.example"])),
        ("email", json!({ "a": 1 })),
        ("password", json!("12345")),
        ("password", json!("x".repeat(61))),
        ("password", json!("nul\0byte")),
        ("password", json!(123_456)),
        ("phone_number", json!("12341234")),
        ("name", json!("two\nlines")),
        ("name", json!("nul\0")),
        ("name", json!("x".repeat(257))),
        ("picture", json!("javascript:alert(1)")),
        ("birthdate", json!("2023-02-29")),
        ("email_public", json!("yes")),
        ("gender_public", json!(1)),
        ("address", json!(7)),
        ("address", json!("x".repeat(513))),
        ("misc", json!("x".repeat(4097))),
        ("options", json!("login")),
        ("unknown", json!("x")),
        ("constructor", json!({})),
    ] {
        let mut body = json!({ "email": "ada@example.com", "password": "correct horse" });
        body[field] = bad.clone();
        assert_eq!(refused_field(&app, "/v1/signup", body).await, field, "{bad}");
    }
    for (field, bad) in [
        ("address.locality", json!({ "address": { "locality": 7 } })),
        ("address.planet", json!({ "address": { "planet": "Mars" } })),
        ("address.country", json!({ "address": { "country": "x".repeat(129) } })),
        ("options.login", json!({ "options": { "login": "yes" } })),
        ("options.email_subscription", json!({ "options": { "email_subscription": 1 } })),
        ("options.signup_confirmation", json!({ "options": { "signup_confirmation": 1 } })),
        ("options.admin", json!({ "options": { "admin": true } })),
    ] {
        let mut body = json!({ "email": "ada@example.com", "password": "correct horse" });
        body.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(refused_field(&app, "/v1/signup", body).await, field);
    }
    assert_eq!(refused_field(&app, "/v1/signup", json!({ "email": "ada@example.com" })).await, "password");
    assert_eq!(refused_field(&app, "/v1/signup", json!({})).await, "email");
    assert_eq!(app.sql("select count(*) from accounts").await, "0");
}

#[tokio::test]
async fn sec_a06_an_address_that_mail_programs_read_as_another_one_is_refused_by_every_call() {
    let t = TestApp::with("[signup]\ndomains = [\"corp.example\"]\n[auto_register]\nemail_code = true").await;
    for local in [
        "=?utf-8?q?a?=",
        "a=?utf-8?q?=40evil.example=3e?=",
        "a%evil.example",
        "evil.example!a",
        "-f",
        "|sh",
        "a|sh",
    ] {
        let email = format!("{local}@corp.example");
        for (path, body) in [
            ("/v1/signup", json!({ "email": email, "password": "correct horse" })),
            ("/v1/login", json!({ "email": email, "password": "correct horse" })),
            ("/v1/login/code", json!({ "email": email, "code": "123456" })),
            ("/v1/code", json!({ "email": email })),
            ("/v1/password/forgot", json!({ "email": email })),
            ("/v1/email/check", json!({ "email": email })),
        ] {
            assert_eq!(refused_field(&t, path, body).await, "email", "{path} {email}");
        }
    }
}

#[tokio::test]
async fn each_field_of_login_and_logout_is_named_when_it_is_wrong() {
    let app = TestApp::new().await;
    for (path, body, field) in [
        ("/v1/login", json!({}), "email"),
        ("/v1/login", json!({ "email": "nobody", "password": "x" }), "email"),
        ("/v1/login", json!({ "email": "ada@example.com" }), "password"),
        ("/v1/login", json!({ "email": "ada@example.com", "password": 7 }), "password"),
        ("/v1/login", json!({ "email": "ada@example.com", "password": "x", "code": "1" }), "code"),
        ("/v1/logout", json!({}), "revoke_token"),
        ("/v1/logout", json!({ "revoke_token": "short" }), "revoke_token"),
        ("/v1/logout", json!({ "revoke_token": "x".repeat(513) }), "revoke_token"),
        ("/v1/logout", json!({ "revoke_token": "with space and more" }), "revoke_token"),
        ("/v1/logout", json!({ "token": "x" }), "token"),
    ] {
        assert_eq!(refused_field(&app, path, body.clone()).await, field, "{path} {body}");
    }
}

/// A bad revoke token was once reported as a damaged link of a mail.
#[tokio::test]
async fn a_malformed_token_is_refused_with_a_message_that_fits_its_field() {
    let app = TestApp::new().await;
    let link = "This link is damaged. Open it again from the mail.";
    let revoke = "This is not a revoke token. Send the revoke token that came with the session's tokens.";
    for bad in ["short", "with space and more", &"x".repeat(513)] {
        for (path, body, words) in [
            ("/v1/logout", json!({ "revoke_token": bad }), revoke),
            ("/v1/email/verify", json!({ "token": bad }), link),
            ("/v1/password/reset", json!({ "token": bad, "new_password": "correct horse" }), link),
        ] {
            let problem = app.post(path, body).await.refused(400, "INVALID_PARAMETER");
            assert_eq!(problem["detail"], words, "{path} {bad}");
        }
    }
}

#[tokio::test]
async fn the_password_policy_of_the_operator_applies() {
    let app = TestApp::with("[password]\nmin_length = 15\nmax_length = 128").await;
    let body = json!({ "email": "ada@example.com", "password": "x".repeat(14) });
    let problem = app.post("/v1/signup", body).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["detail"], "A password needs at least 15 characters.");
    app.signup("ada@example.com", &"x".repeat(128)).await;
}

#[tokio::test]
async fn text_in_any_script_is_stored_unchanged() {
    let app = TestApp::new().await;
    let name = "👩‍👩‍👧 שלום \u{202e}abc\u{202c} Ünïçødé 密码 \u{10ffff} ' \" <b> \\ % _";
    let body = json!({
        "email": "ada@example.com", "password": "correct horse", "name": name, "misc": "a\tb\r\nc",
        "address": { "street_address": name }, "options": { "login": true },
    });
    let user = app.post("/v1/signup", body).await.ok()["session"]["user"].clone();
    assert_eq!((&user["name"], &user["address"]["street_address"]), (&json!(name), &json!(name)));
    assert_eq!(user["misc"], "a\tb\r\nc");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_an_invalid_request() {
    let app = TestApp::new().await;
    let deep = format!("{{\"address\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    for body in [
        "",
        "{",
        "nonsense",
        "[]",
        "\"text\"",
        "null",
        "7",
        "{\"email\":\"a@b.example\"} {}",
        "{'email':'a@b.example'}",
        "{\"email\":\"a@b.example\",}",
        "{\"email\":\"a@b.example\",\"email\":\"c@d.example\",\"password\":\"correct horse\"}",
        "{\"email\":\"\\ud800\",\"password\":\"correct horse\"}",
        "{\"email\":NaN}",
        "\u{feff}{}",
        &deep,
        &objects,
    ] {
        let shown = &body[..body.len().min(60)];
        let answer = app.send(Method::POST, "/v1/signup", JSON, body.to_owned()).await;
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text);
        answer.refused(400, "INVALID_REQUEST");
    }
    let bytes: &[u8] = b"{\"email\":\"\xff\xfe\"}";
    app.send(Method::POST, "/v1/signup", JSON, bytes).await.refused(400, "INVALID_REQUEST");
    assert_eq!(app.sql("select count(*) from accounts").await, "0");
}

#[tokio::test]
async fn sec_w05_a_body_over_64_kib_is_refused_with_or_without_a_content_length() {
    let app = TestApp::new().await;
    let megabytes = "x".repeat(10 * 1024 * 1024);
    let body = format!("{{\"email\":\"{megabytes}\"}}");
    app.send(Method::POST, "/v1/signup", JSON, body).await.refused(413, "INVALID_REQUEST");
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
    let streamed = Body::from_stream(futures_util::stream::iter(chunks));
    app.send(Method::POST, "/v1/signup", JSON, streamed).await.refused(413, "INVALID_REQUEST");
    let fits = format!("{}{{}}", " ".repeat(64 * 1024 - 2));
    app.send(Method::POST, "/v1/signup", JSON, fits).await.refused(400, "INVALID_PARAMETER");
}

#[tokio::test]
async fn sec_w02_only_json_is_accepted_so_that_forms_of_other_sites_fail() {
    let app = TestApp::new().await;
    let body = json!({ "email": "ada@example.com", "password": "correct horse" }).to_string();
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=utf-16",
        "text/plain; x=application/json",
    ] {
        for path in ["/v1/signup", "/v1/login", "/v1/logout"] {
            app.send(Method::POST, path, kind, body.clone()).await.refused(415, "INVALID_REQUEST");
        }
    }
    assert_eq!(app.sql("select count(*) from accounts").await, "0");
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"] {
        let body = json!({ "email": format!("{}@example.com", kind.len()), "password": "correct horse" });
        app.send(Method::POST, "/v1/signup", kind, body.to_string()).await.ok();
    }
}

#[tokio::test]
async fn an_absent_field_may_be_null_or_empty() {
    let app = TestApp::new().await;
    let body = json!({
        "email": "ada@example.com", "password": "correct horse", "name": "", "nickname": null, "picture": "",
        "birthdate": "", "address": { "locality": "", "country": null }, "options": null, "phone_number": "",
    });
    app.post("/v1/signup", body).await.ok();
    let user = app.login("ada@example.com", "correct horse").await["user"].clone();
    for name in ["name", "nickname", "picture", "birthdate", "phone_number"] {
        assert_eq!(user.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn sec_w05_unknown_methods_and_paths_are_answered_with_a_problem_document() {
    let app = TestApp::new().await;
    for (method, path) in [
        (Method::GET, "/v1/signup"),
        (Method::PUT, "/v1/login"),
        (Method::TRACE, "/v1/profile"),
        (Method::DELETE, "/v1/settings"),
        (Method::POST, "/.well-known/jwks.json"),
    ] {
        let answer = app.send(method.clone(), path, "", "").await;
        assert!(!answer.header("allow").is_empty(), "{method} {path}");
        answer.refused(405, "INVALID_REQUEST");
    }
    for path in [
        "/v1",
        "/v1/nothing",
        "//v1/login",
        "/v1//login",
        "/v1/login/",
        "/V1/login",
        "/v1/%6cogin",
        "/v1/login;x=1",
        "/v1/../v1/login",
        "/.git/config",
        "/v1/login%00",
    ] {
        app.send(Method::POST, path, JSON, "{}").await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn sec_l02_a_name_with_control_characters_comes_back_without_them() {
    let app = TestApp::new().await;
    let field = refused_field(&app, "/v1/login", json!({ "evil\r\n\u{1b}[31mX-Header: 1": 1 })).await;
    assert_eq!(field, "evil[31mX-Header: 1");
    let field = refused_field(&app, "/v1/login", json!({ "x".repeat(9_000): 1 })).await;
    assert_eq!(field.len(), 64);
}

#[tokio::test]
async fn the_texts_of_an_error_are_in_the_language_that_the_request_asks_for() {
    let app = TestApp::new().await;
    let short = json!({ "email": "ada@example.com", "password": "abc" });
    for (asked, language, title, detail) in [
        (
            "de-AT, en;q=0.5",
            "de",
            "Eine Angabe ist nicht gültig.",
            "Ein Passwort braucht mindestens 6 Zeichen.",
        ),
        ("id", "id", "Ada isian yang tidak valid.", "Kata sandi minimal 6 karakter."),
        ("zh-Hans-CN", "zh", "有一项内容无效。", "密码至少需要 6 个字符。"),
        ("fr", "", "A parameter is not valid.", "A password needs at least 6 characters."),
    ] {
        let answer = app.post("/v1/signup", short.clone()).header("accept-language", asked).await;
        let told = answer.headers.get("content-language").cloned();
        assert_eq!(told.as_ref().map_or("", |value| value.to_str().unwrap()), language, "{asked}");
        let problem = answer.refused(400, "INVALID_PARAMETER");
        assert_eq!(
            (problem["title"].as_str(), problem["detail"].as_str()),
            (Some(title), Some(detail)),
            "{asked}"
        );
    }
    // Field names are not translated.
    let wrong = json!({ "email": "ada@example.com", "password": "correct horse", "unknown": 1 });
    let problem =
        app.post("/v1/signup", wrong).header("accept-language", "de").await.refused(400, "INVALID_PARAMETER");
    assert_eq!(
        (problem["field"].as_str(), problem["detail"].as_str()),
        (Some("unknown"), Some("Dieses Feld gibt es nicht."))
    );
}
