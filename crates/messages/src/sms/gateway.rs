//! Hands an SMS to a gateway: one HTTP request, built from the settings. The settings also decide which answer is a
//! success.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_config::ConfigError;
use doorward_core::delivery_queue::Failure;
use doorward_core::local_address::is_local;
use doorward_core::secret::Secret;
use doorward_outbound::{CallLimits, HttpClient, HttpResponse};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request};
use serde_json::Value;
use url::Url;

use super::Sms;
use super::preset::shape;
use super::template::{Escape, fill};

/// Most bytes of an answer; a valid answer is much smaller.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A configured gateway.
pub struct Gateway {
    client: HttpClient,
    limits: CallLimits,
    method: Method,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
    escape: Escape,
    success: Success,
    account: String,
    key: String,
    secret: Secret,
    from: String,
}

/// The answer that means that the gateway accepted the SMS.
struct Success {
    status: RangeInclusive<u16>,
    /// JSON pointer to the value in the answer; empty to search the whole text.
    at: String,
    /// The value; empty without a pointer if the status alone decides.
    is: String,
}

impl Gateway {
    /// Reads the settings. Does not connect yet.
    pub fn new(sms: &doorward_config::Sms, http: &HttpClient) -> Result<Gateway, ConfigError> {
        let wrong = |key: &str, message: &str| ConfigError::about(key, None, message);
        let shape = sms.preset.map(|preset| shape(preset, &sms.from));
        let (url, body) = match &shape {
            Some(shape) if sms.url.is_empty() => (shape.url.to_owned(), shape.body.to_owned()),
            Some(shape) => (sms.url.clone(), shape.body.to_owned()),
            None => (sms.url.clone(), sms.body.clone()),
        };
        let lines: Vec<&str> = match &shape {
            Some(shape) => shape.headers.to_vec(),
            None => sms.headers.iter().map(Secret::expose).collect(),
        };
        let method = Method::from_bytes(sms.method.as_bytes())
            .ok()
            .filter(|method| [Method::GET, Method::POST, Method::PUT].contains(method))
            .ok_or_else(|| wrong("sms.method", "must be GET, POST or PUT"))?;
        let mut gateway = Gateway {
            client: http.clone(),
            limits: CallLimits { time: sms.timeout.into(), bytes: LONGEST_ANSWER },
            method,
            url,
            headers: Vec::new(),
            body,
            escape: Escape::None,
            success: success(sms)?,
            account: sms.account.clone(),
            key: sms.key.clone(),
            secret: sms.secret.clone(),
            from: sms.from.clone(),
        };
        for line in lines {
            let (name, value) = gateway.header(line).ok_or_else(|| {
                wrong("sms.headers", "each must be `Name: value`, like a line of a request")
            })?;
            if name == header::CONTENT_TYPE {
                gateway.escape = Escape::of(value.to_str().unwrap_or_default());
            }
            gateway.headers.push((name, value));
        }
        let filled = fill(&gateway.url, &gateway.values("+49", "text"), Escape::Percent);
        let url = Url::parse(&filled).map_err(|_| wrong("sms.url", "is not a valid URL"))?;
        if url.scheme() != "https" && !is_local(&url) {
            return Err(wrong(
                "sms.url",
                "must be https, because codes are sent to it; http is allowed only on this machine",
            ));
        }
        gateway.client.check(&url).map_err(|cause| wrong("sms.url", &cause))?;
        let has = |name: &str| gateway.url.contains(name) || gateway.body.contains(name);
        if !has("{text}") || !(has("{to}") || has("{digits}")) {
            return Err(wrong("sms.body", "or sms.url must contain {text}, and {to} or {digits}"));
        }
        Ok(gateway)
    }

    /// Hands one SMS to the gateway.
    pub async fn send(&self, sms: &Sms) -> Result<(), Failure> {
        let request = self.request(sms).map_err(Failure::Never)?;
        let answer = self.client.send(request, self.limits).await;
        self.verdict(&answer.map_err(Failure::Later)?).map_err(|failure| self.discreet(failure, sms))
    }

    fn request(&self, sms: &Sms) -> Result<Request<Vec<u8>>, String> {
        let values = self.values(&sms.to, &sms.text);
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(fill(&self.url, &values, Escape::Percent))
            .body(fill(&self.body, &values, self.escape).into_bytes())
            .map_err(|_| "the URL of the gateway is not valid".to_owned())?;
        request.headers_mut().extend(self.headers.iter().cloned());
        Ok(request)
    }

