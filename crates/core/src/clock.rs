//! Time and randomness as arguments, so that a test can move the clock and repeat a run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A time in milliseconds: a point in time counts from 1970, as in the database.
pub type Millis = i64;

/// A clock.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Millis;

    /// Moves the clock forward. Returns false if this clock cannot be moved.
    fn advance(&self, _by: Millis) -> bool {
        false
    }
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

/// The machine's own clock plus the time that `POST /dev/clock` has added. Only `--dev` uses it.
#[derive(Debug, Default)]
pub struct DevClock(AtomicI64);

impl Clock for DevClock {
    fn now(&self) -> Millis {
        SystemClock.now().saturating_add(self.0.load(Ordering::SeqCst))
    }

    fn advance(&self, by: Millis) -> bool {
        self.0.fetch_add(by, Ordering::SeqCst);
        true
    }
}

/// A source of unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's generator.
pub struct SystemRandomness(SystemRandom);

impl Default for SystemRandomness {
    fn default() -> Self {
        SystemRandomness(SystemRandom::new())
    }
}

impl fmt::Debug for SystemRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemRandomness")
    }
}

impl Random for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        // Without entropy from the kernel AWS-LC aborts the process, so there is no error to handle.
        let _ = self.0.fill(bytes);
    }
}

/// The environment of the application: time, randomness, program, delays.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn Random>,
    /// The executable that worker processes run.
    pub program: PathBuf,
    /// Answers that could reveal by their timing whether an account exists are sent at multiples of this time.
    /// Zero: at once.
    pub beat: Duration,
    /// When a commit is written to disk.
    pub durability: Durability,
    /// The newest id: its milliseconds, and a counter within the millisecond.
    newest: Arc<AtomicU64>,
}

/// Much longer than the difference in time between the two code paths, too short for a user to notice.
const BEAT: Duration = Duration::from_millis(50);

/// When a commit is written to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before the caller gets its answer.
    #[default]
    Full,
    /// When the system writes it, so a power failure can lose it. For tests of other aspects.
    Lazy,
}

impl Default for World {
    fn default() -> Self {
        World::new(Arc::new(SystemClock), Arc::new(SystemRandomness::default()))
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// A world with this clock and this source of randomness.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> World {
        let (program, newest) = (this_program(), Arc::default());
        World { clock, random, program, beat: BEAT, durability: Durability::Full, newest }
    }

    /// The machine's clock and randomness; `POST /dev/clock` can move the clock forward.
    pub fn for_development() -> World {
        World::new(Arc::new(DevClock::default()), Arc::new(SystemRandomness::default()))
    }

    /// The same world with another executable for workers. Tests need it, because their own executable is not the
    /// server.
    pub fn with_program(self, program: impl Into<PathBuf>) -> World {
        World { program: program.into(), ..self }
    }

    /// The same world without waiting for the disk or for a beat. For tests of other aspects.
    pub fn hasty(self) -> World {
        World { beat: Duration::ZERO, durability: Durability::Lazy, ..self }
    }

    /// The current time.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// `N` unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new id: a UUID of version 7, so that rows of the same time are adjacent in an index. Ids of one node
    /// increase in the order of creation, also within a millisecond (RFC 9562 §6.2, a counter of 12 bits).
    pub fn id(&self) -> String {
        let now = u64::try_from(self.now()).unwrap_or(0) << 12;
        let next = |newest: u64| Some(now.max(newest.wrapping_add(1)));
        let before = self.newest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(now);
        let newest = now.max(before.wrapping_add(1));
        let mut chance: [u8; 10] = self.bytes();
        let [_, .., high, low] = newest.to_be_bytes();
        (chance[0], chance[1]) = (high & 0x0f, low);
        uuid::Builder::from_unix_timestamp_millis(newest >> 12, &chance).into_uuid().to_string()
    }
}

/// The running executable. On Linux it stays the running version, even if its file is replaced.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_else(|_| "doorward".into())
}

/// The difference between two clocks that is tolerated without a warning (D-34).
const TOLERATED: Millis = 2_000;

/// A warning if the clocks of this node and of the database differ by more than two seconds.
pub fn disagreement(node: Millis, database: Millis) -> Option<String> {
    let ahead = node - database;
    (ahead.abs() > TOLERATED).then(|| {
        let (seconds, way) = (ahead.abs() / 1000, if ahead > 0 { "ahead of" } else { "behind" });
        format!(
            "this server's clock is {seconds} s {way} the database's: synchronise both with a time server"
        )
    })
}

/// Formats a time as in answers: RFC 3339 with milliseconds, in UTC.
pub fn rfc3339(at: Millis) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_increase_in_the_order_of_creation() {
        let world = World::default();
        let ids: Vec<String> = (0..10_000).map(|_| world.id()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn clocks_that_differ_by_more_than_two_seconds_cause_a_warning() {
        assert_eq!(disagreement(10_000, 12_000), None);
        assert!(disagreement(10_000, 12_001).unwrap().contains("2 s behind"));
        assert!(disagreement(73_000, 12_000).unwrap().contains("61 s ahead of"));
    }

    #[test]
    fn a_time_is_written_with_milliseconds_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_767_225_600_120), "2026-01-01T00:00:00.120Z");
    }
}
