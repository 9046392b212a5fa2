//! A mail that is ready to send.

use std::fmt;

use doorward_core::message::Message;

/// A mail that is ready to send. It may contain a code and a link that sign a user in: it is never stored, and `Debug`
/// shows only the id and the message.
pub struct Mail {
    /// Unique, also between two attempts at the same row of the outbox: they carry different codes, and a receiver that
    /// drops duplicates must not drop the second one.
    pub id: String,
    /// The kind of message.
    pub message: Message,
    /// The one recipient, in canonical form.
    pub to: String,
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML.
    pub html: String,
    /// The code in it, for the development mailbox.
    pub code: Option<String>,
    /// The link in it, for the development mailbox.
    pub link: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("message", &self.message).finish_non_exhaustive()
    }
}
