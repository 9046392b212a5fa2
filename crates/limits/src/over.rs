//! What this node has seen to be over its limit: until that is past, it costs no write to say so again (SECURITY S13).

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::Budget;
use doorward_core::clock::Millis;

/// Budgets that are remembered, some hundred kilobytes. One more costs its write.
const REMEMBERED: usize = 4096;

/// Budgets that are used up, by name and limit, and since and until when: before that was seen, a clock was wrong.
#[derive(Default)]
pub struct Over(Mutex<HashMap<(String, u32), Range<Millis>>>);

impl fmt::Debug for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Over")
    }
}

impl Over {
    /// Until when it is used up, if it is.
    pub(super) fn until(&self, (name, limit, _): &Budget, now: Millis) -> Option<Millis> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(name.clone(), *limit)).filter(|over| over.contains(&now)).map(|over| over.end)
    }

    pub(super) fn put(&self, (name, limit, _): &Budget, until: Millis, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, over| over.contains(&now));
        }
        if all.len() < REMEMBERED {
            all.insert((name.clone(), *limit), now..until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Over, REMEMBERED};

    fn budget(name: &str) -> Budget {
        (name.to_owned(), 5, 60_000)
    }

    #[test]
    fn what_is_remembered_has_an_end_and_is_never_too_much() {
        let over = Over::default();
        let (one, ahead, late) = (budget("one"), budget("ahead"), budget("late"));
        over.put(&one, 100, 0);
        assert_eq!((over.until(&one, 99), over.until(&one, 100)), (Some(100), None));
        assert_eq!((over.until(&late, 0), over.until(&("one".into(), 6, 60_000), 0)), (None, None));
        over.put(&ahead, 300, 200);
        assert_eq!(over.until(&ahead, 0), None, "a clock was wrong");
        for at in 0..2 * REMEMBERED {
            over.put(&budget(&at.to_string()), 200, 50);
        }
        assert_eq!(over.0.lock().unwrap().len(), REMEMBERED);
        over.put(&late, 300, 200);
        assert_eq!(over.until(&late, 200), Some(300), "what is past made room");
    }
}
