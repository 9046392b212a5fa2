//! The server's own captcha: its challenges, which solutions are valid, and how often.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::limit_routes::{World, limited, method_of};
use crate::support::captcha::{ALWAYS, work};
use crate::support::stand_in::{StandIn, Taken, json as answer};
use crate::support::{Call, MINUTE, SECOND, TestApp};

const PICTURE: &str = "[captcha]\nkind = \"picture\"\nafter = 0\n";

fn login(t: &TestApp) -> Call {
    t.post("/v1/login", json!({ "email": "ada@example.com", "password": "correct horse" }))
}

fn signup(t: &TestApp) -> Call {
    t.post("/v1/signup", json!({ "email": "ada@example.com", "password": "correct horse" }))
}

fn with(call: Call, solution: &str) -> Call {
    call.header("captcha-response", solution)
}

/// A server with one account, where every limited call requires a proof of work.
async fn guarded() -> TestApp {
    let t = TestApp::with(ALWAYS).await;
    let solution = work(&signup(&t).await.challenge());
    with(signup(&t), &solution).await.ok();
    t
}

#[tokio::test]
async fn seed_a22_a_sign_in_by_any_name_takes_the_solution_of_a_captcha() {
    let t = guarded().await;
    for name in ["email", "username", "phone_number"] {
        let value = if name == "phone_number" { "+491701234567" } else { "ada@example.com" };
        let value = if name == "username" { "ada" } else { value };
        let login = || t.post("/v1/login", json!({ name: value, "password": "wrong" }));
        let solution = work(&login().await.challenge());
        with(login(), &solution).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
}

#[tokio::test]
async fn seed_a24_a_required_captcha_is_reported_with_business_code_2000() {
    let t = guarded().await;
    let problem = login(&t).await.refused(403, "CAPTCHA_REQUIRED");
    assert_eq!(problem["business_code"], 2000);
    assert_eq!(problem["captcha"]["kind"], "proof_of_work");
    assert_eq!((&problem["captcha"]["puzzles"], &problem["captcha"]["difficulty"]), (&json!(16), &json!(20)));
    assert_eq!(t.audited("sign_in_failed").await, 0, "no password was checked");
}

#[tokio::test]
async fn seed_a24_without_failures_no_captcha_is_required() {
    let t = TestApp::new().await;
    t.somebody().await;
}

#[tokio::test]
async fn seed_a25_a_right_solution_lets_the_call_through_once() {
    let t = guarded().await;
    let solution = work(&login(&t).await.challenge());
    with(login(&t), &solution).await.ok();
    let again = with(login(&t), &solution).await.challenge();
    with(login(&t), &work(&again)).await.ok();
    let other = t.node().await;
    with(login(&other), &solution).await.challenge();
}

#[tokio::test]
async fn seed_a25_one_solution_lets_one_of_many_calls_through() {
    let t = guarded().await;
    let solution = work(&login(&t).await.challenge());
    let other = t.node().await;
    let calls = (0..20).map(|at| with(login(if at % 2 == 0 { &t } else { &other }), &solution));
    let answers = futures_util::future::join_all(calls.map(IntoFuture::into_future)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 403).count(), 19);
}

#[tokio::test]
async fn seed_a25_a_solution_is_good_on_another_node_and_for_five_minutes() {
    let t = guarded().await;
    let other = t.node().await;
    let [first, second] = [work(&login(&t).await.challenge()), work(&login(&t).await.challenge())];
    t.advance(5 * MINUTE - SECOND);
    with(login(&other), &first).await.ok();
    t.advance(SECOND);
    with(login(&other), &second).await.challenge();
}

#[tokio::test]
async fn seed_a26_a_captcha_can_be_asked_for_before_it_is_needed() {
    let t = guarded().await;
    let challenge = t.get("/v1/captcha").await.ok();
    with(login(&t), &work(&challenge)).await.ok();
    assert_ne!(t.get("/v1/captcha").await.ok()["id"], challenge["id"]);
    let answer = t.get("/v1/captcha").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(t.get("/v1/settings").await.ok()["captcha"], "proof_of_work");
    let none = TestApp::with("[captcha]\nkind = \"none\"\nafter = 0").await;
    none.get("/v1/captcha").await.refused(404, "NOT_FOUND");
    assert_eq!(none.get("/v1/settings").await.ok()["captcha"], "none");
    none.somebody().await;
}

