//! The development mailbox: keeps the newest mails and SMS in memory, for `/dev/mailbox`. Only with `--dev`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::transport::OutgoingMessage;

/// Most messages; keeps memory bounded in a load test.
const CAPACITY: usize = 500;

/// A message in the mailbox.
#[derive(Debug)]
pub struct Received {
    /// When it was sent, in milliseconds since 1970.
    pub sent_at: i64,
    /// The mail or SMS.
    pub parcel: OutgoingMessage,
}

/// Holds the newest messages.
#[derive(Debug, Default)]
pub struct Mailbox {
    mails: Mutex<VecDeque<Arc<Received>>>,
}

impl Mailbox {
    /// Adds a message. When the mailbox is full, the oldest one is dropped.
    pub fn put(&self, parcel: OutgoingMessage, sent_at: i64) {
        let mut mails = self.mails();
        mails.truncate(CAPACITY - 1);
        mails.push_front(Arc::new(Received { sent_at, parcel }));
    }

    /// The messages, newest first; with an address, only those to it.
    pub fn list(&self, to: Option<&str>) -> Vec<Arc<Received>> {
        self.mails().iter().filter(|one| to.is_none_or(|to| one.parcel.to() == to)).cloned().collect()
    }

    /// Removes all messages.
    pub fn clear(&self) {
        self.mails().clear();
    }

    fn mails(&self) -> MutexGuard<'_, VecDeque<Arc<Received>>> {
        // No code under this lock can leave the list half changed.
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
