//! The result of a flow: a user, or a refusal.

use doorward_protocol::profile::ProfileFields;
use serde::{Deserialize, Serialize};

/// A user at a provider. Only issuer and subject together identify the user (SECURITY A01).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Person {
    /// The issuer.
    pub issuer: String,
    /// The user's id at the issuer.
    pub subject: String,
    /// The user's e-mail address in canonical form.
    pub email: Option<String>,
    /// True if the provider says that the address is the user's, and the operator trusts the provider (SECURITY
    /// A02).
    pub vouched: bool,
    /// The user's name.
    pub name: Option<String>,
    /// The claims that fit into a profile. A picture is a URL, which is never fetched (SECURITY H04).
    pub profile: ProfileFields,
}

/// The reason why the provider named no user. No reason contains text of the provider, except the `error` codes of OAuth.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The provider refused.
    Denied(String),
    /// The code, or the verifier, was used before or is too old.
    Reused,
    /// The answer belongs to another flow or is from another provider.
    Mismatch(String),
    /// A token failed a check.
    Untrusted(String),
    /// The provider did not answer, or its answer was not usable.
    Unreachable(String),
    /// The operator must correct a setting, here or at the provider.
    Setup(String),
}

/// A wrong setting: its name within the section, and a description of the fault.
pub(crate) type Wrong = (&'static str, &'static str);
