//! The parts common to all answers: CORS, security headers, request ids, panics, the Host check of `--dev`.

use axum::Router;
use axum::http::{Method, Request};
use axum::routing::get;
use doorward_server::http;
use serde_json::json;
use tower::ServiceExt;

use crate::support::binary::{Server, doorward, send};
use crate::support::{Answer, Call, TestApp};

fn preflight(app: &TestApp, path: &str, origin: &str) -> Call {
    app.send(Method::OPTIONS, path, "", "")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,authorization,idempotency-key")
}

#[tokio::test]
async fn sec_w01_only_the_origins_of_the_settings_may_call() {
    let app = TestApp::production("[cors]\norigins = [\"https://www.example.com\"]").await;
    let good = preflight(&app, "/v1/login", "https://www.example.com").await;
    assert_eq!(good.header("access-control-allow-origin"), "https://www.example.com");
    assert_eq!(good.header("access-control-max-age"), "600");
    let allowed = good.header("access-control-allow-headers");
    for name in
        ["content-type", "authorization", "idempotency-key", "dpop", "captcha-response", "known-device"]
    {
        assert!(allowed.contains(name), "{name} in {allowed}");
    }
    for foreign in [
        "null",
        "*",
        "http://www.example.com",
        "https://www.example.com:8443",
        "https://www.example.com.evil.example",
        "https://evilwww.example.com",
        "https://www.example.co",
        "https://WWW.example.com",
        "https://www.example.com/",
        "https://user@www.example.com",
        "http://localhost:3000",
        "https://auth.example.com",
    ] {
        let answer = preflight(&app, "/v1/login", foreign).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{foreign}");
        let answer = app.get("/v1/profile").header("origin", foreign).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{foreign}");
    }
}

