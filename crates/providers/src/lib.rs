//! Identity providers: Google, Microsoft, Apple, Facebook, Twitter and any OpenID Connect provider. This crate
//! does everything from the URL of the consent screen to a [`Person`]. The crate `doorward-accounts` finds the
//! account.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cache;
mod call;
mod endpoint;
mod flow;
mod kinds;
mod oauth;
mod openid;
mod outcome;
mod person;

pub use flow::{Begun, FlowParameters, Memory, ProviderAnswer};
pub use outcome::{Person, Refusal};

use std::collections::BTreeMap;
use std::fmt;

use call::ProviderClient;
use doorward_config::{Config, ConfigError, ProviderKind, ResponseMode};
use doorward_core::clock::World;
use doorward_core::local_address::is_local;
use doorward_outbound::HttpClient;
use kinds::facebook::Facebook;
use kinds::twitter::{Twitter, TwitterOauth1};
use kinds::{apple, google, microsoft};
use oauth::oauth1::Token;
use oauth::oauth2::Code;
use openid::OpenId;
use outcome::Wrong;
use url::Url;

/// The configured providers.
#[derive(Debug)]
pub struct Providers(BTreeMap<String, Provider>);

/// One provider.
pub struct Provider {
    name: String,
    callbacks: Vec<(Url, String)>,
    /// With `--dev`, any page of this machine may be a callback.
    dev: bool,
    /// The URL that the provider posts its answers to, if it does.
    posts_to: Option<String>,
    takes_tokens: bool,
    /// True if an address that the provider vouches for may link accounts (SECURITY A02).
    trusted: bool,
    profile: doorward_config::Profile,
    speech: Speech,
}

/// The protocol of a provider.
enum Speech {
    OpenId(Box<OpenId>),
    Facebook(Box<Facebook>),
    Twitter(Box<Twitter>),
    TwitterOauth1(Box<TwitterOauth1>),
}

impl Providers {
    /// Prepares all providers. Sends no request yet.
    pub fn open(config: &Config, http: &HttpClient, dev: bool) -> Result<Providers, ConfigError> {
        let open = |(name, settings): (&String, &doorward_config::Provider)| {
            Ok((name.clone(), Provider::open(name, settings, config, http, dev)?))
        };
        Ok(Providers(config.providers.iter().map(open).collect::<Result<_, _>>()?))
    }

    /// The provider with this name.
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// The names of all providers.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Speech {
    fn open(
        kind: ProviderKind,
        settings: &doorward_config::Provider,
        caller: ProviderClient,
    ) -> Result<Speech, Wrong> {
        let openid = match kind {
            ProviderKind::Oidc => OpenId::plain(settings, caller)?,
            ProviderKind::Google => google::open(settings, caller)?,
            ProviderKind::Microsoft => microsoft::open(settings, caller)?,
            ProviderKind::Apple => apple::open(settings, caller)?,
            ProviderKind::Facebook => return Ok(Speech::Facebook(Facebook::open(settings, caller)?.into())),
            ProviderKind::Twitter => return Ok(Speech::Twitter(Twitter::open(settings, caller)?.into())),
            ProviderKind::TwitterOauth1 => {
                return Ok(Speech::TwitterOauth1(TwitterOauth1::open(settings, caller)?.into()));
            }
        };
        Ok(Speech::OpenId(openid.into()))
    }
}

impl Provider {
    fn open(
        name: &str,
        settings: &doorward_config::Provider,
        config: &Config,
        http: &HttpClient,
        dev: bool,
    ) -> Result<Provider, ConfigError> {
        let about =
            |key: &str, message: &str| ConfigError::about(&format!("providers.{name}.{key}"), None, message);
        let kind = settings.kind(name).ok_or_else(|| about("kind", "is required"))?;
        for (key, address) in settings.called() {
            // An issuer that contains {tenantid} is a pattern.
            let address = address.replace("{tenantid}", "t");
            if let Ok(url) = Url::parse(&address) {
                http.check(&url).map_err(|cause| about(key, &cause))?;
            }
        }
        let caller = ProviderClient::new(http.clone(), settings.timeout.into());
        let speech = Speech::open(kind, settings, caller);
        let callback = |text: &String| Some((Url::parse(text).ok()?, text.clone()));
        let posts = settings.response_mode == Some(ResponseMode::FormPost)
            || (settings.response_mode.is_none() && kind == ProviderKind::Apple);
        let trusted = matches!(kind, ProviderKind::Google | ProviderKind::Apple);
        Ok(Provider {
            name: name.to_owned(),
            callbacks: settings.callbacks.iter().filter_map(callback).collect(),
            dev,
            posts_to: posts.then(|| config.address(&format!("/v1/callback/{name}"))),
            takes_tokens: settings.accept_tokens,
            trusted: settings.trust_email.unwrap_or(trusted),
            profile: config.profile.clone(),
            speech: speech.map_err(|(key, message)| about(key, message))?,
        })
    }

    /// The provider's name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if a user may be sent back to this URL. URLs are parsed by the rules of browsers before they are
    /// compared (SECURITY O07).
    pub fn admits(&self, callback: &Url) -> bool {
        let bare =
            callback.username().is_empty() && callback.password().is_none() && callback.fragment().is_none();
        bare && (self.callbacks.iter().any(|(listed, _)| listed == callback)
            || (self.dev && is_local(callback)))
    }

