//! Sign in with Apple: a client secret that we sign ourselves, answers by `form_post`, and a name that is told once.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use url::Url;

use super::Refusal;
use super::call::Caller;
use super::discovery::{Discovery, Given};
use super::id_token::Claims;
use super::jwks::Keys;
use super::oauth2::{Client, ClientSecret};
use super::oidc::{OpenId, Rules, Wrong};
use doorward_core::clock::Millis;
use doorward_core::secret::Secret;

const ISSUER: &str = "https://appleid.apple.com";
/// How long a client secret of ours is good, in seconds: for one call.
const LIFE: Millis = 5 * 60;
/// Longest `user`.
const LONGEST: usize = 4096;

/// Apple, ready to be asked.
pub(super) fn open(settings: &doorward_config::Provider, caller: Caller) -> Result<OpenId, Wrong> {
    let known = Given {
        authorization: Url::parse("https://appleid.apple.com/auth/authorize").ok(),
        token: Url::parse("https://appleid.apple.com/auth/token").ok(),
        userinfo: None,
        jwks: Url::parse("https://appleid.apple.com/auth/keys").ok(),
        algorithms: vec![Algorithm::RS256],
    };
    let mut client = Client::of(settings, &["openid", "email", "name"]);
    client.in_form.get_or_insert(true);
    if !settings.private_key.is_empty() {
        client.secret = ClientSecret::Signed(Box::new(SigningKey::read(settings)?));
    }
    Ok(OpenId {
        caller,
        client,
        audiences: settings.audiences.clone(),
        discovery: Discovery::new("", vec![ISSUER.into()], Vec::new(), Given::of(settings, known))?,
        keys: Keys::default(),
        tokeninfo: None,
        rules: Box::new(Apple),
    })
}

/// The key that signs our client secrets.
pub(super) struct SigningKey {
    team: String,
    id: String,
    pair: EcdsaKeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// From the content of the .p8 file; a variable may have it on one line, with `\n` for its ends.
    fn read(settings: &doorward_config::Provider) -> Result<SigningKey, Wrong> {
        let wrong = ("private_key", "must be the content of the .p8 file from Apple: a key on P-256, in PEM");
        let text = settings.private_key.expose().replace("\\n", "\n");
        let base64: String = text.lines().map(str::trim).filter(|line| !line.starts_with('-')).collect();
        let der = zeroize::Zeroizing::new(STANDARD.decode(base64).map_err(|_| wrong)?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| wrong)?;
        Ok(SigningKey { team: settings.team_id.clone(), id: settings.key_id.clone(), pair })
    }

    /// A client secret for one call.
    pub(super) fn sign(&self, client_id: &str, now: Millis) -> Result<Secret, Refusal> {
        let now = now / 1000;
        let header = json!({ "alg": "ES256", "kid": self.id });
        let claims =
            json!({ "iss": self.team, "iat": now, "exp": now + LIFE, "aud": ISSUER, "sub": client_id });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.map_err(|_| Refusal::Setup("private_key does not sign".into()))?;
        Ok(Secret::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

struct Apple;

impl Rules for Apple {
    fn issuer(&self, claims: &Claims) -> Option<String> {
        let issuer = claims.get("iss")?.as_str()?;
        self.is_itself(issuer).then(|| issuer.to_owned())
    }

    fn is_itself(&self, iss: &str) -> bool {
        iss == ISSUER
    }

    /// The name comes beside the token, by way of the browser: the person could have written it there, as they can write
    /// any into their profile. The address there is not looked at.
    fn complete(&self, claims: &mut Claims, user: Option<&str>) {
        let user = user.filter(|user| user.len() <= LONGEST);
        let Some(user) = user.and_then(|user| serde_json::from_str::<Value>(user).ok()) else { return };
        let part = |name: &str| user["name"][name].as_str().map(str::trim).filter(|part| !part.is_empty());
        let (given, family) = (part("firstName"), part("lastName"));
        let whole: Vec<&str> = given.into_iter().chain(family).collect();
        let whole = whole.join(" ");
        for (name, text) in [
            ("given_name", given),
            ("family_name", family),
            ("name", Some(whole.as_str()).filter(|w| !w.is_empty())),
        ] {
            if let Some(text) = text {
                claims.insert(name.to_owned(), text.into());
            }
        }
    }

    fn prompt(&self) -> Option<&'static str> {
        None
    }

    fn language(&self) -> Option<&'static str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_is_refused_at_start_and_not_shown() {
        for text in
            ["hunter2", "", "-----x-----\nhunter2\n-----x-----", "-----x-----\naHVudGVyMg==\n-----x-----"]
        {
            let settings = doorward_config::Provider {
                private_key: String::from(text).into(),
                ..doorward_config::Provider::default()
            };
            let (key, said) = SigningKey::read(&settings).err().unwrap();
            assert!(key == "private_key" && !said.contains("hunter"), "{said}");
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let text = STANDARD.encode(pair.to_pkcs8v1().unwrap());
        for ends in ["\n", "\\n", "\r\n"] {
            let text = format!("-----x-----{ends}{text}{ends}-----x-----{ends}");
            let settings = doorward_config::Provider {
                private_key: text.into(),
                ..doorward_config::Provider::default()
            };
            assert!(SigningKey::read(&settings).is_ok(), "{ends:?}");
        }
    }
}