#[tokio::test]
async fn the_number_of_captchas_per_source_is_limited_without_a_captcha() {
    let t = TestApp::with(&format!("[limits]\nflow = \"3/1m\"\n{PICTURE}")).await;
    for _ in 0..3 {
        t.get("/v1/captcha").await.ok();
    }
    assert_eq!(t.get("/v1/captcha").await.refused(429, "REQUEST_EXCEED")["retry_after"], 60);
    t.advance(MINUTE);
    t.get("/v1/captcha").await.ok();
}

#[tokio::test]
async fn a_solution_of_another_server_or_kind_is_refused() {
    let (t, stranger) = (guarded().await, TestApp::production(ALWAYS).await);
    let solution = work(&stranger.get("/v1/captcha").await.ok());
    with(login(&t), &solution).await.challenge();
    with(login(&stranger), &solution).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let t = t.restart_with(PICTURE).await;
    with(login(&t), &solution).await.challenge();
}

#[tokio::test]
async fn an_invalid_captcha_header_counts_as_a_missing_one() {
    let t = guarded().await;
    let right = work(&login(&t).await.challenge());
    let (id, code) = right.split_once(':').unwrap();
    for header in [
        "",
        ":",
        "::::",
        id,
        &format!("{id}:"),
        &format!(":{code}"),
        &format!("{id}:{}", "0.".repeat(15)),
        &format!("{id}:{}0", "0.".repeat(15)),
        &format!("{id}:{code}.0"),
        &format!("%ff:{code}"),
        &format!("{id}%00:{code}"),
        &"A".repeat(8000),
        &format!("{}:{}", "A".repeat(64), "9".repeat(8000)),
    ] {
        with(login(&t), header).await.challenge();
    }
    with(login(&t), &right).await.ok();
}

#[tokio::test]
async fn an_invalid_request_does_not_use_up_a_solution() {
    let t = guarded().await;
    let solution = work(&login(&t).await.challenge());
    with(t.post("/v1/login", json!({ "email": "no address", "password": "x" })), &solution)
        .await
        .refused(400, "INVALID_PARAMETER");
    with(login(&t), &solution).await.ok();
}

/// A call is limited if it costs something or allows guessing. A new call of this kind must be added to
/// `limited`, which this test walks.
#[tokio::test]
async fn every_limited_call_can_require_a_captcha() {
    let t = TestApp::with(&format!("{ALWAYS}[compat]\nauth_v1 = true\n")).await;
    with(signup(&t), &work(&signup(&t).await.challenge())).await.ok();
    let ada = with(login(&t), &work(&login(&t).await.challenge())).await.ok();
    let world = World { t, ada };
    for (at, (template, body)) in limited().into_iter().enumerate() {
        let path = template.replace("{provider}", "example");
        let ip = format!("198.51.100.{at}");
        let ask = async || world.ask(method_of(template), template, &path, &body, &ip).await;
        let answer = ask().await;
        match template {
            // `/v1/captcha` itself requires no captcha.
            "/v1/captcha" => drop(answer.ok()),
            // Hosted pages have no script that could solve a captcha, so the server requires a pause between
            // two forms.
            "/account/verify" | "/account/reset" => {
                assert!([303, 400].contains(&answer.status), "{template}: {}", answer.text);
                assert_eq!(ask().await.status, 429, "{template}");
            }
            _ if template.starts_with("/api/v1/auth/") => {
                let error = &answer.json["error"];
                assert_eq!((answer.status, &error["code"]), (403, &json!("CAPTCHA_REQUIRED")), "{template}");
                assert_eq!(error["captcha"]["kind"], "proof_of_work", "{template}");
            }
            _ => {
                assert_eq!(answer.json["code"], "CAPTCHA_REQUIRED", "{template}: {}", answer.text);
                answer.challenge();
            }
        }
    }
}

