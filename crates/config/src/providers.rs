//! Settings of the providers that people sign in with, and of what a new account begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use doorward_core::local_address::is_local;
use doorward_core::secret::Secret;
use doorward_core::typed_value;
use doorward_protocol::profile::Extras;
use serde::{Deserialize, Serialize};
use url::Url;

use super::origin::is_callback;
use super::{Config, Declared, Explain, Explained, Span, settings};

settings! {
    /// A provider that people sign in with: `[providers.NAME]`. The name is yours; it stands in addresses and in messages.
    pub struct Provider {
        /// What it speaks: `google`, `microsoft`, `apple`, `facebook`, `twitter` (OAuth 2), `twitter_oauth1`, or `oidc` for any other OpenID Connect provider. Without it, what the name says.
        kind: Option<ProviderKind> = None,
        /// Who we are there: the client id; Apple: the Services ID; Facebook: the app id; Twitter with OAuth 1.0a: the API key.
        client_id: String = String::new(),
        /// The secret that came with it. Apple has none: see `private_key`.
        client_secret: Secret = Secret::default(),
        /// How the secret is sent: `basic` (in a header) or `post` (in the form). Without it, as the provider announces or documents.
        client_auth: Option<ClientAuth> = None,
        /// Exact addresses of your pages that the provider may send people back to. With --dev any localhost address is allowed too. They must be registered at the provider, letter by letter; with `response_mode = "form_post"` register {public_url}/v1/callback/NAME there instead.
        callbacks: Vec<String> = Vec::new(),
        /// Who signs the ID tokens: for `oidc` the address that the provider names itself by. For `microsoft` it may have {tenantid} in it.
        issuer: String = String::new(),
        /// Address of the provider's discovery document, where that is not issuer + `/.well-known/openid-configuration`.
        discovery: String = String::new(),
        /// Hosts beside the issuer's that the discovery document may name endpoints on, like `oauth2.example.com`.
        hosts: Vec<String> = Vec::new(),
        /// The page where people consent. This and the next ones stand over the discovery document.
        authorization_endpoint: String = String::new(),
        /// Where a code becomes tokens.
        token_endpoint: String = String::new(),
        /// Where an access token becomes a description of the person.
        userinfo_endpoint: String = String::new(),
        /// Where the keys are that ID tokens are signed with.
        jwks_uri: String = String::new(),
        /// Google: where an access token is asked about. Facebook: the address of `debug_token`.
        tokeninfo_endpoint: String = String::new(),
        /// Twitter with OAuth 1.0a: where a flow begins.
        request_token_endpoint: String = String::new(),
        /// What is asked for; without it, what name and address need.
        scopes: Vec<String> = Vec::new(),
        /// Further parameters of the authorization request, like `access_type = "offline"`. One that is empty is left out of the request: `prompt = ""`.
        parameters: Declared<String> = Declared::default(),
        /// How the provider answers: `query`, or `form_post` to {public_url}/v1/callback/NAME. Apple: `form_post`.
        response_mode: Option<ResponseMode> = None,
        /// Algorithms that an ID token may be signed with. Without it, the asymmetric ones that the provider announces.
        algorithms: Vec<String> = Vec::new(),
        /// May its word that an address is proven link accounts? Google and Apple: true unless you say otherwise. Facebook never gives that word.
        trust_email: Option<bool> = None,
        /// May an app bring a token that it got from the provider itself? Twitter's name no audience and cannot be brought.
        accept_tokens: bool = false,
        /// Audiences beside `client_id` that ID tokens may name, like the project of a ZITADEL client or what a mapper of Keycloak adds. With `accept_tokens`, an app may bring tokens that are for one of these alone: list the client ids of your apps for phones.
        audiences: Vec<String> = Vec::new(),
        /// How long one call to the provider may take.
        timeout: Span = Span::seconds(5),
        /// Apple: the team's id.
        team_id: String = String::new(),
        /// Apple: the id of the key.
        key_id: String = String::new(),
        /// Apple: the key, the content of the .p8 file.
        private_key: Secret = Secret::default(),
        /// Microsoft: the tenants whose people may sign in, by their ids. Empty: those of any.
        tenants: Vec<String> = Vec::new(),
        /// Microsoft, Azure AD B2C: the policies whose tokens are taken (`tfp` or `acr`). Empty: any.
        policies: Vec<String> = Vec::new(),
    }

    /// What a new account begins with, by how it was begun: `[defaults.METHOD]`.
    pub struct Beginning {
        /// Its roles; without it, `roles.default`.
        roles: Option<Vec<String>> = None,
        /// Its fields of your own, which are declared in `profile.extras`.
        extras: Extras = Extras::new(),
    }
}

