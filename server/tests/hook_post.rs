//! Hooks after an operation: `hooks.star` gets the result, from the table of deliveries.

use doorward_hooks::delivery;
use serde_json::{Value, json};

use crate::post::service::Service;
use crate::support::browser::Browser;
use crate::support::hooks::{Hooked, Log, tell};
use crate::support::issuer::Issuer;
use crate::support::{Call, MINUTE, claims_of};

const PASSWORD: &str = "correct horse";
const CANARY: &str = "canary-5f1c-password";

#[tokio::test]
async fn seed_h02_a_hook_after_a_sign_in_learns_how_it_ended() {
    let t = Hooked::new("").await;
    t.signup("ada@example.com", PASSWORD).await;
    t.rewrite(&tell(
        "post_email_auth",
        "model.get_email(), model.get_password(), model.get_create(), model.get_user_id()",
    ))
    .await;
    let ada = t.login("ada@example.com", PASSWORD).await;
    let user = &ada["user"]["user_id"];
    assert_eq!(t.told().await, [json!([true, "ada@example.com", "", false, user])]);
    let wrong = json!({ "email": "ada@example.com", "password": "wrong horse" });
    t.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let told = t.told().await;
    assert_eq!((&told[0][0], &told[0][1]), (&json!(false), &json!("ada@example.com")));
}

#[tokio::test]
async fn seed_h12_h18_h40_h41_a_hook_after_a_device_or_custom_id_sign_in_sees_the_user() {
    let t = Hooked::new(&format!(
        "{}{}",
        tell("post_deviceid_auth", "model.get_user_id(), model.get_id()"),
        tell("post_customid_auth", "model.get_user_id(), model.get_id()")
    ))
    .await;
    let device = t.device("a device of somebody").await;
    assert_eq!(t.told().await, [json!([true, device["user"]["user_id"], ""])], "the device id is a secret");
    let custom = t.post("/v1/login/custom", json!({ "custom_id": "crm-4711" })).await.ok();
    assert_eq!(t.told().await, [json!([true, custom["user"]["user_id"], ""])]);
}

#[tokio::test]
async fn seed_h24_h28_h34_hooks_after_a_sign_out_restore_or_refresh_see_the_user() {
    let t = Hooked::new("").await;
    let ada = t.somebody().await;
    t.rewrite(
        &["post_logout", "post_restore_token", "post_refresh_token"]
            .map(|function| tell(function, &format!("{function:?}, model.get_user_id()")))
            .concat(),
    )
    .await;
    let user = &ada["user"]["user_id"];
    let next = t.refresh(ada["refresh_token"].as_str().unwrap()).await.ok();
    assert_eq!(t.told().await, [json!([true, "post_refresh_token", user])]);
    let body = format!(
        "grant_type=refresh_token&client_id=doorward&restore=true&refresh_token={}",
        next["refresh_token"].as_str().unwrap()
    );
    t.send(axum::http::Method::POST, "/v1/token", "application/x-www-form-urlencoded", body).await.ok();
    assert_eq!(t.told().await, [json!([true, "post_restore_token", user])]);
    t.post("/v1/logout", json!({ "revoke_token": next["revoke_token"] })).await.ok();
    assert_eq!(t.told().await, [json!([true, "post_logout", user])]);
}

/// `POST /v1/token`: a refresh, or with `restore` the exchange of a token that the page supplies.
fn exchange(t: &Hooked, restore: bool, token: &str) -> Call {
    let form = format!("grant_type=refresh_token&client_id=doorward&restore={restore}&refresh_token={token}");
    t.send(axum::http::Method::POST, "/v1/token", "application/x-www-form-urlencoded", form)
}

