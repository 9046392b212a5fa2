//! A circuit breaker: stops calls to a service that keeps failing, so that requests do not wait for it. Each node has
//! its own.

use doorward_core::clock::Millis;

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// The first pause; each following one is twice as long.
const PAUSE: Millis = 2_000;
/// The longest pause.
const LONGEST_PAUSE: Millis = 60_000;

/// Counts how the calls of one service end.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures in a row.
    failures: u32,
    /// End of the current pause.
    until: Millis,
    /// Counts how often the breaker was opened or closed. The result of a call that began before the last change is
    /// ignored.
    turn: u64,
}

/// Permission for one call. The caller hands it back with the result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass(u64);

impl Breaker {
    /// Returns permission for a call, or `None`. After a pause one call is admitted as a test. The others are refused
    /// until its result is known.
    pub(super) fn admit(&mut self, now: Millis) -> Option<Pass> {
        if self.is_open() {
            // An end that is further away than one pause was set by a wrong clock.
            if now < self.until && self.until <= now + self.pause() {
                return None;
            }
            // Limits the wait even if the result of this call is never reported.
            self.until = now + self.pause();
        }
        Some(Pass(self.turn))
    }

    /// Records a success.
    pub(super) fn succeed(&mut self, pass: Pass) {
        if pass.0 == self.turn {
            let turn = self.turn + u64::from(self.is_open());
            *self = Breaker { turn, ..Breaker::default() };
        }
    }

    /// Records a failure. Returns the length of the pause if this failure begins one. Of all calls that hang at the
    /// same time, only one begins a pause.
    pub(super) fn fail(&mut self, pass: Pass, now: Millis) -> Option<Millis> {
        if pass.0 != self.turn {
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        self.is_open().then(|| {
            let pause = self.pause();
            self.until = now + pause;
            self.turn += 1;
            pause
        })
    }

    /// True if the breaker is open: the service is paused.
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

    /// A call that begins and fails now.
    fn fail(breaker: &mut Breaker, now: Millis) -> Option<Millis> {
        let pass = breaker.admit(now).unwrap();
        breaker.fail(pass, now)
    }

    /// A breaker that has just opened, for two seconds.
    fn open(now: Millis) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert_eq!(fail(&mut breaker, now), None);
        }
        assert_eq!(fail(&mut breaker, now), Some(2_000));
        assert!(breaker.is_open());
        breaker
    }

    #[test]
    fn sec_s10_five_failures_pause_a_service_and_the_pauses_grow() {
        let mut breaker = open(0);
        let mut now = 0;
        for (pause, next) in [
            (2_000, 4_000),
            (4_000, 8_000),
            (8_000, 16_000),
            (16_000, 32_000),
            (32_000, 60_000),
            (60_000, 60_000),
        ] {
            assert!(breaker.admit(now + pause - 1).is_none());
            now += pause;
            let pass = breaker.admit(now).expect("one test call");
            assert!(breaker.admit(now).is_none(), "and only one");
            assert_eq!(breaker.fail(pass, now), Some(next));
        }
        now += 60_000;
        let pass = breaker.admit(now).unwrap();
        breaker.succeed(pass);
        assert!(breaker.admit(now).is_some() && breaker.admit(now).is_some() && !breaker.is_open());
    }

    #[test]
    fn a_success_resets_the_count() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 0..4 {
                assert_eq!(fail(&mut breaker, 0), None);
            }
            let pass = breaker.admit(0).unwrap();
            breaker.succeed(pass);
        }
        assert!(breaker.admit(0).is_some() && !breaker.is_open());
    }

    #[test]
    fn sec_s10_of_many_calls_that_hang_at_once_five_count() {
        let mut breaker = Breaker::default();
        let all: Vec<_> = (0..40).map(|_| breaker.admit(0).unwrap()).collect();
        let pauses: Vec<_> = all.iter().filter_map(|pass| breaker.fail(*pass, 2_000)).collect();
        assert_eq!(pauses, [2_000]);
        assert!(breaker.admit(3_999).is_none() && breaker.admit(4_000).is_some());
    }

    #[test]
    fn results_of_calls_from_before_a_change_are_ignored() {
        let mut breaker = Breaker::default();
        let slow: Vec<_> = (0..10).map(|_| breaker.admit(0).unwrap()).collect();
        for _ in 0..5 {
            fail(&mut breaker, 0);
        }
        breaker.succeed(slow[0]);
        assert!(breaker.is_open(), "an old success does not close the breaker");
        let pass = breaker.admit(2_000).unwrap();
        breaker.succeed(pass);
        for pass in slow {
            assert_eq!(breaker.fail(pass, 2_000), None);
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_call_that_never_ends_keeps_the_others_out_no_longer_than_a_pause() {
        let mut breaker = open(0);
        assert!(breaker.admit(2_000).is_some() && breaker.admit(3_999).is_none());
        assert!(breaker.admit(4_000).is_some());
    }

    #[test]
    fn a_clock_that_was_a_day_ahead_does_not_block_calls() {
        let mut breaker = open(24 * 60 * 60_000);
        assert!(breaker.admit(0).is_some() && breaker.admit(0).is_none());
    }
}
