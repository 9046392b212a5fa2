//! The first proof of an address (D-39): an owner does not inherit an account that a stranger prepared, a
//! stranger does not benefit from the owner's proof, and no unproven claim locks an owner out.

use axum::http::Method;
use serde_json::{Value, json};

use crate::post;
use crate::support::browser::Browser;
use crate::support::hooks::{Hooked, tell};
use crate::support::issuer::Issuer;
use crate::support::people::to;
use crate::support::{Answer, TestApp};

/// The password of the stranger who prepared the account.
const PREPARED: &str = "the strangers own";
const HERS: &str = "correct horse";

/// How an account with an unproven address was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    Password,
    Phone,
    Provider,
    Device,
}

/// A further proven name of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Also {
    Nothing,
    Phone,
    Provider,
}

/// How the address is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Link,
    Code,
    /// The link, together with a new password.
    NewPassword,
    Reset,
    CodeLogin,
    CodeSignup,
    Provider,
}

/// The evidence in the request: it shows that the same person created the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A proof of the key that was used at the sign-up.
    Key,
    /// A session of the account.
    Session,
    /// The password of the account.
    Password,
    /// No evidence: the request is sent from another browser.
    Nothing,
}

/// The state of the account after the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The account has the proven address and keeps all prepared data.
    Kept,
    /// The account has the proven address and none of the prepared data.
    TakenOver,
    /// The account loses the address and is otherwise unchanged. Another account may take the address.
    Left,
    /// The account is deleted, and another account has the address.
    Replaced,
    /// The account is unchanged. The answer has this code or type.
    Unchanged(&'static str),
}

const ALL: [(Way, &[By]); 7] = [
    (Way::Link, &[By::Key, By::Session, By::Password, By::Nothing]),
    (Way::Code, &[By::Key, By::Session, By::Password, By::Nothing]),
    (Way::NewPassword, &[By::Nothing]),
    (Way::Reset, &[By::Key, By::Session, By::Nothing]),
    (Way::CodeLogin, &[By::Key, By::Nothing]),
    (Way::CodeSignup, &[By::Key, By::Nothing]),
    (Way::Provider, &[By::Key, By::Nothing]),
];

/// The outcome according to D-39.
fn expected(begun: Begun, also: Also, way: Way, by: By) -> Outcome {
    let is_proven_otherwise = matches!(begun, Begun::Phone | Begun::Provider) || also != Also::Nothing;
    let is_at_provider = begun == Begun::Provider || also == Also::Provider;
    let has_password = begun != Begun::Device;
    match (way, by) {
        (Way::Link | Way::Code, By::Nothing) => Outcome::Unchanged("PASSWORD_REQUIRED"),
        (Way::Link | Way::Code, By::Password) if !has_password => Outcome::Unchanged("INVALID_PARAMETER"),
        // The account has another identity at this provider, so the user must decide whether both are the
        // same person.
        (Way::Provider, By::Key) if is_at_provider => Outcome::Unchanged("LoginOAuth"),
        (Way::CodeSignup, By::Key) => Outcome::Unchanged("EXISTS"),
        (_, By::Key | By::Session | By::Password) => Outcome::Kept,
        (_, By::Nothing) if is_proven_otherwise => Outcome::Left,
        (Way::CodeSignup, By::Nothing) => Outcome::Replaced,
        (_, By::Nothing) => Outcome::TakenOver,
    }
}

/// Accounts of phones and devices get their address from a hook, because these requests have no field for it.
const SCRIPT: &str = r#"
def pre_signup(model):
    if model.get_method() in ["phone_code", "device"] and "@" in model.get_user_agent():
        model.set_email(model.get_user_agent())
    if model.get_method() == "phone_code":
        model.set_password("the strangers own")
"#;

struct World {
    t: Hooked,
    op: Issuer,
}

/// A prepared account, and the browser that created it.
struct Prepared<'a> {
    email: String,
    browser: Browser<'a>,
    session: Value,
    id: String,
    link: String,
    code: String,
}

impl World {
    async fn new() -> World {
        let op = Issuer::start().await;
        let settings = format!(
            "{}trust_email = true\n[user_data.note]\ntype = \"string\"\n[auto_register]\nemail_code = true\nprovider = true\n[limits]\n\
             sign_in = \"1000/1m\"\nsign_up = \"1000/1m\"\nsend = \"1000/1m\"\ncode = \"1000/1m\"\nflow = \"1000/1m\"\n\
             mail_total = \"1000/1m\"\n[sms]\nbudget_prefix = 1000\nbudget_total = 1000\n",
            op.settings("acme")
        );
        World { t: Hooked::with(SCRIPT, &settings, "time = \"5s\"").await, op }
    }