/// `providers.NAME.kind`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Google.
    Google,
    /// Microsoft Entra ID, personal accounts, Azure AD B2C.
    Microsoft,
    /// Sign in with Apple.
    Apple,
    /// Facebook Login.
    Facebook,
    /// Twitter/X with OAuth 2.
    Twitter,
    /// Twitter/X with OAuth 1.0a.
    TwitterOauth1,
    /// Any other provider that speaks OpenID Connect.
    Oidc,
}

/// `providers.NAME.client_auth`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
}

/// `providers.NAME.response_mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the address of the page that the browser comes back to.
    Query,
    /// In a form that the browser posts to us.
    FormPost,
}

/// Sections under names of the operator's own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Named<T>(BTreeMap<String, T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(BTreeMap::new())
    }
}

impl<T> Deref for Named<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &BTreeMap<String, T> {
        &self.0
    }
}

impl<T> DerefMut for Named<T> {
    fn deref_mut(&mut self) -> &mut BTreeMap<String, T> {
        &mut self.0
    }
}

impl<T: Explain> Explain for Named<T> {
    fn explain(&self, key: &str, doc: &'static str, list: &mut Vec<Explained>) {
        if self.is_empty() {
            list.push(Explained { key: key.to_owned(), value: "{}".to_owned(), doc });
        }
        for (name, section) in self.iter() {
            section.explain(&format!("{key}.{name}"), doc, list);
        }
    }
}

impl Provider {
    /// What it speaks: as the setting says, else as its name does.
    pub fn kind(&self, name: &str) -> Option<ProviderKind> {
        self.kind.or(match name {
            "google" => Some(ProviderKind::Google),
            "microsoft" => Some(ProviderKind::Microsoft),
            "apple" => Some(ProviderKind::Apple),
            "facebook" => Some(ProviderKind::Facebook),
            "twitter" => Some(ProviderKind::Twitter),
            "twitter_oauth1" => Some(ProviderKind::TwitterOauth1),
            "oidc" => Some(ProviderKind::Oidc),
            _ => None,
        })
    }

