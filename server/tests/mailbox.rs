//! The development mailbox, which exists only with `--dev`.

use axum::http::Method;
use serde_json::json;

use crate::post;
use crate::support::TestApp;

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn sec_l01_outside_development_there_is_no_mailbox() {
    let t = TestApp::production("").await;
    for path in ["/dev/mailbox", "/dev/mailbox.json", "/dev/mailbox/1"] {
        t.get(path).await.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn mails_are_listed_newest_first_and_by_address() {
    let t = TestApp::new().await;
    for email in [ADA, "bob@example.com"] {
        t.signup(email, "correct horse").await;
        post::send(&t).await;
    }
    let list = t.get("/dev/mailbox.json").await.ok();
    let to: Vec<_> = list.as_array().unwrap().iter().map(|mail| mail["to"].clone()).collect();
    assert_eq!(to, ["bob@example.com", ADA]);
    let mail = &t.get("/dev/mailbox.json?to=ADA%40example.com").await.ok()[0];
    assert_eq!(mail["to"], ADA);
    assert_eq!(mail["sent_at"], "2026-01-01T00:00:00.000Z");
    for field in ["id", "subject", "text", "html", "code", "link"] {
        assert!(mail[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    assert_eq!(t.get("/dev/mailbox.json?to=nobody@example.com").await.ok(), json!([]));
    assert_eq!(t.send(Method::DELETE, "/dev/mailbox.json", "", "").await.status, 204);
    assert_eq!(t.get("/dev/mailbox.json").await.ok(), json!([]));
}

#[tokio::test]
async fn a_mail_in_the_mailbox_cannot_run_scripts_or_load_resources() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    post::send(&t).await;
    let id = t.get("/dev/mailbox.json").await.ok()[0]["id"].as_str().unwrap().to_owned();
    let mail = t.get(&format!("/dev/mailbox/{id}")).await;
    assert!(mail.text.contains("Confirm my address"));
    let policy = mail.header("content-security-policy");
    for part in ["default-src 'none'", "sandbox allow-popups", "frame-ancestors 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("allow-scripts") && !policy.contains("allow-same-origin"));
    t.get("/dev/mailbox/unknown").await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn the_mailbox_page_runs_only_its_own_script() {
    let t = TestApp::new().await;
    let page = t.get("/dev/mailbox").await;
    let policy = page.header("content-security-policy").to_owned();
    let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(page.text.contains(&format!("<script nonce=\"{nonce}\">")), "{policy}");
    assert_ne!(
        t.get("/dev/mailbox").await.header("content-security-policy"),
        policy,
        "a new nonce each time"
    );
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_mailbox_keeps_only_the_newest_500_messages() {
    use doorward_core::message::Message;
    use doorward_messages::mail::Mail;
    use doorward_messages::mail::mailbox::Mailbox;
    use doorward_messages::mail::transport::OutgoingMessage;
    let mailbox = Mailbox::default();
    for at in 0..1000 {
        let mail = Mail {
            id: at.to_string(),
            message: Message::VerifyEmail,
            to: ADA.into(),
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            code: None,
            link: None,
        };
        mailbox.put(OutgoingMessage::Mail(mail), at);
    }
    let kept = mailbox.list(None);
    assert_eq!((kept.len(), kept[0].sent_at), (500, 999));
}
