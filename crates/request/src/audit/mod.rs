//! Security-relevant events: each is a row, written with what it records.

mod event;

pub use event::Event;

use doorward_core::clock::{Millis, World};
use doorward_store::audit::{Entry, insert};
use doorward_store::{StoreError, Tx};

use crate::caller::Caller;

/// An event before it is written: who asked, and about what.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What happened.
    pub event: Event,
    /// About whose account.
    pub account: Option<&'a str>,
    /// About which session.
    pub session: Option<&'a str>,
    /// What else there is to say; never a secret.
    pub detail: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// Nothing but that it happened.
    pub fn of(event: Event) -> Record<'a> {
        Record { event, account: None, session: None, detail: None }
    }

    /// About this account.
    pub fn account(self, account: &'a str) -> Record<'a> {
        Record { account: Some(account), ..self }
    }

    /// About this session.
    pub fn session(self, session: &'a str) -> Record<'a> {
        Record { session: Some(session), ..self }
    }

    /// With this to say.
    pub fn detail(self, detail: &'a str) -> Record<'a> {
        Record { detail: Some(detail), ..self }
    }

    /// Writes it, in the transaction of what it records.
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
            caller.outcome.note(tx, self.event, (self.account, self.session), now).await
        }
    }
}
