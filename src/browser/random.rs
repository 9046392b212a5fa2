//! Chance.

/// Between 0 and 1; no secret.
pub(crate) fn fraction() -> f64 {
    js_sys::Math::random()
}
