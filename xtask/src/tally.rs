//! Parses the test results that test runners print.

use std::fmt;

/// How many tests passed and failed, and how long each took.
#[derive(Default, Clone)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Names and seconds, if the runner prints them.
    pub(crate) times: Vec<(String, f64)>,
}

impl Tally {
    /// Adds a line of a runner's output.
    ///
    /// Rust prints `test result: ok. 3 passed; 1 failed; …` and, with `--report-time`, `test a::name ... ok
    /// <1.204s>`. Node prints `ℹ pass 3` and `✔ a name (12.3ms)`.
    pub(crate) fn add(&mut self, line: &str) {
        let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        let number = |word: &str| word.parse::<usize>().unwrap_or(0);
        match words[..] {
            ["test", "result:", _, passed, "passed", failed, "failed", ..] => {
                self.passed += number(passed);
                self.failed += number(failed);
            }
            ["test", name, .., time] => {
                let time = time.strip_prefix('<').and_then(|time| time.strip_suffix("s>"));
                if let Some(time) = time.and_then(|time| time.parse().ok()) {
                    self.times.push((name.to_owned(), time));
                }
            }
            ["ℹ" | "#", "pass", passed] => self.passed += number(passed),
            ["ℹ" | "#", "fail" | "cancelled", failed] => self.failed += number(failed),
            ["✔" | "✖", .., time] => {
                let name = line.trim().trim_start_matches(['✔', '✖', ' ']);
                let milliseconds = time.strip_prefix('(').and_then(|time| time.strip_suffix("ms)"));
                if let Some(milliseconds) = milliseconds.and_then(|time| time.parse::<f64>().ok()) {
                    let name = name.trim_end_matches(time).trim_end();
                    self.times.push((name.to_owned(), milliseconds / 1000.0));
                }
            }
            _ => {}
        }
    }

    /// Adds the results of another step.
    pub(crate) fn merge(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.times.extend(other.times);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.passed, self.failed) {
            (0, 0) => Ok(()),
            (passed, 0) => write!(f, "{passed} passed"),
            (passed, failed) => write!(f, "{passed} passed, {failed} failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_of_both_runners_are_added_up() {
        let mut tally = Tally::default();
        tally.add("test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured");
        tally.add("ℹ pass 4");
        tally.add("ℹ fail 2");
        tally.add("ℹ duration_ms 12");
        assert_eq!((tally.passed, tally.failed), (7, 3));
    }

    #[test]
    fn the_time_of_each_test_is_read() {
        let mut tally = Tally::default();
        tally.add("test session_login::a_name ... ok <1.204s>");
        tally.add("test session_login::without_a_time ... ok");
        tally.add("  ✔ a name of three words (12.5ms)");
        let expected =
            [("session_login::a_name".to_owned(), 1.204), ("a name of three words".to_owned(), 0.0125)];
        assert_eq!(tally.times, expected);
    }
}
