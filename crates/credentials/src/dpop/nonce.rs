//! Nonces (RFC 9449 §8): MACs of a time slot, so that every node knows them all and none has to remember one.
//!
//! They are the only time in a proof that is believed: what the client's clock says (`iat`) does not matter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base64url::decode;
use doorward_core::clock::Millis;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};

/// How long one nonce is given out.
const SLOT: Millis = 60_000;
/// Bytes of a MAC that are given out: nobody can try 128 bits through in two minutes.
const MAC: usize = 16;
/// Bytes of a nonce: key id, slot, MAC.
const BYTES: usize = 4 + 8 + MAC;

/// The nonce of this moment.
pub fn issue(keys: &SecretKeys, now: Millis) -> Option<String> {
    let (key, slot) = (keys.active_id(), now.div_euclid(SLOT));
    Some(URL_SAFE_NO_PAD.encode([&key[..], &slot.to_be_bytes(), &mac(keys, key, slot)?].concat()))
}

/// Until when a nonce is good, if it is one of ours and good now: in its slot and the next. The slot to come is that of
/// a node whose clock is a little ahead.
pub(super) fn good_until(keys: &SecretKeys, text: &str, now: Millis) -> Option<Millis> {
    let bytes: [u8; BYTES] = decode(text)?;
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let (slot, given) = rest.split_first_chunk::<8>()?;
    let slot = i64::from_be_bytes(*slot);
    let known = same(&mac(keys, *key, slot)?, given);
    let current = now.div_euclid(SLOT);
    (known && (current - 1..=current + 1).contains(&slot)).then(|| (slot + 2) * SLOT)
}

fn mac(keys: &SecretKeys, key: KeyId, slot: i64) -> Option<[u8; MAC]> {
    keys.mac(key, Purpose::Nonce, &[&slot.to_be_bytes()])?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_core::clock::World;

    const NOW: Millis = 28_000_000 * SLOT;

    fn line() -> String {
        SecretKeys::generate(&World::default()).to_string()
    }

    #[test]
    fn sec_d07_a_nonce_is_good_for_one_to_two_minutes_on_every_node_with_the_key() {
        let text = line();
        let [one, other] = [(); 2].map(|()| SecretKeys::parse(&text).unwrap());
        let nonce = issue(&one, NOW + 59_999).unwrap();
        assert_eq!(nonce, issue(&other, NOW).unwrap(), "one for each minute");
        let good = |at| good_until(&other, &nonce, at);
        for at in [NOW - SLOT, NOW, NOW + SLOT, NOW + 2 * SLOT - 1] {
            assert_eq!(good(at), Some(NOW + 2 * SLOT));
        }
        for at in [NOW - SLOT - 1, NOW + 2 * SLOT, NOW + 1000 * SLOT] {
            assert_eq!(good(at), None);
        }
    }

    #[test]
    fn sec_d07_a_key_that_is_retired_still_verifies_and_a_stranger_does_not() {
        let (old, new) = (line(), line());
        let nonce = issue(&SecretKeys::parse(&old).unwrap(), NOW).unwrap();
        assert!(good_until(&SecretKeys::parse(&format!("{new}{old}")).unwrap(), &nonce, NOW).is_some());
        let keys = SecretKeys::parse(&new).unwrap();
        assert!(good_until(&keys, &nonce, NOW).is_none());
        let nonce = issue(&keys, NOW).unwrap();
        for (at, letter) in nonce.char_indices() {
            let mut bent = nonce.clone();
            bent.replace_range(at..=at, if letter == 'A' { "B" } else { "A" });
            assert!(good_until(&keys, &bent, NOW).is_none(), "letter {at}");
        }
        for bent in [format!("{nonce}="), nonce[1..].to_owned(), String::new(), "A".repeat(1000)] {
            assert!(good_until(&keys, &bent, NOW).is_none(), "{bent}");
        }
    }
}
