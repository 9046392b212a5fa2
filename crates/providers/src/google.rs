//! Google: an ID token, or an access token that an app brings.

use doorward_core::clock::Millis;
use serde_json::Value;
use url::Url;

use super::call::{ProviderClient, SMALL};
use super::discovery::{Discovery, Endpoints, KnownEndpoints};
use super::id_token::IdClaims;
use super::jwks::Keys;
use super::oauth2::Client;
use super::oidc::{OpenId, Rules};
use super::outcome::{Refusal, Wrong};
use super::person::is_true;

const ISSUER: &str = "https://accounts.google.com";

/// Google, ready to be asked.
pub(super) fn open(settings: &doorward_config::Provider, caller: ProviderClient) -> Result<OpenId, Wrong> {
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
        tokeninfo: Some(Url::parse(tokeninfo).map_err(|_| ("tokeninfo_endpoint", "is no address"))?),
        rules: Box::new(Google),
    })
}

struct Google;

impl Rules for Google {
    /// It writes its name in two ways.
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

    /// An address elsewhere may have changed hands since Google asked: only of its own mailboxes it knows today.
    fn vouches(&self, claims: &IdClaims, email: &str) -> bool {
        let hosted = claims.get("hd").and_then(Value::as_str).is_some_and(|domain| !domain.is_empty());
        is_true(claims.get("email_verified")) && (email.ends_with("@gmail.com") || hosted)
    }
}

/// What an access token stands for: checked to be one for us, then exchanged for a description of the person.
pub(super) async fn of_access_token(
    google: &OpenId,
    endpoints: &Endpoints,
    tokeninfo: &Url,
    token: &str,
    now: Millis,
) -> Result<IdClaims, Refusal> {
    let mut address = tokeninfo.clone();
    address.query_pairs_mut().append_pair("access_token", token);
    let reply = google.caller.get(&address, None, SMALL).await?;
    if (400..500).contains(&reply.status) && reply.status != 429 {
        return Err(Refusal::Untrusted("Google does not know this access token.".into()));
    }
    let info = reply.ok("tokeninfo")?;
    let ours = |key: &str| {
        let party = info[key].as_str().unwrap_or_default();
        party == google.client.id || google.audiences.iter().any(|one| one == party)
    };
    if !ours("aud") || (info.get("azp").is_some() && !ours("azp")) {
        return Err(Refusal::Untrusted("The token is for another audience.".into()));
    }
    // Google writes numbers as text here.
    let seconds = match &info["exp"] {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    };
    if seconds.is_none_or(|end: i64| end.saturating_mul(1000) <= now) {
        return Err(Refusal::Untrusted("The token has expired.".into()));
    }
    let Some(subject) = info["sub"].as_str() else {
        return Err(Refusal::Untrusted(
            "The token does not say who it is about: ask for the scope openid.".into(),
        ));
    };
    let mut claims = IdClaims::new();
    claims.insert("iss".into(), ISSUER.into());
    claims.insert("sub".into(), subject.into());
    if let Some(userinfo) = &endpoints.userinfo {
        google.add_userinfo(userinfo, token, &mut claims).await?;
    }
    Ok(claims)
}
