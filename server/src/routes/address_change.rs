//! Binding, changing and unbinding an e-mail address or a phone number: the step that all six routes end with.

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

/// Checks the change, asks the hooks, and carries it out.
pub(super) async fn carry_out<T: Request + DeserializeOwned>(
    app: &AppState,
    caller: Caller,
    session: CurrentSession,
    json: Json<T>,
    change: Change,
) -> Result<Answer<UserProfile>, ApiError> {
    addresses::admit(&app.accounts, &caller, &session, &change).await?;
    // A hook may refuse the change, but not set another address than the one that is proven.
    let Json { idempotency, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::ChangeAddress, &session, json).await?;
    Ok(Answer(addresses::change(&app.accounts, caller, session, change, idempotency).await?.to_profile()))
}
