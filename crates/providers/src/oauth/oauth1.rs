//! A client for OAuth 1.0a (RFC 5849), with requests that are signed by HMAC-SHA1.

use std::fmt::Write;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::clock::World;
use doorward_core::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// RFC 5849 §3.6: all but unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The client's key and secret.
pub(crate) struct Consumer {
    pub(crate) key: String,
    pub(crate) secret: Secret,
}

/// A token and its secret. Both are empty before the first token.
#[derive(Clone, Copy, Default)]
pub(crate) struct Token<'a> {
    pub(crate) token: &'a str,
    pub(crate) secret: &'a str,
}

impl Consumer {
    /// The `Authorization` header of a request. `own` are the protocol parameters besides those of every
    /// request. `form` are the parameters of the body.
    pub(crate) fn authorize(
        &self,
        world: &World,
        method: &str,
        url: &Url,
        token: Token<'_>,
        own: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> String {
        let mut nonce = String::new();
        for byte in world.bytes::<16>() {
            let _ = write!(nonce, "{byte:02x}");
        }
        let timestamp = (world.now() / 1000).to_string();
        let mut parameters = vec![
            ("oauth_consumer_key", self.key.as_str()),
            ("oauth_nonce", &nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &timestamp),
            ("oauth_version", "1.0"),
        ];
        if !token.token.is_empty() {
            parameters.push(("oauth_token", token.token));
        }
        parameters.extend(own);
        let base = base_string(method, url, parameters.iter().chain(form).copied());
        let signature = sign(&base, self.secret.expose(), token.secret);
        parameters.push(("oauth_signature", &signature));
        let pairs: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
        format!("OAuth {}", pairs.join(", "))
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The text that is signed (RFC 5849 §3.4.1): method, URL without query, and all parameters, sorted in their
/// encoded form.
fn base_string<'a>(method: &str, url: &Url, parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<(String, String)> =
        parameters.map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.extend(url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))));
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    // The parser omits the default port of the scheme and writes the host in lower case (§3.4.1.2).
    let mut address = url.clone();
    address.set_query(None);
    address.set_fragment(None);
    format!("{method}&{}&{}", encode(address.as_str()), encode(&pairs.join("&")))
}

/// RFC 5849 §3.4.2.
fn sign(base: &str, consumer_secret: &str, token_secret: &str) -> String {
    let key = format!("{}&{}", encode(consumer_secret), encode(token_secret));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, base.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, URL, secrets of consumer and token, parameters, signature.
    type Published<'a> = (&'a str, &'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

    #[test]
    fn seed_m62_the_base_string_is_that_of_rfc_5849() {
        // §3.4.1.1 and §3.4.1.3.1
        let url = Url::parse("HTTP://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b").unwrap();
        let parameters = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
            ("c2", ""),
            ("a3", "2 q"),
        ];
        assert_eq!(
            base_string("POST", &url, parameters.into_iter()),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D\
             %26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_\
             signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn seed_m62_signatures_are_those_that_the_rfc_and_twitter_publish() {
        let published: [Published<'_>; 6] = [
            // RFC 5849 §1.2
            (
                "POST",
                "https://photos.example.net/initiate",
                "kd94hf93k423kf44",
                "",
                &[
                    ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
                    ("oauth_signature_method", "HMAC-SHA1"),
                    ("oauth_timestamp", "137131200"),
                    ("oauth_nonce", "wIjqoS"),
                    ("oauth_callback", "http://printer.example.com/ready"),
                ],
                "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
            ),
            (
                "POST",
                "https://photos.example.net/token",
                "kd94hf93k423kf44",
                "hdhd0244k9j7ao03",
                &[
                    ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
                    ("oauth_token", "hh5s93j4hdidpola"),
                    ("oauth_signature_method", "HMAC-SHA1"),
                    ("oauth_timestamp", "137131201"),
                    ("oauth_nonce", "walatlh"),
                    ("oauth_verifier", "hfdp7dh39dks9884"),
                ],
                "gKgrFCywp7rO0OXSjdot/IHF7IU=",
            ),
            (
                "GET",
                "http://photos.example.net/photos?file=vacation.jpg&size=original",
                "kd94hf93k423kf44",
                "pfkkdhi9sl3r4s00",
                &[
                    ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
                    ("oauth_token", "nnch734d00sl2jdk"),
                    ("oauth_signature_method", "HMAC-SHA1"),
                    ("oauth_timestamp", "137131202"),
                    ("oauth_nonce", "chapoH"),
                ],
                "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
            ),
            // Twitter, "Creating a signature", as it was and as it is
            (
                "POST",
                "https://api.twitter.com/1/statuses/update.json?include_entities=true",
                "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
                "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
                TWITTER,
                "tnnArxj06cWHq44gCs1OSKk/jLY=",
            ),
            (
                "POST",
                "https://api.twitter.com/1.1/statuses/update.json?include_entities=true",
                "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
                "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
                TWITTER,
                "hCtSmYh+iHYCEqBWrE7C7hYmtUk=",
            ),
            // Twitter, "Implementing Sign in with Twitter", step 1
            (
                "POST",
                "https://api.twitter.com/oauth/request_token",
                "L8qq9PZyRg6ieKGEKhZolGC0vJWLw8iEJ88DRdyOg",
                "",
                &[
                    ("oauth_callback", "http://localhost/sign-in-with-twitter/"),
                    ("oauth_consumer_key", "cChZNFj6T5R0TigYB9yd1w"),
                    ("oauth_nonce", "ea9ec8429b68d6b77cd5600adbbb0456"),
                    ("oauth_signature_method", "HMAC-SHA1"),
                    ("oauth_timestamp", "1318467427"),
                    ("oauth_version", "1.0"),
                ],
                "F1Li3tvehgcraF8DMJ7OyxO4w9Y=",
            ),
        ];
        for (method, url, consumer, token, parameters, signature) in published {
            let base = base_string(method, &Url::parse(url).unwrap(), parameters.iter().copied());
            assert_eq!(sign(&base, consumer, token), signature, "{url}");
        }
    }

    const TWITTER: &[(&str, &str)] = &[
        ("oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog"),
        ("oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "1318622958"),
        ("oauth_token", "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"),
        ("oauth_version", "1.0"),
        ("status", "Hello Ladies + Gentlemen, a signed OAuth request!"),
    ];
}
