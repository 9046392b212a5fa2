//! Mails and SMS of a test: sends what is due in the outbox, and reads the development mailbox.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub(crate) mod gateway;
pub(crate) mod service;
pub(crate) mod sink;

use doorward_messages::outbox;
use serde_json::Value;

use crate::support::TestApp;

/// A received mail or SMS.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) code: String,
    pub(crate) link: String,
}

impl Mail {
    pub(crate) fn token(&self) -> &str {
        self.link.split_once("token=").map(|(_, token)| token).unwrap_or_default()
    }
}

/// Sends everything that is due.
pub(crate) async fn send(t: &TestApp) {
    while outbox::send_due(&t.app.outbox).await {}
}

/// Sends everything that is due. Returns the messages to an address, newest first.
pub(crate) async fn all(t: &TestApp, to: &str) -> Vec<Mail> {
    send(t).await;
    let to = to.replace('+', "%2B");
    let list = t.get(&format!("/dev/mailbox.json?to={to}")).await.ok();
    let text = |mail: &Value, name: &str| mail[name].as_str().unwrap_or_default().to_owned();
    let mail = |mail: &Value| Mail {
        subject: text(mail, "subject"),
        text: text(mail, "text"),
        html: text(mail, "html"),
        code: text(mail, "code"),
        link: text(mail, "link"),
    };
    list.as_array().unwrap().iter().map(mail).collect()
}

/// The newest message to an address.
pub(crate) async fn newest(t: &TestApp, to: &str) -> Mail {
    all(t, to).await.into_iter().next().expect("a mail")
}

/// Another code than this one.
pub(crate) fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}
