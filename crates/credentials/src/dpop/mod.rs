//! Proofs of a key (DPoP, RFC 9449): what one must be, the nonces in it, and that each is taken once. What a session
//! makes of its key is decided in `accounts::sessions`.

mod proof;

mod nonce;
mod replay;

pub use nonce::issue as nonce;
pub use proof::{About, Proof, ProofError, Thumbprint};
pub use replay::{Seen, spend};
