//! Security-relevant events. Each is a row, written in the transaction of the recorded change.

mod event;

pub use event::Event;

use doorward_core::clock::{Millis, World};
use doorward_store::audit::{Entry, insert};
use doorward_store::{StoreError, Tx};

use crate::caller::Caller;

/// An event before it is written, with the objects that it is about.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The event.
    pub event: Event,
    /// Id of the account.
    pub account: Option<&'a str>,
    /// Id of the session.
    pub session: Option<&'a str>,
    /// Further detail; never a secret.
    pub detail: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// A record with the event only.
    pub fn of(event: Event) -> Record<'a> {
        Record { event, account: None, session: None, detail: None }
    }

    /// Sets the account.
    pub fn account(self, account: &'a str) -> Record<'a> {
        Record { account: Some(account), ..self }
    }

    /// Sets the session.
    pub fn session(self, session: &'a str) -> Record<'a> {
        Record { session: Some(session), ..self }
    }

    /// Sets the detail.
    pub fn detail(self, detail: &'a str) -> Record<'a> {
        Record { detail: Some(detail), ..self }
    }

    /// Writes the record, in the transaction of the recorded change.
    pub async fn write(
        self,
        tx: &mut Tx,
        world: &World,
        caller: &Caller,
        now: Millis,
    ) -> Result<(), StoreError> {
        let entry = Entry {
            id: world.id(),
            at: now,
            event: self.event.as_str(),
            account: self.account,
            session: self.session,
            ip: caller.address(),
            request: Some(caller.request_id.as_str()).filter(|id| !id.is_empty()),
            detail: self.detail,
        };
        insert(tx, &entry).await?;
        if self.event.is_refusal() {
            Ok(())
        } else {
            caller.outcome.note(tx, self.event, self.account, self.session, now).await
        }
    }
}