    async fn prepare(&self, begun: Begun, also: Also, at: usize) -> Prepared<'_> {
        let (t, email) = (&*self.t, format!("case{at}@example.com"));
        let browser = Browser::new(t);
        let login = json!({ "login": true });
        let session = match begun {
            Begun::Password => {
                let body = json!({ "email": email, "password": PREPARED, "options": login });
                browser.post("/v1/signup", body).await.ok()["session"].clone()
            }
            Begun::Phone => {
                let number = format!("+4915111{at:06}");
                let code = t.code(&number, "LOGIN").await;
                let body = to(&number, json!({ "code": code }));
                browser.post("/v1/login/code", body).header("user-agent", &email).await.ok()
            }
            Begun::Device => {
                let body = json!({ "device_id": format!("device-of-{email}") });
                browser.post("/v1/login/device", body).header("user-agent", &email).await.ok()
            }
            Begun::Provider => {
                let offered =
                    self.come(&browser, &format!("stranger of {email}"), json!({}), false).await.ok();
                let more = json!({ "email": email, "password": PREPARED });
                browser.register("acme", &offered, more).await.ok();
                let back = self.come(&browser, &format!("stranger of {email}"), json!({}), false).await.ok();
                back["session"].clone()
            }
        };
        let mail = post::newest(t, &email).await;
        match also {
            Also::Nothing => {}
            Also::Phone => {
                let number = format!("+4915112{at:06}");
                browser
                    .post_as(&session, "/v1/code", to(&number, json!({ "scene": "BIND_PHONE" })))
                    .await
                    .ok();
                let code = post::newest(t, &number).await.code;
                let body = to(&number, json!({ "phone_code": code }));
                browser.post_as(&session, "/v1/phone/bind", body).await.ok();
            }
            Also::Provider => {
                let sub = format!("another of {email}");
                self.op.person(&sub, json!({}));
                let begun = browser.begin_as(&session, "acme").await;
                browser.link(&session, "acme", &begun, &self.op.consent(&begun.url, &sub)).await.ok();
            }
        }
        let id = session["user"]["user_id"].as_str().unwrap().to_owned();
        Prepared { link: mail.token().to_owned(), code: mail.code, id, email, browser, session }
    }

    /// Signs in with the provider.
    async fn come(&self, browser: &Browser<'_>, sub: &str, claims: Value, registers: bool) -> Answer {
        self.op.person(sub, claims);
        let begun = browser.begin("acme").await;
        let mut body = begun.body(&self.op.consent(&begun.url, sub));
        body["options"] = json!({ "auto_register": registers });
        browser.post("/v1/login/provider/acme", body).await
    }

    async fn prove(&self, prepared: &Prepared<'_>, way: Way, by: By) -> Answer {
        let (t, email) = (&*self.t, prepared.email.as_str());
        let another = Browser::new(t);
        let send = async |path: &str, mut body: Value| match by {
            By::Key => prepared.browser.post(path, body).await,
            By::Session => prepared.browser.post_as(&prepared.session, path, body).await,
            By::Password => {
                body["password"] = PREPARED.into();
                another.post(path, body).await
            }
            By::Nothing => another.post(path, body).await,
        };
        match way {
            Way::Link => send("/v1/email/verify", json!({ "token": prepared.link })).await,
            Way::Code => send("/v1/email/verify", json!({ "email": email, "code": prepared.code })).await,
            Way::NewPassword => {
                send("/v1/email/verify", json!({ "token": prepared.link, "new_password": HERS })).await
            }
            Way::Reset => {
                t.post("/v1/password/forgot", json!({ "email": email })).await.ok();
                let mail = post::newest(t, email).await;
                send("/v1/password/reset", json!({ "token": mail.token(), "new_password": HERS })).await
            }
            Way::CodeLogin => {
                let code = t.code(email, "LOGIN").await;
                send("/v1/login/code", json!({ "email": email, "code": code })).await
            }
            Way::CodeSignup => {
                let code = t.code(email, "LOGIN").await;
                send("/v1/signup/code", json!({ "email": email, "code": code, "password": HERS })).await
            }
            Way::Provider => {
                let browser = if by == By::Key { &prepared.browser } else { &another };
                let claims = json!({ "email": email, "email_verified": true });
                self.come(browser, &format!("owner of {email}"), claims, true).await
            }
        }
    }

    async fn count(&self, sql: &'static str, id: &str) -> i64 {
        let mut db = self.t.app.platform.store.read().await.unwrap();
        sqlx::query_scalar(sql).bind(id).fetch_one(&mut *db).await.unwrap()
    }

    async fn login(&self, email: &str, password: &str) -> u16 {
        self.t.post("/v1/login", json!({ "email": email, "password": password })).await.status
    }

    /// Derives the outcome from the validity of the account's session, its password and its names.
    async fn outcome(&self, prepared: &Prepared<'_>, way: Way, answer: &Answer) -> Outcome {
        let Prepared { email, browser, session, id, .. } = prepared;
        let exists = self.count("select count(*) from accounts where id = $1", id).await == 1;
        let addresses = "select count(*) from identities where account = $1 and kind = 'email'";
        let proven = "select count(*) from identities where account = $1 and kind = 'email'
            and (verified_at is not null or owned_at is not null)";
        let others = "select count(*) from identities where account = $1 and kind <> 'email'";
        let (has_address, is_proven) =
            (self.count(addresses, id).await == 1, self.count(proven, id).await == 1);
        let has_session = browser.sign(session, self.t.get("/v1/profile")).await.status == 200;
        let opens = self.login(email, PREPARED).await == 200;
        if !exists {
            assert!(!has_session && !opens && self.login(email, HERS).await == 200, "{}", answer.text);
            return Outcome::Replaced;
        }
        if !has_address {
            assert!(has_session && !opens, "{}", answer.text);
            // The owner of the address can sign up with it at once.
            let body = json!({ "email": email, "password": HERS });
            if answer.status == 404 {
                self.t.post("/v1/signup", body).await.ok();
            }
            return Outcome::Left;
        }
        if !is_proven {
            assert!(has_session, "{}", answer.text);
            let said = answer.json["code"].as_str().or(answer.json["type"].as_str()).unwrap_or_default();
            let known = ["PASSWORD_REQUIRED", "INVALID_PARAMETER", "EXISTS", "LoginOAuth"];
            return Outcome::Unchanged(known.into_iter().find(|known| said == *known).unwrap_or("?"));
        }
        assert_eq!(answer.status, 200, "{}", answer.text);
        let data = "select count(*) from user_data where account = $1";
        let is_anew = self.count(data, id).await == 0;
        if way == Way::Reset {
            assert!(
                !has_session && !opens && self.login(email, HERS).await == 200,
                "a reset ends the session and the old password"
            );
        }
        let reset_keeps = way == Way::Reset && !is_anew;
        if has_session || reset_keeps {
            return Outcome::Kept;
        }
        assert!(!opens, "the prepared password still works");
        // The provider that vouches for the address is linked as a sign-in method.
        let own = i64::from(way == Way::Provider);
        assert_eq!(self.count(others, id).await, own, "prepared names are left");
        Outcome::TakenOver
    }

    /// Tries every way to prove the address of an account that was created like this.
    async fn walk(&self, begun: Begun, also: Also) {
        let cases = ALL.iter().flat_map(|(way, bys)| bys.iter().map(move |by| (*way, *by)));
        for (at, (way, by)) in cases.enumerate() {
            let prepared = self.prepare(begun, also, at).await;
            let body = json!({ "value": "what was prepared" });
            let call = self.t.send(Method::PUT, "/v1/data/note", "application/json", body.to_string());
            prepared.browser.sign(&prepared.session, call).await.ok();
            let answer = self.prove(&prepared, way, by).await;
            let outcome = self.outcome(&prepared, way, &answer).await;
            let case = format!("{begun:?} and {also:?}, by {way:?} with {by:?}: {}", answer.text);
            assert_eq!(outcome, expected(begun, also, way, by), "{case}");
        }
    }
}

