//! SMS through the outbox: the requests to a gateway, the handling of its answers, and requests and mails that do not
//! wait for it.

use std::time::{Duration, Instant};

use doorward_core::one_time_code::Scene;
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::transaction;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::post;
use crate::post::gateway::{Gateway, Mood, ask, ask_as, code, meet, meet_own};
use crate::post::sink::Sink;
use crate::support::{MINUTE, SECOND, TestApp, until};

const ADA: &str = "ada@example.com";
const PHONE: &str = "+491701234567";

/// Answers of the gateways, as they document them.
const TWILIO_QUEUED: &str = r#"{"account_sid":"AC00000000000000000000000000000001","api_version":"2010-04-01","body":"Hi","date_created":"Thu, 24 Aug 2023 05:01:45 +0000","direction":"outbound-api","error_code":null,"from":"+15557122661","num_segments":"1","sid":"SM00000000000000000000000000000001","status":"queued","to":"+15558675310"}"#;
const TWILIO_NO_NUMBER: &str = r#"{"code":21211,"message":"The 'To' number +491701234567 is not a valid phone number.","more_info":"https://www.twilio.com/docs/errors/21211","status":400}"#;
const VONAGE_TAKEN: &str = r#"{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"}"#;
const VONAGE_OLD_TAKEN: &str = r#"{"message-count":"1","messages":[{"to":"447700900000","message-id":"0A0000000123ABCD1","status":"0"}]}"#;
const VONAGE_OLD_THROTTLED: &str =
    r#"{"message-count":"1","messages":[{"status":"1","error-text":"Throttled"}]}"#;
const MESSAGEBIRD_SENT: &str = r#"{"id":"e8077d803532c0b5937c639b60216938","href":"https://rest.messagebird.com/messages/e8077d803532c0b5937c639b60216938","direction":"mt","type":"sms","recipients":{"totalCount":1,"totalSentCount":1,"items":[{"recipient":31612345678,"status":"sent"}]}}"#;

/// A gateway that accepts everything.
async fn kind() -> Gateway {
    Gateway::start(Mood::Says(200, "ok")).await
}

/// Settings for a gateway without a preset.
fn settings(gateway: &Gateway) -> String {
    format!(
        "[sms]\nurl = \"{}\"\nheaders = [\"Content-Type: application/json\"]\n\
         body = '{{\"to\":\"{{to}}\",\"text\":\"{{text}}\"}}'\ntimeout = \"1s\"\n\
         [mail]\nproduct = \"Example\"\n",
        gateway.at("/send")
    )
}

async fn preset(gateway: &Gateway, url: &str, lines: &str) -> TestApp {
    let url = gateway.at(url);
    let t =
        TestApp::with(&format!("[sms]\nurl = \"{url}\"\n{lines}\n[mail]\nproduct = \"Bücher & Co\"\n")).await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    assert_eq!(t.sql("select count(*) from outbox").await, "0", "the gateway accepted the SMS");
    t
}

/// Adds a proven phone number to an account. Returns the id of the account.
async fn give_phone(t: &TestApp, email: &'static str) -> String {
    let given: Result<String, doorward_store::StoreError> = t
        .app
        .platform
        .store
        .write(transaction!(|tx| {
            let account = identities::owner(tx, Kind::Email, email).await?.unwrap();
            let name =
                Identity { kind: Kind::Phone, value: PHONE.into(), look: None, proven: true, origin: None };
            identities::insert(tx, &name, &account, 1).await?;
            Ok(account)
        }))
        .await;
    given.unwrap()
}

#[tokio::test]
async fn twilio_gets_the_request_that_it_documents() {
    let gateway = Gateway::start(Mood::Says(201, TWILIO_QUEUED)).await;
    let account = "AC00000000000000000000000000000001";
    let lines = format!(
        "preset = \"twilio\"\naccount = \"{account}\"\nsecret = \"hunter2\"\nfrom = \"+15557122661\""
    );
    let t = preset(&gateway, "/2010-04-01/Accounts/{account}/Messages.json", &lines).await;
    let [taken] = gateway.taken().try_into().unwrap();
    assert_eq!(
        (taken.method.as_str(), taken.path.as_str()),
        ("POST", format!("/2010-04-01/Accounts/{account}/Messages.json").as_str())
    );
    assert_eq!(taken.header("content-type"), "application/x-www-form-urlencoded");
    // AC00000000000000000000000000000001:hunter2
    assert_eq!(
        taken.header("authorization"),
        "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpodW50ZXIy"
    );
    let form = taken.form();
    let text = &form[2].1;
    assert_eq!(form[..2], [("To".into(), PHONE.into()), ("From".into(), "+15557122661".into())]);
    assert!(
        form[2].0 == "Body"
            && text.ends_with("is your code for Bücher & Co. It works for 1 minute. Do not share it.")
    );
    meet(&t, Scene::Login, PHONE, &code(text)).await.unwrap();
}

