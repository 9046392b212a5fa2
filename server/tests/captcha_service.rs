//! Captcha services: the verification request, and how the server treats the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_limits::captcha::Captcha;
use doorward_outbound::HttpClient;
use serde_json::{Value, json};

use crate::support::stand_in::{Said, StandIn, Taken, json as answer};
use crate::support::{Answer, TestApp};

const SECRET: &str = "0xSECRET";

/// A service as documented: it accepts the token `right`, and only once.
fn documented(extra: Value) -> impl Fn(&Taken) -> Said + Send + Sync {
    let used = AtomicBool::new(false);
    move |taken: &Taken| {
        assert_eq!(taken.header("content-type"), "application/x-www-form-urlencoded");
        let say = |success: bool, errors: &[&str]| {
            let mut said = json!({ "success": success, "error-codes": errors });
            if success {
                said["challenge_ts"] = json!("2026-01-01T00:00:00.000Z");
                said["hostname"] = json!("www.example.com");
                said.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            }
            answer(200, said)
        };
        match (taken.form["secret"].as_str(), taken.form["response"].as_str()) {
            (SECRET, "right") if used.swap(true, Ordering::SeqCst) => say(false, &["timeout-or-duplicate"]),
            (SECRET, "right") => say(true, &[]),
            (SECRET, _) => say(false, &["invalid-input-response"]),
            _ => say(false, &["invalid-input-secret"]),
        }
    }
}

async fn guarded(kind: &str, service: &StandIn, more: &str) -> TestApp {
    TestApp::with(&format!(
        "[captcha]\nkind = \"{kind}\"\nafter = 0\nsite_key = \"site\"\nsecret = \"{SECRET}\"\n\
         verify_url = \"{}\"\ntimeout = \"1s\"\n{more}\n",
        service.at("/siteverify")
    ))
    .await
}

async fn login(t: &TestApp, token: &str) -> Answer {
    let call = t.post("/v1/login", json!({ "email": "ada@example.com", "password": "wrong" }));
    call.header("captcha-response", &format!(":{token}")).await
}