#[tokio::test]
async fn sec_a03_a_first_proof_keeps_a_password_account_only_with_evidence() {
    World::new().await.walk(Begun::Password, Also::Nothing).await;
}

#[tokio::test]
async fn sec_a03_a_first_proof_keeps_a_device_account_only_with_evidence() {
    World::new().await.walk(Begun::Device, Also::Nothing).await;
}

#[tokio::test]
async fn sec_a03_an_address_leaves_an_account_that_is_proven_by_a_phone_number() {
    for (begun, also) in [(Begun::Password, Also::Phone), (Begun::Phone, Also::Nothing)] {
        World::new().await.walk(begun, also).await;
    }
}

#[tokio::test]
async fn sec_a03_an_address_leaves_an_account_that_is_proven_by_a_provider() {
    for (begun, also) in [(Begun::Password, Also::Provider), (Begun::Provider, Also::Nothing)] {
        World::new().await.walk(begun, also).await;
    }
}

#[tokio::test]
async fn sec_a03_an_address_leaves_an_account_that_is_proven_by_two_other_names() {
    for (begun, also) in
        [(Begun::Device, Also::Phone), (Begun::Phone, Also::Provider), (Begun::Provider, Also::Phone)]
    {
        World::new().await.walk(begun, also).await;
    }
}

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn a_wrong_password_consumes_neither_link_nor_code_and_tries_are_limited() {
    let t = TestApp::with("[limits]\nfailures = 2\npause = \"10s\"\n").await;
    t.signup(ADA, PREPARED).await;
    let mail = post::newest(&t, ADA).await;
    let verify = async |more: Value| {
        let mut body = json!({ "token": mail.token() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        t.post("/v1/email/verify", body).await
    };
    assert_eq!(verify(json!({})).await.refused(403, "PASSWORD_REQUIRED")["field"], "password");
    for _ in 0..2 {
        let wrong = verify(json!({ "password": "guess" })).await;
        assert_eq!(wrong.refused(400, "INVALID_PARAMETER")["field"], "password");
    }
    verify(json!({ "password": PREPARED })).await.refused(429, "REQUEST_EXCEED");
    // Failed tries here do not block a sign-in.
    t.login(ADA, PREPARED).await;
    t.advance(20_000);
    let both = verify(json!({ "password": PREPARED, "new_password": HERS })).await;
    assert_eq!(both.refused(400, "INVALID_PARAMETER")["field"], "new_password");
    verify(json!({ "password": PREPARED })).await.ok();
}

#[tokio::test]
async fn evidence_never_completes_an_earlier_click() {
    let t = TestApp::new().await;
    let stranger = Browser::new(&t);
    stranger.post("/v1/signup", json!({ "email": ADA, "password": PREPARED })).await.ok();
    let mail = post::newest(&t, ADA).await;
    // The owner clicks the link. The stranger has the password, a session and the key, but not the link.
    let click = json!({ "token": mail.token() });
    t.post("/v1/email/verify", click.clone()).await.refused(403, "PASSWORD_REQUIRED");
    let session = t.login(ADA, PREPARED).await;
    assert_eq!(session["user"]["email_verified"], false);
    // The owner did not create the account and sets a new password.
    let body = json!({ "token": mail.token(), "new_password": HERS });
    let user = t.post("/v1/email/verify", body).await.ok();
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(ADA), &json!(true)));
    t.get("/v1/profile").bearer(&session["access_token"]).await.refused(401, "SESSION_REQUIRED");
    stranger.post("/v1/email/verify", click).await.refused(400, "TOKEN_REVOKED");
    t.login(ADA, HERS).await;
}

