//! Mail: its content (`message`, `render`) and its delivery (`transport`, `smtp`, `mailbox`). The outbox decides when a
//! mail is sent.

pub mod mailbox;
pub mod message;
pub mod render;
pub mod smtp;
pub mod transport;

pub use message::Mail;
