//! Requests and answers of the administration: over HTTP below `/v1/admin`, and `--json` of the command line. Not
//! in the SDK.

use serde::{Deserialize, Serialize};

use crate::fields::request;
use crate::profile::{Extras, UserProfile};
use crate::rules::Rule;

/// An account as an operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUser {
    /// The account as its owner sees it.
    #[serde(flatten)]
    pub profile: UserProfile,
    /// True if the address must be confirmed before the first sign-in.
    pub confirmation_required: bool,
    /// True if the account has a password.
    pub has_password: bool,
    /// The names that identify the account.
    pub identities: Vec<AdminIdentity>,
}

/// A name that identifies an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminIdentity {
    /// The kind: `email`, `phone`, `username`, …
    pub kind: String,
    /// The name in its canonical, unique form.
    pub value: String,
    /// Time of the verification, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<String>,
    /// Time at which the account got the name, RFC 3339.
    pub created_at: String,
}

/// The answer of `GET /v1/admin/users`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUserList {
    /// The accounts, the newest first.
    pub users: Vec<UserProfile>,
    /// The `cursor` of the next page. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer of `GET /v1/admin/users/{id}/sessions`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminSessionList {
    /// The sessions that have not ended, the last used first.
    pub sessions: Vec<AdminSession>,
}

/// One signed-in browser, as an operator sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminSession {
    /// UUID of the session.
    pub id: String,
    /// The sign-in method.
    pub method: String,
    /// Time of the sign-in, RFC 3339.
    pub created_at: String,
    /// Time of the last refresh, RFC 3339.
    pub last_seen_at: String,
    /// Time at which the session ends, even if it is in use, RFC 3339.
    pub expires_at: String,
    /// True if the session has a key binding (DPoP).
    pub bound: bool,
    /// IP address of the last refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// `User-Agent` of the last refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// The number of sessions that a request ended.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionsEnded {
    /// Number of ended sessions.
    pub ended: u64,
}

/// The answer of `GET /v1/admin/subscribers`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubscriberList {
    /// The subscribers of the newsletter, the oldest account first.
    pub subscribers: Vec<Subscriber>,
    /// The `cursor` of the next page. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A subscriber of the newsletter with a verified address.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Subscriber {
    /// UUID of the account.
    pub user_id: String,
    /// The e-mail address.
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
    /// The entries, the newest first.
    pub entries: Vec<AuditEntry>,
    /// The `cursor` of the next page, with older entries. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// UUID of the entry.
    pub id: String,
    /// Time of the event, RFC 3339.
    pub at: String,
    /// The event, like `signed_in`.
    pub event: String,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// IP address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Id of the request, also in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Further details. For an action of an operator they begin with `cli` or the id of the service key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The answer of `GET /v1/admin/deliveries`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryList {
    /// The deliveries, the newest first.
    pub deliveries: Vec<Delivery>,
}

/// A `post_` event that was or will be delivered to a hook.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// UUID of the delivery, and the header `webhook-id` of each attempt.
    pub id: String,
    /// The event, like `post_signup`.
    pub event: String,
    /// The receiver: the name of a webhook, or `script`.
    pub target: String,
    /// `waiting`, `told` (delivered) or `failed` (given up).
    pub state: String,
    /// Number of attempts.
    pub attempts: i64,
    /// Time of creation, RFC 3339.
    pub created_at: String,
    /// Time of the next attempt, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// The cause of the last failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Id of the request that caused the event, also in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// All stored data of a user, without secrets.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserExport {
    /// Time of the export, RFC 3339.
    pub exported_at: String,
    /// The account.
    pub account: AdminUser,
    /// Time at which the password was last set, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_set_at: Option<String>,
    /// The sessions.
    pub sessions: Vec<AdminSession>,
    /// User-defined data, by key.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    pub data: Extras,
    /// Codes and links that were requested, until they are pruned (`prune.challenges`).
    pub challenges: Vec<ExportedChallenge>,
    /// Messages that are waiting or were given up.
    pub messages: Vec<ExportedMessage>,
    /// The audit log about the account, the newest first.
    pub audit: Vec<AuditEntry>,
}

/// A code or link that was requested.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedChallenge {
    /// Its scene.
    pub scene: String,
    /// The address or number that it was sent to.
    pub address: String,
    /// Time of creation, RFC 3339.
    pub created_at: String,
}

/// A message that is waiting or was given up.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExportedMessage {
    /// The kind of message, which is the name of its templates.
    pub message: String,
    /// The address or number of the recipient.
    pub address: String,
    /// Time of creation, RFC 3339.
    pub created_at: String,
}

request! {
    /// `POST /v1/admin/users`: creates an account. Needs at least one of e-mail address, phone number and username.
    pub struct CreateUserRequest {
        /// The e-mail address of the account.
        pub email: Option<String> = optional(Rule::Email),
        /// True if the operator has verified that the address belongs to the user. Default false.
        pub email_verified: Option<bool> = optional(Rule::Flag),
        /// The phone number of the account. The operator must have verified that it belongs to the user.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// A name for sign-in.
        pub username: Option<String> = optional(Rule::Username),
        /// The password. Without it the user requests a code or reset link, and sets one.
        pub password: Option<String> = optional(Rule::NewPassword),
        /// Roles of at most 64 characters each. Default: the setting `roles.default`.
        pub roles: Option<Vec<String>> = optional(Rule::Lines(32, 64)),
        /// Full name.
        pub name: Option<String> = optional(Rule::Line(256)),
    }
}

request! {
    /// `POST /v1/admin/users/{id}/password`: sets the password of an account.
    pub struct SetPasswordRequest {
        /// The new password.
        pub new_password: String = required(Rule::NewPassword),
    }
}

request! {
    /// `PUT /v1/admin/users/{id}/roles`: replaces the roles of an account.
    pub struct RolesRequest {
        /// All roles of the account, of at most 64 characters each.
        pub roles: Vec<String> = required(Rule::Lines(32, 64)),
    }
}