#[tokio::test]
async fn sec_w01_errors_carry_the_cors_headers_too() {
    let app = TestApp::production("[cors]\norigins = [\"https://www.example.com\"]").await;
    let origin = |call: Call| call.header("origin", "https://www.example.com");
    for (call, status) in [
        (app.get("/v1/profile"), 401),
        (app.get("/nothing"), 404),
        (app.get("/v1/login"), 405),
        (app.send(Method::POST, "/v1/login", "text/plain", ""), 415),
        (app.send(Method::POST, "/v1/login", "application/json", "x".repeat(70_000)), 413),
        (app.send(Method::POST, "/v1/login", "application/json", "{"), 400),
    ] {
        let answer = origin(call).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), "https://www.example.com", "{status}");
        assert!(answer.header("vary").to_lowercase().contains("origin"), "{status}");
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        for name in ["retry-after", "www-authenticate", "dpop-nonce", "x-request-id"] {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn pages_of_apps_and_extensions_call_from_their_exact_origins() {
    let origins = [
        "capacitor://localhost",
        "tauri://localhost",
        "ionic://localhost",
        "app://bundle",
        "app://-",
        "app://localhost:3000",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
        "moz-extension://9d3ea2d1-9cb5-4b1e-b4a0-8ae2f0b8f8b0",
    ];
    let app = TestApp::production(&format!("cors.origins = {origins:?}")).await;
    for origin in origins {
        let answer = preflight(&app, "/v1/login", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
    }
    for foreign in [
        "capacitor://localhost.evil.example",
        "capacitor://localhost:1",
        "capacitor://",
        "ionic://other",
        "null",
    ] {
        let answer = preflight(&app, "/v1/login", foreign).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{foreign}");
    }
}

#[tokio::test]
async fn pages_without_an_origin_are_allowed_by_name_in_development_and_never_see_the_mailbox() {
    let app = TestApp::with("cors.origins = [\"null\"]").await;
    let answer = preflight(&app, "/v1/login", "null").await;
    assert_eq!(answer.header("access-control-allow-origin"), "null");
    assert_eq!(
        app.get("/v1/profile").header("origin", "null").await.header("access-control-allow-origin"),
        "null"
    );
    for path in ["/dev/mailbox", "/dev/mailbox.json", "/dev/clock", "/v1/admin/users"] {
        let answer = preflight(&app, path, "null").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    // A sandboxed frame on any web page has the origin `null`, too.
    app.get("/dev/mailbox.json").header("origin", "null").await.refused(403, "FORBIDDEN");
    app.send(Method::DELETE, "/dev/mailbox.json", "", "")
        .header("origin", "null")
        .await
        .refused(403, "FORBIDDEN");
    app.post("/dev/clock", json!({ "advance": 1 })).header("origin", "null").await.refused(403, "FORBIDDEN");
    app.get("/dev/mailbox.json").header("origin", "http://localhost:3000").await.ok();
    app.get("/dev/mailbox.json").await.ok();
}

#[tokio::test]
async fn development_allows_any_localhost_origin_and_no_other() {
    let app = TestApp::new().await;
    for (origin, allowed) in [
        ("http://localhost:3000", true),
        ("http://127.0.0.1:5173", true),
        ("http://[::1]:8080", true),
        ("https://app.localhost", true),
        ("http://localhost.evil.example", false),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let answer = app.get("/v1/profile").header("origin", origin).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            if allowed { origin } else { "" },
            "{origin}"
        );
    }
}

#[tokio::test]
async fn public_documents_are_open_to_all_and_cacheable() {
    let app = TestApp::production("").await;
    for path in ["/v1/settings", "/.well-known/jwks.json"] {
        let answer = app.get(path).header("origin", "https://anybody.example").await;
        assert_eq!(answer.header("access-control-allow-origin"), "https://anybody.example");
        assert!(answer.header("cache-control").starts_with("public"), "{path}");
        answer.ok();
    }
}

#[tokio::test]
async fn the_public_settings_show_the_choices_of_the_operator() {
    let app =
        TestApp::with("[password]\nmin_length = 15\nmax_length = 128\n[signup]\nconfirmation = \"required\"")
            .await;
    let settings = app.get("/v1/settings").await.ok();
    assert_eq!(
        settings,
        json!({
            "methods": ["password", "email_code", "phone_code", "device", "custom"], "providers": [], "password": { "min_length": 15, "max_length": 128 },
            "captcha": "proof_of_work", "signup": { "open": true, "confirmation": "required" }, "check_email": true,
            "disclosure": { "signup": "exists", "account": "strict" }, "extras": [],
        })
    );
}

#[tokio::test]
async fn sec_w04_every_answer_has_the_security_headers() {
    let app = TestApp::production("[cors]\norigins = [\"https://www.example.com\"]").await;
    let tokens = app.somebody().await;
    for (call, what) in [
        (preflight(&app, "/v1/login", "https://www.example.com"), "preflight"),
        (preflight(&app, "/v1/login", "https://evil.example"), "preflight of a foreign page"),
        (app.get("/v1/profile").bearer(&tokens["access_token"]), "profile"),
        (app.get("/v1/profile"), "401"),
        (app.get("/nothing"), "404"),
        (app.refresh(tokens["refresh_token"].as_str().unwrap()), "token"),
        (app.refresh("x"), "token error"),
    ] {
        let answer = call.await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(answer.header(name), value, "{what}: {name}");
        }
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
        assert_eq!(answer.header("set-cookie"), "", "sec_O09: no cookie is set");
    }
}

#[tokio::test]
async fn every_answer_has_its_own_id_that_the_client_cannot_choose() {
    let app = TestApp::new().await;
    assert_ne!(preflight(&app, "/v1/login", "http://localhost:3000").await.header("x-request-id"), "");
    let one = app.get("/health/live").header("x-request-id", "mine").await;
    let other = app.get("/health/live").await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert_ne!(one.header("x-request-id"), "mine");
}

#[tokio::test]
async fn sec_l03_a_panic_fails_one_request_and_discloses_nothing() {
    let app = TestApp::new().await;
    let router = Router::new().route(
        "/fault",
        get(|| async {
            if true {
                panic!("secret detail")
            }
        }),
    );
    let router = http::surround(router, &app.app);
    let request =
        Request::builder().uri("/fault").header("host", "localhost").body(axum::body::Body::empty()).unwrap();
    let answer = Answer::of(router.oneshot(request).await.unwrap()).await;
    assert!(!answer.text.contains("secret"), "{}", answer.text);
    answer.refused(500, "INTERNAL");
    app.get("/health/ready").await.ok();
}

#[tokio::test]
async fn development_answers_only_to_names_of_this_machine() {
    let app = TestApp::new().await;
    for host in ["localhost:8787", "127.0.0.1:8787", "[::1]:8787", "app.localhost"] {
        app.get("/health/live").header("host", host).await.ok();
    }
    for host in ["evil.example", "localhost.evil.example", "192.168.0.7:8787", ""] {
        app.get("/health/live").header("host", host).await.refused(421, "INVALID_REQUEST");
    }
    let app = TestApp::production("").await;
    app.get("/health/live").header("host", "behind.a.proxy").await.ok();
}

/// RFC 9112 §3.2: a request is answered 400 unless it has exactly one `Host` line, with a valid host.
#[test]
fn a_request_needs_one_valid_host_line_that_http_1_0_may_omit() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = doorward(folder.path());
    command.env("DOORWARD_ADMIN__LISTEN", "127.0.0.1:0");
    let server = Server::start_by(folder.path(), command);
    let ask = |at, line: &str, hosts: &str| {
        send(at, &format!("{line}\r\n{hosts}connection: close\r\n\r\n")).unwrap()
    };
    for at in [server.at, server.admin.unwrap()] {
        for (hosts, version, status) in [
            ("host: localhost\r\n", "1.1", 200),
            ("", "1.0", 200),
            ("", "1.1", 400),
            ("host: localhost\r\nhost: localhost\r\n", "1.1", 400),
            ("host: localhost\r\nhost: evil.example\r\n", "1.0", 400),
            ("host: a b\r\n", "1.1", 400),
            ("host: localhost/health\r\n", "1.1", 400),
            ("host: me@localhost\r\n", "1.1", 400),
        ] {
            let (got, head, body) = ask(at, &format!("GET /health/live HTTP/{version}"), hosts);
            assert_eq!(got, status, "{hosts} of HTTP/{version}: {body}");
            assert!(head.contains("x-content-type-options: nosniff"), "{head}");
            if status == 400 {
                assert_eq!(body["code"], "INVALID_REQUEST", "{body}");
                assert!(body["detail"].as_str().unwrap().contains("Host"), "{body}");
            }
        }
    }
    let asked =
        "origin: http://localhost:3000\r\naccess-control-request-method: POST\r\ncontent-length: 0\r\n";
    let (status, _, _) = ask(server.at, "OPTIONS /v1/login HTTP/1.1", asked);
    assert_eq!(status, 400, "a preflight is checked like other requests");
}