    /// Addresses that the server itself calls, by the names of their settings. Those that are not set are empty.
    pub fn called(&self) -> [(&'static str, &str); 7] {
        [
            ("issuer", &self.issuer),
            ("discovery", &self.discovery),
            ("token_endpoint", &self.token_endpoint),
            ("userinfo_endpoint", &self.userinfo_endpoint),
            ("jwks_uri", &self.jwks_uri),
            ("tokeninfo_endpoint", &self.tokeninfo_endpoint),
            ("request_token_endpoint", &self.request_token_endpoint),
        ]
    }

    /// Settings that could not work, by their names within the section.
    fn errors(&self, name: &str) -> Vec<(&'static str, &'static str)> {
        let mut errors = Vec::new();
        let mut check = |holds: bool, key, message| {
            if !holds {
                errors.push((key, message));
            }
        };
        let Some(kind) = self.kind(name) else {
            return vec![(
                "kind",
                "is required: google, microsoft, apple, facebook, twitter, twitter_oauth1 or oidc",
            )];
        };
        use ProviderKind::{Apple, Facebook, Google, Microsoft, Oidc, Twitter, TwitterOauth1};
        let public = matches!(kind, Apple | Oidc | Twitter);
        let openid = matches!(kind, Google | Microsoft | Apple | Oidc);
        let only_tokens = self.accept_tokens && self.callbacks.is_empty() && kind != Facebook;
        check(!self.client_id.is_empty(), "client_id", "is required");
        check(
            public || only_tokens || !self.client_secret.is_empty(),
            "client_secret",
            "is required for this kind of provider",
        );
        check(
            kind != Apple || self.client_secret.is_empty(),
            "client_secret",
            "is made of private_key for Apple",
        );
        let signing = [
            ("team_id", self.team_id.is_empty()),
            ("key_id", self.key_id.is_empty()),
            ("private_key", self.private_key.is_empty()),
        ];
        for (key, empty) in signing {
            check(kind != Apple || only_tokens || !empty, key, "is required for Apple");
            check(kind == Apple || empty, key, "is for Apple alone");
        }
        if kind == Apple {
            check(
                self.response_mode != Some(ResponseMode::Query),
                "response_mode",
                "must be form_post: Apple gives name and address no other way",
            );
        }
        for (key, list) in [("tenants", &self.tenants), ("policies", &self.policies)] {
            check(kind == Microsoft || list.is_empty(), key, "is for Microsoft alone");
        }
        check(
            self.tenants.iter().all(|tenant| uuid::Uuid::try_parse(tenant).is_ok()),
            "tenants",
            "each must be a tenant's id like 9188040d-6c67-4c5b-b112-36a304b66dad, not its name",
        );
        for (key, address) in [("issuer", &self.issuer), ("discovery", &self.discovery)] {
            check(
                matches!(kind, Oidc | Microsoft) || address.is_empty(),
                key,
                "is for oidc and microsoft: this provider's is known",
            );
        }
        check(kind != Oidc || !self.issuer.is_empty(), "issuer", "is required");
        check(
            !(self.accept_tokens && matches!(kind, Twitter | TwitterOauth1)),
            "accept_tokens",
            "cannot be true: Twitter's tokens do not say whom they are for",
        );
        check(
            self.audiences.is_empty() || openid,
            "audiences",
            "are for providers with ID tokens: others' tokens are for one app",
        );
        check(
            self.trust_email != Some(true) || kind != Facebook,
            "trust_email",
            "cannot be true: Facebook does not say whether an address is proven",
        );
        check(
            !openid
                || kind == Apple
                || self.scopes.is_empty()
                || self.scopes.iter().any(|scope| scope == "openid"),
            "scopes",
            "must have openid among them: else there is no ID token",
        );
        let safe = |text: &str| {
            text.is_empty()
                || Url::parse(&text.replace("{tenantid}", "t")).is_ok_and(|url| {
                    (url.scheme() == "https" || is_local(&url))
                        && url.username().is_empty()
                        && url.fragment().is_none()
                })
        };
        let consent = ("authorization_endpoint", self.authorization_endpoint.as_str());
        for (key, address) in self.called().into_iter().chain([consent]) {
            check(safe(address), key, "must be an https address; http only on this machine");
        }
        check(
            self.issuer.is_empty() || kind == Microsoft || !self.issuer.contains("{tenantid}"),
            "issuer",
            "can have {tenantid} in it for Microsoft alone",
        );
        check(
            self.callbacks.iter().all(|callback| Url::parse(callback).is_ok_and(|url| is_callback(&url))),
            "callbacks",
            "each must be a full https address like https://app.example.com/signin, or one of an app like \
             com.example.app:/signin, without #; http only on this machine",
        );
        check(
            self.hosts.iter().all(|host| {
                Url::parse(&format!("https://{host}/")).is_ok_and(|url| url.host_str() == Some(host.as_str()))
            }),
            "hosts",
            "each must be a bare host like oauth2.example.com",
        );
        check(
            self.algorithms.iter().all(|name| ALGORITHMS.contains(&name.as_str())),
            "algorithms",
            "must be of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
        );
        check(
            !self.parameters.keys().any(|key| RESERVED.contains(&key.as_str())),
            "parameters",
            "cannot set what doorward sets itself: client_id, redirect_uri, response_type, state, nonce and the like",
        );
        let timeout = self.timeout.as_seconds();
        // A sign-in takes up to four calls, and ours may take 30 s.
        check((1..=7).contains(&timeout), "timeout", "must be at least 1s and at most 7s");
        errors
    }
}

/// What an ID token may be signed with: nothing that whoever can check it could have made.
pub const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Parameters of the authorization request whose value only the flow knows.
const RESERVED: [&str; 15] = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "oauth_token",
    "id_token_hint",
    "registration",
];

/// Ways to begin an account that are no provider's.
const METHODS: [&str; 5] = ["password", "email_code", "phone_code", "device", "custom"];

