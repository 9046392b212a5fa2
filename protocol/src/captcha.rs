//! What has to be solved before a call goes on.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/captcha`, and `captcha` of an error with the code `CAPTCHA_REQUIRED`. The solution comes in
/// the header `Captcha-Response`: `id:code`, both percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Challenge {
    /// Work for a program. With the last 24 characters of `id` as the seed, each of the puzzles 0, 1, 2, … asks for a
    /// number such that the first 32 bits of SHA-256(seed ‖ puzzle ‖ number), times `difficulty`, are less than 2³²;
    /// puzzle and number are 32 bits each, as all of them the most significant byte first. The code is the numbers, in
    /// decimal, with dots between them.
    ProofOfWork {
        /// Of this challenge.
        id: String,
        /// How many puzzles there are.
        puzzles: u32,
        /// Numbers that are tried for one puzzle, on average.
        difficulty: u32,
    },
    /// Letters and digits that a person reads; capitals or not does not matter.
    Picture {
        /// Of this challenge.
        id: String,
        /// A PNG, as a `data:` address.
        image: String,
    },
    /// Cloudflare's widget gives the code; there is no id.
    Turnstile {
        /// What the widget is shown with.
        site_key: String,
    },
    /// hCaptcha's widget gives the code; there is no id.
    Hcaptcha {
        /// What the widget is shown with.
        site_key: String,
    },
    /// Google's widget gives the code; there is no id.
    Recaptcha {
        /// What the widget is shown with.
        site_key: String,
    },
}