/// The ids must belong to the token that the hook set, not to the token in the request.
#[tokio::test]
async fn seed_h28_h29_h30_h32_h34_h35_h36_h38_a_post_hook_sees_the_user_of_a_token_set_by_a_hook() {
    for (restore, name) in [(true, "restore_token"), (false, "refresh_token")] {
        let service = Service::start().await;
        let settings = format!(
            "[webhooks.crm]\nurl = {:?}\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nevents = [\"post_{name}\"]\n",
            service.url("/crm")
        );
        let t = Hooked::with("", &settings, "time = \"5s\"").await;
        let bob = t.device("the device of bob").await["refresh_token"].as_str().unwrap().to_owned();
        let ada = t.somebody().await;
        let token = ada["refresh_token"].as_str().unwrap();
        let user = ada["user"]["user_id"].as_str().unwrap();
        let session = claims_of(&ada["access_token"])["sid"].as_str().unwrap().to_owned();
        let sets = |token: &str| {
            let told = tell(&format!("post_{name}"), "model.get_user_id(), model.get_session_id()");
            format!("def pre_{name}(model):\n    model.set_token({token:?})\n\n{told}")
        };
        let told = async |succeeded: bool, case: &str| {
            assert_eq!(t.told().await, [json!([succeeded, user, session])], "{name}, {case}");
            let data = service.heard().last().unwrap().json()["data"].clone();
            let said = (&data["succeeded"], &data["user_id"], &data["session_id"]);
            assert_eq!(said, (&json!(succeeded), &json!(user), &json!(session)), "{name}, {case}: {data}");
        };
        t.rewrite(&sets(token)).await;
        exchange(&t, restore, "another").await.ok();
        told(true, "a new token").await;
        let next = exchange(&t, restore, "another").await.ok();
        told(true, "the same call repeated: nothing is written").await;
        exchange(&t, restore, &bob).await.ok();
        told(true, "in place of a token of another user").await;
        t.advance(MINUTE);
        t.rewrite(&sets(next["refresh_token"].as_str().unwrap())).await;
        exchange(&t, restore, "another").await.ok();
        told(true, "the newest").await;
        t.advance(MINUTE);
        t.rewrite(&sets(token)).await;
        assert_eq!(exchange(&t, restore, &bob).await.status, 400, "the token is used up");
        told(false, "used up").await;
    }
}

/// Two requests have the same answer of the provider. The second one writes nothing.
#[tokio::test]
async fn seed_h02_a_hook_sees_the_user_also_after_a_repeated_provider_sign_in() {
    let op = Issuer::start().await;
    op.person("ada", json!({ "name": "Ada" }));
    let settings = op.settings("acme") + "[auto_register]\nprovider = true\n";
    let script = tell("post_provider_auth", "model.get_user_id(), model.get_session_id()");
    let t = Hooked::with(&script, &settings, "time = \"5s\"").await;
    let browser = Browser::new(&t);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    for time in ["at first", "once more"] {
        let said = browser.come("acme", &begun, &back).await.ok();
        let user = &said["session"]["user"]["user_id"];
        let session = &claims_of(&said["session"]["access_token"])["sid"];
        assert_eq!(t.told().await, [json!([true, user, session])], "{time}");
    }
}

#[tokio::test]
async fn seed_h46_a_hook_after_an_operation_can_neither_set_nor_refuse() {
    let t =
        Hooked::new("def post_email_auth(model, successed):\n    model.set_email('eve@example.com')\n").await;
    t.somebody().await;
    let said = t.told().await;
    assert!(
        said[0].as_str().unwrap().contains("hooks.star:2:5: set_email cannot be called in post_email_auth"),
        "{said:?}"
    );
    t.rewrite("def post_email_auth(model, successed):\n    reject('no')\n").await;
    let ada = t.login("ada@example.com", PASSWORD).await;
    let said = t.told().await;
    assert!(said[0].as_str().unwrap().contains("reject cannot be called in post_email_auth"), "{said:?}");
    t.rewrite("def post_refresh_token(model, successed):\n    model.set_token('another')\n").await;
    t.refresh(ada["refresh_token"].as_str().unwrap()).await.ok();
    assert_eq!(t.told().await, Vec::<Value>::new());
}

