//! A client for OAuth 2 (RFC 6749, RFC 9700): the URL of the consent screen, and the call that exchanges a code
//! for tokens.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_core::clock::{Millis, World};
use doorward_core::secret::Secret;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::call::{ProviderClient, Reply};
use crate::flow::{Begun, FlowParameters, Memory};
use crate::oauth::client_secret::ClientSecretKey;
use crate::outcome::Refusal;

/// The registration of this server at a provider.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: ClientSecret,
    /// True if the secret is sent in the form, false if in a header. `None`: as the provider announces.
    pub(crate) in_form: Option<bool>,
    /// Interprets a refusal of the token endpoint.
    pub(crate) refusal: fn(&Reply) -> Refusal,
    scopes: Vec<String>,
    /// Additional parameters of the authorization request, from the operator.
    parameters: BTreeMap<String, String>,
}

/// The secret that authenticates the client.
pub(crate) enum ClientSecret {
    /// A text. Empty for a public client.
    Text(Secret),
    /// Apple: a JWT that is signed for each call.
    Signed(Box<ClientSecretKey>),
}

/// The random values of a flow.
pub(crate) struct Chance {
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// The PKCE verifier.
    pub(crate) verifier: String,
}

/// A code, with the values that are needed to exchange it.
pub(crate) struct Code<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a str,
}

/// The tokens from an exchange.
pub(crate) struct Tokens {
    pub(crate) access: Option<Secret>,
    pub(crate) id: Option<Secret>,
}

impl Tokens {
    /// The access token of a provider that always returns one.
    pub(crate) fn access_token(self) -> Result<Secret, Refusal> {
        self.access.ok_or_else(|| Refusal::Unreachable("the token endpoint returned no access token".into()))
    }
}

impl Chance {
    pub(crate) fn throw(world: &World) -> Chance {
        let text = || URL_SAFE_NO_PAD.encode(world.bytes::<32>());
        Chance { state: text(), nonce: text(), verifier: text() }
    }
}

impl Client {
    /// The client of the settings. `scopes` are used if the settings have none.
    pub(crate) fn of(settings: &doorward_config::Provider, scopes: &[&str]) -> Client {
        let scopes = match settings.scopes.is_empty() {
            true => scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            false => settings.scopes.clone(),
        };
        Client {
            id: settings.client_id.clone(),
            secret: ClientSecret::Text(settings.client_secret.clone()),
            in_form: settings.client_auth.map(|auth| auth == doorward_config::ClientAuth::Post),
            refusal,
            scopes,
            parameters: settings.parameters.clone(),
        }
    }

    /// The URL of the consent screen. `more` are the parameters for this kind of provider. Those of the
    /// operator replace them, and an empty one removes them.
    pub(crate) fn consent(
        &self,
        endpoint: &Url,
        redirect_uri: &str,
        chance: &Chance,
        more: &[(&str, &str)],
    ) -> Url {
        let scope = self.scopes.join(" ");
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, chance.verifier.as_bytes()));
        let mut url = endpoint.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", &self.id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("response_type", "code")
            .append_pair("scope", &scope)
            .append_pair("state", &chance.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        for (name, value) in more.iter().filter(|(name, _)| !self.parameters.contains_key(*name)) {
            query.append_pair(name, value);
        }
        for (name, value) in self.parameters.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        drop(query);
        url
    }

    /// Begins a flow that ends without an ID token.
    pub(crate) fn begin(
        &self,
        world: &World,
        endpoint: &Url,
        redirect_uri: String,
        asked: &FlowParameters<'_>,
        choice: Option<(&str, &str)>,
    ) -> Begun {
        let chance = Chance::throw(world);
        let more: Vec<_> = choice.filter(|_| !asked.again).into_iter().collect();
        let url = self.consent(endpoint, &redirect_uri, &chance, &more);
        let memory = Memory::Code { redirect_uri, verifier: chance.verifier, nonce: None };
        Begun { url, handle: chance.state, memory }
    }

    /// Exchanges a code for tokens. `in_form` says how the secret is sent if the operator has not set that.
    pub(crate) async fn exchange(
        &self,
        caller: &ProviderClient,
        endpoint: &Url,
        code: &Code<'_>,
        in_form: bool,
        now: Millis,
    ) -> Result<Tokens, Refusal> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.code),
            ("redirect_uri", code.redirect_uri),
            ("code_verifier", code.verifier),
        ];
        let secret = match &self.secret {
            ClientSecret::Text(secret) => secret.clone(),
            ClientSecret::Signed(key) => key.sign(&self.id, now)?,
        };
        let secret = secret.expose();
        let in_form = secret.is_empty() || self.in_form.unwrap_or(in_form);
        let mut header = None;
        if in_form {
            form.push(("client_id", &self.id));
        } else {
            header = Some(basic(&self.id, secret));
        }
        if in_form && !secret.is_empty() {
            form.push(("client_secret", secret));
        }
        let reply = caller.post(endpoint, &form, header.as_deref()).await?;
        let json = reply.json();
        let token = |name: &str| json[name].as_str().map(|text| Secret::from(text.to_owned()));
        match reply.status {
            200 if json.is_object() && json["error"].is_null() => {
                Ok(Tokens { access: token("access_token"), id: token("id_token") })
            }
            _ => Err((self.refusal)(&reply)),
        }
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// Interprets a refusal of the token endpoint (RFC 6749 §5.2).
pub(crate) fn refusal(reply: &Reply) -> Refusal {
    let json = reply.json();
    let word = error_word(&json);
    match (word, reply.status) {
        (Some("invalid_grant"), _) => Refusal::Reused,
        (Some("server_error" | "temporarily_unavailable"), _) | (_, 429 | 500..=599) => {
            Refusal::Unreachable(format!("the token endpoint answered {}", reply.status))
        }
        (
            Some(
                word @ ("invalid_client"
                | "unauthorized_client"
                | "unsupported_grant_type"
                | "invalid_scope"
                | "redirect_uri_mismatch"),
            ),
            _,
        ) => Refusal::Setup(format!("the token endpoint says {word}")),
        (None, 401 | 403) => Refusal::Setup(format!("the token endpoint answered {}", reply.status)),
        (Some(word), _) => Refusal::Denied(format!("The provider answered {word}.")),
        (None, 200) => Refusal::Unreachable("the token endpoint's answer cannot be read".into()),
        (None, status) => Refusal::Denied(format!("The provider refused the code with status {status}.")),
    }
}

/// The `error` of an answer, if its form makes it safe to repeat.
pub(crate) fn error_word(json: &Value) -> Option<&str> {
    let fits = |word: &&str| {
        (1..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    json["error"].as_str().filter(fits)
}
