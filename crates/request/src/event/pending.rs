//! The events after an operation. They begin before the operation and are written in its transaction.
//!
//! The audit record of a success writes its event in the same transaction, so that the event exists if, and only if,
//! the transaction is committed. A refusal has no such transaction: its event is written when the answer is known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use doorward_core::clock::{Millis, World};
use doorward_core::operation::Operation;
use doorward_protocol::error::ErrorCode;
use doorward_store::deliveries::{self, Delivery};
use doorward_store::{StoreError, Tx, transaction};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Model;
use crate::audit::Event as AuditEvent;
use crate::platform::Platform;

/// The data of a `post_` event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// The operation, without secrets.
    pub model: Model,
    /// True if the operation was carried out.
    pub succeeded: bool,
    /// Code of the error, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The events of a request: one for each operation that it carries out and that a hook listens to.
#[derive(Clone, Debug, Default)]
pub struct Pending(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    events: Vec<Event>,
    /// Time that the `pre_` hooks have taken so far.
    spent: Duration,
}

#[derive(Clone, Debug)]
struct Event {
    model: Model,
    /// The hooks that receive it.
    targets: Vec<String>,
    /// Seed of the ids of its rows: the same for a repetition of the request, which must not create a second event.
    seed: Vec<u8>,
    /// True once the event has been written.
    noted: bool,
}

impl Pending {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Event>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).events)
    }

    /// Adds to the time that hooks have taken. Returns the total.
    pub fn spent(&self, more: Duration) -> Duration {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.spent += more;
        inner.spent
    }

    /// Begins an event: these targets receive the outcome of the operation. A repetition of the request with the same
    /// `seed` does not create a second event.
    pub fn begin(&self, model: &Model, targets: Vec<String>, seed: Vec<u8>) {
        if !targets.is_empty() {
            let event = Event { model: model.public(), targets, seed, noted: false };
            self.with(|events| events.push(event));
        }
    }

    /// Writes the event of an operation that happens within another one, in its transaction.
    pub async fn queue(
        &self,
        tx: &mut Tx,
        model: Model,
        targets: Vec<String>,
        world: &World,
    ) -> Result<(), StoreError> {
        let event = Event { model, targets, seed: world.id().into_bytes(), noted: true };
        self.with(|events| events.push(event.clone()));
        for row in event.rows(None)? {
            deliveries::put(tx, row.delivery(), world.now()).await?;
        }
        Ok(())
    }

    /// Writes the events that have begun but are not written, once the answer is known. `code` is that of a refusal.
    /// Returns true if there are events to deliver.
    pub async fn settle(&self, platform: &Platform, code: Option<&str>) -> bool {
        // The events stay in the list: work that goes on after a time-out may still succeed.
        let events = self.with(|events| events.clone());
        let is_told = !events.is_empty();
        for event in events {
            if !event.is_settled(code.is_none())
                && let Err(error) = settle_event(platform, event, code.map(str::to_owned)).await
            {
                tracing::error!(cause = %error, "the event of a request could not be written");
            }
        }
        is_told
    }

    /// Updates an event after the `pre_` hooks have changed the model.
    pub fn change(&self, model: &Model) {
        self.with(|events| {
            for event in events.iter_mut().filter(|event| event.model.operation == model.operation) {
                event.model = model.public();
            }
        });
    }

    /// Sets the account and the session that the request turned out to be about. A success that writes nothing, like a
    /// repeated refresh, has no audit record with them.
    pub fn identify(&self, account: &str, session: &str) {
        self.with(|events| {
            for Event { model, .. } in events {
                account.clone_into(&mut model.about.user_id);
                session.clone_into(&mut model.about.session_id);
            }
        });
    }

    /// Writes the event of a success, in its transaction. If a transaction has several records, later ones may know
    /// more.
    pub async fn note(
        &self,
        tx: &mut Tx,
        event: AuditEvent,
        account: Option<&str>,
        session: Option<&str>,
        now: Millis,
    ) -> Result<(), StoreError> {
        // The client gets a normal answer. The operator may know that no account was created.
        let code = (event == AuditEvent::SignupRepeated).then_some(ErrorCode::Exists);
        self.write(tx, Some(event), account, session, code, now).await
    }

    /// Writes the event of a success that has no audit event.
    pub async fn done(
        &self,
        tx: &mut Tx,
        account: &str,
        session: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.write(tx, None, Some(account), Some(session), None, now).await
    }

    async fn write(
        &self,
        tx: &mut Tx,
        record: Option<AuditEvent>,
        account: Option<&str>,
        session: Option<&str>,
        code: Option<ErrorCode>,
        now: Millis,
    ) -> Result<(), StoreError> {
        let noted: Vec<Event> = self.with(|events| {
            let own = events.iter_mut().filter(|event| event.model.operation != Operation::AccountClaimed);
            let noted = own.filter(|event| event.noted || event.is_noted_by(record));
            let noted = noted.map(|event| {
                event.noted = true;
                let about = &mut event.model.about;
                about.user_id = account.unwrap_or(&about.user_id).to_owned();
                about.session_id = session.unwrap_or(&about.session_id).to_owned();
                event.clone()
            });
            noted.collect()
        });
        for event in noted {
            for row in event.rows(code.map(|code| code.as_str().to_owned()))? {
                deliveries::put(tx, row.delivery(), now).await?;
            }
        }
        Ok(())
    }
}

