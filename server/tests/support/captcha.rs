//! Solves captchas: proofs of work as a browser does, and pictures as a person does.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Answer, TestApp};

/// Every limited call requires a captcha, with a puzzle that is quickly solved.
pub const ALWAYS: &str = "[captcha]\nafter = 0\ndifficulty = 320\n";

/// The value of `Captcha-Response` for a proof of work, as the API documents it.
pub fn work(challenge: &Value) -> String {
    assert_eq!(challenge["kind"], "proof_of_work");
    let id = challenge["id"].as_str().unwrap();
    let difficulty = challenge["difficulty"].as_u64().unwrap();
    let solves = |puzzle: u32, number: u32| {
        let seed = &id.as_bytes()[id.len() - 24..];
        let hash = digest(&SHA256, &[seed, &puzzle.to_be_bytes(), &number.to_be_bytes()].concat());
        u64::from(u32::from_be_bytes(hash.as_ref()[..4].try_into().unwrap())) * difficulty < 1 << 32
    };
    let puzzles = u32::try_from(challenge["puzzles"].as_u64().unwrap()).unwrap();
    let numbers = (0..puzzles).map(|puzzle| (0..).find(|n| solves(puzzle, *n)).unwrap().to_string());
    format!("{id}:{}", numbers.collect::<Vec<_>>().join("."))
}

impl Answer {
    /// The challenge of an answer that requires a captcha.
    #[track_caller]
    pub fn challenge(self) -> Value {
        let problem = self.refused(403, "CAPTCHA_REQUIRED");
        assert_eq!(problem["business_code"], 2000);
        problem["captcha"].clone()
    }
}

impl TestApp {
    /// The text in a picture. Only the server's own keys can open it.
    pub fn read_picture(&self, challenge: &Value) -> String {
        assert_eq!(challenge["kind"], "picture");
        let sealed = URL_SAFE_NO_PAD.decode(challenge["id"].as_str().unwrap()).unwrap();
        let said = self.app.platform.secret_keys.open("captcha picture", &sealed).unwrap();
        String::from_utf8(said[8..].to_vec()).unwrap()
    }
}
