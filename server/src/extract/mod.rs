//! Extractors for handlers: body, caller, session, keys and proofs.

mod body;
mod caller;
mod credentials;
mod entry;
mod proof;
mod service_key;
mod session;

pub use body::{BODY_LIMIT, Foreign, read};
pub use caller::locale;
