//! Listing, creating, changing and deleting accounts.

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use doorward_accounts::admin::{NewUser, Operator, Wanted};
use doorward_core::secret::Secret;
use doorward_credentials::passwords::HashPriority;
use doorward_protocol::admin::{
    AdminUser, AdminUserList, CreateUserRequest, RolesRequest, SessionsEnded, SetPasswordRequest, UserExport,
};
use doorward_protocol::profile::ProfileFields;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::params::Params;
use super::{cursor, id};
use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(show_user, delete_user))
        .routes(routes!(disable_user))
        .routes(routes!(enable_user))
        .routes(routes!(set_user_password))
        .routes(routes!(set_user_roles))
        .routes(routes!(export_user))
}

/// Lists accounts, newest first. Accepts at most one of `email`, `phone_number`, `username` and `query`.
#[utoipa::path(get, path = "/v1/admin/users", security(("service_key" = [])), params(
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "The number of rows, 50 by default."),
    ("cursor" = Option<String>, Query, description = "`next` of the previous answer."),
    ("email" = Option<String>, Query, description = "The account with this e-mail address."),
    ("phone_number" = Option<String>, Query, description = "The account with this phone number."),
    ("username" = Option<String>, Query, description = "The account with this username."),
    ("query" = Option<String>, Query, description = "Accounts with an address, number or username that contains this text.")),
    responses((status = 200, body = AdminUserList), ApiError))]
async fn list_users(
    State(app): State<AppState>,
    operator: Operator,
    uri: Uri,
) -> Result<Answer<AdminUserList>, ApiError> {
    let params = Params::read(&uri, &["limit", "cursor", "email", "phone_number", "username", "query"])?;
    let list = params.list("users");
    let before = cursor::read(&app.platform.secret_keys, &list, params.get("cursor"))?;
    let page = operator.users(&wanted(&params)?, before.as_deref(), params.limit()?).await?;
    Ok(Answer(AdminUserList {
        users: page.items,
        next: cursor::write(&app.platform.secret_keys, &list, page.next)?,
    }))
}

fn wanted(params: &Params) -> Result<Wanted, ApiError> {
    let given = ["email", "phone_number", "username", "query"]
        .into_iter()
        .filter_map(|name| params.get(name).map(|value| (name, value.to_owned())));
    let mut given = given.collect::<Vec<_>>().into_iter();
    match (given.next(), given.next()) {
        (_, Some((name, _))) => {
            Err(ApiError::field(name, "Send only one of email, phone_number, username and query."))
        }
        (None, _) => Ok(Wanted::All),
        (Some((name, value)), None) => Ok(match name {
            "email" => Wanted::Email(value),
            "phone_number" => Wanted::Phone(value),
            "username" => Wanted::Username(value),
            _ => Wanted::Like(value),
        }),
    }
}

/// Creates an account. Sends no mail. Without a password, the user requests a code and chooses one.
#[utoipa::path(post, path = "/v1/admin/users", security(("service_key" = [])),
    request_body = CreateUserRequest, responses((status = 200, body = AdminUser), ApiError))]
async fn create_user(
    State(app): State<AppState>,
    operator: Operator,
    Json { request, .. }: Json<CreateUserRequest>,
) -> Result<Answer<AdminUser>, ApiError> {
    let password = match request.password.map(Secret::from) {
        Some(password) => {
            app.accounts.screening.admit(&password, &[], "password").await?;
            Some(app.accounts.hasher.hash(&app.platform.world, &password, HashPriority::Last).await?)
        }
        None => None,
    };
    let new = NewUser {
        email: request.email,
        email_verified: request.email_verified.unwrap_or(false),
        phone_number: request.phone_number,
        username: request.username,
        password,
        roles: request.roles.unwrap_or_else(|| app.platform.config.roles.default.clone()),
        profile: ProfileFields { name: request.name, ..ProfileFields::default() },
    };
    let id = operator.create_user(new).await?;
    Ok(Answer(operator.show_user(&id).await?))
}

/// Returns an account.
#[utoipa::path(get, path = "/v1/admin/users/{id}", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = AdminUser), ApiError))]
async fn show_user(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<AdminUser>, ApiError> {
    Ok(Answer(operator.show_user(&id(path)?).await?))
}

/// Deletes an account and all its data.
#[utoipa::path(delete, path = "/v1/admin/users/{id}", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = Object), ApiError))]
async fn delete_user(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<Value>, ApiError> {
    operator.delete_user(&id(path)?).await?;
    Ok(Answer(json!({})))
}

/// Disables an account and ends all its sessions.
#[utoipa::path(post, path = "/v1/admin/users/{id}/disable", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = SessionsEnded), ApiError))]
async fn disable_user(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<SessionsEnded>, ApiError> {
    Ok(Answer(SessionsEnded { ended: operator.disable_user(&id(path)?).await? }))
}

/// Enables an account again.
#[utoipa::path(post, path = "/v1/admin/users/{id}/enable", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = Object), ApiError))]
async fn enable_user(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<Value>, ApiError> {
    operator.enable_user(&id(path)?).await?;
    Ok(Answer(json!({})))
}

/// Sets a password and ends all sessions. The user gets a mail about it.
#[utoipa::path(post, path = "/v1/admin/users/{id}/password", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), request_body = SetPasswordRequest,
    responses((status = 200, body = SessionsEnded), ApiError))]
async fn set_user_password(
    State(app): State<AppState>,
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
    Json { request, .. }: Json<SetPasswordRequest>,
) -> Result<Answer<SessionsEnded>, ApiError> {
    let password = Secret::from(request.new_password);
    app.accounts.screening.admit(&password, &[], "new_password").await?;
    let hash = app.accounts.hasher.hash(&app.platform.world, &password, HashPriority::Last).await?;
    let ended = operator.set_password(&id(path)?, hash).await?;
    app.outbox.wake_up.signal();
    Ok(Answer(SessionsEnded { ended }))
}

/// Replaces the roles of an account.
#[utoipa::path(put, path = "/v1/admin/users/{id}/roles", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), request_body = RolesRequest,
    responses((status = 200, body = AdminUser), ApiError))]
async fn set_user_roles(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
    Json { request, .. }: Json<RolesRequest>,
) -> Result<Answer<AdminUser>, ApiError> {
    let id = id(path)?;
    operator.set_roles(&id, request.roles).await?;
    Ok(Answer(operator.show_user(&id).await?))
}

/// Exports all stored data of a user, without secrets.
#[utoipa::path(get, path = "/v1/admin/users/{id}/export", params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = UserExport), ApiError))]
async fn export_user(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<UserExport>, ApiError> {
    Ok(Answer(operator.export_user(&id(path)?).await?))
}
