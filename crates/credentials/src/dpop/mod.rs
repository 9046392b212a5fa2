//! Proofs of a key (DPoP, RFC 9449): their checks, their nonces, and the protection against replays.
//! `accounts::sessions` decides how a session uses its key.

mod proof;

mod nonce;
mod replay;

pub use nonce::issue as nonce;
pub use proof::{About, Proof, ProofError, Thumbprint};
pub use replay::{Seen, spend};
