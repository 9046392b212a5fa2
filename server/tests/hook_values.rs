//! Hooks and webhooks see each value in its canonical form, in which it is stored, compared and used for
//! sending, before an operation and after it. A value that a hook sets is brought into that form, too.

use serde_json::{Value, json};

use crate::post::service::{Mood, Service};
use crate::support::TestApp;
use crate::support::hooks::{Hooked, tell};

const PASSWORD: &str = "correct horse";
const EMAIL: (&str, &str) = (" \tDENY@Example.COM ", "deny@example.com");
const USERNAME: (&str, &str) = ("  Admin ", "admin");
const PHONE: (&str, &str) = ("+4 9(170)123-4.5678", "+4917012345678");

/// Operation, field, path, the value as written and in its canonical form, and the rest of the body.
type Case = (&'static str, &'static str, &'static str, (&'static str, &'static str), Value);

fn cases() -> Vec<Case> {
    let password = json!({ "password": PASSWORD });
    let code = json!({ "code": "000000" });
    let mut cases = vec![
        ("email_auth", "email", "/v1/login", EMAIL, password.clone()),
        ("username_auth", "username", "/v1/login", USERNAME, password.clone()),
        ("phone_auth", "phone_number", "/v1/login", PHONE, password.clone()),
        ("code_auth", "email", "/v1/login/code", EMAIL, code.clone()),
        ("code_auth", "phone_number", "/v1/login/code", PHONE, code.clone()),
        ("signup", "email", "/v1/signup", EMAIL, password.clone()),
        ("signup", "username", "/v1/signup", USERNAME, password.clone()),
        (
            "signup",
            "phone_number",
            "/v1/signup",
            PHONE,
            json!({ "email": "a@example.com", "password": PASSWORD }),
        ),
        ("signup", "phone_number", "/v1/signup/code", PHONE, code.clone()),
        ("signup", "email", "/v1/signup/code", EMAIL, code.clone()),
        ("send_code", "email", "/v1/code", EMAIL, json!({})),
        ("send_code", "phone_number", "/v1/code", PHONE, json!({})),
        ("send_code", "email", "/v1/email/resend", EMAIL, json!({})),
        ("forgot_password", "email", "/v1/password/forgot", EMAIL, json!({})),
        ("forgot_password", "phone_number", "/v1/password/forgot", PHONE, json!({})),
        ("verify_email", "email", "/v1/email/verify", EMAIL, code.clone()),
    ];
    let reset = json!({ "code": "000000", "new_password": PASSWORD });
    cases.push(("reset_password", "email", "/v1/password/reset", EMAIL, reset.clone()));
    cases.push(("reset_password", "phone_number", "/v1/password/reset", PHONE, reset));
    for path in ["/v1/email/bind", "/v1/email/change"] {
        cases.push(("change_address", "email", path, EMAIL, json!({ "email_code": "000000" })));
    }
    for path in ["/v1/phone/bind", "/v1/phone/change"] {
        cases.push(("change_address", "phone_number", path, PHONE, json!({ "phone_code": "000000" })));
    }
    cases.push(("update_profile", "username", "/v1/profile", USERNAME, json!({})));
    cases
}

async fn call(t: &TestApp, user: &Value, path: &str, field: &str, given: &str, more: &Value) {
    let mut body = more.clone();
    body[field] = given.into();
    let is_own = ["/bind", "/change"].iter().any(|end| path.ends_with(end));
    let call = match path {
        "/v1/profile" => t.send_as(user, "PATCH", path, body),
        _ if is_own => t.post_as(user, path, body),
        _ => t.post(path, body),
    };
    let _ = call.await;
}

const GENEROUS: &str = "[limits]\nsign_in = \"1000/1m\"\nsign_up = \"1000/1m\"\nsend = \"1000/1m\"\ncode = \"1000/1m\"\nfailures = 1000\n";

#[tokio::test]
async fn a_script_sees_canonical_names_and_addresses_before_and_after_an_operation() {
    let t = Hooked::with("# no hooks\n", GENEROUS, "time = \"5s\"").await;
    let user = t.device("a device of somebody").await;
    for (operation, field, path, (given, used), more) in cases() {
        let hook = |name: &str| format!("def pre_{operation}(model):\n    reject(model.get_{name}())\n");
        let after = tell(&format!("post_{operation}"), &format!("model.get_{field}()"));
        t.rewrite(&[hook(field), after].concat()).await;
        call(&t, &user, path, field, given, &more).await;
        assert_eq!(t.told().await, [json!([false, used])], "{operation} {field} {path}");
    }
}

#[tokio::test]
async fn a_webhook_sees_canonical_names_and_addresses() {
    let crm = Service::start().await;
    let settings = format!(
        "{GENEROUS}[webhooks.crm]\nurl = \"{}\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nevents = [\"pre_*\"]\ntimeout = \"4s\"\n",
        crm.url("/crm")
    );
    let t = TestApp::with(&settings).await;
    let user = t.device("a device of somebody").await;
    for (operation, field, path, (given, used), more) in cases() {
        let before = crm.heard().len();
        call(&t, &user, path, field, given, &more).await;
        let heard = crm.heard();
        let event = format!("pre_{operation}");
        let said =
            heard[before..].iter().map(|heard| heard.json()).find(|said| said["type"] == event.as_str());
        assert_eq!(
            said.map(|said| said["data"][field].clone()),
            Some(json!(used)),
            "{operation} {field} {path}"
        );
    }
}

/// A hook like the first example of docs/hooks.md.
#[tokio::test]
async fn a_blocked_domain_is_blocked_in_every_spelling() {
    let script = r#"
BLOCKED = ["mailinator.com", "trash.example"]

def pre_signup(model):
    domain = model.get_email().split("@")[-1]
    if domain in BLOCKED:
        reject("Please take an address that you will keep.", field = "email")
"#;
    let t = Hooked::new(script).await;
    for email in ["eve@trash.example", "eve@trash.example ", " eve@TRASH.example", "Eve@Mailinator.COM\n"] {
        let body = json!({ "email": email, "password": PASSWORD });
        t.post("/v1/signup", body).await.refused(403, "HOOK_REJECTED");
    }
}

#[tokio::test]
async fn a_value_set_by_a_hook_is_made_canonical_like_a_value_from_a_client() {
    let crm = Service::start().await;
    crm.be(Mood::Says(200, "{}".into()));
    let settings = format!(
        "[webhooks.crm]\nurl = \"{}\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nevents = [\"pre_signup\"]\ntimeout = \"4s\"\n",
        crm.url("/crm")
    );
    let script = [
        "def pre_signup(model):\n    model.set_email('  Set@Example.COM ')\n    model.set_username(' Setter ')\n",
        "    model.set_phone_number('+49 (170) 123-4.5678')\n",
        &tell("post_signup", "model.get_email(), model.get_username(), model.get_phone_number()"),
    ];
    let t = Hooked::with(&script.concat(), &settings, "time = \"5s\"").await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let user = t.post("/v1/signup", body).await.ok()["user"].clone();
    assert_eq!((&user["email"], &user["username"]), (&json!("set@example.com"), &json!("setter")));
    let data = &crm.heard()[0].json()["data"];
    assert_eq!((&data["email"], &data["username"]), (&json!("set@example.com"), &json!("setter")));
    assert_eq!(data["phone_number"], "+4917012345678");
    assert_eq!(t.told().await, [json!([true, "set@example.com", "setter", "+4917012345678"])]);
    for wrong in ["model.set_email('nobody')", "model.set_phone_number('12')", "model.set_username('a b')"] {
        t.rewrite(&format!("def pre_signup(model):\n    {wrong}\n")).await;
        let body = json!({ "email": "bob@example.com", "password": PASSWORD });
        t.post("/v1/signup", body).await.refused(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn hooks_see_the_canonical_address_from_a_form_of_a_hosted_page() {
    let t = Hooked::new("# no hooks\n").await;
    for (path, operation, form) in [
        ("/account/verify", "send_code", "action=send&email=%20DENY%40Example.COM%20"),
        ("/account/verify", "verify_email", "code=000000&email=%20DENY%40Example.COM%20"),
        ("/account/reset", "forgot_password", "action=send&email=%20DENY%40Example.COM%20"),
        (
            "/account/reset",
            "reset_password",
            "code=000000&new_password=correct+horse&email=%20DENY%40Example.COM%20",
        ),
    ] {
        let hook = format!("def pre_{operation}(model):\n    reject('no')\n");
        let after = tell(&format!("post_{operation}"), "model.get_email()");
        t.rewrite(&[hook, after].concat()).await;
        let kind = "application/x-www-form-urlencoded";
        let _ = t.send(axum::http::Method::POST, path, kind, form).await;
        assert_eq!(t.told().await, [json!([false, "deny@example.com"])], "{path} {operation}");
    }
}

#[tokio::test]
async fn hooks_see_a_postal_address_as_it_is_stored() {
    let getters = "model.get_address(), model.get_locality(), model.get_country()";
    let t = Hooked::new(&tell("post_signup", getters)).await;
    let body = json!({
        "email": "ada@example.com", "password": PASSWORD, "locality": "Paris", "address": { "country": "FR" }
    });
    let user = t.post("/v1/signup", body).await.ok()["user"].clone();
    assert_eq!(user["address"], json!({ "locality": "Paris", "country": "FR" }));
    let told = t.told().await;
    assert_eq!(told, [json!([true, { "country": "FR", "locality": "Paris" }, "Paris", "FR"])]);
}