#[tokio::test]
async fn seed_a26_a_picture_is_a_png_and_its_bytes_do_not_contain_the_text() {
    let t = TestApp::with(PICTURE).await;
    let challenge = t.get("/v1/captcha").await.ok();
    let png = challenge["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let png = STANDARD.decode(png).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert!(png.len() < 12_000, "{}", png.len());
    if let Ok(path) = std::env::var("DOORWARD_TEST_PICTURE") {
        std::fs::write(path, &png).unwrap();
    }
    let code = t.read_picture(&challenge);
    assert_eq!(code.len(), 5);
    let id = URL_SAFE_NO_PAD.decode(challenge["id"].as_str().unwrap()).unwrap();
    for hidden in [&id, &png] {
        assert!(!hidden.windows(5).any(|bytes| bytes.eq_ignore_ascii_case(code.as_bytes())));
    }
}

#[tokio::test]
async fn seed_a25_the_text_of_a_picture_is_accepted_in_lower_case_once() {
    let t = TestApp::with(PICTURE).await;
    let solution = |challenge: &Value, change: fn(String) -> String| {
        format!("{}:{}", challenge["id"].as_str().unwrap(), change(t.read_picture(challenge)))
    };
    let shown = signup(&t).await.challenge();
    let right = solution(&shown, |code| code.to_lowercase());
    with(signup(&t), &right).await.ok();
    let shown = with(login(&t), &right).await.challenge();
    with(login(&t), &solution(&shown, |code| format!("%20{code}%20"))).await.ok();
}

#[tokio::test]
async fn seed_a25_a_picture_allows_one_try_within_five_minutes() {
    let t = TestApp::with(PICTURE).await;
    let shown = signup(&t).await.challenge();
    let (id, code) = (shown["id"].as_str().unwrap(), t.read_picture(&shown));
    let next = with(signup(&t), &format!("{id}:AAAAA")).await.challenge();
    with(signup(&t), &format!("{id}:{code}")).await.challenge();
    assert_ne!(next["id"], shown["id"]);
    let code = t.read_picture(&next);
    t.advance(5 * MINUTE);
    with(signup(&t), &format!("{}:{code}", next["id"].as_str().unwrap())).await.challenge();
    for id in ["", "AAAA", &"A".repeat(5000), "!!"] {
        with(signup(&t), &format!("{id}:AAAAA")).await.challenge();
    }
}

#[tokio::test]
async fn used_solutions_are_pruned_after_they_have_expired() {
    let t = guarded().await;
    assert_eq!(t.sql("select count(*) from proofs").await, "1");
    t.advance(10 * MINUTE);
    doorward_accounts::pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(t.sql("select count(*) from proofs").await, "0");
}

/// Sends the example requests of docs/captcha.md with a real solution in place of the placeholder.
#[tokio::test]
async fn the_example_requests_in_docs_captcha_md_are_accepted() {
    let page = include_str!("../../docs/captcha.md");
    let examples: Vec<&str> =
        page.split("\n```http\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    let [of_work, of_picture, of_service] = examples[..] else { panic!("{examples:?}") };
    let request = |t: &TestApp, example: &str, placeholder: &str, solution: &str| {
        let header = format!("Captcha-Response: {placeholder}");
        let filled = example.replace(&format!("{header}\n"), &format!("Captcha-Response: {solution}\n"));
        assert_ne!(filled, example, "{header}");
        let (head, body) = filled.trim_end().split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
        let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        let [("Content-Type", kind), ("Captcha-Response", solution)] = headers[..] else { panic!("{head}") };
        with(t.send(method.parse().unwrap(), path, kind, body.to_owned()), solution)
    };
    let t = guarded().await;
    let solution = work(&login(&t).await.challenge());
    request(&t, of_work, "ID:NUMBER.NUMBER.NUMBER…", &solution).await.ok();

    let t = t.restart_with(PICTURE).await;
    let shown = login(&t).await.challenge();
    let solution = format!("{}:{}", shown["id"].as_str().unwrap(), t.read_picture(&shown));
    request(&t, of_picture, "ID:TEXT", &solution).await.ok();

    let service = StandIn::start(|_: &Taken| {
        answer(200, json!({ "success": true, "error-codes": [], "hostname": "localhost" }))
    })
    .await;
    for kind in ["turnstile", "hcaptcha", "recaptcha"] {
        let settings = format!(
            "[captcha]\nkind = \"{kind}\"\nafter = 0\nsite_key = \"site\"\nsecret = \"0xSECRET\"\nverify_url = \"{}\"\n",
            service.at("/siteverify")
        );
        let t = TestApp::with(&settings).await;
        let call = request(&t, of_service, ":TOKEN", ":the-token");
        call.await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
}
