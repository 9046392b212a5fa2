//! What an operator does, on the command line and over HTTP: both call the same operations. Each one that changes
//! something leaves a row in the audit log that says who did it.

mod keys;

use std::fmt;

use crate::audit::Record;
use crate::clock::{Millis, World};
use crate::extract::Caller;
use crate::store::{Store, StoreError, Tx};

/// Who administers.
#[derive(Clone, Debug)]
pub enum By {
    /// Whoever can run commands on a machine that reaches the database.
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

/// An operator at work. The operations are its methods: one file for each group of them.
#[derive(Clone, Debug)]
pub struct Operator {
    store: Store,
    world: World,
    by: By,
    caller: Caller,
}

impl Operator {
    /// On the command line.
    pub fn at_the_command_line(store: Store, world: World) -> Operator {
        Operator { store, world, by: By::CommandLine, caller: Caller::default() }
    }

    /// Writes a row of the audit log, in the transaction of what it records: who did it, and what else there is to say.
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