#[tokio::test]
async fn a_claimed_account_loses_its_private_data_and_keeps_its_public_profile() {
    let settings = "[user_data.note]\ntype = \"string\"\n[profile.extras.plan]\ntype = \"string\"\n";
    let t = Hooked::with(
        &tell("post_account_claimed", "model.get_email(), model.get_user_id()"),
        settings,
        "time = \"5s\"",
    )
    .await;
    let body = json!({
        "email": ADA, "password": PREPARED, "username": "ada_l", "nickname": "Ada", "birthdate": "1815-12-10",
        "misc": "a note", "plan": "gold", "phone_number": "+4915112345678",
        "options": { "login": true, "email_subscription": true },
    });
    let stranger = t.post("/v1/signup", body).await.ok()["session"].clone();
    let data = t.send_as(&stranger, "PUT", "/v1/data/note", json!({ "value": "x" }));
    data.await.ok();
    t.sql_do("update accounts set roles = '[\"admin\"]'").await;
    let mail = post::newest(&t, ADA).await;
    let body = json!({ "token": mail.token(), "new_password": HERS });
    let user = t.post("/v1/email/verify", body).await.ok();
    assert_eq!((&user["username"], &user["nickname"]), (&json!("ada_l"), &json!("Ada")));
    assert_eq!((&user["roles"], &user["email_subscription"]), (&json!(["user"]), &json!(false)));
    for gone in ["birthdate", "misc", "plan", "phone_number"] {
        assert_eq!(user.get(gone), None, "{gone}");
    }
    assert_eq!(t.sql("select count(*) from user_data").await, "0");
    assert_eq!(t.audited("account_claimed").await, 1);
    assert_eq!(t.told().await, [json!([true, ADA, user["user_id"]])]);
}

