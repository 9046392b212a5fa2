//! Operations of operators. The command line and the HTTP API call the same ones. Each operation that changes data
//! writes an audit record that names the actor.

mod deliveries;
mod export;
mod keys;
mod lists;
mod sessions;
mod users;

pub use lists::{Page, Wanted, moment};
pub use users::NewUser;

use std::fmt;

use doorward_config::{Config, Phone};
use doorward_core::clock::{Millis, World};
use doorward_protocol::error::ErrorCode;
use doorward_request::audit::Record;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_store::accounts::{self, Account};
use doorward_store::{Store, StoreError, Tx};

/// The actor of an operation.
#[derive(Clone, Debug)]
pub enum By {
    /// The command line, used on a machine that reaches the database.
    CommandLine,
    /// A program, by the id of its service key.
    Key(String),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            By::CommandLine => "cli",
            By::Key(id) => id,
        })
    }
}

/// The operations of an operator, as methods. Each file of this module contains a group of them.
#[derive(Clone, Debug)]
pub struct Operator {
    store: Store,
    world: World,
    /// Sessions that were not refreshed for this long, in milliseconds, have ended.
    idle: Millis,
    /// The settings for reading phone numbers.
    phone: Phone,
    by: By,
    caller: Caller,
}

impl Operator {
    /// Operations on this database. The audit log names `by` as their actor.
    pub fn new(store: &Store, world: &World, config: &Config, by: By, caller: Caller) -> Operator {
        let idle = config.session.idle.millis();
        let phone = config.phone.clone();
        Operator { store: store.clone(), world: world.clone(), idle, phone, by, caller }
    }

    /// Writes an audit record with the actor and `more`, in the transaction of the operation that it records.
    async fn record(
        &self,
        tx: &mut Tx,
        record: Record<'_>,
        more: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        let by = self.by.to_string();
        let detail = if more.is_empty() { by } else { format!("{by}: {more}") };
        record.detail(&detail).write(tx, &self.world, &self.caller, now).await
    }
}

fn unknown_user() -> ApiError {
    ApiError { detail: Some("There is no such account.".into()), ..ErrorCode::NotFound.into() }
}

/// Locks an account until the end of the transaction, and returns it.
async fn locked(tx: &mut Tx, id: &str) -> Result<Account, ApiError> {
    accounts::lock(tx, id).await?;
    accounts::by_id(tx, id).await?.ok_or_else(unknown_user)
}
