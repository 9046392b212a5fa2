//! Keys that name a flow to whoever was given one: what a page knows as `oauthKey`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};

use super::hash;

/// What a key is good for.
#[derive(Clone, Copy, Debug)]
pub enum Good<'a> {
    /// For this answer, which the provider sent to the server (Apple). Who has not seen the answer cannot have the key: the
    /// person who consents may be somebody else than who began the flow (SECURITY T14).
    ForAnswer(&'a str),
    /// For a registration, or to be linked.
    ForOffer,
}

/// The id of a flow with a MAC: nobody makes one up, and the same flow has always the same.
#[derive(Debug)]
pub struct OauthKey;

impl OauthKey {
    /// The key of a flow.
    pub fn write(keys: &SecretKeys, good: Good<'_>, flow: &str) -> Option<String> {
        let id = keys.active_id();
        let mac = mac(keys, id, good, flow)?;
        Some(format!("{flow}.{}", URL_SAFE_NO_PAD.encode([id.as_slice(), &mac].concat())))
    }

    /// The flow that it names. Whether it may: [`OauthKey::is`].
    pub fn flow(text: &str) -> Option<&str> {
        text.split_once('.').map(|(flow, _)| flow)
    }

    /// Is it the key of this flow, for this?
    pub fn is(keys: &SecretKeys, good: Good<'_>, flow: &str, text: &str) -> bool {
        let read = || {
            let (named, rest) = text.split_once('.')?;
            let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
            let (id, given) = bytes.split_first_chunk::<4>()?;
            Some(named == flow && same(&mac(keys, *id, good, flow)?, given))
        };
        read().unwrap_or(false)
    }
}

fn mac(keys: &SecretKeys, id: KeyId, good: Good<'_>, flow: &str) -> Option<[u8; 32]> {
    let (label, about) = match good {
        Good::ForAnswer(answer) => ("answer", hash(answer)),
        Good::ForOffer => ("offer", Vec::new()),
    };
    keys.mac(id, Purpose::Flow, &[label.as_bytes(), b"\n", flow.as_bytes(), b"\n", &about])
}