/// The captcha was accepted: the call fails because of its password.
#[track_caller]
fn passed(answer: Answer) {
    answer.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn each_service_is_called_as_it_documents_and_its_token_works_once() {
    for (kind, members) in [
        ("turnstile", json!({ "action": "", "cdata": "" })),
        ("hcaptcha", json!({ "credit": false })),
        ("recaptcha", json!({})),
    ] {
        let service = StandIn::start(documented(members)).await;
        let t = guarded(kind, &service, "").await;
        let challenge = t.get("/v1/captcha").await.ok();
        assert_eq!(challenge, json!({ "kind": kind, "site_key": "site" }));
        let settings = t.get("/v1/settings").await.ok();
        assert_eq!((&settings["captcha"], &settings["captcha_site_key"]), (&json!(kind), &json!("site")));
        assert_eq!(login(&t, "wrong").await.challenge(), challenge);
        passed(login(&t, "right").await);
        login(&t, "right").await.challenge();
        assert_eq!(service.lines(), ["POST /siteverify"; 3]);
        assert!(!settings.to_string().contains(SECRET));
    }
}

#[tokio::test]
async fn only_hcaptcha_gets_the_site_key_and_no_service_gets_the_client_ip_by_default() {
    let forms: Arc<std::sync::Mutex<Vec<Taken>>> = Arc::default();
    let kept = forms.clone();
    let service = StandIn::start(move |taken| {
        kept.lock().unwrap().push(taken.clone());
        answer(200, json!({ "success": true, "hostname": "localhost" }))
    })
    .await;
    for (kind, more) in [("turnstile", ""), ("hcaptcha", ""), ("turnstile", "send_address = true")] {
        let t = guarded(kind, &service, more).await;
        passed(login(&t, "a-token%2F%2B%3D").await);
    }
    let forms = forms.lock().unwrap();
    let names = |at: usize| {
        let mut names: Vec<&str> = forms[at].form.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(0), ["response", "secret"]);
    assert_eq!(names(1), ["response", "secret", "sitekey"]);
    // The test has no connection and therefore no client address.
    assert_eq!(names(2), ["response", "secret"]);
    assert_eq!(forms[0].form["response"], "a-token/+=");
}

#[tokio::test]
async fn a_token_works_once_even_if_the_service_accepts_it_twice() {
    let service =
        StandIn::start(|_| answer(200, json!({ "success": true, "hostname": "www.example.com" }))).await;
    let t = guarded("turnstile", &service, "").await;
    passed(login(&t, "right").await);
    login(&t, "right").await.challenge();
    passed(login(&t, "another").await);
}

#[tokio::test]
async fn a_token_from_another_page_for_another_purpose_or_with_a_low_score_is_refused() {
    let of = |said: Value| {
        let said = said.clone();
        StandIn::start(move |_| answer(200, said.clone()))
    };
    let right = json!({ "success": true, "hostname": "www.example.com", "action": "login", "score": 0.5 });
    let hosts = "hostnames = [\"WWW.example.com\"]\naction = \"login\"";
    passed(login(&guarded("recaptcha", &of(right.clone()).await, hosts).await, "t").await);
    for (name, value) in [
        ("hostname", json!("www.example.com.evil.example")),
        ("hostname", json!("example.com")),
        ("hostname", Value::Null),
        ("action", json!("signup")),
        ("action", Value::Null),
        ("score", json!(0.4)),
        ("score", json!("1.0")),
    ] {
        let mut said = right.clone();
        said[name] = value.clone();
        let t = guarded("recaptcha", &of(said).await, hosts).await;
        let refused = login(&t, "t").await;
        assert_eq!(refused.status, 403, "{name} {value}");
    }
    // The score of hCaptcha is a risk score, so a low score is accepted.
    let t = guarded(
        "hcaptcha",
        &of(json!({ "success": true, "hostname": "www.example.com", "score": 0.1 })).await,
        hosts.lines().next().unwrap(),
    )
    .await;
    passed(login(&t, "t").await);
}

#[tokio::test]
async fn by_default_tokens_of_the_cors_origins_and_the_public_url_are_accepted() {
    let service = StandIn::start(|taken| {
        answer(200, json!({ "success": true, "hostname": taken.form["response"].as_str() }))
    })
    .await;
    let t = TestApp::production(&format!(
        "[outbound]\nallow = [\"127.0.0.0/8\"]\n[cors]\norigins = [\"https://www.example.com\"]\n[captcha]\nkind = \"turnstile\"\nafter = 0\n\
         site_key = \"site\"\nsecret = \"{SECRET}\"\nverify_url = \"{}\"\n",
        service.at("/siteverify")
    ))
    .await;
    passed(login(&t, "www.example.com").await);
    passed(login(&t, "auth.example.com").await);
    login(&t, "evil.example").await.challenge();
}

#[tokio::test]
async fn an_invalid_answer_of_the_service_refuses_or_passes_as_on_failure_says() {
    let hostile: [fn(&Taken) -> Said; 8] = [
        |_| (500, "oops".into()),
        |_| (200, "<html>".into()),
        |_| (200, "true".into()),
        |_| answer(200, json!({ "success": "true" })),
        |_| answer(302, json!({ "success": true })),
        |_| answer(500, json!({ "success": true, "hostname": "www.example.com" })),
        |_| answer(200, json!({ "success": false, "error-codes": ["invalid-input-secret"] })),
        |_| (200, format!("{{\"success\":true,\"hostname\":\"{}\"}}", "a".repeat(1 << 20))),
    ];
    for (at, said) in hostile.into_iter().enumerate() {
        let service = StandIn::start(said).await;
        let t = guarded("turnstile", &service, "").await;
        let problem = login(&t, "t").await.refused(503, "OVERLOADED");
        assert_eq!(problem["retry_after"], 1, "{at}");
        assert!(!problem.to_string().contains("oops"));
        let t = guarded("turnstile", &service, "on_failure = \"go_on\"").await;
        passed(login(&t, "t").await);
        assert_eq!(login(&t, "").await.status, 403, "without a token the service is not asked");
    }
}

#[tokio::test]
async fn sec_r01_a_4xx_answer_of_the_service_never_lets_a_call_pass() {
    let hostile: [fn(&Taken) -> Said; 4] = [
        |_| (403, "<html>".into()),
        |_| (413, String::new()),
        |_| answer(400, json!({ "success": true, "hostname": "www.example.com" })),
        |_| (429, "{}".into()),
    ];
    for said in hostile {
        let service = StandIn::start(said).await;
        for more in ["", "on_failure = \"go_on\""] {
            login(&guarded("turnstile", &service, more).await, "t").await.challenge();
        }
    }
}

#[tokio::test]
async fn text_that_cannot_be_a_token_is_not_sent_to_the_service() {
    let service =
        StandIn::start(|_| answer(200, json!({ "success": true, "hostname": "www.example.com" }))).await;
    let odd = ["%3Cscript%3E", "a%20b", "%00", "%C3%BC", "'or'1", "a%0D%0Ab", &"a".repeat(2049)];
    let t = guarded("turnstile", &service, "on_failure = \"go_on\"").await;
    for token in odd {
        login(&t, token).await.challenge();
    }
    assert!(service.lines().is_empty());
    passed(login(&t, &"a".repeat(2048)).await);
    passed(login(&guarded("hcaptcha", &service, "").await, &"b".repeat(2049)).await);
}

#[tokio::test]
async fn a_silent_or_missing_service_delays_a_call_by_the_timeout_at_most() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/", listener.local_addr().unwrap());
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    for url in [silent, gone] {
        let t = TestApp::with(&format!(
            "[captcha]\nkind = \"hcaptcha\"\nafter = 0\nsite_key = \"site\"\nsecret = \"{SECRET}\"\n\
             verify_url = \"{url}\"\ntimeout = \"1s\"\n"
        ))
        .await;
        login(&t, "t").await.refused(503, "OVERLOADED");
    }
}