#[tokio::test]
async fn an_unproven_address_blocks_a_signup_only_while_its_account_is_unproven() {
    let t = TestApp::new().await;
    t.signup(ADA, PREPARED).await;
    let signup = json!({ "email": ADA, "password": HERS });
    // An unproven account blocks other sign-ups with its address (seed K29).
    t.post("/v1/signup", signup.clone()).await.refused(409, "EXISTS");
    let stranger = t.login(ADA, PREPARED).await;
    t.bind(&stranger, "+4915112345678").await;
    t.post("/v1/signup", signup).await.ok();
    assert_eq!(t.profile(&stranger).await.get("email"), None);
    t.login(ADA, HERS).await;
}

#[tokio::test]
async fn a_signed_in_user_can_bind_an_address_that_another_account_never_proved() {
    let t = TestApp::new().await;
    t.signup(ADA, PREPARED).await;
    let owner = t.device("a device of the owner").await;
    let user = t.bind(&owner, ADA).await;
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(ADA), &json!(true)));
    t.post("/v1/login", json!({ "email": ADA, "password": PREPARED }))
        .await
        .refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn a_confirmation_mail_can_be_resent_and_used_after_a_number_was_bound() {
    let t = TestApp::new().await;
    let body = json!({ "email": ADA, "password": HERS, "options": { "login": true } });
    let session = t.post("/v1/signup", body).await.ok()["session"].clone();
    let first = post::newest(&t, ADA).await;
    t.bind(&session, "+4915112345678").await;
    t.post("/v1/email/resend", json!({ "email": ADA })).await.ok();
    let second = post::newest(&t, ADA).await;
    assert_ne!(first.token(), second.token(), "a new mail is sent");
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    assert!(post::newest(&t, ADA).await.subject.contains("password"), "the reset mail is sent, too");
    t.post_as(&session, "/v1/email/verify", json!({ "token": second.token() })).await.ok();
}

#[tokio::test]
async fn with_trusted_clicks_a_click_confirms_and_keeps_the_account() {
    let t = TestApp::with("[signup]\nconfirmation_click = \"trusting\"\n").await;
    let body = json!({ "email": ADA, "password": PREPARED, "options": { "login": true } });
    let session = t.post("/v1/signup", body).await.ok()["session"].clone();
    let mail = post::newest(&t, ADA).await;
    t.post("/v1/email/verify", json!({ "token": mail.token() })).await.ok();
    assert_eq!(t.profile(&session).await["email_verified"], true);
}

#[tokio::test]
async fn hooks_see_a_failure_when_an_address_only_leaves_its_account() {
    let script = [
        tell("post_verify_email", "'verify'"),
        tell("post_reset_password", "'reset'"),
        tell("post_account_claimed", "'claimed'"),
    ];
    let t = Hooked::new(&script.concat()).await;
    t.signup(ADA, PREPARED).await;
    let stranger = t.login(ADA, PREPARED).await;
    let mail = post::newest(&t, ADA).await;
    t.bind(&stranger, "+4915112345678").await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let reset = post::newest(&t, ADA).await;
    t.told().await;
    let body = json!({ "token": mail.token(), "new_password": HERS });
    t.post("/v1/email/verify", body).await.refused(404, "NOT_FOUND");
    assert_eq!(t.told().await, [json!([false, "verify"])]);
    // The address has no account now. Codes and links of the account that lost it no longer work.
    let body = json!({ "token": reset.token(), "new_password": HERS });
    t.post("/v1/password/reset", body).await.refused(400, "TOKEN_REVOKED");
}

