//! Signatures of Standard Webhooks 1.0, over id, time and body. So an attacker cannot combine parts of different calls.

use aws_lc_rs::hmac;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use base64::{Engine, alphabet};
use zeroize::Zeroizing;

use crate::clock::{Millis, World};
use crate::secret::Secret;

const PREFIX: &str = "whsec_";

/// Accepts base64 without padding: copied secrets often lose their `=`.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key that signs the calls of a webhook.
#[derive(Debug)]
pub struct WebhookKey(hmac::Key);

impl WebhookKey {
    /// Reads `whsec_…`. `None` if the text has another form, or if the key is not 24 to 64 bytes long, as the
    /// specification requires.
    pub fn read(secret: &Secret) -> Option<WebhookKey> {
        let bytes = Zeroizing::new(LENIENT.decode(secret.expose().trim().strip_prefix(PREFIX)?).ok()?);
        (24..=64).contains(&bytes.len()).then(|| WebhookKey(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A new secret in the form for the settings.
    pub fn mint(world: &World) -> Secret {
        let bytes = Zeroizing::new(world.bytes::<32>());
        Secret::from(format!("{PREFIX}{}", STANDARD.encode(bytes.as_slice())))
    }

    fn sign(&self, id: &str, seconds: Millis, body: &str) -> String {
        let signature = hmac::sign(&self.0, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(signature))
    }
}

/// The header `webhook-signature`: one signature for each secret, so that a receiver can replace its secret at any
/// time.
pub fn header(keys: &[WebhookKey], id: &str, seconds: Millis, body: &str) -> String {
    keys.iter().map(|key| key.sign(id, seconds, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<WebhookKey> {
        WebhookKey::read(&Secret::from(text.to_owned()))
    }

    #[test]
    fn sec_h02_the_signature_is_that_of_the_specifications_example() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            header(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn sec_h02_a_secret_has_24_to_64_bytes() {
        for (bytes, good) in [(0, false), (23, false), (24, true), (32, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(key(&text).is_some(), good, "{bytes}");
            assert_eq!(key(text.trim_end_matches('=')).is_some(), good, "{bytes} without =");
        }
        assert!(key("whsec_not base64 at all, and long enough").is_none());
        assert!(WebhookKey::read(&WebhookKey::mint(&World::default())).is_some());
    }
}
