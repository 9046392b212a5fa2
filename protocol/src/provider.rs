//! Outside issuers: beginning a sign-in with one, and what its answer leads to.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::{Field, Request, join, optional, request, required};
use crate::login::LoginOptions;
use crate::options::options;
use crate::profile::{PROFILE, ProfileInput, UserProfile};
use crate::rules::Rule;
use crate::session::Tokens;

/// Characters in an address or a value that a provider made.
const LONGEST: u32 = 4096;
/// Characters in a provider's token, or in an address with a long code in it.
const LONGEST_TOKEN: u32 = 16_384;

request! {
    /// `POST /v1/flows/{provider}`
    pub struct FlowRequest {
        /// The page that the provider sends the browser back to: exactly as the operator's list for the provider has it.
        pub callback: String = required(Rule::Address),
        /// Go through the consent screen again without asking for anything, right after registering (seed M30).
        pub again: Option<bool> = optional(Rule::Flag),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

/// A sign-in with a provider that has begun.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowAnswer {
    /// Where the browser goes.
    pub data: FlowTarget,
    /// What the provider's answer will name this flow by.
    pub state: String,
    /// Only where no proof of a key came with the request: the call that ends the flow must bring this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
}

/// Where the browser goes (seed M26).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowTarget {
    /// The provider's consent screen.
    pub url: String,
    /// The provider's name.
    pub provider: String,
    /// The same.
    pub id: String,
}

request! {
    /// `POST /v1/login/provider/{provider}` and `POST /v1/identities/{provider}`: what came back from the provider.
    pub struct ProviderLoginRequest, one of "callback", "oauth_token", "oauth_key", "token" {
        /// The address that the flow was begun with, or the whole address that the browser came back to: then what stands
        /// in its query need not be given apart.
        pub callback: Option<String> = optional(Rule::Line(LONGEST_TOKEN)),
        /// OAuth 2: the code.
        pub code: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 2: what tells this flow from others of this browser.
        pub state: Option<String> = optional(Rule::Line(LONGEST)),
        /// Who the answer comes from (RFC 9207).
        pub iss: Option<String> = optional(Rule::Line(LONGEST)),
        /// The provider's refusal instead of a code, like `access_denied`.
        pub error: Option<String> = optional(Rule::Line(LONGEST)),
        /// What the provider says about it.
        pub error_description: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 1.0a: the request token.
        pub oauth_token: Option<String> = optional(Rule::Line(LONGEST)),
        /// OAuth 1.0a: the verifier.
        pub oauth_verifier: Option<String> = optional(Rule::Line(LONGEST)),
        /// What the server made of an answer that the provider sent to it and not to the page.
        pub oauth_key: Option<String> = optional(Rule::Id(1, 512)),
        /// A token that the app has from the provider already.
        pub token: Option<String> = optional(Rule::Line(LONGEST_TOKEN)),
        /// What the ID token must have as its `nonce`, where the app has asked for one.
        pub nonce: Option<String> = optional(Rule::Line(LONGEST)),
        /// Of a flow that was begun without a key.
        pub flow: Option<String> = optional(Rule::Line(512)),
        /// How the sign-in goes.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

/// What a provider's answer led to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderLogin {
    /// Which of the three.
    #[serde(rename = "type")]
    pub kind: ProviderOutcome,
    /// Whom it is about.
    pub data: ProviderPerson,
    /// The same for a person.
    pub message: String,
    /// The session of a `LoginExisting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Tokens>,
}

/// What a provider's answer led to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProviderOutcome {
    /// Somebody known is signed in.
    LoginExisting,
    /// The provider's account is linked to the signed-in one.
    LoginLinked,
    /// Nobody is known by this: the key is good for a registration, or for nothing.
    #[serde(rename = "LoginOAuth")]
    LoginOauth,
}

/// Whom a provider's answer is about.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderPerson {
    /// For a registration: good once, for ten minutes, in this browser.
    #[serde(rename = "oauthKey", default, skip_serializing_if = "Option::is_none")]
    pub oauth_key: Option<String>,
    /// The provider's name.
    pub provider: String,
    /// The account's address; of somebody unknown, what the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Was that proven? Of somebody unknown: does the provider vouch for it, and is its word trusted?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// What the provider calls somebody unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The account; of somebody unknown, the provider's id for them.
    pub id: String,
}

request! {
    /// How an account begins that is made with a provider.
    pub struct ProviderSignupOptions {
        /// Newsletter wanted? Default false.
        pub email_subscription: Option<bool> = optional(Rule::Flag),
        /// Of whom a program of the operator's asks, with a service key of the scope `trusted`: the address of their browser.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}

/// `POST /v1/signup/provider/{provider}`. The profile's fields stand beside.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderSignupRequest {
    /// From a `LoginOAuth`.
    pub oauth_key: String,
    /// The address of the account. Without one it gets the provider's, if the provider vouches for that.
    #[serde(default)]
    pub email: Option<String>,
    /// The first password, if there is to be one.
    #[serde(default)]
    pub password: Option<String>,
    /// Of a flow that was begun without a key.
    #[serde(default)]
    pub flow: Option<String>,
    /// How the account begins.
    #[serde(default)]
    pub options: ProviderSignupOptions,
    /// Everything else that the person says of themself.
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

/// The account that was made. Nobody is signed in by it (seed M18).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProviderSignup {
    /// As its owner sees it.
    pub data: UserProfile,
    /// The same for a person.
    pub message: String,
    /// The provider's id for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The answer of `GET /v1/identities`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityList {
    /// What the account is known by elsewhere, the oldest first.
    pub identities: Vec<LinkedIdentity>,
}

/// What an account is known by elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkedIdentity {
    /// The provider's name; `device` and `custom` for ids that open the account by themselves.
    pub provider: String,
    /// The provider's id for the person; of a device, what is stored of its id.
    pub id: String,
    /// The address that the provider gave when it was linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When it was linked, RFC 3339.
    pub created_at: String,
}

options!(ProviderLoginRequest, sign_in);
options!(ProviderSignupRequest, sign_up);
