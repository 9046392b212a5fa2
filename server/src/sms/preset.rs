//! Gateways that we know: what the operator would have to write for each, written down once.

use serde::{Deserialize, Serialize};

/// `sms.preset`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Twilio, its Messages resource.
    Twilio,
    /// Vonage, its Messages API.
    Vonage,
    /// MessageBird, which is called Bird now: its SMS API.
    Messagebird,
}

/// How a gateway is called; each text a template.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) url: &'static str,
    pub(super) headers: &'static [&'static str],
    pub(super) body: &'static str,
}

/// `from` of Twilio may be a messaging service, which finds a number by itself.
const TWILIO_SERVICE: &str = "To={to}&MessagingServiceSid={from}&Body={text}";

impl Preset {
    /// With the account that the gateway counts by: MessageBird knows it by the key alone.
    pub fn has_account(self) -> bool {
        self != Preset::Messagebird
    }

    pub(super) fn shape(self, from: &str) -> Shape {
        match self {
            Preset::Twilio => Shape {
                url: "https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json",
                headers: &["Authorization: Basic {basic}", "Content-Type: application/x-www-form-urlencoded"],
                body: if is_service(from) { TWILIO_SERVICE } else { "To={to}&From={from}&Body={text}" },
            },
            Preset::Vonage => Shape {
                url: "https://api.nexmo.com/v1/messages",
                headers: &["Authorization: Basic {basic}", "Content-Type: application/json"],
                body: r#"{"channel":"sms","message_type":"text","to":"{digits}","from":"{from}","text":"{text}"}"#,
            },
            Preset::Messagebird => Shape {
                url: "https://rest.messagebird.com/messages",
                headers: &["Authorization: AccessKey {secret}", "Content-Type: application/json"],
                // Its default would send what is not in the GSM alphabet as question marks.
                body: r#"{"originator":"{from}","recipients":[{digits}],"body":"{text}","datacoding":"auto"}"#,
            },
        }
    }
}

fn is_service(from: &str) -> bool {
    from.len() == 34 && from.starts_with("MG") && from.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}
