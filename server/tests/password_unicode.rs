//! Passwords are normalised to NFC before they are counted, screened and hashed (RFC 8265 §4.2, NIST SP 800-63B-4
//! §3.1.1.2).

use argon2::{Algorithm, Argon2, Params, Version};
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use doorward_accounts::admin::{By, Operator};
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use serde_json::{Value, json};

use crate::post;
use crate::support::TestApp;
use crate::support::binary::{Server, post as answer_at, run};
use crate::support::hooks::Hooked;

const ADA: &str = "ada@example.com";
/// `café crème` as Windows and Linux type it, and as macOS and Android may.
const COMPOSED: &str = "caf\u{e9} cr\u{e8}me";
const DECOMPOSED: &str = "cafe\u{301} cre\u{300}me";

fn login(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn a_password_signs_in_in_composed_and_decomposed_form() {
    let t = TestApp::new().await;
    for (email, first, then) in
        [("ada@example.com", COMPOSED, DECOMPOSED), ("bob@example.com", DECOMPOSED, COMPOSED)]
    {
        t.signup(email, first).await;
        t.login(email, then).await;
        t.login(email, first).await;
    }
    // No-break and ideographic spaces are spaces (RFC 8265 §4.2.2).
    t.login(ADA, "cafe\u{301}\u{a0}cr\u{e8}me").await;
    t.login(ADA, "caf\u{e9}\u{3000}cr\u{e8}me").await;
    for other in ["cafe creme", "CAF\u{c9} CR\u{c8}ME"] {
        t.post("/v1/login", login(ADA, other)).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
}

#[tokio::test]
async fn reset_change_verification_and_deletion_take_a_password_in_either_form() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let reset = json!({ "token": post::newest(&t, ADA).await.token(), "new_password": DECOMPOSED });
    t.post("/v1/password/reset", reset).await.ok();
    let who = t.login(ADA, COMPOSED).await;

    let update = json!({ "old_password": COMPOSED, "new_password": "na\u{ef}ve fianc\u{e9}" });
    t.post("/v1/password", update).bearer(&who["access_token"]).await.ok();
    let update = json!({ "old_password": "nai\u{308}ve fiance\u{301}", "new_password": DECOMPOSED });
    t.post("/v1/password", update).bearer(&who["access_token"]).await.ok();
    let who = t.login(ADA, COMPOSED).await;

    t.signup("bob@example.com", COMPOSED).await;
    let link = post::newest(&t, "bob@example.com").await;
    let verify = json!({ "token": link.token(), "password": DECOMPOSED });
    t.post("/v1/email/verify", verify).await.ok();

    let end = json!({ "password": DECOMPOSED });
    t.post("/v1/account/delete", end).bearer(&who["access_token"]).await.ok();
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test]
async fn an_auto_registered_account_stores_the_composed_password() {
    let t = TestApp::with("[auto_register]\npassword = true\n").await;
    let begin = json!({ "email": ADA, "password": DECOMPOSED, "options": { "auto_register": true } });
    t.post("/v1/login", begin).await.ok();
    t.login(ADA, COMPOSED).await;
}

#[tokio::test]
async fn a_password_is_counted_by_its_composed_characters() {
    let t = TestApp::with("[password]\nmin_length = 8\nmax_length = 10\n[auto_register]\npassword = true\n")
        .await;
    let five = "e\u{301}".repeat(5);
    for (path, body, field) in [
        ("/v1/signup", json!({ "email": ADA, "password": five }), "password"),
        (
            "/v1/login",
            json!({ "email": ADA, "password": five, "options": { "auto_register": true } }),
            "password",
        ),
    ] {
        let said = t.post(path, body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(
            (&said["field"], &said["detail"]),
            (&json!(field), &json!("A password needs at least 8 characters."))
        );
    }
    t.signup(ADA, &"e\u{301}".repeat(10)).await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let token = post::newest(&t, ADA).await.token().to_owned();
    let form = |password: &str| {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", &token)
            .append_pair("new_password", password)
            .finish();
        t.send(Method::POST, "/account/reset", "application/x-www-form-urlencoded", body)
    };
    let page = form(&five).await;
    assert!(page.status == 400 && page.text.contains("at least 8 characters"), "{}", page.text);
    assert_eq!(form(&"a\u{308}".repeat(10)).await.status, 303);
    t.login(ADA, &"\u{e4}".repeat(10)).await;
}

/// A hash as this server made it before passwords were normalised.
fn raw_hash(password: &str) -> String {
    let (salt, mut hash) = ([7; 16], [0; 32]);
    let params = Params::new(64, 1, 1, Some(32)).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), &salt, &mut hash)
        .unwrap();
    format!("$argon2id$v=19$m=64,t=1,p=1${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
}

async fn with_raw_hash(t: &TestApp) {
    t.signup(ADA, "correct horse").await;
    let sql = format!("update passwords set hash = '{}'", raw_hash(DECOMPOSED));
    t.sql_do(Box::leak(sql.into_boxed_str())).await;
}

#[tokio::test]
async fn a_hash_from_before_normalisation_still_signs_in_and_is_then_replaced() {
    let t = TestApp::new().await;
    with_raw_hash(&t).await;
    t.post("/v1/login", login(ADA, COMPOSED)).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    t.login(ADA, DECOMPOSED).await;
    t.login(ADA, COMPOSED).await;
    assert_ne!(t.sql("select hash from passwords").await, raw_hash(DECOMPOSED));
}

#[tokio::test]
async fn a_hash_from_before_normalisation_works_for_a_change_and_a_deletion() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let who = t.login(ADA, "correct horse").await;
    let sql = format!("update passwords set hash = '{}'", raw_hash(DECOMPOSED));
    t.sql_do(Box::leak(sql.into_boxed_str())).await;
    let update = json!({ "old_password": DECOMPOSED, "new_password": "battery staple" });
    t.post("/v1/password", update).bearer(&who["access_token"]).await.ok();
    let sql = format!("update passwords set hash = '{}'", raw_hash(DECOMPOSED));
    t.sql_do(Box::leak(sql.into_boxed_str())).await;
    let end = json!({ "password": DECOMPOSED });
    t.post("/v1/account/delete", end).bearer(&who["access_token"]).await.ok();
}

