//! Finds the endpoints of a provider: from the configuration, or else from its discovery document (OpenID
//! Connect Discovery). No request is sent to a host that the configuration does not name.

use std::sync::Arc;

use doorward_config::ALGORITHMS;
use doorward_core::clock::Millis;
use doorward_core::local_address::is_local;
use jsonwebtoken::Algorithm;
use serde_json::Value;
use url::Url;

use crate::cache::Cached;
use crate::call::{ProviderClient, SMALL};
use crate::outcome::Refusal;

/// Finds the endpoints of one provider.
pub(crate) struct Discovery {
    /// The URL of the document. `None` if all endpoints are configured.
    address: Option<Url>,
    /// The issuers that the document may name.
    issuers: Vec<String>,
    hosts: Vec<String>,
    given: KnownEndpoints,
    cache: Cached<Endpoints>,
}

/// Endpoints from the configuration, or known for this kind of provider.
#[derive(Clone, Default)]
pub(crate) struct KnownEndpoints {
    pub(crate) authorization: Option<Url>,
    pub(crate) token: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    pub(crate) jwks: Option<Url>,
    pub(crate) algorithms: Vec<Algorithm>,
}

/// The endpoints of a provider and their properties.
pub(crate) struct Endpoints {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) userinfo: Option<Url>,
    pub(crate) jwks: Url,
    /// Algorithms of ID tokens. All are asymmetric.
    pub(crate) algorithms: Vec<Algorithm>,
    /// True if an authorization response always names its issuer (RFC 9207).
    pub(crate) says_iss: bool,
    /// True if the provider accepts the client secret only in the form.
    pub(crate) only_post: bool,
    /// True if the provider supports `prompt=select_account`, or does not say which prompts it supports.
    pub(crate) selects_account: bool,
}

impl KnownEndpoints {
    /// The endpoints of the settings, completed by those in `known`.
    pub(crate) fn of(settings: &doorward_config::Provider, known: KnownEndpoints) -> KnownEndpoints {
        let url = |text: &str, known: Option<Url>| Url::parse(text).ok().or(known);
        let algorithms: Vec<_> = settings.algorithms.iter().filter_map(|name| name.parse().ok()).collect();
        KnownEndpoints {
            authorization: url(&settings.authorization_endpoint, known.authorization),
            token: url(&settings.token_endpoint, known.token),
            userinfo: url(&settings.userinfo_endpoint, known.userinfo),
            jwks: url(&settings.jwks_uri, known.jwks),
            algorithms: if algorithms.is_empty() { known.algorithms } else { algorithms },
        }
    }
}

/// All algorithms that this server supports.
fn asymmetric() -> Vec<Algorithm> {
    ALGORITHMS.iter().filter_map(|name| name.parse().ok()).collect()
}

impl Discovery {
    /// The endpoints may be on the host of the document or of an issuer, and on `hosts`.
    pub(crate) fn new(
        address: &str,
        issuers: Vec<String>,
        hosts: Vec<String>,
        given: KnownEndpoints,
    ) -> Result<Discovery, (&'static str, &'static str)> {
        let complete = given.authorization.is_some() && given.token.is_some() && given.jwks.is_some();
        let address = match complete {
            true => None,
            false => Some(Url::parse(address).map_err(|_| ("discovery", "is not a valid URL"))?),
        };
        Ok(Discovery { address, issuers, hosts, given, cache: Cached::default() })
    }

    /// The endpoints.
    pub(crate) async fn endpoints(
        &self,
        caller: &ProviderClient,
        now: Millis,
    ) -> Result<Arc<Endpoints>, Refusal> {
        self.cache.get(now, self.find(caller)).await
    }

    async fn find(&self, caller: &ProviderClient) -> Result<Endpoints, Refusal> {
        let document = match &self.address {
            Some(address) => caller.get(address, None, SMALL).await?.ok("the discovery document")?,
            None => Value::Null,
        };
        self.read(&document)
    }

