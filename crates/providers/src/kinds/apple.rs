//! Sign in with Apple: a client secret that this server signs, answers by `form_post`, and a name that is sent
//! only once.

use jsonwebtoken::Algorithm;
use serde_json::Value;
use url::Url;

use crate::call::ProviderClient;
use crate::oauth::client_secret::ClientSecretKey;
use crate::oauth::oauth2::{Client, ClientSecret};
use crate::openid::discovery::{Discovery, KnownEndpoints};
use crate::openid::id_token::IdClaims;
use crate::openid::jwks::Keys;
use crate::openid::{OpenId, Rules};
use crate::outcome::Wrong;

const ISSUER: &str = "https://appleid.apple.com";
/// Maximum length of `user` in bytes.
const LONGEST: usize = 4096;

/// Prepares the client for Apple.
pub(crate) fn open(settings: &doorward_config::Provider, caller: ProviderClient) -> Result<OpenId, Wrong> {
    let known = KnownEndpoints {
        authorization: Url::parse("https://appleid.apple.com/auth/authorize").ok(),
        token: Url::parse("https://appleid.apple.com/auth/token").ok(),
        userinfo: None,
        jwks: Url::parse("https://appleid.apple.com/auth/keys").ok(),
        algorithms: vec![Algorithm::RS256],
    };
    let mut client = Client::of(settings, &["openid", "email", "name"]);
    client.in_form.get_or_insert(true);
    if !settings.private_key.is_empty() {
        client.secret = ClientSecret::Signed(Box::new(ClientSecretKey::read(settings)?));
    }
    Ok(OpenId {
        caller,
        client,
        audiences: settings.audiences.clone(),
        discovery: Discovery::new("", vec![ISSUER.into()], Vec::new(), KnownEndpoints::of(settings, known))?,
        keys: Keys::default(),
        tokeninfo: None,
        rules: Box::new(Apple),
    })
}

struct Apple;

impl Rules for Apple {
    fn issuer(&self, claims: &IdClaims) -> Option<String> {
        let issuer = claims.get("iss")?.as_str()?;
        self.is_itself(issuer).then(|| issuer.to_owned())
    }

    fn is_itself(&self, iss: &str) -> bool {
        iss == ISSUER
    }

    /// The name is not in the token. The browser delivers it, so the user can have changed it, just as they can
    /// change the name in their profile. The address next to it is ignored.
    fn complete(&self, claims: &mut IdClaims, user: Option<&str>) {
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
