//! The outcome of a flow, as its row stores it: a repeated request gets the same answer.

use doorward_core::canonical;
use doorward_credentials::dpop::Proof;
use doorward_credentials::signing::TokenIssuer;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::messages;
use doorward_protocol::provider::{ProviderLogin, ProviderOutcome, ProviderPerson};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_store::accounts;
use doorward_store::flows::Flow;
use serde::{Deserialize, Serialize};

use super::{Good, OauthKey, person};
use crate::addresses::challenges::code_named;
use crate::signin;

/// The outcome of a flow.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowOutcome {
    /// The user is signed in.
    SignedIn {
        /// The id of the session.
        session: String,
    },
    /// The identity at the provider is now linked to the account.
    Linked {
        /// The account.
        account: String,
    },
    /// No account has the identity, so the user can register or link it. The row of the flow describes the
    /// user.
    Offered,
    /// The flow was refused.
    Refused {
        /// The error code.
        code: String,
        /// The field at fault.
        field: Option<String>,
        /// The reason.
        detail: Option<String>,
    },
}

impl FlowOutcome {
    /// A refusal, to be stored.
    pub fn refused(error: &ApiError) -> FlowOutcome {
        FlowOutcome::Refused {
            code: error.code.as_str().to_owned(),
            field: error.field.clone(),
            detail: error.detail.as_ref().map(|detail| detail.clone().into_owned()),
        }
    }

    /// The form in which it is stored.
    pub fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(ApiError::internal)
    }

    /// Reads the stored form.
    pub fn stored(text: &str) -> Result<FlowOutcome, ApiError> {
        serde_json::from_str(text).map_err(ApiError::internal)
    }

    /// The response to the client.
    pub async fn answer(
        self,
        issuer: &TokenIssuer,
        flow: &Flow,
        caller: &Caller,
        proof: Option<&Proof>,
    ) -> Result<ProviderLogin, ApiError> {
        let provider = flow.provider.clone();
        match self {
            FlowOutcome::SignedIn { session } => {
                let tokens = signin::answer(issuer, &session, &caller.devices, proof).await?;
                let user = tokens.user.clone().ok_or(ErrorCode::SessionRequired)?;
                // A repeated request writes no row that names the user to the hooks.
                caller.outcome.identify(&user.user_id, &session);
                Ok(ProviderLogin {
                    kind: ProviderOutcome::LoginExisting,
                    message: format!("You have been logged in with {provider} account"),
                    data: ProviderPerson {
                        provider,
                        email: user.email,
                        verified: Some(user.email_verified),
                        id: user.user_id,
                        ..ProviderPerson::default()
                    },
                    session: Some(tokens),
                })
            }
            FlowOutcome::Linked { account } => {
                let account = accounts::by_id(&mut *issuer.platform.store.read().await?, &account).await?;
                let account = account.ok_or(ErrorCode::SessionRequired)?;
                Ok(ProviderLogin {
                    kind: ProviderOutcome::LoginLinked,
                    message: format!("The {provider} account has been linked"),
                    data: ProviderPerson {
                        provider,
                        verified: Some(account.email_verified_at.is_some()),
                        email: account.email.as_deref().map(canonical::shown_email),
                        id: account.id,
                        ..ProviderPerson::default()
                    },
                    session: None,
                })
            }
            FlowOutcome::Offered => {
                // Without a description, the offer was already used.
                let person = person(&issuer.platform, flow).ok_or(ErrorCode::OauthReused)?;
                let key = OauthKey::write(&issuer.platform.secret_keys, Good::ForOffer, &flow.id);
                Ok(ProviderLogin {
                    kind: ProviderOutcome::LoginOauth,
                    message: messages::REGISTER_OR_LINK.to_owned(),
                    data: ProviderPerson {
                        oauth_key: Some(key.ok_or_else(|| ApiError::internal("a key could not be written"))?),
                        provider,
                        verified: Some(person.vouched),
                        email: person.email.as_deref().map(canonical::shown_email),
                        name: person.name,
                        id: person.subject,
                    },
                    session: None,
                })
            }
            FlowOutcome::Refused { code, field, detail } => {
                let cause = detail.clone();
                Err(ApiError { field, cause, detail: detail.map(Into::into), ..code_named(&code).into() })
            }
        }
    }
}
