//! Addresses with internationalised domains are compared, stored and used for sending in ASCII (IDNA, UTS
//! #46), and shown in Unicode.

use axum::http::Method;
use doorward_accounts::admin::{By, Operator};
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use serde_json::{Value, json};

use crate::post;
use crate::post::sink::Sink;
use crate::support::binary::{Server, run};
use crate::support::browser::Browser;
use crate::support::hooks::{Hooked, tell};
use crate::support::issuer::Issuer;
use crate::support::{SECOND, TestApp};

const TYPED: &str = "joerg@müller.example";
const ASCII: &str = "joerg@xn--mller-kva.example";
const PASSWORD: &str = "correct horse";

/// Spellings of one address by people and browsers.
const SPELLINGS: [&str; 8] = [
    TYPED,
    ASCII,
    "Joerg@MÜLLER.example",
    "joerg@mu\u{308}ller.example",
    "JOERG@XN--MLLER-KVA.EXAMPLE",
    "joerg@müller。example",
    "joerg@ｍüller.example",
    "\u{a0}\u{3000}joerg@müller.example\u{2003}\n",
];

#[tokio::test]
async fn all_spellings_of_a_domain_lead_to_one_account() {
    let t = TestApp::new().await;
    let signup = |email: &str| t.post("/v1/signup", json!({ "email": email, "password": PASSWORD }));
    let user = signup(TYPED).await.ok()["user"].clone();
    assert_eq!(user["email"], TYPED, "the address is shown as it was typed");
    for email in SPELLINGS {
        assert_eq!(signup(email).await.refused(409, "EXISTS")["field"], "email", "{email:?}");
        let who = t.login(email, PASSWORD).await;
        assert_eq!((&who["user"]["user_id"], &who["user"]["email"]), (&user["user_id"], &json!(TYPED)));
        let status = t.post("/v1/email/check", json!({ "email": email })).await.ok();
        assert_eq!(status["data"], json!({ "email": TYPED, "registered": true, "id": TYPED }), "{email:?}");
    }
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
    assert_eq!(t.sql("select value from identities where kind = 'email'").await, ASCII);
    let free = t.post("/v1/email/check", json!({ "email": "joerg@muller.example" })).await.ok();
    assert_eq!(free["data"]["registered"], false);
}

#[tokio::test]
async fn a_repeated_signup_answers_the_same_account() {
    let t = TestApp::new().await;
    let key = "0199aaaa-0000-7000-8000-000000000001";
    let body = json!({ "email": TYPED, "password": PASSWORD });
    let first = t.post("/v1/signup", body.clone()).header("idempotency-key", key).await.ok();
    let again = t.post("/v1/signup", body).header("idempotency-key", key).await.ok();
    assert_eq!(first["user"]["email"], TYPED);
    assert_eq!(first["user"], again["user"]);
}

