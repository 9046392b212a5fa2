//! Identity providers: starting a sign-in, and the results of a provider's answer.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::{Field, Request, join, optional, request, required};
use crate::login::LoginOptions;
use crate::options::options;
use crate::profile::{PROFILE, ProfileInput, UserProfile};
use crate::rules::Rule;
use crate::session::Tokens;

/// Maximum length of an address or a value from a provider, in characters.
const LONGEST: u32 = 4096;
/// Maximum length of a provider's token, or of an address that contains a long code, in characters.
const LONGEST_TOKEN: u32 = 16_384;

request! {
    /// `POST /v1/flows/{provider}`: starts a sign-in with a provider.
    pub struct FlowRequest {
        /// The page to which the provider redirects the browser. It must be exactly one of the provider's `callbacks`.
        pub callback: String = required(Rule::Address),
        /// True to skip the prompt for an account at the provider, right after a registration (seed M30).
        pub again: Option<bool> = optional(Rule::Flag),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

/// The started sign-in with a provider.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowAnswer {
    /// The target of the browser.
    pub data: FlowTarget,
    /// The `state` that identifies this flow in the provider's answer.
    pub state: String,
    /// A secret that the request which ends the flow must contain. Only present if this request had no DPoP proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

/// The page to which the app sends the browser (seed M26).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowTarget {
    /// URL of the provider's authorization endpoint, with the parameters of this flow.
    pub url: String,
    /// The provider's name.
    pub provider: String,
    /// The provider's name again.
    pub id: String,
}

request! {
    /// `POST /v1/login/provider/{provider}` and `POST /v1/identities/{provider}`: the provider's answer, for a
    /// sign-in or to link the identity to the signed-in account.
    pub struct ProviderLoginRequest, one of "callback", "oauth_token", "oauth_key", "token" {
        /// The callback of the flow, or the full address to which the provider redirected the browser. The query of
        /// a full address replaces the separate fields.
        pub callback: Option<String> = optional(Rule::Line(LONGEST_TOKEN)),
        /// OAuth 2: the code.
        pub code: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 2: the `state` of this flow.
        pub state: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 2: the issuer of the answer (RFC 9207).
        pub iss: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 2: the provider's error instead of a code, like `access_denied`.
        pub error: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 2: the provider's description of the error.
        pub error_description: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 1.0a: the request token.
        pub oauth_token: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 1.0a: the verifier.
        pub oauth_verifier: Option<String> = optional(Rule::Line(LONGEST)),
        /// The key of an answer that the provider posted to the server (`form_post`), or of a `LoginOAuth`.
        pub oauth_key: Option<String> = optional(Rule::Id(1, 512)),
        /// A token that the app obtained from the provider itself.
        pub token: Option<String> = optional(Rule::Line(LONGEST_TOKEN)),
        /// The expected `nonce` of the ID token in `token`, if the app requested one.
        pub nonce: Option<String> = optional(Rule::Line(LONGEST)),
        /// The `flow` of the [`FlowAnswer`], if it had one.
        pub flow: Option<String> = optional(Rule::Line(512)),
        /// Options of the sign-in.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

/// The result of a provider's answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderLogin {
    /// The kind of the result.
    #[serde(rename = "type")]
    pub kind: ProviderOutcome,
    /// The account, or the user at the provider.
    pub data: ProviderPerson,
    /// The result as a sentence.
    pub message: String,
    /// The session. Only for `LoginExisting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Tokens>,
}

/// The kind of the result of a provider's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProviderOutcome {
    /// The identity has an account, which is signed in.
    LoginExisting,
    /// The identity is now linked to the signed-in account.
    LoginLinked,
    /// The identity has no account. The client can use `oauthKey` to register one, or to link the identity to an
    /// account.
    #[serde(rename = "LoginOAuth")]
    LoginOauth,
}

/// The account that a provider's answer belongs to. For a `LoginOAuth`: the user as the provider describes them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderPerson {
    /// Only for `LoginOAuth`: the key for a registration or a link. It is valid once, in this browser, for the time in
    /// `flows.lifetime` (default ten minutes).
    #[serde(rename = "oauthKey", default, skip_serializing_if = "Option::is_none")]
    pub oauth_key: Option<String>,
    /// The provider's name.
    pub provider: String,
    /// The e-mail address of the account. For `LoginOAuth`: the address from the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// True if that address was verified. For `LoginOAuth`: true if the provider claims so and `trust_email` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Only for `LoginOAuth`: the name from the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// UUID of the account. For `LoginOAuth`: the user's id at the provider.
    pub id: String,
}

request! {
    /// Options of an account that is created with a provider identity.
    pub struct ProviderSignupOptions {
        /// True to subscribe to the newsletter. Default false.
        pub email_subscription: Option<bool> = optional(Rule::Flag),
        /// The end user's IP address. Needs a service key of the scope `trusted`; without one the request is refused.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}

/// `POST /v1/signup/provider/{provider}`: registers an account for a provider identity. The fields of the profile
/// are at the top level.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderSignupRequest {
    /// The `oauthKey` of a `LoginOAuth`.
    pub oauth_key: String,
    /// The e-mail address of the account. Default: the address from the provider, if the provider claims that it is
    /// verified and `trust_email` is on.
    #[serde(default)]
    pub email: Option<String>,
    /// The first password. Without it the account has none.
    #[serde(default)]
    pub password: Option<String>,
    /// The `flow` of the [`FlowAnswer`], if it had one.
    #[serde(default)]
    pub flow: Option<String>,
    /// Options of the new account.
    #[serde(default)]
    pub options: ProviderSignupOptions,
    /// The fields of the profile.
    #[serde(flatten)]
    pub profile: ProfileInput,
}

const CREDENTIALS: [Field; 5] = [
    required("oauth_key", Rule::Id(1, 512)),
    optional("email", Rule::Email),
    optional("password", Rule::NewPassword),
    optional("flow", Rule::Line(512)),
    optional("options", Rule::Object(ProviderSignupOptions::FIELDS)),
];

impl Request for ProviderSignupRequest {
    const FIELDS: &'static [Field] = &join::<{ CREDENTIALS.len() + PROFILE.len() }>(&CREDENTIALS, PROFILE);
}

/// The created account. The request does not sign in to it (seed M18).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderSignup {
    /// The account as its owner sees it.
    pub data: UserProfile,
    /// The result as a sentence.
    pub message: String,
    /// The user's id at the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The answer of `GET /v1/identities`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityList {
    /// The linked identities, the oldest first.
    pub identities: Vec<LinkedIdentity>,
}

/// An identity that is linked to an account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkedIdentity {
    /// The provider's name; `device` or `custom` for a device id or an id of another system.
    pub provider: String,
    /// The user's id at the provider. For a device: the stored form of its id.
    pub id: String,
    /// The e-mail address from the provider at the time of linking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Time of linking, RFC 3339.
    pub created_at: String,
}

options!(ProviderLoginRequest, sign_in);
options!(ProviderSignupRequest, sign_up);
