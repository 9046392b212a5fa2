//! The two clocks of a page: the date, which people change, and the time since the page began, which may
//! stand still while the machine sleeps.

use super::Value;

/// Milliseconds on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Instant {
    /// Since 1970, by the device's date.
    pub(crate) date: f64,
    /// Since the page began; never goes back.
    pub(crate) running: f64,
}

pub(crate) fn now() -> Instant {
    let of = |clock: Value| clock.call("now", &[]).and_then(|now| now.number()).unwrap_or(0.0);
    Instant { date: of(Value::global("Date")), running: of(Value::global("performance")) }
}