#[tokio::test]
async fn twilio_takes_an_api_key_and_a_messaging_service() {
    let gateway = Gateway::start(Mood::Says(201, TWILIO_QUEUED)).await;
    let service = "MG00000000000000000000000000000001";
    let lines = format!(
        "preset = \"twilio\"\naccount = \"AC1\"\nkey = \"SK1\"\nsecret = \"hunter2\"\nfrom = \"{service}\""
    );
    preset(&gateway, "/{account}", &lines).await;
    let [taken] = gateway.taken().try_into().unwrap();
    assert_eq!((taken.path.as_str(), taken.header("authorization")), ("/AC1", "Basic U0sxOmh1bnRlcjI="));
    assert_eq!(taken.form()[1], ("MessagingServiceSid".into(), service.into()));
}

#[tokio::test]
async fn vonage_gets_the_request_that_it_documents() {
    let gateway = Gateway::start(Mood::Says(202, VONAGE_TAKEN)).await;
    let lines = "preset = \"vonage\"\naccount = \"abcd1234\"\nsecret = \"hunter2\"\nfrom = \"Example\"";
    preset(&gateway, "/v1/messages", lines).await;
    let [taken] = gateway.taken().try_into().unwrap();
    assert_eq!((taken.method.as_str(), taken.path.as_str()), ("POST", "/v1/messages"));
    assert_eq!(taken.header("content-type"), "application/json");
    assert_eq!(taken.header("authorization"), "Basic YWJjZDEyMzQ6aHVudGVyMg==");
    let json = taken.json();
    let expected = json!({ "channel": "sms", "message_type": "text", "to": "491701234567", "from": "Example", "text": json["text"] });
    assert_eq!(json, expected);
    assert!(json["text"].as_str().unwrap().contains("Bücher & Co"));
}

#[tokio::test]
async fn messagebird_gets_the_request_that_it_documents() {
    let gateway = Gateway::start(Mood::Says(201, MESSAGEBIRD_SENT)).await;
    let lines = "preset = \"messagebird\"\nsecret = \"hunter2\"\nfrom = \"Example\"";
    preset(&gateway, "/messages", lines).await;
    let [taken] = gateway.taken().try_into().unwrap();
    assert_eq!((taken.method.as_str(), taken.path.as_str()), ("POST", "/messages"));
    assert_eq!(taken.header("authorization"), "AccessKey hunter2");
    let json = taken.json();
    let expected = json!({ "originator": "Example", "recipients": [491_701_234_567_u64], "body": json["body"], "datacoding": "auto" });
    assert_eq!(json, expected);
}

#[tokio::test]
async fn a_refusal_within_a_200_answer_of_a_gateway_is_recognised() {
    let gateway = Gateway::start(Mood::Says(200, VONAGE_OLD_THROTTLED)).await;
    // Vonage's older SMS API.
    let t = TestApp::with(&format!(
        "[sms]\nurl = \"{}\"\naccount = \"abcd1234\"\nsecret = \"hunter2\"\nfrom = \"Example\"\n\
         headers = [\"Content-Type: application/x-www-form-urlencoded\"]\n\
         body = \"api_key={{account}}&api_secret={{secret}}&from={{from}}&to={{digits}}&text={{text}}&type=unicode\"\n\
         success_at = \"/messages/0/status\"\nsuccess_is = \"0\"",
        gateway.at("/sms/json")
    ))
    .await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    let error = t.sql("select error from outbox where dead_at is null and attempts = 1").await;
    assert!(error.contains("Throttled"), "{error}");
    gateway.be(Mood::Says(200, VONAGE_OLD_TAKEN));
    t.advance(6 * SECOND);
    post::send(&t).await;
    assert_eq!(t.sql("select count(*) from outbox").await, "0");
    let names: Vec<String> = gateway.taken()[0].form().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["api_key", "api_secret", "from", "to", "text", "type"]);
}