#[tokio::test]
async fn sec_r01_an_unknown_account_costs_as_many_hashes_as_a_known_one_in_either_form() {
    let t = TestApp::new().await;
    with_raw_hash(&t).await;
    t.signup("bob@example.com", "correct horse").await;
    for (password, hashes) in [("wro\u{301}ng horse", 2), ("wr\u{f3}ng horse", 1), ("wrong horse", 1)] {
        for email in [ADA, "bob@example.com", "nobody@example.com"] {
            let before = t.app.accounts.hasher.asked();
            t.post("/v1/login", login(email, password)).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
            assert_eq!(t.app.accounts.hasher.asked() - before, hashes, "{email} {password:?}");
        }
    }
}

#[tokio::test]
async fn sec_p02_block_lists_and_names_catch_a_password_in_either_form() {
    let folder = tempfile::tempdir().unwrap();
    let (list, stolen) = (folder.path().join("list"), folder.path().join("stolen"));
    std::fs::write(&list, "cre\u{300}me bru\u{302}le\u{301}e\n\u{fc}berflieger\n").unwrap();
    doorward_accounts::screening::make_filter("voila\u{300} monsieur\n".as_bytes(), &stolen).unwrap();
    let settings = format!("[password]\nblocked = {list:?}\nbreach_filter = {stolen:?}\n");
    let t = TestApp::with(&settings).await;
    for password in [
        "cr\u{e8}me br\u{fb}l\u{e9}e",
        "CRE\u{300}ME BRU\u{302}LE\u{301}E",
        "u\u{308}berflieger",
        "voil\u{e0} monsieur",
        "voila\u{300} monsieur",
    ] {
        let said = t.post("/v1/signup", login(ADA, password)).await.refused(400, "PASSWORD_REJECTED");
        assert_eq!(said["field"], "password", "{password}");
    }
    for (name, password) in [
        ("Zoe\u{308} Bront\u{eb}", "zo\u{eb}bronte\u{308}"),
        ("Zo\u{eb} Bront\u{eb}", "zoe\u{308}bronte\u{308}1"),
    ] {
        let body = json!({ "email": ADA, "password": password, "name": name });
        t.post("/v1/signup", body).await.refused(400, "PASSWORD_REJECTED");
    }
}

