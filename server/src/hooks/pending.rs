//! What is told after an operation: begun before it, written down in its transaction.
//!
//! A success is noted by the audit record of the transaction that it happens in, so that it is told if, and only if, that
//! is committed. A refusal changes nothing that it could be told with: it is noted when the answer is known.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{Hooks, Model};
use crate::audit::Record;
use crate::clock::{Millis, World};
use crate::error::{ApiError, Shown};
use crate::state::{App, AppState};
use crate::store::deliveries::{self, Delivery};
use crate::store::{StoreError, Tx};

/// What a `post_` hook learns.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// What was done, without secrets.
    pub model: Model,
    /// Was it?
    pub succeeded: bool,
    /// The error's code, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What is to be told about a request. Nothing, unless a hook waits for it.
#[derive(Clone, Debug, Default)]
pub struct Pending(Arc<Mutex<Option<Event>>>);

#[derive(Clone, Debug)]
struct Event {
    model: Model,
    /// Whom it is told, each with the id of its row.
    targets: Vec<(String, String)>,
    /// Has its success been noted?
    noted: bool,
}

impl Pending {
    fn with<T>(&self, act: impl FnOnce(&mut Option<Event>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on it is told what becomes of this.
    pub(super) fn begin(&self, model: &Model, hooks: &Hooks, world: &World) {
        let targets: Vec<_> =
            hooks.told(model.operation).into_iter().map(|target| (target, world.id())).collect();
        if !targets.is_empty() {
            self.with(|event| *event = Some(Event { model: model.public(), targets, noted: false }));
        }
    }

    /// The hooks before it have changed it.
    pub(super) fn change(&self, model: &Model) {
        self.with(|event| {
            if let Some(event) = event {
                event.model = model.public();
            }
        });
    }

    /// Notes a success, in its transaction. Of several records of one transaction, later ones may know more.
    pub(crate) async fn note(&self, tx: &mut Tx, record: &Record<'_>, now: Millis) -> Result<(), StoreError> {
        let event = self.with(|event| {
            let event = event.as_mut()?;
            event.noted = true;
            let about = &mut event.model.about;
            about.user_id = record.account.unwrap_or(&about.user_id).to_owned();
            about.session_id = record.session.unwrap_or(&about.session_id).to_owned();
            Some(event.clone())
        });
        let Some(Event { model, targets, .. }) = event else { return Ok(()) };
        put(tx, Report { model, succeeded: true, code: None }, &targets, now, true).await
    }
}

async fn put(
    tx: &mut Tx,
    report: Report,
    targets: &[(String, String)],
    now: Millis,
    replace: bool,
) -> Result<(), StoreError> {
    let event = report.model.operation.post();
    let payload = serde_json::to_string(&report).map_err(|error| StoreError::Internal(error.to_string()))?;
    let request = &report.model.about.request_id;
    for (target, id) in targets {
        deliveries::put(tx, Delivery { id, event, target, payload: &payload, request }, now, replace).await?;
    }
    Ok(())
}

/// Around every route: what was begun and not noted is noted with its answer.
pub async fn settle(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    if app.hooks.is_idle() {
        return next.run(request).await;
    }
    let pending = Pending::default();
    request.extensions_mut().insert(pending.clone());
    let response = next.run(request).await;
    if let Some(event) = pending.with(Option::take) {
        let succeeded = response.status().is_success() || response.status().is_redirection();
        if !(succeeded && event.noted)
            && let Err(error) = settle_event(&app, event, succeeded, code_of(&response)).await
        {
            tracing::error!(cause = %error, "a hook is not told what became of a request");
        }
        app.hooks.bell.notify_one();
    }
    response
}

fn code_of(response: &Response) -> Option<String> {
    let extensions = response.extensions();
    let error = extensions.get::<ApiError>().or_else(|| extensions.get::<Shown>().map(|Shown(error)| error));
    error.map(|error| error.code.as_str().to_owned())
}

async fn settle_event(
    app: &App,
    event: Event,
    succeeded: bool,
    code: Option<String>,
) -> Result<(), StoreError> {
    let now = app.world.now();
    let report = Report { model: event.model, succeeded, code };
    // A success that was noted stays one, whatever became of its answer.
    app.store
        .write(move |tx| Box::pin(async move { put(tx, report, &event.targets, now, false).await }))
        .await
}
