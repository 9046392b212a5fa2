//! A stand-in for Facebook, as Facebook documents it: the login dialog, `debug_token`, and `/me` with a proof of the
//! app's secret.

use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use doorward_providers::{Person, Refusal};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::proof::hash;
use crate::support::stand_in::{Said, StandIn, Taken, asked, json as answer};
use crate::support::{HOUR, NEW_YEAR, TestApp, claims_of};

const APP: &str = "138483919580948";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

struct Facebook {
    challenge: String,
    /// The answer of `debug_token` for the token `EAAuser`.
    data: Value,
    me: Value,
    /// The answer of the token endpoint instead of a token.
    error: Option<Said>,
}

struct World {
    t: TestApp,
    vendor: StandIn,
    facebook: Arc<Mutex<Facebook>>,
}

fn data() -> Value {
    json!({
        "app_id": APP, "type": "USER", "application": "Social Cafe", "data_access_expires_at": 0,
        "expires_at": NEW_YEAR / 1000 + 3600, "is_valid": true, "issued_at": NEW_YEAR / 1000,
        "scopes": ["email", "public_profile"], "user_id": "1207059",
    })
}

fn me() -> Value {
    json!({
        "id": "1207059", "name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com",
        "picture": { "data": { "height": 50, "is_silhouette": false, "url": "https://platform-lookaside.fbsbx.com/p", "width": 50 } },
    })
}

fn error(status: u16, code: u32, subcode: u32) -> Said {
    let error = json!({ "message": "<b>Something</b>", "type": "OAuthException", "code": code,
        "error_subcode": subcode, "fbtrace_id": "A1" });
    answer(status, json!({ "error": error }))
}

fn say(facebook: &Mutex<Facebook>, taken: &Taken) -> Said {
    let facebook = facebook.lock().unwrap();
    match taken.line.as_str() {
        "POST /v23.0/oauth/access_token" => {
            let form = &taken.form;
            assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), (APP, SECRET));
            assert_eq!(form["redirect_uri"], "https://app.example.com/signin");
            if let Some(said) = &facebook.error {
                return said.clone();
            }
            assert_eq!(
                (form["code"].as_str(), hash(&form["code_verifier"])),
                ("AQDcode", facebook.challenge.clone())
            );
            answer(200, json!({ "access_token": "EAAuser", "token_type": "bearer", "expires_in": 5183944 }))
        }
        "GET /debug_token" => {
            assert_eq!(taken.query["access_token"], format!("{APP}|{SECRET}"), "the app's own token");
            match taken.query["input_token"].as_str() {
                "EAAuser" => answer(200, json!({ "data": facebook.data })),
                // Facebook's message is "The App_id in the input_token did not match the Viewing App".
                "EAAother" => error(400, 100, 0),
                _ => {
                    let error = json!({ "code": 190, "message": "Invalid OAuth access token." });
                    answer(200, json!({ "data": { "error": error, "is_valid": false, "scopes": [] } }))
                }
            }
        }
        "GET /v23.0/me" => {
            assert_eq!(taken.query["access_token"], "EAAuser");
            assert_eq!(taken.query["fields"], "id,name,first_name,middle_name,last_name,email,picture");
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), b"EAAuser");
            let proof: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(taken.query["appsecret_proof"], proof);
            answer(200, facebook.me.clone())
        }
        other => panic!("Facebook has no {other}"),
    }
}

async fn world() -> World {
    world_with("").await
}

async fn world_with(more: &str) -> World {
    let facebook = Facebook { challenge: String::new(), data: data(), me: me(), error: None };
    let facebook = Arc::new(Mutex::new(facebook));
    let vendor = {
        let facebook = facebook.clone();
        StandIn::start(move |taken| say(&facebook, taken)).await
    };
    let t = TestApp::production(&format!(
        "[providers.facebook]\nclient_id = \"{APP}\"\nclient_secret = \"{SECRET}\"\n\
         callbacks = [\"https://app.example.com/signin\"]\naccept_tokens = true\n\
         token_endpoint = \"{}\"\ntokeninfo_endpoint = \"{}\"\nuserinfo_endpoint = \"{}\"\n{more}",
        vendor.at("/v23.0/oauth/access_token"),
        vendor.at("/debug_token"),
        vendor.at("/v23.0/me"),
    ))
    .await;
    World { t, vendor, facebook }
}

