//! Moves the server's clock forward, so that a test of a week does not take a week. Only with `--dev`, which
//! listens on the loopback address only (D-36).

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use doorward_core::clock::{Millis, rfc3339};
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use serde::Serialize;

use crate::app::{App, AppState};
use crate::extract::Foreign;

/// The longest step: a year.
const LONGEST: Millis = 366 * 24 * 60 * 60_000;

pub(super) fn router(app: &App) -> Router<AppState> {
    if !app.platform.dev {
        return Router::new();
    }
    Router::new().route("/dev/clock", post(advance))
}

#[derive(Serialize)]
struct Moved {
    now: String,
}

async fn advance(State(app): State<AppState>, Foreign(body): Foreign) -> Result<Json<Moved>, ApiError> {
    if let Some(unknown) = body.keys().find(|name| *name != "advance") {
        return Err(ApiError::field(unknown, "There is no such field."));
    }
    let by = body.get("advance").and_then(serde_json::Value::as_i64).filter(|by| (0..=LONGEST).contains(by));
    let by = by.ok_or_else(|| {
        ApiError::field("advance", format!("This must be a number of milliseconds from 0 to {LONGEST}."))
    })?;
    if !app.platform.world.clock.advance(by) {
        return Err(ErrorCode::NotFound.into());
    }
    // The workers sleep by the machine's clock. Wakes them up, so that they send what is due now.
    app.outbox.wake_up.signal();
    app.hooks.wake_up.signal();
    Ok(Json(Moved { now: rfc3339(app.platform.world.now()) }))
}
