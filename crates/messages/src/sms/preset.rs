//! Known gateways: the settings that an operator would otherwise write for each.

use doorward_config::Preset;

/// The request to a gateway; each text is a template.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) url: &'static str,
    pub(super) headers: &'static [&'static str],
    pub(super) body: &'static str,
}

/// Twilio's `from` may be a messaging service, which chooses a number.
const TWILIO_SERVICE: &str = "To={to}&MessagingServiceSid={from}&Body={text}";

/// The request to the gateway, from this sender.
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
            // By default MessageBird replaces characters outside the GSM alphabet by question marks.
            body: r#"{"originator":"{from}","recipients":[{digits}],"body":"{text}","datacoding":"auto"}"#,
        },
    }
}

fn is_service(from: &str) -> bool {
    from.len() == 34 && from.starts_with("MG") && from.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
}
