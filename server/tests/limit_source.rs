//! The client address of a request (SECURITY R03; seeds A08, A17, A23): only the connection, a trusted proxy
//! or a trusted program determines it.

use doorward_accounts::admin::{By, Operator};
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use serde_json::{Value, json};

use crate::support::{Call, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
/// Settings for a proxy in 10.0.0.0/8.
const BEHIND: &str = "trusted_proxies = [\"10.0.0.0/8\"]\n[limits]\nsign_in = \"3/1m\"";

fn login(t: &TestApp) -> Call {
    t.post("/v1/login", json!({ "email": ADA, "password": "wrong horse" }))
}

/// The number of calls that the server checks instead of refusing them with 429.
async fn looked_at(calls: impl Iterator<Item = Call>) -> usize {
    let mut count = 0;
    for call in calls {
        match call.await.status {
            401 => count += 1,
            status => assert_eq!(status, 429),
        }
    }
    count
}

/// The IP address in the newest audit record.
async fn audited(t: &TestApp) -> String {
    t.sql("select ip from audit order by at desc, id desc limit 1").await
}

#[tokio::test]
async fn sec_r03_a_thousand_forged_headers_give_no_fresh_budget() {
    let t = TestApp::with("[limits]\nsign_in = \"3/1m\"").await;
    let calls = (0..1000).map(|at| {
        let forged = format!("198.51.{}.{}", at / 250, at % 250);
        let call = login(&t).from("192.0.2.1").header("x-forwarded-for", &forged);
        let call = call.header("forwarded", &format!("for={forged}")).header("x-real-ip", &forged);
        call.header("client-ip", &forged).header("true-client-ip", &forged)
    });
    assert_eq!(looked_at(calls).await, 3);
    assert_eq!(audited(&t).await, "192.0.2.1");
}

#[tokio::test]
async fn sec_r03_forged_headers_through_a_trusted_proxy_give_no_fresh_budget() {
    let t = TestApp::with(BEHIND).await;
    let calls = (0..200).map(|at| {
        let said = format!("198.51.100.{at}, 192.0.2.1");
        login(&t).from("10.0.0.7").header("x-forwarded-for", &said)
    });
    assert_eq!(looked_at(calls).await, 3);
    let other = login(&t).from("10.0.0.7").header("x-forwarded-for", "192.0.2.1, 192.0.2.2").await;
    assert_eq!((other.status, audited(&t).await.as_str()), (401, "192.0.2.2"));
}

#[tokio::test]
async fn sec_r03_all_addresses_of_an_ipv6_network_of_64_bits_are_one_source() {
    let t = TestApp::with(BEHIND).await;
    let of = |network: &'static str| {
        let t = &t;
        (0..50).map(move |at| {
            let said = format!("2001:db8:0:{network}:{at:x}::1");
            login(t).from("10.0.0.7").header("x-forwarded-for", &said)
        })
    };
    assert_eq!((looked_at(of("1")).await, looked_at(of("2")).await), (3, 3));
}

#[tokio::test]
async fn a_proxy_may_send_the_client_address_as_in_rfc_7239() {
    let t = TestApp::with(&format!("proxy_header = \"forwarded\"\n{BEHIND}")).await;
    let call = login(&t).from("10.0.0.7").header("x-forwarded-for", "203.0.113.9");
    call.header("forwarded", "for=\"[2001:db8::7]:4711\";proto=https")
        .await
        .refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    assert_eq!(audited(&t).await, "2001:db8::7");
}

/// The `Authorization` header with a service key of this scope.
async fn key(t: &TestApp, scope: Scope) -> String {
    let Platform { store, world, config, .. } = &*t.app.platform;
    let operator = Operator::new(store, world, config, By::CommandLine, Caller::default());
    let (plain, _) = operator.create_key("test", Scopes::new(&[scope])).await.unwrap();
    format!("Bearer {}", plain.write().expose())
}

fn on_behalf(key: &str, call: Call) -> Call {
    call.from("192.0.2.200").header("authorization", key)
}

