//! Refusal of new passwords that are easy to guess (SECURITY P02), and of addresses of domains that may not sign up.

use std::sync::{Arc, Mutex};

use axum::http::Method;
use doorward_accounts::admin::{By, Operator};
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use serde_json::{Value, json};

use crate::post;
use crate::support::binary::{Server, doorward, run};
use crate::support::browser::Browser;
use crate::support::issuer::Issuer;
use crate::support::stand_in::StandIn;
use crate::support::{Answer, TestApp};

const ADA: &str = "ada@example.com";
const COMMON: &str = "[password]\nblocked = \"common\"\n[mail]\nproduct = \"Acme Cloud\"\n";

async fn signup(t: &TestApp, email: &str, password: &str) -> Answer {
    t.post("/v1/signup", json!({ "email": email, "password": password })).await
}

#[track_caller]
fn rejected(said: Answer, field: &str) -> Value {
    let said = said.refused(400, "PASSWORD_REJECTED");
    assert_eq!(said["field"], field);
    said
}

#[tokio::test]
async fn sec_p02_password_screening_is_off_until_the_operator_turns_it_on() {
    let t = TestApp::new().await;
    signup(&t, ADA, "123456").await.ok();
}

#[tokio::test]
async fn sec_p02_a_common_password_is_refused_at_a_signup_a_first_login_a_change_and_a_reset() {
    let t = TestApp::with(&format!("{COMMON}[auto_register]\npassword = true\n")).await;
    for password in ["123456", "PassWord", "qwerty", "1q2w3e4r"] {
        rejected(signup(&t, ADA, password).await, "password");
    }
    assert_eq!(t.sql("select count(*) from accounts").await, "0");
    let begin = json!({ "email": ADA, "password": "iloveyou", "options": { "auto_register": true } });
    rejected(t.post("/v1/login", begin).await, "password");
    t.post("/v1/code", json!({ "email": ADA, "scene": "LOGIN" })).await.ok();
    let code = post::newest(&t, ADA).await.code;
    let by_code = |password: &str| json!({ "email": ADA, "code": code, "password": password });
    rejected(t.post("/v1/signup/code", by_code("sunshine")).await, "password");
    t.post("/v1/signup/code", by_code("correct horse")).await.ok();

    let who = t.login(ADA, "correct horse").await;
    let update = |new: &str| json!({ "old_password": "correct horse", "new_password": new });
    let update = |new: &str| t.post("/v1/password", update(new)).bearer(&who["access_token"]);
    rejected(update("trustno1").await, "new_password");
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let mail = post::newest(&t, ADA).await;
    let reset =
        |new: &str| t.post("/v1/password/reset", json!({ "token": mail.token(), "new_password": new }));
    rejected(reset("football").await, "new_password");
    reset("battery staple").await.ok();
}

#[tokio::test]
async fn sec_p02_a_common_password_is_refused_from_providers_hosted_pages_and_operators() {
    let op = Issuer::start().await;
    op.person("ada", json!({ "name": "Ada" }));
    let t = TestApp::with(&format!("{COMMON}[admin]\npublic = true\n{}", op.settings("acme"))).await;
    let browser = Browser::new(&t);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let more = json!({ "email": ADA, "password": "sunshine" });
    rejected(browser.register("acme", &offered, more).await, "password");
    assert_eq!(t.sql("select count(*) from accounts").await, "0");

    signup(&t, ADA, "correct horse").await.ok();
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let form = format!("token={}&new_password=football", post::newest(&t, ADA).await.token());
    let page = t.send(Method::POST, "/account/reset", "application/x-www-form-urlencoded", form).await;
    assert!(page.status == 400 && page.text.contains("too easy to guess"), "{}", page.text);
    t.login(ADA, "correct horse").await;

    let Platform { store, world, config, .. } = &*t.app.platform;
    let operator = Operator::new(store, world, config, By::CommandLine, Caller::default());
    let (key, _) = operator.create_key("test", Scopes::new(&[Scope::Admin])).await.unwrap();
    let key = format!("Bearer {}", key.write().expose());
    let new = json!({ "email": "bob@example.com", "password": "iloveyou" });
    rejected(t.post("/v1/admin/users", new).header("authorization", &key).await, "password");
    let id = t.sql("select id from accounts").await;
    let set = t.post(&format!("/v1/admin/users/{id}/password"), json!({ "new_password": "trustno1" }));
    rejected(set.header("authorization", &key).await, "new_password");
    t.login(ADA, "correct horse").await;
}

