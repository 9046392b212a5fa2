//! Around every route: writes the events of a request for hooks when its answer is known.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::{ApiError, Shown};
use doorward_request::event::Pending;

use crate::app::AppState;
use crate::http::oauth_form::RefusedAs;

/// Writes the events that the request began and has not written.
pub(super) async fn settle(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    if app.hooks.is_idle() {
        return next.run(request).await;
    }
    let pending = Pending::default();
    request.extensions_mut().insert(pending.clone());
    let response = next.run(request).await;
    if pending.settle(&app.platform, code_of(&response)).await {
        app.hooks.wake_up.signal();
    }
    response
}

/// The error code of a refusal. `None` for a success.
fn code_of(response: &Response) -> Option<&'static str> {
    if response.status().is_success() || response.status().is_redirection() {
        return None;
    }
    let extensions = response.extensions();
    let error = extensions.get::<ApiError>().or_else(|| extensions.get::<Shown>().map(|Shown(error)| error));
    let word = extensions.get::<RefusedAs>().map(|RefusedAs(word)| *word);
    Some(word.or(error.map(|error| error.code.as_str())).unwrap_or(ErrorCode::Internal.as_str()))
}
