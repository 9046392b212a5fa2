//! Providers that speak OpenID Connect. [`Rules`] describes how they differ.

pub(super) mod discovery;
pub(super) mod id_token;
pub(super) mod jwks;
pub(super) mod tokeninfo;

use doorward_core::canonical;
use doorward_core::clock::World;
use serde_json::Value;
use url::Url;

use crate::call::{ProviderClient, SMALL};
use crate::flow::{Begun, FlowParameters, Memory};
use crate::oauth::oauth2::{Chance, Client, Code};
use crate::openid::discovery::{Discovery, Endpoints, KnownEndpoints};
use crate::openid::id_token::{Expected, IdClaims, IdToken, subject};
use crate::openid::jwks::Keys;
use crate::openid::tokeninfo::TokenInfo;
use crate::outcome::{Person, Refusal, Wrong};
use crate::person::is_true;

/// Microsoft's claim that the domain of the e-mail address belongs to the user's tenant.
pub(crate) const OWNS_DOMAIN: &str = "xms_edov";

/// A provider that speaks OpenID Connect.
pub(crate) struct OpenId {
    pub(crate) caller: ProviderClient,
    pub(crate) client: Client,
    /// Audiences besides this server that an ID token may name, and that tokens from apps may be for.
    pub(crate) audiences: Vec<String>,
    pub(crate) discovery: Discovery,
    pub(crate) keys: Keys,
    /// Google: the endpoint that describes an access token.
    pub(crate) tokeninfo: Option<TokenInfo>,
    pub(crate) rules: Box<dyn Rules>,
}

/// The differences between providers.
pub(crate) trait Rules: Send + Sync {
    /// The issuer under which accounts are stored, if the token is from this provider.
    fn issuer(&self, claims: &IdClaims) -> Option<String>;

    /// True if `iss` in an authorization response names this provider (RFC 9207).
    fn is_itself(&self, iss: &str) -> bool;

    /// Additional checks of the claims. `key_issuer` is the issuer that the key set names for the key.
    fn holds(&self, _claims: &IdClaims, _key_issuer: Option<&str>) -> Result<(), Refusal> {
        Ok(())
    }

    /// The user's e-mail address.
    fn email<'a>(&self, claims: &'a IdClaims) -> Option<&'a str> {
        claims.get("email")?.as_str()
    }

    /// True if the provider says that the address is the user's.
    fn vouches(&self, claims: &IdClaims, _email: &str) -> bool {
        is_true(claims.get("email_verified"))
    }

    /// Adds data that was sent next to the token. It is not authenticated, so it must do no harm if it is
    /// untrue.
    fn complete(&self, _claims: &mut IdClaims, _user: Option<&str>) {}

    /// The id of the token's user.
    fn subject<'a>(&self, claims: &'a IdClaims) -> Result<&'a str, Refusal> {
        subject(claims)
    }

    /// The value of `prompt` that makes the provider ask for the account.
    fn prompt(&self) -> Option<&'static str> {
        Some("select_account")
    }

    /// The name of the parameter with the user's language.
    fn language(&self) -> Option<&'static str> {
        Some("ui_locales")
    }
}

/// A provider without special rules.
struct Plain {
    issuer: String,
}

impl Rules for Plain {
    fn issuer(&self, claims: &IdClaims) -> Option<String> {
        let issuer = claims.get("iss")?.as_str()?;
        self.is_itself(issuer).then(|| issuer.to_owned())
    }

    fn is_itself(&self, iss: &str) -> bool {
        iss == self.issuer
    }
}