    fn read(&self, document: &Value) -> Result<Endpoints, Refusal> {
        let issuer = document["issuer"].as_str().unwrap_or_default();
        if self.address.is_some() && !self.issuers.iter().any(|one| one == issuer) {
            // RFC 9700 §4.4: the document of another issuer would allow a mix-up attack.
            return Err(Refusal::Setup("the discovery document names another issuer".into()));
        }
        let endpoint = |key: &str, given: &Option<Url>| match (given, document[key].as_str()) {
            (Some(url), _) => Ok(Some(url.clone())),
            (None, None) => Ok(None),
            (None, Some(text)) => self.admit(key, text).map(Some),
        };
        let needed = |key: &str, given: &Option<Url>| {
            endpoint(key, given)?
                .ok_or_else(|| Refusal::Setup(format!("the discovery document has no {key}")))
        };
        let list = |key: &str| document[key].as_array();
        let has = |list: &Vec<Value>, word: &str| list.iter().any(|one| one == word);
        let announced = list("id_token_signing_alg_values_supported");
        let mut algorithms = self.given.algorithms.clone();
        if algorithms.is_empty() {
            algorithms = asymmetric();
            if let Some(announced) = announced {
                algorithms.retain(|algorithm| has(announced, &format!("{algorithm:?}")));
            }
        }
        Ok(Endpoints {
            authorization: needed("authorization_endpoint", &self.given.authorization)?,
            token: needed("token_endpoint", &self.given.token)?,
            userinfo: endpoint("userinfo_endpoint", &self.given.userinfo)?,
            jwks: needed("jwks_uri", &self.given.jwks)?,
            algorithms,
            says_iss: document["authorization_response_iss_parameter_supported"] == true,
            only_post: list("token_endpoint_auth_methods_supported").is_some_and(|methods| {
                has(methods, "client_secret_post") && !has(methods, "client_secret_basic")
            }),
            selects_account: list("prompt_values_supported")
                .is_none_or(|prompts| has(prompts, "select_account")),
        })
    }

    /// Checks a URL in the document: https, on the host of an issuer or on one that the configuration names.
    fn admit(&self, key: &str, text: &str) -> Result<Url, Refusal> {
        let no = |why: &str| Refusal::Setup(format!("the discovery document's {key} {why}"));
        let url = Url::parse(text).map_err(|_| no("is not a valid URL"))?;
        if url.scheme() != "https" && !is_local(&url) {
            return Err(no("is not https"));
        }
        let own = self.address.iter().map(Url::to_string).chain(self.issuers.iter().cloned());
        let same = |other: Url| {
            other.host() == url.host() && other.port_or_known_default() == url.port_or_known_default()
        };
        let is_own = own.filter_map(|text| Url::parse(&text).ok()).any(same);
        let named = url.port().is_none() && self.hosts.iter().any(|host| url.host_str() == Some(host));
        if !is_own && !named {
            return Err(no("is on a host that is not the issuer's: add the host to the setting hosts"));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: Value) -> Result<Endpoints, Refusal> {
        let discovery = Discovery::new(
            "https://op.example/.well-known/openid-configuration",
            vec!["https://op.example".into()],
            vec!["api.example".into()],
            KnownEndpoints::default(),
        );
        discovery.unwrap().read(&document)
    }

    fn good() -> Value {
        json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/auth",
            "token_endpoint": "https://api.example/token",
            "jwks_uri": "https://op.example/keys",
        })
    }

    #[test]
    fn sec_o10_a_document_names_its_own_issuer_and_only_hosts_that_the_configuration_names() {
        assert!(read(good()).is_ok());
        for (key, value) in [
            ("issuer", json!("https://op.example/")),
            ("issuer", json!("https://evil.example")),
            ("issuer", json!(null)),
            ("token_endpoint", json!("https://evil.example/token")),
            ("token_endpoint", json!("http://op.example/token")),
            ("token_endpoint", json!("https://op.example:8443/token")),
            ("token_endpoint", json!("https://api.example:8443/token")),
            ("token_endpoint", json!("https://op.example@evil.example/token")),
            ("token_endpoint", json!("file:///etc/passwd")),
            ("jwks_uri", json!("http://169.254.169.254/latest/meta-data")),
            ("jwks_uri", json!("http://127.0.0.1/keys")),
            ("jwks_uri", json!("/keys")),
            ("jwks_uri", json!(null)),
            ("userinfo_endpoint", json!("https://op.example.evil.example/me")),
        ] {
            let mut document = good();
            document[key] = value.clone();
            assert!(matches!(read(document), Err(Refusal::Setup(_))), "{key} {value}");
        }
    }

    #[test]
    fn sec_o04_an_announced_algorithm_is_accepted_unless_it_is_symmetric_or_none() {
        let mut document = good();
        document["id_token_signing_alg_values_supported"] = json!(["none", "HS256", "ES256"]);
        assert_eq!(read(document).unwrap().algorithms, [Algorithm::ES256]);
        assert_eq!(read(good()).unwrap().algorithms.len(), ALGORITHMS.len());
    }
}