    /// True if the provider answers by `form_post`, to `{public_url}/v1/callback/NAME`.
    pub fn posts(&self) -> bool {
        self.posts_to.is_some()
    }

    /// True if the server accepts tokens that an app got from the provider.
    pub fn takes_tokens(&self) -> bool {
        self.takes_tokens
    }

    /// Begins a flow.
    pub async fn begin(&self, world: &World, asked: &FlowParameters<'_>) -> Result<Begun, Refusal> {
        let redirect_uri = self.redirect_uri(asked.callback);
        match &self.speech {
            Speech::OpenId(openid) => openid.begin(world, asked, redirect_uri, self.posts()).await,
            Speech::Facebook(facebook) => Ok(facebook.begin(world, asked, redirect_uri)),
            Speech::Twitter(twitter) => Ok(twitter.begin(world, asked, redirect_uri)),
            Speech::TwitterOauth1(twitter) => twitter.begin(world, asked, redirect_uri).await,
        }
    }

    /// Finishes a flow. The caller has checked that the answer belongs to the flow.
    pub async fn finish(
        &self,
        world: &World,
        memory: &Memory,
        answer: &ProviderAnswer<'_>,
    ) -> Result<Person, Refusal> {
        let profile = &self.profile;
        let person = match (&self.speech, memory, answer) {
            (
                Speech::TwitterOauth1(twitter),
                Memory::RequestToken { token, secret },
                ProviderAnswer::Verifier { token: given, verifier },
            ) => twitter.finish(world, Token { token, secret }, given, verifier, profile).await?,
            (
                speech,
                Memory::Code { redirect_uri, verifier, nonce },
                ProviderAnswer::Code { code, iss, user },
            ) => {
                let code = Code { code, redirect_uri, verifier };
                match speech {
                    Speech::OpenId(openid) => {
                        openid.finish(world, code, nonce.as_deref(), *iss, *user, profile).await?
                    }
                    Speech::Facebook(facebook) => facebook.finish(world, code, *iss, profile).await?,
                    Speech::Twitter(twitter) => twitter.finish(world, code, *iss, profile).await?,
                    Speech::TwitterOauth1(_) => return Err(another_flow()),
                }
            }
            _ => return Err(another_flow()),
        };
        Ok(self.trust(person))
    }

    /// The user of a token that an app got from the provider. The nonce is compared if the app sends one.
    pub async fn of_token(&self, world: &World, token: &str, nonce: Option<&str>) -> Result<Person, Refusal> {
        let person = match &self.speech {
            Speech::OpenId(openid) => openid.of_token(world, token, nonce, &self.profile).await?,
            Speech::Facebook(facebook) => facebook.of_token(token, world.now(), &self.profile).await?,
            // Its tokens do not name the app that they were issued to, so they may be from any app.
            Speech::Twitter(_) | Speech::TwitterOauth1(_) => {
                return Err(Refusal::Untrusted(
                    "This server does not accept tokens of this provider.".into(),
                ));
            }
        };
        Ok(self.trust(person))
    }

    fn trust(&self, person: Person) -> Person {
        Person { vouched: person.vouched && self.trusted && person.email.is_some(), ..person }
    }

    /// The callback as it is registered at the provider, which compares it character by character.
    fn redirect_uri(&self, callback: &Url) -> String {
        match &self.posts_to {
            Some(address) => address.clone(),
            None => {
                let listed = self.callbacks.iter().find(|(listed, _)| listed == callback);
                listed.map_or_else(|| callback.to_string(), |(_, text)| text.clone())
            }
        }
    }
}

fn another_flow() -> Refusal {
    Refusal::Mismatch("This answer does not belong to this sign-in.".into())
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_config::Layers;

    #[test]
    fn a_bad_private_key_is_refused_at_start_with_the_name_of_the_setting() {
        let text = "public_url = \"https://auth.example.com\"\n[providers.mine]\nkind = \"apple\"\nclient_id = \"c\"\n\
                    team_id = \"t\"\nkey_id = \"k\"\nprivate_key = \"hunter2\"\n";
        let mut layers = Layers::default();
        layers.toml(text, "doorward.toml").unwrap();
        let (config, _) = Config::load(&layers, false).unwrap();
        let http = HttpClient::new(&config.outbound, false).unwrap();
        let error = Providers::open(&config, &http, false).unwrap_err().to_string();
        assert!(
            error.starts_with("providers.mine.private_key: must be") && !error.contains("hunter"),
            "{error}"
        );
    }

    #[test]
    fn sec_l02_the_debug_output_of_a_flow_contains_no_secret() {
        let memory = Memory::Code {
            redirect_uri: "https://app.example.com".into(),
            verifier: "hunter2".into(),
            nonce: Some("hunter2".into()),
        };
        let answer = ProviderAnswer::Code { code: "hunter2", iss: None, user: None };
        assert_eq!(format!("{memory:?} {answer:?}"), "Memory ProviderAnswer");
    }
}
