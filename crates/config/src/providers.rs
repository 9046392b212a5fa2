//! Settings of identity providers, and the initial roles and fields of new accounts.

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
    /// An identity provider: `[providers.NAME]`. You choose the name; it appears in addresses and in messages.
    pub struct Provider {
        /// `google`, `microsoft`, `apple`, `facebook`, `twitter` (OAuth 2), `twitter_oauth1`, or `oidc` for any other OpenID Connect provider. Without this setting the section's NAME must be one of these, and decides.
        kind: Option<ProviderKind> = None,
        /// The client id that the provider gave you. Apple: the Services ID; Facebook: the app id; Twitter with OAuth 1.0a: the API key.
        client_id: String = String::new(),
        /// The client secret. Apple has none: see `private_key`.
        client_secret: Secret = Secret::default(),
        /// How the secret is sent: `basic` (in a header) or `post` (in the form). Without this setting, as the provider announces or documents.
        client_auth: Option<ClientAuth> = None,
        /// Exact addresses of your pages that the provider may redirect users to. With --dev any localhost address is allowed, too. Register the same addresses, character by character, at the provider; with `response_mode = "form_post"` register {public_url}/v1/callback/NAME there instead.
        callbacks: Vec<String> = Vec::new(),
        /// Issuer of the ID tokens: for `oidc` the provider's issuer address. For `microsoft` it may contain {tenantid}.
        issuer: String = String::new(),
        /// Address of the provider's discovery document, if it is not issuer + `/.well-known/openid-configuration`.
        discovery: String = String::new(),
        /// Allowlist of further hosts for the endpoints in the discovery document, besides the issuer's host, like `oauth2.example.com`.
        hosts: Vec<String> = Vec::new(),
        /// Authorization endpoint, the page where users consent. This and the following endpoints override the discovery document.
        authorization_endpoint: String = String::new(),
        /// Token endpoint, which exchanges a code for tokens.
        token_endpoint: String = String::new(),
        /// Userinfo endpoint, which describes the user of an access token.
        userinfo_endpoint: String = String::new(),
        /// Address of the keys that verify ID tokens (JWKS).
        jwks_uri: String = String::new(),
        /// Google: the tokeninfo endpoint, which describes an access token. Facebook: the address of `debug_token`.
        tokeninfo_endpoint: String = String::new(),
        /// Twitter with OAuth 1.0a: the request token endpoint, where a flow begins.
        request_token_endpoint: String = String::new(),
        /// Requested scopes. Empty: those for the name and the e-mail address.
        scopes: Vec<String> = Vec::new(),
        /// Further parameters of the authorization request, like `access_type = "offline"`. An empty value removes a parameter from the request: `prompt = ""`.
        parameters: Declared<String> = Declared::default(),
        /// How the provider returns its answer: `query`, or `form_post` to {public_url}/v1/callback/NAME. Apple: `form_post`.
        response_mode: Option<ResponseMode> = None,
        /// Allowed signature algorithms of ID tokens. Empty: the asymmetric algorithms that the provider announces.
        algorithms: Vec<String> = Vec::new(),
        /// Trusts the provider's claim that an e-mail address is verified, to link accounts. Default: `true` for Google and Apple, else `false`. Facebook does not make this claim.
        trust_email: Option<bool> = None,
        /// Lets an app sign a user in with a token that it obtained from the provider itself. Not possible for Twitter, because its tokens name no audience.
        accept_tokens: bool = false,
        /// Audiences that ID tokens may name in addition to `client_id`, like the project of a ZITADEL client, or an audience that a Keycloak mapper adds. With `accept_tokens`, a token from an app may name one of these instead of `client_id`: list the client ids of your mobile apps.
        audiences: Vec<String> = Vec::new(),
        /// Time limit of one request to the provider.
        timeout: Span = Span::seconds(5),
        /// Apple: the team id.
        team_id: String = String::new(),
        /// Apple: the key id.
        key_id: String = String::new(),
        /// Apple: the private key, the content of the .p8 file.
        private_key: Secret = Secret::default(),
        /// Microsoft: ids of the tenants from which users may sign in. Empty: any tenant.
        tenants: Vec<String> = Vec::new(),
        /// Microsoft, Azure AD B2C: accepted policies of a token (`tfp` or `acr`). Empty: any.
        policies: Vec<String> = Vec::new(),
    }

    /// Initial roles and fields of a new account, by sign-in method: `[defaults.METHOD]`.
    pub struct Beginning {
        /// Roles of the account. Without this setting, `roles.default`.
        roles: Option<Vec<String>> = None,
        /// Values of your own fields, which `profile.extras` declares.
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
    /// In the query of the callback address.
    Query,
    /// In a form that the browser posts to this server.
    FormPost,
}