impl Config {
    pub(super) fn provider_errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut pages = BTreeSet::new();
        for (name, provider) in self.providers.iter() {
            let key = format!("providers.{name}");
            for callback in &provider.callbacks {
                // A page must know whose answer it has: else one provider's code could be shown to another (O03).
                if !pages.insert(Url::parse(callback).map_or_else(|_| callback.clone(), String::from)) {
                    errors.push((
                        format!("{key}.callbacks"),
                        "has an address of another provider's: give each its own, if need be by a query"
                            .into(),
                    ));
                }
            }
            if !is_name(name) {
                errors.push((
                    key,
                    "a name has small letters, digits, _ and -, and begins with a letter".into(),
                ));
                continue;
            }
            if METHODS.contains(&name.as_str()) || name == "local" {
                errors.push((key, "is the name of another way to sign in".into()));
                continue;
            }
            let wrong = provider.errors(name).into_iter();
            errors.extend(wrong.map(|(setting, message)| (format!("{key}.{setting}"), message.to_owned())));
        }
        for (name, beginning) in self.defaults.iter() {
            let key = format!("defaults.{name}");
            if !METHODS.contains(&name.as_str()) && !self.providers.contains_key(name) {
                let known = METHODS.join(", ");
                errors.push((key, format!("is neither one of {known} nor a provider of this server")));
                continue;
            }
            for (field, value) in &beginning.extras {
                let key = format!("{key}.extras.{field}");
                match self.profile.extras.get(field) {
                    None => {
                        errors.push((key, format!("is not declared: there is no profile.extras.{field}")))
                    }
                    Some(extra) => {
                        if let Err(message) = typed_value::check(extra.kind, value) {
                            errors.push((key, message.to_owned()));
                        }
                    }
                }
            }
        }
        errors
    }
}

