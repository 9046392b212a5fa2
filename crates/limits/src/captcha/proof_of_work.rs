//! A proof of work: the browser computes for a moment, and the server checks the result with a few hashes. Several
//! small puzzles take nearly the same time for all users; one big puzzle would take some of them five times as long.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base64url::decode;
use doorward_core::clock::{Millis, World};
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};
use doorward_protocol::captcha::Challenge;
use doorward_request::captcha_solution::Solution;

/// How long a challenge is valid.
const LIFETIME: Millis = 5 * 60_000;
/// With 16 puzzles, nine solutions in ten take between 0.6 and 1.4 of the average time.
const PUZZLES: u8 = 16;

/// Bytes of a challenge: key id, expiry, number of puzzles, difficulty of each, and random bytes that make it unique.
/// This part and the MAC are multiples of three bytes long, so that base64 encodes each separately.
const SAID: usize = 4 + 8 + 1 + 4 + 13;
const MAC: usize = 18;
/// Characters of the MAC. They are the seed of the puzzles, so that no client can know them in advance.
const SEED: usize = MAC / 3 * 4;

/// A challenge that takes this many hashes, on average.
pub(super) fn challenge(keys: &SecretKeys, world: &World, hashes: u32) -> Option<Challenge> {
    let difficulty = hashes / u32::from(PUZZLES);
    let until = world.now() + LIFETIME;
    let mut said = Vec::with_capacity(SAID + MAC);
    said.extend(keys.active_id());
    said.extend(until.to_be_bytes());
    said.push(PUZZLES);
    said.extend(difficulty.to_be_bytes());
    said.extend(world.bytes::<13>());
    let mac = mac(keys, keys.active_id(), &said)?;
    said.extend(mac);
    let id = URL_SAFE_NO_PAD.encode(said);
    Some(Challenge::ProofOfWork { id, puzzles: PUZZLES.into(), difficulty })
}

/// The expiry of a solution, if it is valid. The cheap checks come first: a forged id costs one MAC.
pub(super) fn good_until(keys: &SecretKeys, solution: &Solution, now: Millis) -> Option<Millis> {
    let bytes: [u8; SAID + MAC] = decode(&solution.id)?;
    let (said, given) = bytes.split_at(SAID);
    let (key, rest) = said.split_first_chunk::<4>()?;
    let (until, rest) = rest.split_first_chunk::<8>()?;
    let (puzzles, rest) = rest.split_first()?;
    let difficulty = u32::from_be_bytes(*rest.first_chunk()?);
    let until = Millis::from_be_bytes(*until);
    if !same(&mac(keys, *key, said)?, given) || now >= until {
        return None;
    }
    let seed = solution.id.get(solution.id.len() - SEED..)?;
    let mut numbers = solution.code.split('.');
    for puzzle in 0..*puzzles {
        let number = numbers.next()?.parse().ok()?;
        if !solves(seed, puzzle.into(), number, difficulty) {
            return None;
        }
    }
    numbers.next().is_none().then_some(until)
}

fn solves(seed: &str, puzzle: u32, number: u32, difficulty: u32) -> bool {
    let hash = digest(
        &SHA256,
        &[seed.as_bytes(), puzzle.to_be_bytes().as_slice(), number.to_be_bytes().as_slice()].concat(),
    );
    let first = hash.as_ref().first_chunk().map_or(u32::MAX, |first| u32::from_be_bytes(*first));
    u64::from(first) * u64::from(difficulty) < 1 << 32
}