#[tokio::test]
async fn a_gateway_can_be_called_by_get_with_all_values_in_the_address() {
    let gateway = kind().await;
    let url = gateway.at("/send?key={secret}&to={to}&text={text}");
    let t = TestApp::with(&format!(
        "[sms]\nmethod = \"GET\"\nsecret = \"a&b\"\nurl = \"{url}\"\nsuccess_is = \"ok\""
    ))
    .await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    let [taken] = gateway.taken().try_into().unwrap();
    let query = taken.path.split_once('?').unwrap().1;
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(query[..2], [("key".into(), "a&b".into()), ("to".into(), PHONE.into())]);
    assert_eq!(t.sql("select count(*) from outbox").await, "0");
}

#[tokio::test]
async fn a_refusal_of_a_number_is_final_and_stored_without_the_number() {
    let gateway = Gateway::start(Mood::Says(400, TWILIO_NO_NUMBER)).await;
    let t = TestApp::with(&settings(&gateway)).await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    assert_eq!(t.sql("select count(*) from outbox where dead_at is not null and attempts = 1").await, "1");
    let error = t.sql("select error from outbox").await;
    assert!(error.contains("21211") && !error.contains("1701234567"), "sec_L02: {error}");
    t.advance(60 * MINUTE);
    post::send(&t).await;
    assert_eq!(gateway.taken().len(), 1);
}

