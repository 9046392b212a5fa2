//! The identities of an account in other systems: listing them, and linking and unlinking a provider.

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use doorward_accounts::flows::{self, Asker, CallbackInput, Intent};
use doorward_accounts::identity_linking;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_core::canonical;
use doorward_core::clock::rfc3339;
use doorward_core::operation::Operation;
use doorward_limits::{self, Purpose, Subject};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::provider::{IdentityList, LinkedIdentity, ProviderLogin, ProviderLoginRequest};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::identities::{self, Link};
use doorward_store::transaction;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_identities))
        .routes(routes!(link_identity))
        .routes(routes!(unlink_identity))
}

/// Lists the identities at providers, and the device and custom ids of the account.
#[utoipa::path(get, path = "/v1/identities", security(("access_token" = [])),
    responses((status = 200, body = IdentityList), ApiError))]
async fn list_identities(
    State(app): State<AppState>,
    session: CurrentSession,
) -> Result<Answer<IdentityList>, ApiError> {
    let mut db = app.platform.store.read().await?;
    Ok(Answer(listed(identities::links(&mut db, &session.account.id).await?)))
}

/// Links a provider's identity to the account, with the provider's answer.
#[utoipa::path(post, path = "/v1/identities/{provider}",
    params(("provider" = String, Path, description = "The name of a configured provider.")), request_body = ProviderLoginRequest,
    security(("access_token" = [])), responses((status = 200, body = ProviderLogin), ApiError))]
async fn link_identity(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    provider: Result<Path<String>, PathRejection>,
    json: Json<ProviderLoginRequest>,
) -> Result<Answer<ProviderLogin>, ApiError> {
    session.fresh(&app.platform)?;
    doorward_limits::admit(&app.limits, &caller, Purpose::Flow, Subject::Nobody).await?;
    let name = provider.ok().map(|Path(name)| name).unwrap_or_default();
    let provider = app.accounts.providers.get(&name).ok_or(ErrorCode::NotFound)?;
    let more = [("provider", provider.name())];
    let json =
        doorward_hooks::before_with(&app.hooks, &caller, Operation::LinkIdentity, &session, json, &more)
            .await?;
    let Json { request, .. } = json;
    let asker = Asker { caller, proof: None, flow: request.flow.clone() };
    let came = CallbackInput::of(request)?;
    Ok(Answer(flows::end(&app.accounts, provider.name(), asker, came, Intent::Link(session.into())).await?))
}

/// Removes a provider's identity from the account, unless it is the last sign-in method. Returns the
/// remaining identities.
#[utoipa::path(delete, path = "/v1/identities/{provider}",
    params(("provider" = String, Path, description = "The `provider` of an identity in the list.")), security(("access_token" = [])),
    responses((status = 200, body = IdentityList), ApiError))]
async fn unlink_identity(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    provider: Result<Path<String>, PathRejection>,
) -> Result<Answer<IdentityList>, ApiError> {
    session.fresh(&app.platform)?;
    let Path(provider) = provider.map_err(|_| ErrorCode::NotFound)?;
    let fields = doorward_hooks::fields([("provider", provider.as_str())]);
    doorward_hooks::ask(&app.hooks, &caller, Operation::UnlinkIdentity, (&session).into(), fields).await?;
    let job = app.clone();
    let left = app
        .platform
        .store
        .write(transaction!(|tx| {
            session.confirm(tx, job.platform.world.now()).await?;
            identity_linking::unlink(tx, &job.accounts, &caller, &session.account.id, &provider).await
        }))
        .await?;
    app.outbox.wake_up.signal();
    Ok(Answer(listed(left)))
}

fn listed(links: Vec<Link>) -> IdentityList {
    let shown = |link: Link| LinkedIdentity {
        provider: link.provider,
        id: link.id,
        email: link.email.as_deref().map(canonical::shown_email),
        created_at: rfc3339(link.created_at),
    };
    IdentityList { identities: links.into_iter().map(shown).collect() }
}