impl World {
    fn facebook(&self) -> std::sync::MutexGuard<'_, Facebook> {
        self.facebook.lock().unwrap()
    }

    async fn sign_in(&self) -> Result<Person, Refusal> {
        let begun = self.t.begin("facebook").await?;
        self.facebook().challenge = asked(&begun)["code_challenge"].clone();
        self.t.finish("facebook", &begun.memory, "AQDcode", None).await
    }
}

#[track_caller]
fn untrusted(answer: Result<Person, Refusal>, why: &str) {
    assert!(matches!(&answer, Err(Refusal::Untrusted(said)) if said.contains(why)), "{answer:?}");
}

#[tokio::test]
async fn seed_m38_a_code_of_facebook_becomes_a_person() {
    let w = world().await;
    let begun = w.t.begin("facebook").await.unwrap();
    assert!(begun.url.as_str().starts_with("https://www.facebook.com/v23.0/dialog/oauth?"), "{}", begun.url);
    assert_eq!(asked(&begun)["scope"], "public_profile email");
    let person = w.sign_in().await.unwrap();
    assert_eq!((person.issuer.as_str(), person.subject.as_str()), ("https://www.facebook.com", "1207059"));
    assert_eq!((person.email.as_deref(), person.vouched), (Some("ada@example.com"), false), "sec_A02");
    assert_eq!(person.profile.given_name.as_deref(), Some("Ada"));
    assert_eq!(person.profile.picture.as_deref(), Some("https://platform-lookaside.fbsbx.com/p"));
    let lines = ["POST /v23.0/oauth/access_token", "GET /debug_token", "GET /v23.0/me"];
    assert_eq!(w.vendor.lines(), lines, "sec_H04: the picture is not fetched");
}

#[tokio::test]
async fn seed_r11_a_token_sent_by_an_app_identifies_the_same_person() {
    let w = world().await;
    let brought = w.t.bring("facebook", "EAAuser").await.unwrap();
    let came = w.sign_in().await.unwrap();
    assert_eq!((brought.issuer, brought.subject), (came.issuer, came.subject));
    w.facebook().me.as_object_mut().unwrap().remove("email");
    w.facebook().data["expires_at"] = 0.into();
    assert_eq!(w.t.bring("facebook", "EAAuser").await.unwrap().email, None, "some users have no address");
}

#[tokio::test]
async fn seed_r12_a_token_must_be_for_our_app_and_valid_now() {
    let w = world().await;
    for (name, value, why) in [
        ("app_id", json!("666"), "another app"),
        ("app_id", Value::Null, "another app"),
        ("is_valid", json!(false), "not valid any more"),
        ("is_valid", Value::Null, "not valid any more"),
        ("type", json!("PAGE"), "does not belong to a user"),
        ("type", json!("APP"), "does not belong to a user"),
        ("user_id", Value::Null, "does not name a user"),
        ("user_id", json!("../me"), "does not name a user"),
        ("user_id", json!("2"), "about another user"),
    ] {
        let mut bent = data();
        bent[name] = value;
        w.facebook().data = bent;
        untrusted(w.t.bring("facebook", "EAAuser").await, why);
    }
    w.facebook().data = data();
    untrusted(w.t.bring("facebook", "EAAnobody").await, "not valid any more");
    let other = w.t.bring("facebook", "EAAother").await;
    assert!(matches!(other, Err(Refusal::Denied(_))), "{other:?}");
    w.t.advance(2 * HOUR);
    untrusted(w.t.bring("facebook", "EAAuser").await, "expired");
}

