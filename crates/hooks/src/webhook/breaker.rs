//! Leaves a service alone that fails and fails: who waits for it meanwhile waits for nothing. Each node has its own.

use doorward_core::clock::Millis;

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
    /// Counts how often it was closed or opened: what began before says nothing of how the service is since.
    turn: u64,
}

/// A call that may be made; it is handed back with how it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass(u64);

impl Breaker {
    /// May it be called? After a pause one call may, to see; the others wait for what becomes of it.
    pub(super) fn admit(&mut self, now: Millis) -> Option<Pass> {
        if self.is_open() {
            // An end that is further away than a pause is long was set by a clock that was wrong.
            if now < self.until && self.until <= now + self.pause() {
                return None;
            }
            // Also when nobody ever says how this call ended.
            self.until = now + self.pause();
        }
        Some(Pass(self.turn))
    }

    /// It lives.
    pub(super) fn succeed(&mut self, pass: Pass) {
        if pass.0 == self.turn {
            let turn = self.turn + u64::from(self.is_open());
            *self = Breaker { turn, ..Breaker::default() };
        }
    }

    /// It does not. Answers for how long it is left alone now, if this call has decided that: of all that hang at the same
    /// time, one does.
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

    /// A call that begins and fails now.
    fn fail(breaker: &mut Breaker, now: Millis) -> Option<Millis> {
        let pass = breaker.admit(now).unwrap();
        breaker.fail(pass, now)
    }

    /// A service that is left alone from now on, for two seconds.
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
    fn sec_s10_after_five_failures_a_service_is_left_alone_for_a_while_that_grows() {
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
            let pass = breaker.admit(now).expect("one sees how it is");
            assert!(breaker.admit(now).is_none(), "and only one");
            assert_eq!(breaker.fail(pass, now), Some(next));
        }
        now += 60_000;
        let pass = breaker.admit(now).unwrap();
        breaker.succeed(pass);
        assert!(breaker.admit(now).is_some() && breaker.admit(now).is_some() && !breaker.is_open());
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
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
    fn what_began_before_a_service_was_well_again_says_nothing_of_it() {
        let mut breaker = Breaker::default();
        let slow: Vec<_> = (0..10).map(|_| breaker.admit(0).unwrap()).collect();
        for _ in 0..5 {
            fail(&mut breaker, 0);
        }
        breaker.succeed(slow[0]);
        assert!(breaker.is_open(), "nor of one that was not");
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
    fn a_clock_that_was_a_day_ahead_keeps_nobody_out() {
        let mut breaker = open(24 * 60 * 60_000);
        assert!(breaker.admit(0).is_some() && breaker.admit(0).is_none());
    }
}