#[tokio::test]
async fn seed_a08_a_trusted_program_sends_the_client_ip_of_a_signup() {
    let t = TestApp::with("[limits]\nsign_up = \"1/1m\"").await;
    let key = key(&t, Scope::Trusted).await;
    for (at, spelling) in ["client_ip", "clientIp"].into_iter().enumerate() {
        let ip = format!("203.0.113.{at}");
        let by_email = json!({ "email": format!("a{at}@example.com"), "password": PASSWORD, "options": { spelling: ip } });
        on_behalf(&key, t.post("/v1/signup", by_email)).await.ok();
        assert_eq!(
            t.sql("select ip from audit where event = 'signed_up' order by at desc, id desc limit 1").await,
            ip
        );
        let by_name =
            json!({ "username": format!("user{at}"), "password": PASSWORD, "options": { spelling: ip } });
        on_behalf(&key, t.post("/v1/signup", by_name)).await.refused(429, "REQUEST_EXCEED");
        let code = t.code(&format!("+49170123456{at}"), "LOGIN").await;
        let body = json!({
            "phone_number": format!("+49170123456{at}"), "code": code, "options": { spelling: format!("203.0.114.{at}") },
        });
        on_behalf(&key, t.post("/v1/signup/code", body)).await.ok();
    }
}

#[tokio::test]
async fn seed_a17_seed_a20_a_trusted_program_sends_the_client_ip_of_a_phone_sign_in() {
    let t = TestApp::with("[limits]\nsign_in = \"1/1m\"").await;
    let key = key(&t, Scope::Trusted).await;
    let number = "+491701234567";
    let code = t.code(number, "LOGIN").await;
    let body = json!({ "phone_number": number, "code": code, "options": { "clientIp": "203.0.113.1" } });
    on_behalf(&key, t.post("/v1/login/code", body)).await.ok();
    assert_eq!(audited(&t).await, "203.0.113.1");
    let body =
        json!({ "phone_number": number, "password": PASSWORD, "options": { "clientIp": "203.0.113.2" } });
    let by_password = || on_behalf(&key, t.post("/v1/login", body.clone()));
    by_password().await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    assert_eq!(audited(&t).await, "203.0.113.2");
    by_password().await.refused(429, "REQUEST_EXCEED");
}

#[tokio::test]
async fn seed_a23_a_trusted_program_sends_the_client_ip_of_other_sign_ins() {
    let t = TestApp::with("[limits]\nsign_in = \"1/1m\"").await;
    t.post("/v1/signup", json!({ "email": ADA, "username": "ada", "password": PASSWORD })).await.ok();
    let key = key(&t, Scope::Trusted).await;
    for (at, (path, mut body)) in [
        ("/v1/login", json!({ "email": ADA, "password": PASSWORD })),
        ("/v1/login", json!({ "username": "ada", "password": PASSWORD })),
        ("/v1/login/device", json!({ "device_id": "0123456789abcdef" })),
        ("/v1/login/custom", json!({ "custom_id": "customer-7" })),
    ]
    .into_iter()
    .enumerate()
    {
        let ip = format!("203.0.113.{at}");
        body["options"] = json!({ "client_ip": ip });
        on_behalf(&key, t.post(path, body.clone())).await.ok();
        assert_eq!(audited(&t).await, ip, "{path}");
        on_behalf(&key, t.post(path, body)).await.refused(429, "REQUEST_EXCEED");
    }
}