/// Sections under names that the operator chooses.
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
    /// The kind: from the setting `kind`, else from the name of the section.
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

    /// Addresses that the server itself requests, with the names of their settings. Empty if not set.
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

    /// The invalid settings, by their names within the section.
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
            "must be empty for Apple: it is made from private_key",
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
                "must be form_post: otherwise Apple sends neither name nor address",
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
                "is for oidc and microsoft alone: doorward knows it for this provider",
            );
        }
        check(kind != Oidc || !self.issuer.is_empty(), "issuer", "is required");
        check(
            !(self.accept_tokens && matches!(kind, Twitter | TwitterOauth1)),
            "accept_tokens",
            "cannot be true: Twitter's tokens name no audience",
        );
        check(
            self.audiences.is_empty() || openid,
            "audiences",
            "are for providers with ID tokens: tokens of other providers are for one app",
        );
        check(
            self.trust_email != Some(true) || kind != Facebook,
            "trust_email",
            "cannot be true: Facebook does not say whether an address is verified",
        );
        check(
            !openid
                || kind == Apple
                || self.scopes.is_empty()
                || self.scopes.iter().any(|scope| scope == "openid"),
            "scopes",
            "must include openid: without it there is no ID token",
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
            "can contain {tenantid} for Microsoft alone",
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
            "must be some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
        );
        check(
            !self.parameters.keys().any(|key| RESERVED.contains(&key.as_str())),
            "parameters",
            "cannot set what doorward sets itself: client_id, redirect_uri, response_type, state, nonce and the like",
        );
        let timeout = self.timeout.as_seconds();
        // A sign-in makes up to four requests to the provider, and must end within 30 s.
        check((1..=7).contains(&timeout), "timeout", "must be at least 1s and at most 7s");
        errors
    }
}

/// Allowed signature algorithms of ID tokens. All are asymmetric: with a symmetric one, a verifier could forge tokens.
pub const ALGORITHMS: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Parameters of the authorization request that only the flow sets.
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

/// Sign-in methods without a provider.
const METHODS: [&str; 5] = ["password", "email_code", "phone_code", "device", "custom"];

impl Config {
    pub(super) fn provider_errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let mut pages = BTreeSet::new();
        for (name, provider) in self.providers.iter() {
            let key = format!("providers.{name}");
            for callback in &provider.callbacks {
                // A page must know which provider an answer is from. Otherwise one provider's code could be sent to another
                // (SECURITY O03).
                if !pages.insert(Url::parse(callback).map_or_else(|_| callback.clone(), String::from)) {
                    errors.push((
                        format!("{key}.callbacks"),
                        "has an address of another provider: give each provider its own, for example with a \
                         different query"
                            .into(),
                    ));
                }
            }
            if !is_name(name) {
                errors.push((
                    key,
                    "a name has lower-case letters, digits, _ and -, and begins with a letter".into(),
                ));
                continue;
            }
            if METHODS.contains(&name.as_str()) || name == "local" {
                errors.push((key, "is the name of another sign-in method".into()));
                continue;
            }
            let wrong = provider.errors(name).into_iter();
            errors.extend(wrong.map(|(setting, message)| (format!("{key}.{setting}"), message.to_owned())));
        }
        for (name, beginning) in self.defaults.iter() {
            let key = format!("defaults.{name}");
            if !METHODS.contains(&name.as_str()) && !self.providers.contains_key(name) {
                let known = METHODS.join(", ");
                errors.push((key, format!("is neither one of {known} nor the name of a provider")));
                continue;
            }
            for (field, value) in &beginning.extras {
                let key = format!("{key}.extras.{field}");
                match self.profile.extras.get(field) {
                    None => {
                        errors.push((key, format!("is not declared: profile.extras.{field} does not exist")))
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

/// True if an operator can choose this name for a section.
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
    fn an_invalid_provider_is_refused_at_start_with_the_settings_name() {
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
    fn sec_l02_a_providers_settings_are_explained_one_by_one_and_its_secrets_are_not_shown() {
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
    fn seed_r21_initial_fields_of_an_account_are_declared_and_have_their_type() {
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
