//! Keys that name a flow to a page. Requests and responses call them `oauthKey`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};

use super::hash;

/// The purpose of a key.
#[derive(Clone, Copy, Debug)]
pub enum Good<'a> {
    /// For this answer, which the provider sent to the server (Apple). The key depends on the answer, so a
    /// client that has not seen the answer cannot have the key: the user who consents may not be the one who
    /// began the flow (SECURITY T14).
    ForAnswer(&'a str),
    /// For a registration or a link.
    ForOffer,
}

/// The id of a flow with a MAC, which clients cannot forge. The same flow always has the same key for a
/// purpose.
#[derive(Debug)]
pub struct OauthKey;

impl OauthKey {
    /// The key of a flow.
    pub fn write(keys: &SecretKeys, good: Good<'_>, flow: &str) -> Option<String> {
        let id = keys.active_id();
        let mac = mac(keys, id, good, flow)?;
        Some(format!("{flow}.{}", URL_SAFE_NO_PAD.encode([id.as_slice(), &mac].concat())))
    }

    /// The flow that a key names. Check the key with [`OauthKey::is`].
    pub fn flow(text: &str) -> Option<&str> {
        text.split_once('.').map(|(flow, _)| flow)
    }

    /// True if the text is the key of this flow for this purpose.
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