/// The row for one target.
struct Row {
    id: String,
    /// The id of the row with the opposite outcome.
    other: String,
    event: &'static str,
    target: String,
    payload: String,
    request: String,
}

impl Row {
    fn delivery(&self) -> Delivery<'_> {
        Delivery {
            id: &self.id,
            event: self.event,
            target: &self.target,
            payload: &self.payload,
            request: &self.request,
        }
    }
}

impl Event {
    /// True if this record means that the operation was carried out. One request can create an account, begin a
    /// session, or both.
    fn is_noted_by(&self, record: Option<AuditEvent>) -> bool {
        match self.model.operation {
            Operation::Signup => {
                matches!(record, Some(AuditEvent::SignedUp | AuditEvent::SignupRepeated))
            }
            operation if operation.is_sign_in() => record == Some(AuditEvent::SignedIn),
            // The removal of an address from another account is not the success of the requested operation.
            _ => record != Some(AuditEvent::ClaimReleased),
        }
    }

    /// True if no event is left to write with this answer.
    fn is_settled(&self, is_success: bool) -> bool {
        match self.model.operation {
            // Written within another operation, or not at all.
            Operation::AccountClaimed => true,
            // Only a repetition of a provider's answer can succeed without an audit record.
            Operation::ProviderAuth => is_success && self.noted,
            // The others are written in the transaction in which they succeed.
            Operation::Signup => is_success,
            operation if operation.is_sign_in() => is_success,
            _ => is_success && self.noted,
        }
    }

    /// One row for each target; with the error's code, if the operation was refused.
    fn rows(self, code: Option<String>) -> Result<Vec<Row>, StoreError> {
        let Event { model, targets, seed, .. } = self;
        let (event, request) = (model.operation.post(), model.about.request_id.clone());
        let seed = [event.as_bytes(), &seed].concat();
        let report = Report { model, succeeded: code.is_none(), code };
        let payload =
            serde_json::to_string(&report).map_err(|error| StoreError::Internal(error.to_string()))?;
        let row = |target: String| Row {
            id: row_id(&seed, &target, report.succeeded),
            other: row_id(&seed, &target, !report.succeeded),
            event,
            target,
            payload: payload.clone(),
            request: request.clone(),
        };
        Ok(targets.into_iter().map(row).collect())
    }
}

fn row_id(seed: &[u8], target: &str, succeeded: bool) -> String {
    let hash = digest(&SHA256, &[seed, target.as_bytes(), &[u8::from(succeeded)]].concat());
    hash.as_ref().first_chunk().map(|bytes| Uuid::from_bytes(*bytes).to_string()).unwrap_or_default()
}

/// A committed success stays a success for every answer: this writes only events that are not written yet.
async fn settle_event(platform: &Platform, event: Event, code: Option<String>) -> Result<(), StoreError> {
    let now = platform.world.now();
    let rows = event.rows(code)?;
    let write = platform.store.write(transaction!(|tx| {
        for row in &rows {
            deliveries::put_unless(tx, row.delivery(), &row.other, now).await?;
        }
        Ok(())
    }));
    write.await
}