#[tokio::test]
async fn seed_h06_sec_p06_a_hook_cannot_write_a_password_to_a_log_or_the_database() {
    let log = Log::listen();
    let t = Hooked::new(
        "def pre_email_auth(model):\n    print('seen', model.get_password())\n    model.set_password(model.get_password() + '!')\n    print(model.get_password())\ndef post_email_auth(model, successed):\n    print('after', [model.get_password()])\n",
    )
    .await;
    let call = || t.post("/v1/login", json!({ "email": "ada@example.com", "password": CANARY }));
    call().await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let rows = t.dump("hook_deliveries").await;
    assert!(rows.contains("ada@example.com") && !rows.contains("canary"), "{rows}");
    while delivery::deliver_due(&t.app.hooks).await {}
    t.rewrite("def pre_email_auth(model):\n    fail(model.get_password())\n").await;
    let problem = call().await.refused(500, "INTERNAL");
    t.rewrite("def pre_email_auth(model):\n    int(model.get_password())\n").await;
    call().await.refused(500, "INTERNAL");
    let log = log.text();
    assert!(log.contains("seen [secret]") && log.contains("after [\"\"]"), "{log}");
    assert!(log.contains(problem["id"].as_str().unwrap()), "the line contains the id of the request");
    assert!(!log.contains("canary"), "{log}");
    for table in ["hook_deliveries", "audit"] {
        assert!(!t.dump(table).await.contains("canary"), "{table}");
    }
}

/// A password with characters that are escaped within quotes.
#[tokio::test]
async fn seed_h06_sec_p06_an_escaped_password_reaches_no_log() {
    let log = Log::listen();
    let t = Hooked::new("").await;
    let body = json!({ "email": "ada@example.com", "password": "pa\"ss\\w\u{f6}rd1 canary" });
    for does in [
        "fail([p])",
        "fail(json.encode([p]))",
        "fail(repr(p))",
        "fail(json.encode({'a': repr(p)}))",
        "{}[p]",
        "int(p)",
        "[p].index(json.encode(p))",
        "print([p], {p: 1}, json.encode(p), repr([repr(p)]))\n    fail('no')",
    ] {
        t.rewrite(&format!("def pre_email_auth(model):\n    p = model.get_password()\n    {does}\n")).await;
        t.post("/v1/login", body.clone()).await.refused(500, "INTERNAL");
        assert!(!log.text().contains("canary"), "{does}: {}", log.text());
    }
    t.rewrite("def pre_email_auth(model):\n    reject(json.encode([model.get_password()]))\n").await;
    let problem = t.post("/v1/login", body).await.refused(403, "HOOK_REJECTED");
    assert_eq!(problem["detail"], "[\"[secret]\"]");
}

#[tokio::test]
async fn a_long_error_of_a_hook_is_cut_and_shows_no_part_of_a_secret() {
    let log = Log::listen();
    let t = Hooked::new(
        "def pre_email_auth(model):\n    fail('x' * 990 + model.get_password() + 'x' * 1000000)\n",
    )
    .await;
    let body = json!({ "email": "ada@example.com", "password": CANARY });
    t.post("/v1/login", body).await.refused(500, "INTERNAL");
    let log = log.text();
    assert!(
        log.contains("xxx") && log.len() < 20_000 && !log.contains("canary"),
        "{} {log:.3000}",
        log.len()
    );
}

#[tokio::test]
async fn seed_h47_a_script_and_a_webhook_get_the_same_data() {
    let webhook = "[webhooks.crm]\nurl = \"http://127.0.0.1:9/\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nevents = [\"post_email_auth\"]";
    let t =
        Hooked::with("def post_email_auth(model, successed):\n    pass\n", webhook, "time = \"5s\"").await;
    t.somebody().await;
    assert_eq!(t.sql("select count(*) from hook_deliveries").await, "2");
    assert_eq!(t.sql("select count(distinct payload) from hook_deliveries").await, "1");
}