fn mac(keys: &SecretKeys, key: KeyId, said: &[u8]) -> Option<[u8; MAC]> {
    keys.mac(key, Purpose::Captcha, &[said])?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: u32 = 64 * PUZZLES as u32;

    fn keys() -> (String, SecretKeys) {
        let line = SecretKeys::generate(&World::default()).to_string();
        let keys = SecretKeys::parse(&line).unwrap();
        (line, keys)
    }

    /// The challenge's id, with each puzzle's first number that is, or is not, a solution.
    fn work(challenge: &Challenge, right: bool) -> Solution {
        let Challenge::ProofOfWork { id, puzzles, difficulty } = challenge else { panic!("{challenge:?}") };
        let seed = &id[id.len() - SEED..];
        let number = |puzzle| (0..).find(|n| solves(seed, puzzle, *n, *difficulty) == right).unwrap();
        let numbers: Vec<String> = (0..*puzzles).map(|puzzle| number(puzzle).to_string()).collect();
        Solution { id: id.clone(), code: numbers.join(".") }
    }

    #[test]
    fn seed_a25_a_solution_is_good_for_five_minutes_on_every_node_with_the_key() {
        let (world, (line, keys)) = (World::default(), keys());
        let now = world.now();
        let solution = work(&challenge(&keys, &world, HASHES).unwrap(), true);
        let (retired, _) = (SecretKeys::generate(&world), ());
        let other = SecretKeys::parse(&format!("{}{line}", *retired)).unwrap();
        for at in [now, now + LIFETIME - 60_000] {
            assert!(good_until(&keys, &solution, at).is_some());
            assert!(good_until(&other, &solution, at).is_some(), "the key was retired meanwhile");
        }
        assert!(good_until(&keys, &solution, world.now() + LIFETIME).is_none());
    }

    #[test]
    fn a_forged_changed_or_incomplete_solution_is_refused() {
        let (world, (_, keys)) = (World::default(), keys());
        let now = world.now();
        let puzzles = challenge(&keys, &world, HASHES).unwrap();
        let right = work(&puzzles, true);
        let good = |id: &str, code: &str| {
            good_until(&keys, &Solution { id: id.to_owned(), code: code.to_owned() }, now).is_some()
        };
        assert!(good(&right.id, &right.code));
        assert!(!good(&right.id, &work(&puzzles, false).code), "too easy");
        let (most, last) = right.code.rsplit_once('.').unwrap();
        for code in [
            "",
            most,
            &format!("{most}."),
            &format!("{most}.-1"),
            &format!("{most}.4294967296"),
            &format!("{}.{last}", right.code),
            &"0.".repeat(10_000),
        ] {
            assert!(!good(&right.id, code), "{code:.60}");
        }
        for (at, letter) in right.id.char_indices() {
            let mut bent = right.id.clone();
            bent.replace_range(at..=at, if letter == 'A' { "B" } else { "A" });
            assert!(!good(&bent, &right.code), "letter {at}");
        }
        for id in ["", "=", &format!("{}=", right.id), &right.id[4..], &"é".repeat(32)] {
            assert!(!good(id, &right.code), "{id}");
        }
    }

    #[test]
    fn a_solution_for_another_server_or_another_challenge_is_refused() {
        let (world, (_, here), (_, there)) = (World::default(), keys(), keys());
        let solution = work(&challenge(&there, &world, HASHES).unwrap(), true);
        assert!(good_until(&there, &solution, world.now()).is_some());
        assert!(good_until(&here, &solution, world.now()).is_none());
        let [one, other] = [(); 2].map(|()| challenge(&here, &world, HASHES).unwrap());
        assert_ne!(one, other);
        let swapped = Solution { code: work(&one, true).code, ..work(&other, true) };
        assert!(good_until(&here, &swapped, world.now()).is_none(), "numbers of another challenge");
    }

    #[test]
    fn a_solution_costs_about_what_the_setting_says() {
        let (world, (_, keys)) = (World::default(), keys());
        let mut tried = 0;
        for _ in 0..100 {
            let solution = work(&challenge(&keys, &world, HASHES).unwrap(), true);
            tried += solution.code.split('.').map(|n| n.parse::<u32>().unwrap() + 1).sum::<u32>();
        }
        let ratio = f64::from(tried) / (100.0 * f64::from(HASHES));
        assert!((0.8..1.2).contains(&ratio), "{ratio}");
    }
}