#[tokio::test]
async fn an_invalid_domain_is_refused_with_its_field() {
    let t = TestApp::new().await;
    for email in [
        "joerg@müller",
        "joerg@-müller.example",
        "joerg@mül ler.example",
        "joerg@mül\u{200b}.\u{ad}.example",
        "joerg@xn--a.example",
        "joerg@\u{202e}müller.example",
        "joerg@müller..example",
        "jörg@müller.example",
        "joerg@müller.example, eve@evil.example",
        "joerg@müller.example\u{0}",
        "joerg@☃\u{1f}.example",
        &format!("joerg@{}.example", "ü".repeat(64)),
    ] {
        for path in ["/v1/signup", "/v1/login"] {
            let said = t.post(path, json!({ "email": email, "password": PASSWORD })).await;
            assert_eq!(said.refused(400, "INVALID_PARAMETER")["field"], "email", "{email:?}");
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("action", "send")
            .append_pair("email", email)
            .finish();
        let page = t.send(Method::POST, "/account/reset", "application/x-www-form-urlencoded", form).await;
        assert_eq!(page.status, 400, "{email:?}");
    }
}

#[tokio::test]
async fn codes_and_links_for_one_spelling_work_with_the_other() {
    let t = TestApp::new().await;
    t.signup(TYPED, PASSWORD).await;
    let mail = post::newest(&t, ASCII).await;
    assert_eq!(post::newest(&t, TYPED).await.code, mail.code, "the mailbox finds both spellings");
    assert!(mail.text.contains(TYPED) && !mail.text.contains(ASCII), "{}", mail.text);
    let verify = json!({ "email": ASCII, "code": mail.code, "password": PASSWORD });
    assert_eq!(t.post("/v1/email/verify", verify).await.ok()["email"], TYPED);
    t.post("/v1/password/forgot", json!({ "email": TYPED })).await.ok();
    let code = post::newest(&t, ASCII).await.code;
    let reset = json!({ "email": ASCII, "code": code, "new_password": "battery staple" });
    t.post("/v1/password/reset", reset).await.ok();
    t.post("/v1/code", json!({ "email": ASCII, "scene": "LOGIN" })).await.ok();
    let code = post::newest(&t, ASCII).await.code;
    t.post("/v1/login/code", json!({ "email": TYPED, "code": code })).await.ok();
    let sent = t.post("/v1/email/resend", json!({ "email": ASCII })).await.ok();
    assert_eq!(sent["email"], TYPED);
    t.advance(60 * SECOND);
    let form = "action=send&email=joerg%40m%C3%BCller.example";
    let page = t.send(Method::POST, "/account/reset", "application/x-www-form-urlencoded", form).await;
    assert_eq!(page.header("location"), "/account/reset?sent");
    let code = post::newest(&t, ASCII).await.code;
    let form = format!("email=joerg%40m%C3%BCller.example&code={code}&new_password=correct+horse+2");
    let page = t.send(Method::POST, "/account/reset", "application/x-www-form-urlencoded", form).await;
    assert_eq!(page.header("location"), "/account/reset/done", "{}", page.text);
    t.login(TYPED, "correct horse 2").await;
}

#[tokio::test]
async fn an_account_can_bind_and_change_an_internationalised_address() {
    let t = TestApp::new().await;
    let who = t.device("a device with an id").await;
    let code = t.code_as(&who, TYPED, "CHANGE_EMAIL").await;
    let bind = json!({ "email": ASCII, "email_code": code });
    assert_eq!(t.post_as(&who, "/v1/email/bind", bind).await.ok()["email"], TYPED);
    t.advance(60 * SECOND);
    let new = t.code_as(&who, "ada@bücher.example", "CHANGE_EMAIL").await;
    let old = t.code_as(&who, TYPED, "CHANGE_EMAIL").await;
    let change = json!({
        "email": "ada@xn--bcher-kva.example", "email_code": new, "old_email": TYPED, "old_email_code": old,
    });
    assert_eq!(t.post_as(&who, "/v1/email/change", change).await.ok()["email"], "ada@bücher.example");
}

#[tokio::test]
async fn a_domain_with_misleading_letters_is_shown_in_ascii() {
    let t = TestApp::new().await;
    // The first letter is Cyrillic.
    let user = t.post("/v1/signup", json!({ "email": "ada@еxample.com", "password": PASSWORD })).await.ok();
    let shown = user["user"]["email"].as_str().unwrap();
    assert!(shown.is_ascii() && shown.starts_with("ada@xn--"), "{shown}");
    t.login("ada@еxample.com", PASSWORD).await;
    t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD }))
        .await
        .refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn a_provider_can_vouch_for_an_internationalised_address() {
    for said in [TYPED, ASCII, " Joerg@MÜLLER.example "] {
        let op = Issuer::start().await;
        op.person("joerg", json!({ "email": said, "email_verified": true, "name": "Jörg" }));
        let t = TestApp::with(&format!("{}trust_email = true\n", op.settings("acme"))).await;
        let browser = Browser::new(&t);
        let begun = browser.begin("acme").await;
        let offered = browser.login("acme", &begun, &op.consent(&begun.url, "joerg")).await.ok();
        assert_eq!((&offered["data"]["email"], &offered["data"]["verified"]), (&json!(TYPED), &json!(true)));
        let made = browser.register("acme", &offered, json!({ "email": TYPED })).await.ok();
        let user = &made["data"];
        assert_eq!((&user["email"], &user["email_verified"]), (&json!(TYPED), &json!(true)), "{said}");
        let begun = browser.begin("acme").await;
        let known = browser.login("acme", &begun, &op.consent(&begun.url, "joerg")).await.ok();
        assert_eq!((&known["type"], &known["data"]["email"]), (&json!("LoginExisting"), &json!(TYPED)));
        let links = browser.sign(&known["session"], t.get("/v1/identities")).await.ok();
        assert_eq!(links["identities"][0]["email"], TYPED);
        assert_eq!(t.sql("select email from identities where kind = 'provider'").await, ASCII);
    }
}