/// Is it one that an operator can give?
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::*;

    const GOOD: &str = "[providers.google]\nclient_id = \"1234\"\nclient_secret = \"hunter2\"\n";
    const HTTPS: &str = "public_url = \"https://auth.example.com\"\n";

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<(Config, Layers), String> {
        let mut layers = Layers::default();
        layers.toml(&format!("{HTTPS}{text}"), "doorward.toml").unwrap();
        layers.environment(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        match Config::load(&layers, false) {
            Ok((config, _)) => Ok((config, layers)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn refused(text: &str) -> String {
        load(text, &[]).map(drop).expect_err(text)
    }

    #[test]
    fn a_provider_that_could_not_work_is_refused_at_start_with_the_settings_name() {
        load(GOOD, &[]).unwrap();
        for (line, key) in [
            ("client_secret = \"\"", "client_secret"),
            ("client_id = \"\"", "client_id"),
            ("client_auth = \"jwt\"", "client_auth"),
            ("team_id = \"T\"", "team_id"),
            ("tenants = [\"x\"]", "tenants"),
            ("policies = [\"B2C_1_x\"]", "policies"),
            ("discovery = \"https://a.example/x\"", "discovery"),
            ("issuer = \"https://accounts.google.com\"", "issuer"),
            ("scopes = [\"email\"]", "scopes"),
            ("token_endpoint = \"http://example.com/token\"", "token_endpoint"),
            ("token_endpoint = \"https://a@example.com/token\"", "token_endpoint"),
            ("jwks_uri = \"/keys\"", "jwks_uri"),
            ("userinfo_endpoint = \"file:///etc/passwd\"", "userinfo_endpoint"),
            ("callbacks = [\"/signin\"]", "callbacks"),
            ("callbacks = [\"https://a.example/#x\"]", "callbacks"),
            ("callbacks = [\"javascript:alert(1)\"]", "callbacks"),
            ("hosts = [\"https://a.example\"]", "hosts"),
            ("hosts = [\"a.example:8443\"]", "hosts"),
            ("algorithms = [\"HS256\"]", "algorithms"),
            ("algorithms = [\"none\"]", "algorithms"),
            ("parameters = { state = \"x\" }", "parameters"),
            ("parameters = { redirect_uri = \"https://evil.example\" }", "parameters"),
            ("timeout = \"0s\"", "timeout"),
            ("timeout = \"1m\"", "timeout"),
            ("clientid = \"1\"", "clientid"),
            ("kind = \"gogle\"", "kind"),
        ] {
            let name = line.split(' ').next().unwrap_or_default();
            let kept: Vec<&str> = GOOD.lines().filter(|old| !old.starts_with(&format!("{name} "))).collect();
            let said = refused(&format!("{}\n{line}", kept.join("\n")));
            assert!(said.starts_with(&format!("providers.google.{key}: ")), "{line}: {said}");
            assert!(said.ends_with("(from doorward.toml)") || name == "client_secret", "{said}");
        }
        for (text, key) in [
            ("[providers.acme]\nclient_id = \"1\"", "providers.acme.kind: is required"),
            ("[providers.acme]\nkind = \"oidc\"\nclient_id = \"1\"", "providers.acme.issuer"),
            (
                "[providers.acme]\nkind = \"oidc\"\nclient_id = \"1\"\nissuer = \"https://a.example/{tenantid}\"",
                "providers.acme.issuer",
            ),
            ("[providers.apple]\nclient_id = \"1\"", "providers.apple.team_id"),
            ("[providers.apple]\nclient_id = \"1\"\nclient_secret = \"x\"", "providers.apple.client_secret"),
            (
                "[providers.facebook]\nclient_id = \"1\"\nclient_secret = \"x\"\ntrust_email = true",
                "providers.facebook.trust_email",
            ),
            (
                "[providers.facebook]\nclient_id = \"1\"\naccept_tokens = true",
                "providers.facebook.client_secret",
            ),
            (
                "[providers.twitter]\nclient_id = \"1\"\naccept_tokens = true",
                "providers.twitter.accept_tokens",
            ),
            (
                "[providers.microsoft]\nclient_id = \"1\"\nclient_secret = \"x\"\ntenants = [\"contoso.com\"]",
                "providers.microsoft.tenants",
            ),
            ("[providers.Google]\nclient_id = \"1\"", "providers.Google: a name has"),
            ("[providers.password]\nkind = \"google\"\nclient_id = \"1\"", "providers.password: is the name"),
        ] {
            assert!(refused(text).starts_with(key), "{}", refused(text));
        }
    }

    #[test]
    fn a_provider_for_tokens_alone_needs_no_secret() {
        for text in [
            "[providers.google]\nclient_id = \"1\"\naccept_tokens = true",
            "[providers.apple]\nclient_id = \"1\"\naccept_tokens = true",
            "[providers.microsoft]\nclient_id = \"1\"\naccept_tokens = true\npolicies = [\"B2C_1_x\"]",
        ] {
            load(text, &[]).unwrap();
        }
    }

    #[test]
    fn sec_l05_a_providers_settings_are_explained_one_by_one_and_its_secrets_are_not_shown() {
        let text = format!(
            "{GOOD}parameters = {{ access_type = \"offline\" }}\n[providers.other]\nkind = \"apple\"\n\
            client_id = \"1\"\nteam_id = \"t\"\nkey_id = \"k\"\nprivate_key = \"hunter3\""
        );
        let variable = ("DOORWARD_PROVIDERS__GOOGLE__CLIENT_SECRET", "hunter4");
        let (config, layers) =
            load(&text, &[variable, ("DOORWARD_PROVIDERS__GOOGLE__ACCEPT_TOKENS", "true")]).unwrap();
        assert_eq!(config.providers["google"].client_secret.expose(), "hunter4");
        assert!(config.providers["google"].accept_tokens);
        let mut list = Vec::new();
        config.explain("", "", &mut list);
        let value = |key: &str| list.iter().find(|one| one.key == key).map(|one| one.value.as_str());
        assert_eq!(value("providers.google.client_secret"), Some("\"(hidden)\""));
        assert_eq!(value("providers.other.private_key"), Some("\"(hidden)\""));
        assert_eq!(value("providers.google.parameters"), Some("{\"access_type\":\"offline\"}"));
        assert_eq!(
            layers.origin("providers.google.client_secret"),
            Some("the variable DOORWARD_PROVIDERS__GOOGLE__CLIENT_SECRET")
        );
        let all: String = list.iter().map(|one| format!("{}{}", one.key, one.value)).collect();
        for shown in [all, format!("{config:?}"), serde_json::to_string(&config).unwrap()] {
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }

    #[test]
    fn seed_r21_what_an_account_begins_with_is_declared_and_of_its_type() {
        let declared = "[profile.extras.coin]\ntype = \"number\"\n";
        let good =
            "[defaults.google]\nroles = [\"user\"]\nextras = { coin = 500 }\n[defaults.password]\nroles = []";
        let (config, _) = load(&format!("{GOOD}{declared}{good}"), &[]).unwrap();
        assert_eq!(config.defaults["google"].extras["coin"], 500);
        assert_eq!(config.defaults["password"].roles.as_deref(), Some(&[][..]));
        for (text, key) in [
            ("[defaults.googel]\nroles = []", "defaults.googel: is neither"),
            ("[defaults.google]\nextras = { gold = 1 }", "defaults.google.extras.gold: is not declared"),
            (
                "[defaults.google]\nextras = { coin = \"many\" }",
                "defaults.google.extras.coin: This must be a number",
            ),
            ("[defaults.google]\nrole = [\"user\"]", "defaults.google.role: there is no such setting"),
        ] {
            let said = refused(&format!("{GOOD}{declared}{text}"));
            assert!(said.starts_with(key), "{said}");
        }
    }
}