#[tokio::test]
async fn sec_p02_a_password_made_of_the_users_or_the_products_name_is_refused() {
    let t = TestApp::with(COMMON).await;
    let email = "ada.lovelace@analytical.example";
    for password in ["acmecloud", "Acme2026", "lovelace1", "Ada.Lovelace", "analytical!", "localhost1"] {
        rejected(signup(&t, email, password).await, "password");
    }
    let named = json!({ "username": "enchantress", "password": "enchantress7" });
    rejected(t.post("/v1/signup", named).await, "password");
    let named = json!({ "email": email, "password": "BabbageByron", "name": "Byron", "nickname": "Babbage" });
    rejected(t.post("/v1/signup", named).await, "password");
    signup(&t, email, "lovelace and babbage").await.ok();

    let who = t.login(email, "lovelace and babbage").await;
    let update = json!({ "old_password": "lovelace and babbage", "new_password": "adalovelace" });
    rejected(t.post("/v1/password", update).bearer(&who["access_token"]).await, "new_password");
    t.post("/v1/password/forgot", json!({ "email": email })).await.ok();
    let code = post::newest(&t, email).await.code;
    let reset = json!({ "email": email, "code": code, "new_password": "lovelace99" });
    rejected(t.post("/v1/password/reset", reset).await, "new_password");
}

#[tokio::test]
async fn sec_p02_a_reset_is_answered_alike_with_and_without_an_account() {
    let t = TestApp::with(COMMON).await;
    signup(&t, ADA, "correct horse").await.ok();
    for password in ["adaexample", "football", "adabyron"] {
        let ask = |email: &str| json!({ "email": email, "code": "000000", "new_password": password });
        let one = t.post("/v1/password/reset", ask(ADA)).await;
        let other = t.post("/v1/password/reset", ask("eve@example.com")).await;
        assert_eq!(
            one.json["code"],
            if password == "adabyron" { "INVALID_CODE" } else { "PASSWORD_REJECTED" }
        );
        assert_eq!((one.status, &one.json["code"]), (other.status, &other.json["code"]));
    }
}

#[tokio::test]
async fn the_operators_own_list_replaces_the_built_in_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter22\nSommer2026\n").unwrap();
    let t = TestApp::with(&format!("[password]\nblocked = {:?}\n", file.path().to_str().unwrap())).await;
    rejected(signup(&t, ADA, "sommer2026").await, "password");
    signup(&t, ADA, "123456").await.ok();
}

#[tokio::test]
async fn sec_p02_a_filter_of_stolen_passwords_works_offline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stolen");
    doorward_accounts::screening::make_filter("correct horse battery staple\n".as_bytes(), &path).unwrap();
    let t = TestApp::with(&format!("[password]\nbreach_filter = {:?}\n", path.to_str().unwrap())).await;
    let said = rejected(signup(&t, ADA, "correct horse battery staple").await, "password");
    assert_eq!(said["detail"], "This password is on a list of stolen ones. Please choose another.");
    signup(&t, ADA, "Correct horse battery staple").await.ok();
}

#[tokio::test]
async fn sec_p02_a_breach_service_gets_five_hash_digits_and_is_skipped_when_down() {
    // Only the first five digits of the SHA-1 of "correct horse" are sent to the service.
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::new(Mutex::new(String::new()));
    let (status, seen, said) = (Arc::new(Mutex::new(200)), asked.clone(), lines.clone());
    let answers = status.clone();
    let service = StandIn::start(move |taken| {
        assert_eq!((taken.header("add-padding"), taken.form.len()), ("true", 0));
        seen.lock().unwrap().push(taken.line.clone());
        (*answers.lock().unwrap(), said.lock().unwrap().clone())
    })
    .await;
    let t = TestApp::with(&format!("[password]\nbreach_service = \"{}\"\n", service.at("/range/"))).await;
    signup(&t, "eve@example.com", "correct horse").await.ok();
    let digits = asked.lock().unwrap()[0].strip_prefix("GET /range/").unwrap().to_owned();
    assert!(digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digits}");

    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, b"correct horse");
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(hex.starts_with(&digits));
    *lines.lock().unwrap() = format!("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n{}:0\r\n", &hex[5..]);
    signup(&t, ADA, "correct horse").await.ok();
    *lines.lock().unwrap() = format!("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n{}:3\r\n", &hex[5..]);
    rejected(signup(&t, "bob@example.com", "correct horse").await, "password");
    *status.lock().unwrap() = 500;
    signup(&t, "bob@example.com", "correct horse").await.ok();
}

