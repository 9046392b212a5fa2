//! Access tokens from apps: the tokeninfo endpoint of the provider names the client that a token was issued to.
//! Google has such an endpoint.

use doorward_core::clock::Millis;
use serde_json::Value;
use url::Url;

use super::OpenId;
use super::discovery::Endpoints;
use super::id_token::IdClaims;
use crate::call::SMALL;
use crate::outcome::Refusal;

/// The tokeninfo endpoint of a provider.
pub(crate) struct TokenInfo {
    pub(crate) endpoint: Url,
    /// The `iss` of the claims.
    pub(crate) issuer: &'static str,
}

impl TokenInfo {
    /// The claims about the user of an access token. Rejects a token that was issued to another client or has expired.
    pub(super) async fn claims(
        &self,
        provider: &OpenId,
        endpoints: &Endpoints,
        token: &str,
        now: Millis,
    ) -> Result<IdClaims, Refusal> {
        let mut address = self.endpoint.clone();
        address.query_pairs_mut().append_pair("access_token", token);
        let reply = provider.caller.get(&address, None, SMALL).await?;
        if (400..500).contains(&reply.status) && reply.status != 429 {
            return Err(Refusal::Untrusted("Google does not know this access token.".into()));
        }
        let info = reply.ok("tokeninfo")?;
        let ours = |key: &str| {
            let party = info[key].as_str().unwrap_or_default();
            party == provider.client.id || provider.audiences.iter().any(|one| one == party)
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
                "The token does not name a user: request the scope openid.".into(),
            ));
        };
        let mut claims = IdClaims::new();
        claims.insert("iss".into(), self.issuer.into());
        claims.insert("sub".into(), subject.into());
        if let Some(userinfo) = &endpoints.userinfo {
            provider.add_userinfo(userinfo, token, &mut claims).await?;
        }
        Ok(claims)
    }
}
