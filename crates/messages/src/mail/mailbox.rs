//! The development mailbox: the newest mails and SMS, in memory, for `/dev/mailbox`. Only with `--dev`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::transport::OutgoingMessage;

/// More than anybody reads by hand, and a bound for a load test.
const CAPACITY: usize = 500;

/// What arrived here.
#[derive(Debug)]
pub struct Received {
    /// When, milliseconds since 1970.
    pub sent_at: i64,
    /// The mail or SMS.
    pub parcel: OutgoingMessage,
}

/// Holds the newest ones.
#[derive(Debug, Default)]
pub struct Mailbox {
    mails: Mutex<VecDeque<Arc<Received>>>,
}

impl Mailbox {
    /// Adds one; the oldest makes room.
    pub fn put(&self, parcel: OutgoingMessage, sent_at: i64) {
        let mut mails = self.mails();
        mails.truncate(CAPACITY - 1);
        mails.push_front(Arc::new(Received { sent_at, parcel }));
    }

    /// Newest first; with an address only what went to it.
    pub fn list(&self, to: Option<&str>) -> Vec<Arc<Received>> {
        self.mails().iter().filter(|one| to.is_none_or(|to| one.parcel.to() == to)).cloned().collect()
    }

    /// Empties it.
    pub fn clear(&self) {
        self.mails().clear();
    }

    fn mails(&self) -> MutexGuard<'_, VecDeque<Arc<Received>>> {
        // Nothing under this lock can leave the list half changed.
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