#[tokio::test]
async fn seed_m50_errors_of_facebook_are_mapped_without_repeating_its_text() {
    let w = world().await;
    for (said, ours) in [
        (error(400, 100, 36_009), "Reused"),
        (error(400, 100, 36_007), "Reused"),
        (error(400, 100, 0), "Denied"),
        (error(400, 1, 0), "Setup"),
        (error(400, 101, 0), "Setup"),
        (error(400, 191, 0), "Setup"),
        (error(400, 4, 0), "Unreachable"),
        (error(500, 1, 0), "Unreachable"),
        ((503, "<html>".into()), "Unreachable"),
    ] {
        w.facebook().error = Some(said);
        let answer = format!("{:?}", w.sign_in().await.unwrap_err());
        assert!(answer.starts_with(ours) && !answer.contains("Something"), "{ours}: {answer}");
    }
}

#[tokio::test]
async fn seed_r10_r13_over_http_a_users_token_registers_and_later_signs_in() {
    let w = world().await;
    let browser = Browser::new(&w.t);
    let bring = |token: &str| browser.post("/v1/login/provider/facebook", json!({ "token": token }));
    let offered = bring("EAAuser").await.ok();
    assert_eq!((&offered["type"], &offered["data"]["verified"]), (&json!("LoginOAuth"), &json!(false)));
    let made = browser.register("facebook", &offered, json!({ "email": "ada@example.com" })).await.ok();
    assert_eq!(made["data"]["email_verified"], false, "seed M15: Facebook does not verify addresses");
    let known = bring("EAAuser").await.ok();
    assert_eq!(known["session"]["user"]["user_id"], made["data"]["user_id"]);
    bring("EAAnobody").await.refused(403, "OAUTH_DENIED");
    w.facebook().data["app_id"] = "666".into();
    assert_eq!(
        bring("EAAuser").await.refused(403, "OAUTH_DENIED")["detail"],
        "The token is for another app.",
        "seed R12"
    );
}

#[tokio::test]
async fn seed_r10_r11_r12_r13_r21_r23_r24_r25_r26_r27_the_compatible_call_registers_and_returns_a_token() {
    let w = world_with(
        "[compat]\nauth_v1 = true\n[auto_register]\nprovider = true\n\
         [defaults.facebook]\nroles = [\"user\"]\n\
         extras = { player_name = \"undefined\", team_player_id = -1, coin = 500, diamond = 0, costume_select_id = -1 }\n\
         [profile.extras.player_name]\ntype = \"string\"\n[profile.extras.team_player_id]\ntype = \"number\"\n\
         [profile.extras.coin]\ntype = \"number\"\n[profile.extras.diamond]\ntype = \"number\"\n\
         [profile.extras.costume_select_id]\ntype = \"number\"\n",
    )
    .await;
    let path = "/api/v1/auth/registerOrLogin/facebook";
    let said = w.t.post(path, json!({ "authenToken": "EAAuser" })).await.ok();
    assert_eq!((said.as_object().unwrap().len(), &said["isSuccess"]), (2, &json!(true)));
    let user = w.t.get("/v1/profile").bearer(&said["data"]).await.ok();
    assert_eq!((&user["roles"], &user["player_name"]), (&json!(["user"]), &json!("undefined")));
    assert_eq!(
        (&claims_of(&said["data"])["username"], &user["email"]),
        (&json!("ada@example.com"), &Value::Null),
        "seed R18"
    );
    let numbers = ["team_player_id", "coin", "diamond", "costume_select_id"].map(|name| user[name].clone());
    assert_eq!(json!(numbers), json!([-1, 500, 0, -1]));
    let again = w.t.post(path, json!({ "authenToken": "EAAuser" })).await.ok();
    assert_eq!(w.t.get("/v1/profile").bearer(&again["data"]).await.ok()["user_id"], user["user_id"]);
    let said = w.t.post(path, json!({ "authenToken": "EAAother" })).await;
    assert_eq!((said.status, &said.json["isSuccess"]), (403, &json!(false)), "seed R12: {}", said.text);
    let said = w.t.post(path, json!({})).await;
    assert_eq!(said.json["error"]["message"], "authenToken: This field is required.", "seed R43");
}
