//! Google: ID tokens, and access tokens from apps.

use serde_json::Value;
use url::Url;

use crate::call::ProviderClient;
use crate::oauth::oauth2::Client;
use crate::openid::discovery::{Discovery, KnownEndpoints};
use crate::openid::id_token::IdClaims;
use crate::openid::jwks::Keys;
use crate::openid::tokeninfo::TokenInfo;
use crate::openid::{OpenId, Rules};
use crate::outcome::Wrong;
use crate::person::is_true;

const ISSUER: &str = "https://accounts.google.com";

/// Prepares the client for Google.
pub(crate) fn open(settings: &doorward_config::Provider, caller: ProviderClient) -> Result<OpenId, Wrong> {
    let known = KnownEndpoints {
        authorization: Url::parse("https://accounts.google.com/o/oauth2/v2/auth").ok(),
        token: Url::parse("https://oauth2.googleapis.com/token").ok(),
        userinfo: Url::parse("https://openidconnect.googleapis.com/v1/userinfo").ok(),
        jwks: Url::parse("https://www.googleapis.com/oauth2/v3/certs").ok(),
        algorithms: vec![jsonwebtoken::Algorithm::RS256],
    };
    let tokeninfo = match settings.tokeninfo_endpoint.as_str() {
        "" => "https://oauth2.googleapis.com/tokeninfo",
        set => set,
    };
    let mut client = Client::of(settings, &["openid", "email", "profile"]);
    client.in_form.get_or_insert(true);
    Ok(OpenId {
        caller,
        client,
        audiences: settings.audiences.clone(),
        discovery: Discovery::new("", vec![ISSUER.into()], Vec::new(), KnownEndpoints::of(settings, known))?,
        keys: Keys::default(),
        tokeninfo: Some(TokenInfo {
            endpoint: Url::parse(tokeninfo).map_err(|_| ("tokeninfo_endpoint", "is not a valid URL"))?,
            issuer: ISSUER,
        }),
        rules: Box::new(Google),
    })
}

struct Google;

impl Rules for Google {
    /// Google writes its issuer in two ways.
    fn issuer(&self, claims: &IdClaims) -> Option<String> {
        let issuer = claims.get("iss")?.as_str()?;
        self.is_itself(issuer).then(|| ISSUER.to_owned())
    }

    fn is_itself(&self, iss: &str) -> bool {
        iss == ISSUER || iss == "accounts.google.com"
    }

    fn language(&self) -> Option<&'static str> {
        Some("hl")
    }

    /// Google vouches only for mailboxes that it hosts. Other addresses may have changed hands since Google
    /// verified them.
    fn vouches(&self, claims: &IdClaims, email: &str) -> bool {
        let hosted = claims.get("hd").and_then(Value::as_str).is_some_and(|domain| !domain.is_empty());
        is_true(claims.get("email_verified")) && (email.ends_with("@gmail.com") || hosted)
    }
}
