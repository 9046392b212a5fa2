//! The test clock can be moved with `--dev` only.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::binary::{Server, post, request};

const HOUR: i64 = 3_600_000;

/// Signs up and returns the access token.
fn sign_in(server: &Server) -> String {
    let person =
        json!({ "email": "ada@example.com", "password": "correct horse", "options": { "login": true } });
    let (status, answer) = post(server.at, "/v1/signup", &person).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["session"]["access_token"].as_str().unwrap().to_owned()
}

fn profile(server: &Server, token: &str) -> (u16, Value) {
    request(server.at, "GET", "/v1/profile", &format!("authorization: Bearer {token}\r\n"), "").unwrap()
}

#[test]
fn moving_the_clock_by_an_hour_expires_an_access_token() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let token = sign_in(&server);
    assert_eq!(profile(&server, &token).0, 200);
    let (status, answer) = post(server.at, "/dev/clock", &json!({ "advance": HOUR })).unwrap();
    assert_eq!(status, 200, "{answer}");
    let now: jiff::Timestamp = answer["now"].as_str().unwrap().parse().unwrap();
    let ahead = now.as_millisecond() - jiff::Timestamp::now().as_millisecond();
    assert!((HOUR - 60_000..=HOUR).contains(&ahead), "{ahead} ms ahead");
    assert_eq!(profile(&server, &token).0, 401);
}

#[tokio::test]
async fn an_invalid_clock_step_is_refused() {
    let t = TestApp::new().await;
    for (body, field) in [
        (json!({}), "advance"),
        (json!({ "advance": -1 }), "advance"),
        (json!({ "advance": 1.5 }), "advance"),
        (json!({ "advance": "1000" }), "advance"),
        (json!({ "advance": i64::MAX }), "advance"),
        (json!({ "advance": 1, "now": 1 }), "now"),
    ] {
        let problem = t.post("/dev/clock", body.clone()).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field, "{body}");
    }
    t.get("/dev/clock").await.refused(405, "INVALID_REQUEST");
}

#[tokio::test]
async fn sec_w01_a_page_of_another_site_cannot_move_the_clock() {
    let t = TestApp::new().await;
    // A page can send this content type without a preflight.
    t.send(Method::POST, "/dev/clock", "text/plain", r#"{"advance":1}"#)
        .await
        .refused(415, "INVALID_REQUEST");
    let preflight = t.send(Method::OPTIONS, "/dev/clock", "", "");
    let preflight = preflight.header("origin", "https://evil.example");
    let answer = preflight.header("access-control-request-method", "POST").await;
    assert!(answer.headers.get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn sec_l01_outside_development_nothing_moves_the_clock() {
    let t = TestApp::production("").await;
    t.post("/dev/clock", json!({ "advance": HOUR })).await.refused(404, "NOT_FOUND");
}