#[tokio::test]
async fn temporary_and_repairable_gateway_errors_are_retried() {
    let gateway = kind().await;
    let t = TestApp::with(&settings(&gateway)).await;
    for mood in [
        Mood::Says(500, "x"),
        Mood::Says(503, "x"),
        Mood::Says(429, "x"),
        Mood::Says(408, "x"),
        Mood::Says(401, "wrong key"),
        Mood::Says(302, "elsewhere"),
        Mood::Silent,
    ] {
        gateway.be(mood);
        ask(&t, Scene::Login, PHONE).await.unwrap();
        post::send(&t).await;
        assert_eq!(t.sql("select attempts from outbox where dead_at is null").await, "1", "{mood:?}");
        gateway.be(Mood::Says(200, "ok"));
        t.advance(6 * SECOND);
        post::send(&t).await;
        assert_eq!(t.sql("select count(*) from outbox").await, "0", "{mood:?}");
        // The code of the accepted SMS works.
        let last = gateway.taken().pop().unwrap();
        meet(&t, Scene::Login, PHONE, &code(&last.body)).await.unwrap();
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_only_up_to_a_limit() {
    let gateway = Gateway::start(Mood::Endless).await;
    let t = TestApp::with(&settings(&gateway)).await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    let error = t.sql("select error from outbox").await;
    assert!(error.starts_with("the gateway answered 500: xxx") && error.len() <= 300, "{error}");
}

#[tokio::test]
async fn sec_s9_after_ten_minutes_without_the_gateway_each_code_arrives_once_and_works() {
    const PHONES: [&str; 3] = ["+491701234567", "+441632960961", "+6281234567890"];
    for mood in [Mood::Says(503, "down"), Mood::Silent] {
        let gateway = Gateway::start(mood).await;
        // Each attempt waits for this time-out, so it is short.
        let t = TestApp::with(&settings(&gateway).replace("\"1s\"", "\"100ms\"")).await;
        for phone in PHONES {
            ask(&t, Scene::Login, phone).await.unwrap();
        }
        for _ in 0..20 {
            post::send(&t).await;
            t.advance(30 * SECOND);
        }
        let before = gateway.taken().len();
        assert!(before > 3, "each SMS was tried several times");
        gateway.be(Mood::Says(200, "ok"));
        let t = t.restart_with(&settings(&gateway)).await;
        // Longer than the longest possible pause so far.
        t.advance(11 * MINUTE);
        post::send(&t).await;
        post::send(&t).await;
        let arrived = &gateway.taken()[before..];
        assert_eq!((arrived.len(), t.sql("select count(*) from outbox").await.as_str()), (3, "0"));
        for sms in arrived {
            let to = sms.json()["to"].as_str().unwrap().to_owned();
            meet(&t, Scene::Login, &to, &code(&sms.body)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_new_code_voids_the_old_one_and_its_sms_does_not_leave() {
    let gateway = Gateway::start(Mood::Says(503, "down")).await;
    let t = TestApp::with(&settings(&gateway)).await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    gateway.be(Mood::Says(200, "ok"));
    t.advance(MINUTE);
    post::send(&t).await;
    let [old, new] = gateway.taken().try_into().unwrap();
    assert_eq!(t.sql("select count(*) from outbox").await, "0");
    meet(&t, Scene::Login, PHONE, &code(&old.body)).await.unwrap_err();
    meet(&t, Scene::Login, PHONE, &code(&new.body)).await.unwrap();
}

#[tokio::test]
async fn sec_s9_a_silent_gateway_delays_neither_answers_nor_mails() {
    let (gateway, sink) = (Gateway::start(Mood::Silent).await, Sink::start().await);
    let mail = sink.settings();
    let sms = settings(&gateway).replace("[mail]\nproduct = \"Example\"\n", "").replace("1s", "1m");
    let t = TestApp::with(&format!("{sms}{mail}")).await;
    let (_running, ended) = watch::channel(());
    let worker = tokio::spawn(outbox::run(t.app.outbox.clone(), ended));
    let begun = Instant::now();
    for at in 0..10 {
        ask(&t, Scene::Login, &format!("+49170123456{at}")).await.unwrap();
    }
    // The maximum number of SMS is on its way now.
    until("four SMS are on their way", async || gateway.taken().len() == 4).await;
    t.signup(ADA, "correct horse").await;
    until("the mail has left", async || !sink.taken().is_empty()).await;
    // The gateway's time-out is a minute.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(gateway.taken().len(), 4);
    worker.abort();
}

#[tokio::test]
async fn two_workers_never_send_one_sms_twice() {
    let gateway = kind().await;
    let t = TestApp::with(&settings(&gateway)).await;
    for at in 10..40 {
        ask(&t, Scene::Login, &format!("+4917012345{at}")).await.unwrap();
    }
    let drain = || async { while outbox::send_due(&t.app.outbox).await {} };
    futures_util::future::join_all((0..4).map(|_| drain())).await;
    let mut to: Vec<_> = gateway.taken().iter().map(|sms| sms.json()["to"].to_string()).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), gateway.taken().len()), (30, 30));
}

#[tokio::test]
async fn a_code_by_sms_lives_a_minute_from_when_it_leaves() {
    let t = TestApp::new().await;
    for (wait, expected) in [(59_999, None), (60_000, Some(ErrorCode::ExpiredCode))] {
        ask(&t, Scene::Login, PHONE).await.unwrap();
        // The SMS waits in the outbox for an hour.
        t.advance(60 * MINUTE);
        let sms = post::newest(&t, PHONE).await;
        t.advance(wait);
        assert_eq!(meet(&t, Scene::Login, PHONE, &sms.code).await.err(), expected, "{wait}");
    }
    let t = TestApp::with("[codes]\nsms_life = \"5m\"").await;
    ask(&t, Scene::Login, PHONE).await.unwrap();
    let sms = post::newest(&t, PHONE).await;
    assert!(sms.text.contains("5 minutes"), "{}", sms.text);
    t.advance(5 * MINUTE - 1);
    meet(&t, Scene::Login, PHONE, &sms.code).await.unwrap();
}

#[tokio::test]
async fn development_shows_sms_in_the_mailbox() {
    let t = TestApp::new().await;
    assert!(t.app.accounts.sms_configured());
    ask(&t, Scene::Login, PHONE).await.unwrap();
    post::send(&t).await;
    for to in ["+491701234567", "%2B491701234567"] {
        let sms = &t.get(&format!("/dev/mailbox.json?to={to}")).await.ok()[0];
        assert_eq!(
            (&sms["channel"], &sms["message"], &sms["to"]),
            (&json!("sms"), &json!("login_code"), &json!(PHONE))
        );
        assert_eq!(
            sms["text"],
            format!(
                "{} is your code for doorward. It works for 1 minute. Do not share it.",
                sms["code"].as_str().unwrap()
            )
        );
        assert_eq!((&sms["subject"], &sms["html"], &sms["link"]), (&Value::Null, &Value::Null, &Value::Null));
        let id = sms["id"].as_str().unwrap();
        t.get(&format!("/dev/mailbox/{id}")).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn without_a_gateway_production_has_no_sms() {
    assert!(!TestApp::production("").await.app.accounts.sms_configured());
    let gateway = "[sms]\npreset = \"messagebird\"\nsecret = \"x\"\nfrom = \"Example\"";
    assert!(TestApp::production(gateway).await.app.accounts.sms_configured());
}

#[tokio::test]
async fn a_login_code_is_sent_to_unknown_addresses_only_if_sign_up_is_open() {
    let t = TestApp::new().await;
    for to in [PHONE] {
        ask(&t, Scene::Login, to).await.unwrap();
    }
    let sms = post::newest(&t, PHONE).await;
    let met = meet(&t, Scene::Login, PHONE, &sms.code).await.unwrap();
    assert_eq!((met.account, met.address.as_str()), (None, PHONE));
    assert_eq!(t.audited("code_sent").await, 1);
    // A used code does not work again.
    assert_eq!(meet(&t, Scene::Login, PHONE, &sms.code).await.err(), Some(ErrorCode::InvalidCode));
    ask(&t, Scene::Login, "nobody@example.com").await.unwrap();
    assert_eq!(post::all(&t, "nobody@example.com").await.len(), 1);
    let closed = TestApp::with("[signup]\nopen = false").await;
    for to in [PHONE, "nobody@example.com"] {
        ask(&closed, Scene::Login, to).await.unwrap();
        assert!(post::all(&closed, to).await.is_empty(), "{to}");
    }
}

#[tokio::test]
async fn a_code_for_a_known_number_works_only_while_the_account_has_the_number() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let account = give_phone(&t, ADA).await;
    for scene in [Scene::Login, Scene::ResetPassword] {
        ask(&t, scene, PHONE).await.unwrap();
        let sms = post::newest(&t, PHONE).await;
        assert_eq!(sms.link, "", "an SMS has no link");
        assert_eq!(
            meet(&t, scene, PHONE, &sms.code).await.unwrap().account.as_deref(),
            Some(account.as_str())
        );
    }
    ask(&t, Scene::Login, PHONE).await.unwrap();
    let sms = post::newest(&t, PHONE).await;
    t.sql_do("delete from identities where kind = 'phone'").await;
    assert_eq!(meet(&t, Scene::Login, PHONE, &sms.code).await.err(), Some(ErrorCode::InvalidCode), "sec_A05");
}

#[tokio::test]
async fn sec_a03_an_unproven_address_does_not_open_an_account_with_a_proven_number() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let seen = post::all(&t, ADA).await.len();
    for scene in [Scene::ResetPassword, Scene::Login] {
        ask(&t, scene, ADA).await.unwrap();
    }
    assert_eq!(post::all(&t, ADA).await.len(), seen + 2, "the account has no other proof yet");
    give_phone(&t, ADA).await;
    for scene in [Scene::ResetPassword, Scene::Login] {
        ask(&t, scene, ADA).await.unwrap();
    }
    assert_eq!(post::all(&t, ADA).await.len(), seen + 4, "the owner of the address still gets codes");
    // Such a code would create a separate account, which auto_register does not allow here.
    let code = t.code(ADA, "LOGIN").await;
    t.post("/v1/login/code", json!({ "email": ADA, "code": code })).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_code_of_a_signed_in_account_works_only_for_that_account() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    t.signup("bob@example.com", "correct horse").await;
    let account = give_phone(&t, ADA).await;
    for (scene, to) in [
        (Scene::ChangeEmail, "new@example.com"),
        (Scene::ChangeEmail, "bob@example.com"),
        (Scene::BindPhone, "+441632960961"),
        (Scene::DeleteAccount, ADA),
        (Scene::DeleteAccount, PHONE),
    ] {
        ask_as(&t, scene, to, Caller::default(), Some(account.clone())).await.unwrap();
        let sent = post::newest(&t, to).await;
        assert!(sent.link.is_empty() && !sent.code.is_empty());
        assert!(meet(&t, Scene::Login, to, &sent.code).await.is_err(), "for its scene only");
        assert!(meet_own(&t, scene, to, &sent.code, "another").await.is_some(), "for its account only");
        assert_eq!(meet_own(&t, scene, to, &sent.code, &account).await, None);
    }
}

#[tokio::test]
async fn an_sms_uses_the_language_of_the_account_then_request_then_settings() {
    let t = TestApp::with("[mail]\nlanguage = \"id\"").await;
    let said = async |locale: Option<&str>| {
        let caller = Caller { locale: locale.map(str::to_owned), ..Caller::default() };
        ask_as(&t, Scene::Login, PHONE, caller, None).await.unwrap();
        post::newest(&t, PHONE).await.text
    };
    for (locale, word) in
        [(Some("de-AT"), "niemandem"), (Some("zh-CN"), "请勿"), (Some("tlh"), "Jangan"), (None, "Jangan")]
    {
        let text = said(locale).await;
        assert!(text.contains(word), "{text}");
    }
    let body = json!({ "email": ADA, "password": "correct horse", "locale": "en-GB" });
    t.post("/v1/signup", body).await.ok();
    give_phone(&t, ADA).await;
    assert!(said(Some("de")).await.contains("Do not share it"));
}
