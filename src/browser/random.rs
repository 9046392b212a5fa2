//! Chance.

use super::Value;

/// Between 0 and 1; no secret.
pub(crate) fn fraction() -> f64 {
    Value::global("Math").call("random", &[]).and_then(|number| number.number()).unwrap_or(0.5)
}
