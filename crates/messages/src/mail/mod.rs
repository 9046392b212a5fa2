//! Mail: what is said (`message`, `render`), and how it leaves the house (`transport`, `smtp`, `mailbox`).
//! When it leaves is the outbox's business.

pub mod mailbox;
pub mod message;
pub mod render;
pub mod smtp;
pub mod transport;

pub use message::Mail;