/// The URL of the discovery document of an issuer.
pub(crate) fn well_known(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl OpenId {
    /// Any provider that speaks OpenID Connect.
    pub(crate) fn plain(
        settings: &doorward_config::Provider,
        caller: ProviderClient,
    ) -> Result<OpenId, Wrong> {
        let address = match settings.discovery.is_empty() {
            true => well_known(&settings.issuer),
            false => settings.discovery.clone(),
        };
        let given = KnownEndpoints::of(settings, KnownEndpoints::default());
        let issuers = vec![settings.issuer.clone()];
        Ok(OpenId {
            caller,
            client: Client::of(settings, &["openid", "email", "profile"]),
            audiences: settings.audiences.clone(),
            discovery: Discovery::new(&address, issuers, settings.hosts.clone(), given)?,
            keys: Keys::default(),
            tokeninfo: None,
            rules: Box::new(Plain { issuer: settings.issuer.clone() }),
        })
    }

    /// Begins a flow.
    pub(crate) async fn begin(
        &self,
        world: &World,
        asked: &FlowParameters<'_>,
        redirect_uri: String,
        form_post: bool,
    ) -> Result<Begun, Refusal> {
        let endpoints = self.discovery.endpoints(&self.caller, world.now()).await?;
        let chance = Chance::throw(world);
        let mut more = vec![("nonce", chance.nonce.as_str())];
        if form_post {
            more.push(("response_mode", "form_post"));
        }
        // SECURITY O09: no script gets a session without the user's choice at the provider.
        if let Some(prompt) = self.rules.prompt().filter(|_| !asked.again) {
            more.push(("prompt", if endpoints.selects_account { prompt } else { "login" }));
        }
        if let (Some(name), Some(locale)) = (self.rules.language(), asked.locale) {
            more.push((name, locale));
        }
        let url = self.client.consent(&endpoints.authorization, &redirect_uri, &chance, &more);
        let Chance { state, nonce, verifier } = chance;
        Ok(Begun { url, handle: state, memory: Memory::Code { redirect_uri, verifier, nonce: Some(nonce) } })
    }

    /// Finishes a flow.
    pub(crate) async fn finish(
        &self,
        world: &World,
        code: Code<'_>,
        nonce: Option<&str>,
        iss: Option<&str>,
        user: Option<&str>,
        profile: &doorward_config::Profile,
    ) -> Result<Person, Refusal> {
        let now = world.now();
        let endpoints = self.discovery.endpoints(&self.caller, now).await?;
        // SECURITY O03: the code may be from another provider, and then must not be sent to this one.
        match iss {
            None if endpoints.says_iss => {
                let why = "The provider's answer must contain the parameter iss. Pass the full callback URL with its query.";
                return Err(Refusal::Mismatch(why.into()));
            }
            Some(iss) if !self.rules.is_itself(iss) => {
                return Err(Refusal::Mismatch("The answer is not from this provider.".into()));
            }
            _ => {}
        }
        let tokens =
            self.client.exchange(&self.caller, &endpoints.token, &code, endpoints.only_post, now).await?;
        let Some(id_token) = tokens.id else {
            return Err(Refusal::Setup(
                "the token endpoint returned no ID token: is openid among the scopes?".into(),
            ));
        };
        let access_token = tokens.access.as_ref().map(|token| token.expose());
        let nonce = nonce.ok_or_else(|| Refusal::Mismatch("This flow has no nonce.".into()))?;
        let expected = Expected {
            client_id: &self.client.id,
            audiences: &self.audiences,
            is_brought: false,
            nonce: Some(nonce),
            access_token,
            now: world.now(),
        };
        let mut claims = self.checked_claims(&endpoints, id_token.expose(), &expected).await?;
        if let (Some(endpoint), Some(token)) = (&endpoints.userinfo, access_token)
            && (claims.get("email").is_none() || claims.get("name").is_none())
        {
            match self.add_userinfo(endpoint, token, &mut claims).await {
                // The ID token identifies the user, so a userinfo endpoint that is down does not prevent the
                // sign-in.
                Err(Refusal::Unreachable(cause)) => {
                    tracing::warn!(cause, "a provider's userinfo endpoint does not answer");
                }
                added => added?,
            }
        }
        self.rules.complete(&mut claims, user);
        self.person(&claims, profile)
    }

    /// The user of an ID token that an app got from the provider. For Google it may also be an access token.
    pub(crate) async fn of_token(
        &self,
        world: &World,
        token: &str,
        nonce: Option<&str>,
        profile: &doorward_config::Profile,
    ) -> Result<Person, Refusal> {
        let now = world.now();
        let endpoints = self.discovery.endpoints(&self.caller, now).await?;
        // A JWT begins with `{"`, which is `eyJ` in base64url.
        if let Some(tokeninfo) = self.tokeninfo.as_ref().filter(|_| !token.starts_with("eyJ")) {
            let claims = tokeninfo.claims(self, &endpoints, token, now).await?;
            return self.person(&claims, profile);
        }
        let expected = Expected {
            client_id: &self.client.id,
            audiences: &self.audiences,
            is_brought: true,
            nonce,
            access_token: None,
            now,
        };
        let claims = self.checked_claims(&endpoints, token, &expected).await?;
        self.person(&claims, profile)
    }

    /// Makes all checks of an ID token. Returns its claims.
    async fn checked_claims(
        &self,
        endpoints: &Endpoints,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<IdClaims, Refusal> {
        let token = IdToken::read(token, &endpoints.algorithms)?;
        if self.rules.issuer(token.claims()).is_none() {
            return Err(Refusal::Untrusted("The token is from another issuer.".into()));
        }
        token.meets(expected)?;
        let key = self.keys.find(&self.caller, &endpoints.jwks, &token.header, expected.now).await?;
        let claims = token.verify(&key)?;
        self.rules.holds(&claims, key.issuer.as_deref())?;
        Ok(claims)
    }

    /// Adds claims that the ID token lacks. The data must be about the same user (OpenID Connect Core §5.3.2).
    pub(crate) async fn add_userinfo(
        &self,
        endpoint: &Url,
        access_token: &str,
        claims: &mut IdClaims,
    ) -> Result<(), Refusal> {
        let reply = self.caller.get(endpoint, Some(&format!("Bearer {access_token}")), SMALL).await?;
        if matches!(reply.status, 401 | 403) {
            return Err(Refusal::Untrusted("The provider rejected its own access token.".into()));
        }
        let Value::Object(userinfo) = reply.ok("userinfo")? else { return Ok(()) };
        if userinfo.get("sub") != claims.get("sub") {
            return Err(Refusal::Untrusted("The provider's data is about another user.".into()));
        }
        // The address and the claims that vouch for it must be from the same source.
        if !claims.contains_key("email") {
            claims.remove("email_verified");
            claims.remove(OWNS_DOMAIN);
        }
        let apart = claims.get("email").is_some_and(|email| userinfo.get("email") != Some(email));
        for (name, value) in userinfo {
            if name != OWNS_DOMAIN && (name != "email_verified" || !apart) {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(())
    }

    fn person(&self, claims: &IdClaims, profile: &doorward_config::Profile) -> Result<Person, Refusal> {
        let issuer = self.rules.issuer(claims);
        let issuer = issuer.ok_or_else(|| Refusal::Untrusted("The token is from another issuer.".into()))?;
        let email = self.rules.email(claims).and_then(canonical::email);
        let vouched = email.as_ref().is_some_and(|email| self.rules.vouches(claims, email));
        let subject = self.rules.subject(claims)?;
        Ok(Person { email, vouched, ..Person::of(&issuer, subject, claims, profile) })
    }
}
