//! The common last step of the six routes that bind, change and unbind an e-mail address or phone number.

use axum::Json as Answer;
use doorward_accounts::addresses::{self, Change};
use doorward_accounts::sessions::current::CurrentSession;
use doorward_core::operation::Operation;
use doorward_protocol::Request;
use doorward_protocol::profile::UserProfile;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use serde::de::DeserializeOwned;

use crate::app::AppState;

/// Checks the limits, runs the hooks, and carries out the change.
pub(super) async fn carry_out<T: Request + DeserializeOwned>(
    app: &AppState,
    caller: Caller,
    session: CurrentSession,
    json: Json<T>,
    change: Change,
) -> Result<Answer<UserProfile>, ApiError> {
    addresses::admit(&app.accounts, &caller, &session, &change).await?;
    // A hook may reject the change, but not replace the proven address.
    let Json { idempotency, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::ChangeAddress, &session, json).await?;
    Ok(Answer(addresses::change(&app.accounts, caller, session, change, idempotency).await?.to_profile()))
}