#[tokio::test]
async fn operators_set_passwords_in_either_form_over_http() {
    let t = TestApp::with("[admin]\npublic = true\n[password]\nmin_length = 8\n").await;
    let Platform { store, world, config, .. } = &*t.app.platform;
    let operator = Operator::new(store, world, config, By::CommandLine, Caller::default());
    let (key, _) = operator.create_key("test", Scopes::new(&[Scope::Admin])).await.unwrap();
    let key = format!("Bearer {}", key.write().expose());
    let post = |path: &str, body: Value| t.post(path, body).header("authorization", &key);
    let short = json!({ "email": ADA, "password": "e\u{301}".repeat(5) });
    post("/v1/admin/users", short).await.refused(400, "INVALID_PARAMETER");
    let made = post("/v1/admin/users", json!({ "email": ADA, "password": DECOMPOSED })).await.ok();
    t.login(ADA, COMPOSED).await;
    let path = format!("/v1/admin/users/{}/password", made["user_id"].as_str().unwrap());
    post(&path, json!({ "new_password": "nai\u{308}ve fiance\u{301}" })).await.ok();
    t.login(ADA, "na\u{ef}ve fianc\u{e9}").await;
}

#[test]
fn the_command_line_counts_and_sets_a_password_in_its_composed_form() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let create = |stdin: &str| run(folder.path(), &["user", "create", "--email", ADA, "--password"], stdin);
    let said = create(&"e\u{301}".repeat(5));
    assert!(said.refused().contains("at least 6 characters"), "{}", said.stderr);
    assert!(create(&format!("{DECOMPOSED}\n")).ok);
    assert_eq!(answer_at(server.at, "/v1/login", &login(ADA, COMPOSED)).unwrap().0, 200);
    let said = run(folder.path(), &["user", "set-password", ADA], "nai\u{308}ve fiance\u{301}\n");
    assert!(said.ok, "{}", said.stderr);
    assert_eq!(answer_at(server.at, "/v1/login", &login(ADA, "na\u{ef}ve fianc\u{e9}")).unwrap().0, 200);
}

#[tokio::test]
async fn hooks_see_a_password_in_its_composed_form() {
    let hook = |name: &str| {
        format!(
            "def pre_{name}(model):\n    if model.get_password() == '{COMPOSED}':\n        reject('composed')\n"
        )
    };
    let t = Hooked::new(&[hook("signup"), hook("email_auth")].concat()).await;
    for path in ["/v1/signup", "/v1/login"] {
        let said = t.post(path, login(ADA, DECOMPOSED)).await.refused(403, "HOOK_REJECTED");
        assert_eq!(said["detail"], "composed", "{path}");
    }
    t.rewrite("def pre_signup(model):\n    model.set_password('e\u{301}' * 5)\n").await;
    t.post("/v1/signup", login(ADA, "correct horse")).await.refused(400, "INVALID_PARAMETER");
    t.rewrite("def pre_signup(model):\n    model.set_password('cafe\u{301} cre\u{300}me')\n").await;
    t.post("/v1/signup", login(ADA, "correct horse")).await.ok();
    t.rewrite("# no hooks\n").await;
    t.login(ADA, COMPOSED).await;
}