#[tokio::test]
async fn hooks_see_the_ascii_form_and_may_set_either() {
    let getter = "model.get_email()";
    let t = Hooked::new(&[tell("post_signup", getter), tell("post_email_auth", getter)].concat()).await;
    for email in [TYPED, ASCII] {
        let _ = t.post("/v1/signup", json!({ "email": email, "password": PASSWORD })).await;
    }
    t.login(TYPED, PASSWORD).await;
    let told: Vec<Value> = t.told().await;
    assert_eq!(told, [json!([true, ASCII]), json!([false, ASCII]), json!([true, ASCII])]);
    t.rewrite("def pre_signup(model):\n    model.set_email('Anna@BÜCHER.example')\n").await;
    let made = t.post("/v1/signup", json!({ "email": "ada@example.com", "password": PASSWORD })).await.ok();
    assert_eq!(made["user"]["email"], "anna@bücher.example");
    let script = "def pre_signup(model):\n    if model.get_email().split('@')[-1] == 'xn--mller-kva.example':\n        reject('no')\n";
    t.rewrite(script).await;
    for email in SPELLINGS {
        let said = t
            .post("/v1/signup", json!({ "email": format!("x{}", email.trim()), "password": PASSWORD }))
            .await;
        said.refused(403, "HOOK_REJECTED");
    }
}

#[tokio::test]
async fn operators_can_find_and_create_accounts_with_internationalised_addresses() {
    let t = TestApp::with("[admin]\npublic = true\n").await;
    let Platform { store, world, config, .. } = &*t.app.platform;
    let operator = Operator::new(store, world, config, By::CommandLine, Caller::default());
    let (key, _) = operator.create_key("test", Scopes::new(&[Scope::Admin])).await.unwrap();
    let key = format!("Bearer {}", key.write().expose());
    let new = json!({ "email": TYPED, "password": PASSWORD });
    let made = t.post("/v1/admin/users", new).header("authorization", &key).await.ok();
    assert_eq!(made["email"], TYPED);
    t.login(ASCII, PASSWORD).await;
    for query in [
        "email=joerg%40m%C3%BCller.example",
        "email=joerg%40xn--mller-kva.example",
        "query=m%C3%BCller",
        "query=M%C3%9CLL",
        "query=mu%CC%88ller",
        "query=joerg%40m%C3%BCller.ex",
        "query=xn--mller",
    ] {
        let list = t.get(&format!("/v1/admin/users?{query}")).header("authorization", &key).await.ok();
        assert_eq!(list["users"][0]["email"], TYPED, "{query}");
    }
    let list = t.get("/v1/admin/users?query=m%C3%A4ller").header("authorization", &key).await.ok();
    assert_eq!(list["users"], json!([]));
}

#[test]
fn the_command_line_accepts_and_shows_internationalised_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start(folder.path());
    let said = run(folder.path(), &["user", "create", "--email", TYPED], "");
    let id = said.stdout.trim_end();
    assert!(said.ok, "{}", said.stderr);
    for name in SPELLINGS {
        assert_eq!(
            run(folder.path(), &["user", "show", name, "--json"], "").document()["user_id"],
            id,
            "{name}"
        );
    }
    for part in ["müll", "xn--mller", TYPED] {
        let said = run(folder.path(), &["user", "list", "--query", part], "");
        assert!(said.ok && said.stdout.contains(TYPED), "{part}: {}{}", said.stdout, said.stderr);
    }
    assert!(
        run(folder.path(), &["user", "create", "--email", ASCII], "").refused().contains("already exists")
    );
}

#[tokio::test]
async fn mail_is_sent_from_and_to_the_ascii_form_of_an_address() {
    let sink = Sink::start().await;
    let settings = format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n\
         [mail]\nfrom = \"Müller & Söhne <post@müller.example>\"\nreply_to = \"hilfe@bücher.example\"\n",
        sink.port
    );
    let t = TestApp::with(&settings).await;
    t.signup("ada@bücher.example", PASSWORD).await;
    post::send(&t).await;
    let dialogue = format!("{:?}", sink.taken());
    assert!(dialogue.contains("post@xn--mller-kva.example"), "{dialogue}");
    assert!(dialogue.contains("ada@xn--bcher-kva.example"), "{dialogue}");
    assert!(dialogue.contains("hilfe@xn--bcher-kva.example"), "{dialogue}");
}

#[tokio::test]
async fn cors_origins_may_be_written_in_unicode() {
    let settings = "[cors]\norigins = [\"https://www.müller.example\", \"https://bücher.example:8443\"]";
    let t = TestApp::production(settings).await;
    for (origin, allowed) in [
        ("https://www.xn--mller-kva.example", true),
        ("https://xn--bcher-kva.example:8443", true),
        ("https://xn--bcher-kva.example", false),
        ("https://xn--mller-kva.example", false),
    ] {
        let answer = t.get("/v1/profile").header("origin", origin).await;
        let told = answer.header("access-control-allow-origin");
        assert_eq!(told, if allowed { origin } else { "" }, "{origin}");
    }
}
