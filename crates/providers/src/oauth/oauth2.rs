//! OAuth 2 as a client (RFC 6749, RFC 9700): the address of the consent screen, and the call that turns a code into
//! tokens.

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

/// Who we are to a provider.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: ClientSecret,
    /// Is the secret sent in the form? `None`: as the provider announces.
    pub(crate) in_form: Option<bool>,
    /// What a refusal of the token endpoint means.
    pub(crate) refusal: fn(&Reply) -> Refusal,
    scopes: Vec<String>,
    /// The operator's own parameters of the authorization request.
    parameters: BTreeMap<String, String>,
}

/// How we show who we are.
pub(crate) enum ClientSecret {
    /// A text; empty for a client that has none.
    Text(Secret),
    /// Apple: a JWT that is made anew each time.
    Signed(Box<ClientSecretKey>),
}

/// What is new in each flow.
pub(crate) struct Chance {
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// Of PKCE.
    pub(crate) verifier: String,
}

/// What is to become tokens.
pub(crate) struct Code<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a str,
}

/// What it became.
pub(crate) struct Tokens {
    pub(crate) access: Option<Secret>,
    pub(crate) id: Option<Secret>,
}

impl Tokens {
    /// The access token, for a provider that always gives one.
    pub(crate) fn access_token(self) -> Result<Secret, Refusal> {
        self.access.ok_or_else(|| Refusal::Unreachable("the token endpoint gave no access token".into()))
    }
}

impl Chance {
    pub(crate) fn throw(world: &World) -> Chance {
        let text = || URL_SAFE_NO_PAD.encode(world.bytes::<32>());
        Chance { state: text(), nonce: text(), verifier: text() }
    }
}

impl Client {
    /// From the settings; these are the scopes where none are set.
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

    /// The consent screen. `more` is what the kind of provider adds; the operator's own parameters stand over it, and an
    /// empty one takes it out.
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

    /// A flow that has no ID token at its end.
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

    /// Turns a code into tokens. `in_form`: how the secret is sent where the operator does not say.
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

/// RFC 6749 §2.3.1: both are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// What a refusal of the token endpoint means (RFC 6749 §5.2).
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
        (Some(word), _) => Refusal::Denied(format!("The provider says {word}.")),
        (None, 200) => Refusal::Unreachable("the token endpoint's answer cannot be read".into()),
        (None, status) => Refusal::Denied(format!("The provider refused the code with status {status}.")),
    }
}

/// The `error` of an answer, if it is a word that may be repeated.
pub(crate) fn error_word(json: &Value) -> Option<&str> {
    let fits = |word: &&str| {
        (1..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    json["error"].as_str().filter(fits)
}