#[tokio::test]
async fn only_listed_domains_may_sign_up_and_their_accounts_get_no_other_address() {
    let t = TestApp::with("[signup]\ndomains = [\"Example.com\", \"bücher.example\"]\n[auto_register]\npassword = true\nemail_code = true").await;
    let refused = |said: Answer| assert_eq!(said.refused(403, "FORBIDDEN")["field"], "email");
    signup(&t, "ADA@EXAMPLE.com", "correct horse").await.ok();
    signup(&t, "ada@xn--bcher-kva.example", "correct horse").await.ok();
    for email in ["eve@other.example", "eve@sub.example.com", "eve@example.com.evil.example"] {
        refused(signup(&t, email, "correct horse").await);
    }
    let begin = json!({ "email": "eve@other.example", "password": "correct horse", "options": { "auto_register": true } });
    refused(t.post("/v1/login", begin).await);
    let eve = "eve@other.example";
    t.post("/v1/code", json!({ "email": eve, "scene": "LOGIN" })).await.ok();
    let code = post::newest(&t, eve).await.code;
    refused(t.post("/v1/login/code", json!({ "email": eve, "code": code })).await);
    refused(t.post("/v1/signup/code", json!({ "email": eve, "code": code })).await);

    let who = t.login(ADA, "correct horse").await;
    t.post("/v1/code", json!({ "email": eve, "scene": "CHANGE_EMAIL" }))
        .bearer(&who["access_token"])
        .await
        .ok();
    let code = post::newest(&t, eve).await.code;
    let change = json!({ "email": eve, "email_code": code });
    refused(t.post("/v1/email/change", change.clone()).bearer(&who["access_token"]).await);
    let device = t.device("a device of Ada's, with a long id").await;
    refused(t.post("/v1/email/bind", change).bearer(&device["access_token"]).await);
    let named = json!({ "username": "no_address", "password": "correct horse" });
    t.post("/v1/signup", named).await.ok();
}

#[tokio::test]
async fn a_blocked_domain_also_blocks_its_subdomains() {
    let t = TestApp::with("[signup]\nblocked_domains = [\"mailinator.example\"]").await;
    for email in ["eve@mailinator.example", "eve@a.b.MAILINATOR.example"] {
        assert_eq!(signup(&t, email, "correct horse").await.refused(403, "FORBIDDEN")["field"], "email");
    }
    signup(&t, "eve@notmailinator.example", "correct horse").await.ok();
    // Existing accounts of a blocked domain can still sign in.
    let t = t.restart_with("[signup]\nblocked_domains = [\"notmailinator.example\"]").await;
    t.login("eve@notmailinator.example", "correct horse").await;
}

#[test]
fn sec_p02_the_command_line_makes_a_filter_and_refuses_invalid_lists() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("list"), "correct horse battery staple\r\npassword\n").unwrap();
    let said = doorward(folder.path()).args(["passwords", "filter", "list", "stolen"]).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8_lossy(&said.stdout), "2 passwords in stolen\n");
    assert_eq!(std::fs::metadata(file("stolen")).unwrap().len(), 8 + 2 * 6);
    let missing = doorward(folder.path()).args(["passwords", "filter", "nowhere", "other"]).output().unwrap();
    assert!(!missing.status.success() && !file("other").exists());

    // A path in a settings file is relative to the folder of that file.
    std::fs::create_dir(file("etc")).unwrap();
    let check = |text: &str| {
        std::fs::write(file("etc/doorward.toml"), text).unwrap();
        let arguments = ["config", "check", "--dev", "--config", "etc/doorward.toml"];
        let said = doorward(folder.path()).args(arguments).output().unwrap();
        (said.status.success(), String::from_utf8_lossy(&said.stderr).into_owned())
    };
    let right = "[password]\nblocked = \"../list\"\nbreach_filter = \"../stolen\"\n";
    assert!(check(right).0, "{}", check(right).1);
    for (text, why) in [
        ("breach_filter = \"../list\"", "password.breach_filter: "),
        ("blocked = \"list\"", "password.blocked: "),
        (
            "breach_service = \"https://pwned.example.com/range\"",
            "password.breach_service: must be an https address",
        ),
        ("breach_service = \"https://10.1.2.3/range/\"", "password.breach_service: "),
    ] {
        let (works, said) = check(&format!("[password]\n{text}\n"));
        assert!(!works && said.contains(why), "{text}: {said}");
    }
}

#[test]
fn sec_p02_a_common_password_is_refused_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start(folder.path());
    std::fs::write(folder.path().join("cheap.toml"), "[password]\nblocked = \"common\"\n").unwrap();
    let said = run(folder.path(), &["user", "create", "--email", ADA, "--password"], "iloveyou\n");
    assert!(said.refused().contains("too easy to guess"), "{}", said.stderr);
}

#[test]
fn allowed_domains_without_confirmation_cause_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    for (text, warned) in [
        ("domains = [\"corp.example\"]", true),
        ("domains = [\"corp.example\"]\nconfirmation = \"required\"", false),
        ("blocked_domains = [\"corp.example\"]", false),
    ] {
        std::fs::write(folder.path().join("doorward.toml"), format!("[signup]\n{text}\n")).unwrap();
        let arguments = ["config", "check", "--dev", "--config", "doorward.toml"];
        let said = doorward(folder.path()).args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&said.stdout).contains("warning: signup.domains ");
        assert_eq!((said.status.success(), told), (true, warned), "{text}");
    }
}
