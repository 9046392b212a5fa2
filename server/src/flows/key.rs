//! Keys that name a flow to whoever was given one: what a page knows as `oauthKey`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::{Purpose, SecretKeys};
use crate::secret::same;

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// For an answer that the provider sent to the server (Apple).
    Arrived,
    /// For a registration.
    Offered,
}

impl Label {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Label::Arrived => b"arrived",
            Label::Offered => b"offered",
        }
    }
}

/// The id of a flow with a MAC: nobody makes one up, and the same flow has always the same.
#[derive(Debug)]
pub struct OauthKey;

impl OauthKey {
    /// The key of a flow.
    pub fn write(keys: &SecretKeys, label: Label, flow: &str) -> Option<String> {
        let id = keys.active_id();
        let mac = keys.mac(id, Purpose::Flow, &[label.as_bytes(), b"\n", flow.as_bytes()])?;
        Some(format!("{flow}.{}", URL_SAFE_NO_PAD.encode([id.as_slice(), &mac].concat())))
    }

    /// The flow that it names.
    pub fn read<'a>(keys: &SecretKeys, label: Label, text: &'a str) -> Option<&'a str> {
        let (flow, rest) = text.split_once('.')?;
        let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
        let (id, mac) = bytes.split_first_chunk::<4>()?;
        let right = keys.mac(*id, Purpose::Flow, &[label.as_bytes(), b"\n", flow.as_bytes()])?;
        same(&right, mac).then_some(flow)
    }
}
