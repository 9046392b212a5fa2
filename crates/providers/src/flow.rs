//! A flow with a provider: how it is begun, and what comes back.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// What a flow is to be like.
#[derive(Clone, Copy, Debug)]
pub struct FlowParameters<'a> {
    /// The page that the person comes back to.
    pub callback: &'a Url,
    /// The person has just chosen their account there: they need not be asked again.
    pub again: bool,
    /// The language of the person.
    pub locale: Option<&'a str>,
}

/// A flow that can go on at the provider.
#[derive(Debug)]
pub struct Begun {
    /// The consent screen.
    pub url: Url,
    /// What the provider's answer names the flow by: our `state`, or the request token of OAuth 1.0a.
    pub handle: String,
    /// What finishing needs.
    pub memory: Memory,
}

/// What finishing a flow needs. It is secret: the flows seal it.
#[derive(Clone, Deserialize, Serialize)]
pub enum Memory {
    /// OAuth 2.
    Code {
        /// As it was sent.
        redirect_uri: String,
        /// Of PKCE (RFC 7636).
        verifier: String,
        /// Must come back in the ID token, where there is one.
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
    /// Does the provider's answer say which flow it was made for, beside the state? Then a code that was slipped in is
    /// noticed without one.
    pub fn has_nonce(&self) -> bool {
        matches!(self, Memory::Code { nonce: Some(_), .. })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// What the provider answered, by way of the browser.
#[derive(Clone, Copy)]
pub enum ProviderAnswer<'a> {
    /// OAuth 2.
    Code {
        /// The code.
        code: &'a str,
        /// Who says that it answers (RFC 9207).
        iss: Option<&'a str>,
        /// Apple's `user`: JSON with the name, the first time only.
        user: Option<&'a str>,
    },
    /// OAuth 1.0a.
    Verifier {
        /// The request token.
        token: &'a str,
        /// Shows that the person consented.
        verifier: &'a str,
    },
}

impl fmt::Debug for ProviderAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderAnswer")
    }
}
