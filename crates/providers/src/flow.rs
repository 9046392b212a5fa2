//! The data of a flow with a provider: its parameters, its state, and the provider's answer.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// The parameters of a new flow.
#[derive(Clone, Copy, Debug)]
pub struct FlowParameters<'a> {
    /// The page that the user returns to.
    pub callback: &'a Url,
    /// True if the user has just chosen an account at the provider and need not choose again.
    pub again: bool,
    /// The language of the user.
    pub locale: Option<&'a str>,
}

/// A flow that continues at the provider.
#[derive(Debug)]
pub struct Begun {
    /// The URL of the consent screen.
    pub url: Url,
    /// The value that names the flow in the provider's answer: `state`, or the request token of OAuth 1.0a.
    pub handle: String,
    /// The state that is needed to finish the flow.
    pub memory: Memory,
}

/// The state that is needed to finish a flow. It is secret, so it is stored sealed.
#[derive(Clone, Deserialize, Serialize)]
pub enum Memory {
    /// OAuth 2.
    Code {
        /// The redirect URI that was sent.
        redirect_uri: String,
        /// The PKCE verifier (RFC 7636).
        verifier: String,
        /// The nonce that an ID token must contain.
        nonce: Option<String>,
    },
    /// OAuth 1.0a.
    RequestToken {
        /// The request token.
        token: String,
        /// Its secret.
        secret: String,
    },
}

impl Memory {
    /// True if the provider's answer names its flow by a nonce, too. Then an injected code is detected even
    /// without a state.
    pub fn has_nonce(&self) -> bool {
        matches!(self, Memory::Code { nonce: Some(_), .. })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// The provider's answer, which the browser delivered.
#[derive(Clone, Copy)]
pub enum ProviderAnswer<'a> {
    /// OAuth 2.
    Code {
        /// The code.
        code: &'a str,
        /// The issuer that the answer names (RFC 9207).
        iss: Option<&'a str>,
        /// Apple's `user`: JSON with the name, only at the first sign-in.
        user: Option<&'a str>,
    },
    /// OAuth 1.0a.
    Verifier {
        /// The request token.
        token: &'a str,
        /// Proves that the user consented.
        verifier: &'a str,
    },
}

impl fmt::Debug for ProviderAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderAnswer")
    }
}
