//! Nonces (RFC 9449 §8): MACs of a time slot, so that every node can verify them and none has to store them.
//!
//! Only the nonce determines the age of a proof. The time of the client's clock (`iat`) is ignored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base64url::decode;
use doorward_core::clock::Millis;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};

/// Time in milliseconds for which one nonce is issued.
const SLOT: Millis = 60_000;
/// Length in bytes of the MAC in a nonce. An attacker cannot guess 128 bits in two minutes.
const MAC: usize = 16;
/// Length in bytes of a nonce: key id, slot, MAC.
const BYTES: usize = 4 + 8 + MAC;

/// The present nonce.
pub fn issue(keys: &SecretKeys, now: Millis) -> Option<String> {
    let (key, slot) = (keys.active_id(), now.div_euclid(SLOT));
    Some(URL_SAFE_NO_PAD.encode([&key[..], &slot.to_be_bytes(), &mac(keys, key, slot)?].concat()))
}

/// The time at which a nonce expires. `None` unless this server has issued it and it is valid now: in its slot
/// or the next. A nonce of the coming slot is valid, too, because the clock of another node may be a little
/// ahead.
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
    fn sec_d07_a_retired_key_still_verifies_nonces_and_an_unknown_key_does_not() {
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
