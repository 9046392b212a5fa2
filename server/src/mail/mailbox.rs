//! The development mailbox: the newest mails, in memory, for `/dev/mailbox`. Only with `--dev`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::message::Mail;

/// More than anybody reads by hand, and a bound for a load test.
const CAPACITY: usize = 500;

/// A mail as it arrived here.
#[derive(Debug)]
pub struct Received {
    /// When, milliseconds since 1970.
    pub sent_at: i64,
    /// The mail.
    pub mail: Mail,
}

/// Holds the newest mails.
#[derive(Debug, Default)]
pub struct Mailbox {
    mails: Mutex<VecDeque<Arc<Received>>>,
}

impl Mailbox {
    /// Adds a mail; the oldest makes room.
    pub fn put(&self, mail: Mail, sent_at: i64) {
        let mut mails = self.mails();
        mails.truncate(CAPACITY - 1);
        mails.push_front(Arc::new(Received { sent_at, mail }));
    }

    /// Newest first; with an address only what went to it.
    pub fn list(&self, to: Option<&str>) -> Vec<Arc<Received>> {
        self.mails().iter().filter(|one| to.is_none_or(|to| one.mail.to == to)).cloned().collect()
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