#[tokio::test]
async fn the_address_check_reports_an_address_open_to_a_signup_as_free() {
    let t = TestApp::new().await;
    let registered =
        async || t.post("/v1/email/check", json!({ "email": ADA })).await.ok()["data"]["registered"].clone();
    t.signup(ADA, PREPARED).await;
    assert_eq!(registered().await, true);
    let stranger = t.login(ADA, PREPARED).await;
    t.bind(&stranger, "+4915112345678").await;
    assert_eq!(registered().await, false);
}

/// Otherwise the hook would see the data that a stranger prepared, and not the account of the new session.
#[tokio::test]
async fn hooks_see_the_account_as_it_is_after_the_proof() {
    let script = r#"
def pre_sign_in(model):
    if model.get_email() and not model.get_email_verified():
        reject("unconfirmed")
    if "admin" in model.get_roles() or model.get_phone_number():
        reject("prepared")
"#;
    let op = Issuer::start().await;
    let settings =
        format!("{}trust_email = true\n[signup]\nconfirmation = \"required\"\n", op.settings("acme"));
    let t = Hooked::with(script, &settings, "time = \"5s\"").await;
    for (email, by_provider) in [("one@example.com", false), ("two@example.com", true)] {
        let body = json!({ "email": email, "password": PREPARED, "phone_number": "+4915112345678" });
        t.post("/v1/signup", body).await.ok();
        t.sql_do("update accounts set roles = '[\"admin\"]'").await;
        let user = if by_provider {
            op.person("owner", json!({ "email": email, "email_verified": true }));
            let browser = Browser::new(&t);
            let begun = browser.begin("acme").await;
            browser.login("acme", &begun, &op.consent(&begun.url, "owner")).await.ok()["session"]["user"]
                .clone()
        } else {
            let code = t.code(email, "LOGIN").await;
            t.post("/v1/login/code", json!({ "email": email, "code": code })).await.ok()["user"].clone()
        };
        assert_eq!((&user["email_verified"], &user["roles"]), (&json!(true), &json!(["user"])), "{email}");
    }
}

#[tokio::test]
async fn removing_the_address_does_not_unlock_an_unconfirmed_account() {
    let t = TestApp::with("[signup]\nconfirmation = \"required\"\n").await;
    let body = json!({ "email": ADA, "username": "evil", "password": PREPARED });
    t.post("/v1/signup", body).await.ok();
    let mail = post::newest(&t, ADA).await;
    let form = format!("action=disown_confirmed&token={}", mail.token());
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(t.send(Method::POST, "/account/verify", kind, form).await.status, 303);
    let login = json!({ "username": "evil", "password": PREPARED });
    t.post("/v1/login", login).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
}

#[tokio::test]
async fn with_trusted_clicks_every_other_proof_still_needs_evidence() {
    let t = TestApp::with("[signup]\nconfirmation_click = \"trusting\"\n").await;
    for (email, by_code) in [("one@example.com", true), ("two@example.com", false)] {
        t.signup(email, PREPARED).await;
        if by_code {
            let code = t.code(email, "LOGIN").await;
            t.post("/v1/login/code", json!({ "email": email, "code": code })).await.ok();
        } else {
            let stranger = t.login(email, PREPARED).await;
            t.post("/v1/password/forgot", json!({ "email": email })).await.ok();
            let token = post::newest(&t, email).await.token().to_owned();
            let body = json!({ "token": token, "new_password": HERS });
            t.post("/v1/password/reset", body).await.ok();
            t.get("/v1/profile").bearer(&stranger["access_token"]).await.refused(401, "SESSION_REQUIRED");
        }
        let body = json!({ "email": email, "password": PREPARED });
        t.post("/v1/login", body).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    }
    assert_eq!(t.audited("account_claimed").await, 2);
}

/// The client repeats the request with the new nonce, and the evidence counts.
#[tokio::test]
async fn evidence_with_an_old_nonce_is_requested_again_and_nothing_is_lost() {
    let t = TestApp::new().await;
    let browser = Browser::new(&t);
    let body = json!({ "email": ADA, "password": PREPARED, "options": { "login": true } });
    let session = browser.post("/v1/signup", body).await.ok()["session"].clone();
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let mail = post::newest(&t, ADA).await;
    let body = json!({ "token": mail.token(), "new_password": HERS });
    let (key, token) = (browser.key.as_ref().unwrap(), session["access_token"].as_str().unwrap());
    let proof = key.proof("POST", "http://localhost:8787/v1/password/reset", "an old nonce", Some(token));
    let call = t.post("/v1/password/reset", body.clone());
    let call = call.header("authorization", &format!("DPoP {token}")).dpop(&proof);
    call.await.refused(401, "USE_DPOP_NONCE");
    browser.post_as(&session, "/v1/password/reset", body).await.ok();
    assert_eq!(t.audited("account_claimed").await, 0);
}

