//! The captcha that a client must solve before its request is processed.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/captcha`, and `captcha` of an error with the code `CAPTCHA_REQUIRED`. The client sends
/// the solution in the header `Captcha-Response`: `id:code`, both percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Challenge {
    /// A proof of work, which a program computes. The seed is the last 24 characters of `id`. Each puzzle 0, 1, 2,
    /// … needs a number for which the first 32 bits of SHA-256(seed ‖ puzzle ‖ number), times `difficulty`, are
    /// less than 2³². Puzzle and number are 32 bits each. All integers are big-endian. The code is the numbers in
    /// decimal, with dots between them.
    ProofOfWork {
        /// The id of this challenge.
        id: String,
        /// Number of puzzles.
        puzzles: u32,
        /// Average number of tries for one puzzle.
        difficulty: u32,
    },
    /// A picture with letters and digits, which the user types. The case of letters does not matter.
    Picture {
        /// The id of this challenge.
        id: String,
        /// A PNG, as a `data:` URL.
        image: String,
    },
    /// Cloudflare's widget returns the code. The id is empty.
    Turnstile {
        /// The public site key of the widget.
        site_key: String,
    },
    /// hCaptcha's widget returns the code. The id is empty.
    Hcaptcha {
        /// The public site key of the widget.
        site_key: String,
    },
    /// Google's widget returns the code. The id is empty.
    Recaptcha {
        /// The public site key of the widget.
        site_key: String,
    },
}
