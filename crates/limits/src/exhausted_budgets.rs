//! In-memory cache of exhausted budgets, so that repeated refusals need no database write (SECURITY S13).

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use doorward_core::clock::Millis;

/// Most remembered budgets, some hundred kilobytes. Refusals by further budgets need a write.
const REMEMBERED: usize = 4096;

/// The periods of exhausted budgets, by name and limit. An entry does not count before its period begins: then a clock
/// was wrong.
#[derive(Default)]
pub struct ExhaustedBudgets(Mutex<HashMap<(String, u32), Range<Millis>>>);

impl fmt::Debug for ExhaustedBudgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExhaustedBudgets")
    }
}

impl ExhaustedBudgets {
    /// When the budget has room again, if it is exhausted.
    pub(super) fn until(&self, name: &str, limit: u32, now: Millis) -> Option<Millis> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(name.to_owned(), limit)).filter(|over| over.contains(&now)).map(|over| over.end)
    }

    pub(super) fn put(&self, name: &str, limit: u32, until: Millis, now: Millis) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, over| over.contains(&now));
        }
        if all.len() < REMEMBERED {
            all.insert((name.to_owned(), limit), now..until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExhaustedBudgets, REMEMBERED};

    #[test]
    fn entries_expire_and_their_number_is_limited() {
        let exhausted = ExhaustedBudgets::default();
        exhausted.put("one", 5, 100, 0);
        assert_eq!((exhausted.until("one", 5, 99), exhausted.until("one", 5, 100)), (Some(100), None));
        assert_eq!((exhausted.until("late", 5, 0), exhausted.until("one", 6, 0)), (None, None));
        exhausted.put("ahead", 5, 300, 200);
        assert_eq!(exhausted.until("ahead", 5, 0), None, "a clock was wrong");
        for at in 0..2 * REMEMBERED {
            exhausted.put(&at.to_string(), 5, 200, 50);
        }
        assert_eq!(exhausted.0.lock().unwrap().len(), REMEMBERED);
        exhausted.put("late", 5, 300, 200);
        assert_eq!(exhausted.until("late", 5, 200), Some(300), "expired entries made room");
    }
}