#[tokio::test]
async fn with_evidence_a_confirmation_takes_no_new_password() {
    let t = TestApp::new().await;
    let body = json!({ "email": ADA, "password": PREPARED, "options": { "login": true } });
    let session = t.post("/v1/signup", body).await.ok()["session"].clone();
    let token = post::newest(&t, ADA).await.token().to_owned();
    let both = json!({ "token": token, "new_password": HERS });
    let said = t.post_as(&session, "/v1/email/verify", both).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(said["field"], "new_password");
    t.post_as(&session, "/v1/email/verify", json!({ "token": token })).await.ok();
    t.login(ADA, PREPARED).await;
}

#[tokio::test]
async fn a_repeated_signup_shows_a_stranger_nothing_of_the_owners_account() {
    let t = TestApp::new().await;
    let signup = || {
        let body = json!({ "email": ADA, "password": PREPARED });
        let call = t.post("/v1/signup", body);
        call.header("idempotency-key", "6f1c2b70-5f0d-4e0c-9d5e-0a3a4a5b6c7d")
    };
    let first = signup().await.ok();
    assert_eq!(signup().await.ok(), first);
    let code = t.code(ADA, "LOGIN").await;
    let owner = t.post("/v1/login/code", json!({ "email": ADA, "code": code })).await.ok();
    t.send_as(&owner, "PATCH", "/v1/profile", json!({ "birthdate": "1815-12-10" })).await.ok();
    assert_eq!(signup().await.ok().get("user"), None);
}

#[tokio::test]
async fn a_code_signup_does_not_replace_a_disabled_account() {
    let t = TestApp::new().await;
    t.signup(ADA, PREPARED).await;
    t.sql_do("update accounts set disabled = 1").await;
    let code = t.code(ADA, "LOGIN").await;
    let body = json!({ "email": ADA, "code": code, "password": HERS });
    t.post("/v1/signup/code", body).await.refused(403, "USER_IS_DISABLED");
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test]
async fn the_claim_hook_gets_the_id_of_the_replaced_account() {
    let t = Hooked::new(&tell("post_account_claimed", "model.get_user_id()")).await;
    t.signup(ADA, PREPARED).await;
    let then = t.login(ADA, PREPARED).await["user"]["user_id"].clone();
    let code = t.code(ADA, "LOGIN").await;
    let made = t.post("/v1/signup/code", json!({ "email": ADA, "code": code })).await.ok();
    assert_ne!(made["user"]["user_id"], then);
    assert_eq!(t.told().await, [json!([true, then])]);
}

/// `doorward init` writes this setting. The stranger cannot sign in before the owner clicks.
#[tokio::test]
async fn sec_a03_a_click_of_the_owner_does_not_let_a_waiting_stranger_in() {
    let t = TestApp::with("[signup]\nconfirmation = \"required\"\n").await;
    let login =
        async |password: &str| t.post("/v1/login", json!({ "email": ADA, "password": password })).await;
    t.signup(ADA, PREPARED).await;
    login(PREPARED).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    let token = post::newest(&t, ADA).await.token().to_owned();
    t.post("/v1/email/verify", json!({ "token": token })).await.refused(403, "PASSWORD_REQUIRED");
    login(PREPARED).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    t.post("/v1/email/verify", json!({ "token": token, "new_password": HERS })).await.ok();
    login(PREPARED).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    login(HERS).await.ok();
}

#[tokio::test]
async fn no_proof_of_its_address_opens_a_disabled_account() {
    let t = TestApp::new().await;
    t.signup(ADA, PREPARED).await;
    let token = post::newest(&t, ADA).await.token().to_owned();
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let reset = post::newest(&t, ADA).await.token().to_owned();
    t.sql_do("update accounts set disabled = 1").await;
    let body = json!({ "token": token, "new_password": HERS });
    t.post("/v1/email/verify", body).await.refused(403, "USER_IS_DISABLED");
    let body = json!({ "token": reset, "new_password": HERS });
    t.post("/v1/password/reset", body).await.refused(403, "USER_IS_DISABLED");
    assert_eq!(t.audited("account_claimed").await, 0);
}
