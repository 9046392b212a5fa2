//! SMS: short texts with a code, handed to a gateway over HTTP. `mail::render` renders their templates, and the outbox
//! decides when they are sent.

pub mod gateway;
pub mod preset;
mod template;

use std::fmt;

use doorward_core::message::Message;

pub use gateway::Gateway;

/// An SMS that is ready to send. It contains a code: it is never stored, and `Debug` shows only the id and the message.
pub struct Sms {
    /// Unique, also between two attempts at the same row of the outbox.
    pub id: String,
    /// The kind of message.
    pub message: Message,
    /// The recipient's number, in E.164.
    pub to: String,
    /// The text.
    pub text: String,
    /// The code in it, for the development mailbox.
    pub code: String,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("id", &self.id).field("message", &self.message).finish_non_exhaustive()
    }
}