#[tokio::test]
async fn invalid_captcha_settings_are_refused_with_their_name() {
    for (text, key) in [
        ("kind = \"turnstile\"", "captcha.site_key"),
        ("kind = \"turnstile\"\nsite_key = \"a\"", "captcha.secret"),
        ("kind = \"hcaptcha\"\nsite_key = \"a\"\nsecret = \"b\"\nverify_url = \"x\"", "captcha.verify_url"),
        (
            "kind = \"hcaptcha\"\nsite_key = \"a\"\nsecret = \"b\"\nverify_url = \"http://evil.example/\"",
            "captcha.verify_url: must be https",
        ),
        (
            "kind = \"hcaptcha\"\nsite_key = \"a\"\nsecret = \"b\"\nverify_url = \"https://10.0.0.1/\"",
            "captcha.verify_url: leads to a private address",
        ),
        ("difficulty = 0", "captcha.difficulty"),
        ("difficulty = 200001", "captcha.difficulty"),
        ("least_score = 101", "captcha.least_score"),
        ("timeout = \"0s\"", "captcha.timeout"),
    ] {
        let mut layers = doorward_config::Layers::default();
        let settings = format!("public_url = \"https://auth.example.com\"\n[captcha]\n{text}\n");
        layers.toml(&settings, "the test").unwrap();
        let refused = doorward_config::Config::load(&layers, false)
            .and_then(|(config, _)| {
                let http = HttpClient::new(&config.outbound, false).unwrap();
                Captcha::open(&config, &http, false)
            })
            .unwrap_err();
        assert!(refused.to_string().starts_with(key), "{refused}");
    }
}
