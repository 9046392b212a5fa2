//! What handlers take from a request: its body, the caller, the session, keys and proofs.

mod body;
mod caller;
mod credentials;
mod entry;
mod proof;
mod service_key;
mod session;

pub use body::{BODY_LIMIT, Foreign, read};
pub use caller::locale;
