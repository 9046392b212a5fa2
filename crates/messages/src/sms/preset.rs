//! Gateways that we know: what the operator would have to write for each, written down once.

use doorward_config::Preset;

/// How a gateway is called; each text a template.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) url: &'static str,
    pub(super) headers: &'static [&'static str],
    pub(super) body: &'static str,
}

/// `from` of Twilio may be a messaging service, which finds a number by itself.
const TWILIO_SERVICE: &str = "To={to}&MessagingServiceSid={from}&Body={text}";

/// How the gateway is called, from this sender.
pub(super) fn shape(preset: Preset, from: &str) -> Shape {
    match preset {
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

fn is_service(from: &str) -> bool {
    from.len() == 34 && from.starts_with("MG") && from.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}