/// The calls of signed-out users that cost something or allow guessing. An operator's back end makes them for
/// a browser.
fn signed_out() -> [(&'static str, Value); 7] {
    let email = json!({ "email": ADA });
    [
        ("/v1/code", json!({ "email": ADA, "scene": "LOGIN" })),
        ("/v1/password/forgot", email.clone()),
        ("/v1/email/resend", email.clone()),
        ("/v1/password/reset", json!({ "email": ADA, "code": "123456", "new_password": PASSWORD })),
        ("/v1/email/verify", json!({ "email": ADA, "code": "123456" })),
        ("/v1/email/check", email),
        ("/v1/flows/example", json!({ "callback": "https://app.example.com/signin" })),
    ]
}

#[tokio::test]
async fn seed_a08_a_trusted_program_sends_the_client_ip_of_signed_out_calls() {
    let settings =
        "check_email = true\n[limits]\nsend = \"1/1h\"\ncode = \"1/1h\"\ncheck = \"1/1h\"\nflow = \"1/1h\"";
    for (path, mut body) in signed_out() {
        let t = TestApp::with(settings).await;
        let key = key(&t, Scope::Trusted).await;
        for (ip, spelling) in [("203.0.113.1", "client_ip"), ("203.0.113.2", "clientIp")] {
            body["options"] = json!({ spelling: ip });
            let first = on_behalf(&key, t.post(path, body.clone())).await;
            let is_done = match path {
                "/v1/password/reset" | "/v1/email/verify" => first.json["code"] == "INVALID_CODE",
                // The provider does not exist. The server reports that after it has counted the call.
                "/v1/flows/example" => first.json["code"] == "NOT_FOUND",
                _ => first.status == 200,
            };
            assert!(is_done, "{path}: {}", first.text);
            if !["/v1/email/check", "/v1/flows/example"].contains(&path) {
                assert_eq!(audited(&t).await, ip, "{path}");
            }
            assert_eq!(on_behalf(&key, t.post(path, body.clone())).await.status, 429, "{path}");
        }
    }
}

#[tokio::test]
async fn an_unneeded_service_key_is_neither_a_session_nor_an_error() {
    let t = TestApp::with("check_email = true").await;
    let key = key(&t, Scope::Trusted).await;
    for (path, body) in signed_out() {
        let with = on_behalf(&key, t.post(path, body.clone())).await;
        let without = t.post(path, body).await;
        assert_eq!((with.status, &with.json["code"]), (without.status, &without.json["code"]), "{path}");
    }
    let body = json!({ "phone_number": "+491701234567", "scene": "BIND_PHONE" });
    on_behalf(&key, t.post("/v1/code", body)).await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn seed_a08_signed_out_calls_refuse_a_client_ip_without_a_trusted_key() {
    let t = TestApp::with("check_email = true").await;
    t.signup(ADA, PASSWORD).await;
    let who = t.login(ADA, PASSWORD).await;
    let admin = key(&t, Scope::Admin).await;
    for (path, mut body) in signed_out() {
        body["options"] = json!({ "client_ip": "203.0.113.1" });
        for call in [t.post(path, body.clone()), t.post_as(&who, path, body.clone())] {
            let answer = call.await.refused(400, "INVALID_PARAMETER");
            assert_eq!(answer["field"], "options.client_ip", "{path}");
        }
        t.post(path, body.clone()).header("authorization", &admin).await.refused(403, "FORBIDDEN");
        body["options"] = json!({ "auto_register": true });
        let answer = t.post(path, body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(answer["field"], "options.auto_register", "{path}");
    }
}

#[tokio::test]
async fn seed_a08_seed_a23_a_sign_in_refuses_a_client_ip_without_a_trusted_key() {
    let t = TestApp::with("").await;
    t.signup(ADA, PASSWORD).await;
    let who = t.login(ADA, PASSWORD).await;
    let admin = key(&t, Scope::Admin).await;
    let trusted = key(&t, Scope::Trusted).await;
    let body = |ip: &str| json!({ "email": ADA, "password": PASSWORD, "options": { "client_ip": ip } });
    let field = |answer: Value| assert_eq!(answer["field"], "options.client_ip");
    let ask = |ip: &str| t.post("/v1/login", body(ip)).from("192.0.2.1");
    field(ask("203.0.113.1").await.refused(400, "INVALID_PARAMETER"));
    field(ask("203.0.113.1").bearer(&who["access_token"]).await.refused(400, "INVALID_PARAMETER"));
    field(ask("not an address").header("authorization", &trusted).await.refused(400, "INVALID_PARAMETER"));
    ask("203.0.113.1").header("authorization", &admin).await.refused(403, "FORBIDDEN");
    let bent = format!("{}A", &trusted[..trusted.len() - 1]);
    let bent = if bent == trusted { format!("{}B", &trusted[..trusted.len() - 1]) } else { bent };
    ask("203.0.113.1").header("authorization", &bent).await.refused(401, "SESSION_REQUIRED");
    ask("203.0.113.1").header("authorization", &trusted).await.ok();
}