    fn values<'a>(&'a self, to: &'a str, text: &'a str) -> [(&'static str, &'a str); 7] {
        [
            ("to", to),
            ("digits", to.trim_start_matches('+')),
            ("text", text),
            ("from", &self.from),
            ("account", &self.account),
            ("key", &self.key),
            ("secret", self.secret.expose()),
        ]
    }

    /// A header of every request. It cannot contain anything about the SMS.
    fn header(&self, line: &str) -> Option<(HeaderName, HeaderValue)> {
        let (name, value) = line.split_once(':')?;
        // An API key of Twilio replaces the account as the username.
        let user = if self.key.is_empty() { &self.account } else { &self.key };
        let basic = STANDARD.encode(format!("{user}:{}", self.secret.expose()));
        let values = [
            ("basic", basic.as_str()),
            ("account", &self.account),
            ("key", &self.key),
            ("secret", self.secret.expose()),
            ("from", &self.from),
        ];
        let mut value = HeaderValue::from_str(fill(value.trim(), &values, Escape::None).as_str()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
    }

    /// Only an error about this very SMS is final. Errors that the operator can correct (credentials, an empty balance)
    /// and temporary errors say nothing about the SMS, so that a later attempt may succeed.
    fn verdict(&self, answer: &HttpResponse) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(&answer.body);
        let cause = format!("the gateway answered {}: {}", answer.status, text.trim());
        match answer.status {
            status if self.success.status.contains(&status) => {
                if self.success.holds(&text) {
                    Ok(())
                } else {
                    Err(Failure::Later(cause))
                }
            }
            401 | 402 | 403 | 408 | 425 | 429 => Err(Failure::Later(cause)),
            400..=499 => Err(Failure::Never(cause)),
            _ => Err(Failure::Later(cause)),
        }
    }

    /// The cause goes into a log and a row: one line, limited in length, and without the number, the text and the
    /// secret.
    fn discreet(&self, failure: Failure, sms: &Sms) -> Failure {
        let clean = |cause: String| {
            let mut cause = cause;
            for hidden in
                [&sms.text, &sms.to, sms.to.trim_start_matches('+'), &sms.code, self.secret.expose()]
            {
                if !hidden.is_empty() {
                    cause = cause.replace(hidden, "…");
                }
            }
            cause.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
        };
        match failure {
            Failure::Later(cause) => Failure::Later(clean(cause)),
            Failure::Never(cause) => Failure::Never(clean(cause)),
        }
    }
}

impl Success {
    fn holds(&self, text: &str) -> bool {
        if self.at.is_empty() {
            return text.contains(&self.is);
        }
        let Ok(json) = serde_json::from_str::<Value>(text) else { return false };
        match json.pointer(&self.at) {
            Some(Value::String(found)) => *found == self.is,
            // A number or a flag, as JSON writes it.
            Some(found) => serde_json::from_str(&self.is).is_ok_and(|is: Value| *found == is),
            None => false,
        }
    }
}

fn success(sms: &doorward_config::Sms) -> Result<Success, ConfigError> {
    let text = sms.success.trim();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let status = match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) if (100..=599).contains(&first) && first <= last && last <= 599 => first..=last,
        _ => {
            return Err(ConfigError::about(
                "sms.success",
                None,
                "must be a status like 200, or a range like 200-299",
            ));
        }
    };
    Ok(Success { status, at: sms.success_at.clone(), is: sms.success_is.clone() })
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateway")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str, dev: bool) -> Result<Gateway, String> {
        let sms: doorward_config::Sms = toml::from_str(text).unwrap();
        let http = HttpClient::new(&doorward_config::Outbound::default(), dev).unwrap();
        Gateway::new(&sms, &http).map_err(|error| error.to_string())
    }

    fn refused(text: &str, dev: bool) -> Option<String> {
        open(&format!("body = \"{{to}} {{text}}\"\n{text}"), dev).err()
    }

    #[test]
    fn a_gateway_that_cannot_work_is_refused_at_start_with_the_settings_name() {
        for (text, key) in [
            ("url = \"sms.example.com\"", "sms.url"),
            ("url = \"http://sms.example.com\"", "sms.url: must be https"),
            ("url = \"ftp://sms.example.com\"", "sms.url"),
            ("url = \"https://10.0.0.1/send\"", "sms.url: leads to a private address"),
            ("url = \"http://127.0.0.1:9000/send\"", "sms.url: leads to a loopback address"),
            ("url = \"https://a.example\"\nmethod = \"post\"", "sms.method"),
            ("url = \"https://a.example\"\nheaders = [\"Authorization\"]", "sms.headers"),
            ("url = \"https://a.example\"\nheaders = [\"X: {secret}\"]\nsecret = \"a\\nb\"", "sms.headers"),
            ("url = \"https://a.example\"\nsuccess = \"2xx\"", "sms.success"),
            ("url = \"https://a.example\"\nsuccess = \"299-200\"", "sms.success"),
        ] {
            let said = refused(text, false).unwrap();
            assert!(said.starts_with(key), "{said}");
        }
        assert!(refused("url = \"http://sms.example.com\"", true).unwrap().contains("must be https"));
        assert_eq!(refused("url = \"http://127.0.0.1:9000/send\"", true), None, "on this machine");
        let without = open("url = \"https://a.example\"\nbody = \"{text}\"", false).unwrap_err();
        assert!(without.starts_with("sms.body"));
    }

    #[test]
    fn every_preset_has_an_address_a_body_and_headers_that_work() {
        for preset in ["twilio", "vonage", "messagebird"] {
            let text =
                format!("preset = \"{preset}\"\naccount = \"AC1\"\nsecret = \"x\"\nfrom = \"+15557122661\"");
            let gateway = open(&text, false).unwrap();
            assert_ne!(gateway.escape, Escape::None, "{preset}");
            assert!(!format!("{gateway:?}").contains("AC1"));
        }
    }
}
