//! SMS: short texts with a code, handed to a gateway over HTTP. What they say is a template like a mail's
//! (`mail::render`), and when they leave is the outbox's business.

pub mod gateway;
pub mod preset;
mod template;

use std::fmt;

use doorward_core::message::Message;

pub use gateway::Gateway;

/// An SMS that is ready to leave. It holds a code: it is never stored, and `Debug` shows nothing of it but the message.
pub struct Sms {
    /// Unique, also between two attempts at the same row of the outbox.
    pub id: String,
    /// Which message it is.
    pub message: Message,
    /// The number that it goes to, in E.164.
    pub to: String,
    /// What it says.
    pub text: String,
    /// The code in it, for the development mailbox.
    pub code: String,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").field("id", &self.id).field("message", &self.message).finish_non_exhaustive()
    }
}
