//! What operators ask for and get, over HTTP below `/v1/admin` and as `--json` of the command line. Not in the SDK.

use serde::{Deserialize, Serialize};

use crate::fields::request;
use crate::profile::{Extras, UserProfile};
use crate::rules::Rule;

/// An account as an operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUser {
    /// As its owner sees it.
    #[serde(flatten)]
    pub profile: UserProfile,
    /// Must the address be confirmed before the first login?
    pub confirmation_required: bool,
    /// Is there a password?
    pub has_password: bool,
    /// The names that it is known by.
    pub identities: Vec<AdminIdentity>,
}

/// A name that an account is known by.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminIdentity {
    /// `email`, `phone`, `username`, …
    pub kind: String,
    /// In the form in which it is unique.
    pub value: String,
    /// When it was proven, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<String>,
    /// Since when the account has it, RFC 3339.
    pub created_at: String,
}

/// The answer of `GET /v1/admin/users`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUserList {
    /// The newest first.
    pub users: Vec<UserProfile>,
    /// What to give as `cursor` for those after them; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer of `GET /v1/admin/users/{id}/sessions`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminSessionList {
    /// Those that have not ended, the last used first.
    pub sessions: Vec<AdminSession>,
}

/// One signed-in browser, as an operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminSession {
    /// UUID.
    pub id: String,
    /// How the person signed in.
    pub method: String,
    /// When the person signed in, RFC 3339.
    pub created_at: String,
    /// When its tokens were last replaced, RFC 3339.
    pub last_seen_at: String,
    /// When it ends, however much it is used, RFC 3339.
    pub expires_at: String,
    /// Is it bound to a key of the browser (DPoP)?
    pub bound: bool,
    /// The address that it was last refreshed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// What the browser called itself then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// What a call ended.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionsEnded {
    /// How many sessions.
    pub ended: u64,
}

/// The answer of `GET /v1/admin/subscribers`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubscriberList {
    /// Who wants the newsletter, the oldest account first.
    pub subscribers: Vec<Subscriber>,
    /// What to give as `cursor` for those after them; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Somebody who wants the newsletter, at an address that was proven.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscriber {
    /// UUID of the account.
    pub user_id: String,
    /// The address.
    pub email: String,
    /// Full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Language, a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// The answer of `GET /v1/admin/audit`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditList {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// What to give as `cursor` for those before them; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// UUID.
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// What, like `signed_in`.
    pub event: String,
    /// About whose account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// About which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// In which request: the same id stands in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What else there is to say. For what an operator did it begins with who: `cli`, or the id of a service key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The answer of `GET /v1/admin/deliveries`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryList {
    /// The newest first.
    pub deliveries: Vec<Delivery>,
}

/// What a hook was told after an operation, or is still to be told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// UUID; `webhook-id` of each attempt.
    pub id: String,
    /// What, like `post_signup`.
    pub event: String,
    /// Whom: the name of a webhook, or `script`.
    pub target: String,
    /// `waiting`, `told` or `failed`: given up.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// RFC 3339.
    pub created_at: String,
    /// When it is tried next, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// Why it was not told the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The request that it is about: the same id stands in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// All that is stored of a person, without secrets.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserExport {
    /// When this was put together, RFC 3339.
    pub exported_at: String,
    /// The account.
    pub account: AdminUser,
    /// When the password was last set, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_set_at: Option<String>,
    /// The signed-in browsers.
    pub sessions: Vec<AdminSession>,
    /// User-defined data, by key.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    pub data: Extras,
    /// Codes and links that were asked for, as long as they are remembered.
    pub challenges: Vec<ExportedChallenge>,
    /// Messages that have not left yet, or could not.
    pub messages: Vec<ExportedMessage>,
    /// The audit log about the account, the newest first.
    pub audit: Vec<AuditEntry>,
}

/// A code or link that was asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedChallenge {
    /// What for.
    pub scene: String,
    /// Where it was sent.
    pub address: String,
    /// RFC 3339.
    pub created_at: String,
}

/// A message that has not left yet, or could not.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedMessage {
    /// Which.
    pub message: String,
    /// Where it goes.
    pub address: String,
    /// RFC 3339.
    pub created_at: String,
}

request! {
    /// `POST /v1/admin/users`: an account that is known by at least one of address, number and username.
    pub struct CreateUserRequest {
        /// An address that it is known by.
        pub email: Option<String> = optional(Rule::Email),
        /// Do you know that the address is the person's? Default false.
        pub email_verified: Option<bool> = optional(Rule::Flag),
        /// A number that it is known by, which you know to be the person's.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// A name to sign in by.
        pub username: Option<String> = optional(Rule::Username),
        /// Without one the person has a code sent, and chooses one.
        pub password: Option<String> = optional(Rule::NewPassword),
        /// Words of at most 64 characters; without this those of the setting `roles.default`.
        pub roles: Option<Vec<String>> = optional(Rule::Lines(32, 64)),
        /// Full name.
        pub name: Option<String> = optional(Rule::Line(256)),
    }
}

request! {
    /// `POST /v1/admin/users/{id}/password`
    pub struct SetPasswordRequest {
        /// The password from now on.
        pub new_password: String = required(Rule::NewPassword),
    }
}

request! {
    /// `PUT /v1/admin/users/{id}/roles`
    pub struct RolesRequest {
        /// All roles from now on: words of at most 64 characters.
        pub roles: Vec<String> = required(Rule::Lines(32, 64)),
    }
}
