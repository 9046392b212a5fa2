//! What comes of a flow: a person, or a refusal.

use doorward_protocol::profile::ProfileFields;
use serde::{Deserialize, Serialize};

/// Somebody, as a provider knows them. Issuer and subject name them; nothing else does (SECURITY A01).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Person {
    /// Who says so.
    pub issuer: String,
    /// Their id there.
    pub subject: String,
    /// Their address, canonical.
    pub email: Option<String>,
    /// Does the provider say that the address is theirs, and does the operator trust its word (SECURITY A02)?
    pub vouched: bool,
    /// Their name.
    pub name: Option<String>,
    /// What fits into a profile. A picture is an address, which is never fetched (SECURITY H04).
    pub profile: ProfileFields,
}

/// Why there is no person. No reason echoes what the other side sent, but for an `error` word of OAuth.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The provider says no.
    Denied(String),
    /// The code, or the verifier, was used before or is too old.
    Reused,
    /// The answer belongs to another flow, or comes from another provider.
    Mismatch(String),
    /// A token that does not hold.
    Untrusted(String),
    /// The provider could not be asked.
    Unreachable(String),
    /// The operator has to put something right, here or at the provider.
    Setup(String),
}

/// What went wrong with a setting: its name within the section, and a sentence.
pub(crate) type Wrong = (&'static str, &'static str);
