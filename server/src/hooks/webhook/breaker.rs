//! Leaves a service alone that fails and fails: who waits for it meanwhile waits for nothing. Each node has its own.

use crate::clock::Millis;

/// So many failures in a row.
const FAILURES: u32 = 5;
/// The first time that it is left alone; each next one is twice as long.
const PAUSE: Millis = 2_000;
/// The longest.
const LONGEST_PAUSE: Millis = 60_000;

/// Counts how calls of one service end.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// In a row.
    failures: u32,
    /// It is left alone until then.
    until: Millis,
}

impl Breaker {
    /// May it be called? After a pause one call may, to see; the others wait for what becomes of it.
    pub(super) fn admit(&mut self, now: Millis) -> bool {
        if self.failures < FAILURES {
            return true;
        }
        if now < self.until {
            return false;
        }
        // Also when nobody ever says how this call ended.
        self.until = now + self.pause();
        true
    }

    /// It has answered as it must.
    pub(super) fn succeed(&mut self) {
        *self = Breaker::default();
    }

    /// It has not. Answers for how long it is left alone now.
    pub(super) fn fail(&mut self, now: Millis) -> Option<Millis> {
        self.failures = self.failures.saturating_add(1);
        (self.failures >= FAILURES).then(|| {
            let pause = self.pause();
            self.until = now + pause;
            pause
        })
    }

    /// Is it left alone?
    pub(super) fn is_open(&self) -> bool {
        self.failures >= FAILURES
    }

    fn pause(&self) -> Millis {
        let doublings = self.failures.saturating_sub(FAILURES).min(10);
        PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_s10_after_five_failures_a_service_is_left_alone_for_a_while_that_grows() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(breaker.admit(0));
            assert_eq!(breaker.fail(0), None);
        }
        assert!(breaker.admit(0));
        assert_eq!(breaker.fail(0), Some(2_000));
        assert!(breaker.is_open());
        let mut now = 0;
        for pause in [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert!(!breaker.admit(now + pause - 1));
            now += pause;
            assert!(breaker.admit(now), "one sees how it is");
            assert!(!breaker.admit(now), "and only one");
            breaker.fail(now);
        }
        now += 60_000;
        assert!(breaker.admit(now));
        breaker.succeed();
        assert!(breaker.admit(now) && breaker.admit(now) && !breaker.is_open());
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 0..4 {
                assert_eq!(breaker.fail(0), None);
            }
            breaker.succeed();
        }
        assert!(breaker.admit(0));
    }

    #[test]
    fn a_call_that_never_ends_keeps_the_others_out_no_longer_than_a_pause() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker.fail(0);
        }
        assert!(breaker.admit(2_000) && !breaker.admit(3_999) && breaker.admit(4_000));
    }
}
