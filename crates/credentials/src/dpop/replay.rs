//! Accepts each proof only once (RFC 9449 §11.1, D-5). For a request that writes this holds on all nodes, by a
//! row in the same transaction. For a request that only reads it holds on this node, in memory.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use doorward_core::clock::Millis;
use doorward_request::error::ApiError;
use doorward_store::{Tx, proofs};

use super::proof::{Proof, ProofError, Thumbprint};

/// Maximum number of proofs of reads that are remembered for one nonce, about 5 MB. There are at most three
/// nonces.
const REMEMBERED: usize = 1 << 18;

const AGAIN: ProofError = ProofError::Invalid("This proof was used before. Make a new one for each request.");

impl Proof {
    /// Uses up the proof in the transaction of its request. Only this returns the key that a session can be
    /// bound to.
    pub async fn spend(&self, tx: &mut Tx) -> Result<Thumbprint, ApiError> {
        match proofs::insert(tx, &self.id, self.expires_at).await? {
            true => Ok(self.thumbprint.clone()),
            false => Err(AGAIN.into()),
        }
    }

    /// Uses up the proof for a request that only reads.
    pub fn show(&self, seen: &Seen, now: Millis) -> Result<(), ApiError> {
        if seen.is_first(self, now) { Ok(()) } else { Err(AGAIN.into()) }
    }
}

/// Uses up the proof of a request, if it has one.
pub async fn spend(tx: &mut Tx, proof: Option<&Proof>) -> Result<Option<Thumbprint>, ApiError> {
    match proof {
        Some(proof) => proof.spend(tx).await.map(Some),
        None => Ok(None),
    }
}

/// The proofs of reads that this node has seen: the first bytes of their ids, by the expiry of their nonce.
#[derive(Default)]
pub struct Seen(Mutex<BTreeMap<Millis, HashSet<u64>>>);

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seen")
    }
}

impl Seen {
    fn is_first(&self, proof: &Proof, now: Millis) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|expires_at, _| *expires_at > now);
        let seen = all.entry(proof.expires_at).or_default();
        // In a flood, proofs are forgotten rather than rejected: a repeated read changes nothing.
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        let id = proof.id.first_chunk().copied().unwrap_or_default();
        seen.insert(u64::from_be_bytes(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_d05_a_million_proofs_are_remembered_in_bounded_space() {
        let seen = Seen::default();
        let mut proof = Proof::for_test(0, 60_000);
        for number in 0..1_000_000_u64 {
            proof.id[..8].copy_from_slice(&number.to_be_bytes());
            assert!(seen.is_first(&proof, 0));
        }
        assert!(!seen.is_first(&proof, 59_999), "the last ones are remembered");
        assert!(seen.0.lock().unwrap().values().map(HashSet::len).sum::<usize>() <= REMEMBERED);
        assert!(seen.is_first(&Proof::for_test(1, 120_000), 60_000));
        assert_eq!(seen.0.lock().unwrap().len(), 1, "expired proofs are forgotten");
    }
}
