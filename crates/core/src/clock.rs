//! Time and chance as arguments, so that a test can say "29 minutes later" and repeat itself.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A moment: milliseconds since 1970, as in the database.
pub type Millis = i64;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Millis;

    /// Moves the clock forward. False when this clock cannot be moved.
    fn advance(&self, _by: Millis) -> bool {
        false
    }
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        #[expect(clippy::disallowed_methods, reason = "here the time comes from")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

/// The machine's own clock plus what `POST /dev/clock` has added to it. Only `--dev` uses it.
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

/// Gives unpredictable bytes.
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
        // AWS-LC ends the process itself when the kernel gives no entropy: there is no error to handle.
        let _ = self.0.fill(bytes);
    }
}

/// The outside world as the application sees it.
#[derive(Clone)]
pub struct World {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The program that workers are started from.
    pub program: PathBuf,
    /// Answers that could tell whether an account exists leave at multiples of this time. Zero: at once.
    pub beat: Duration,
    /// When a commit is on the disk.
    pub durability: Durability,
    /// The newest id: its milliseconds and the count within them.
    newest: Arc<AtomicU64>,
}

/// Much longer than the two ways to such an answer differ by, too short for a person to notice.
const BEAT: Duration = Duration::from_millis(50);

/// When a commit is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before its caller gets an answer.
    #[default]
    Full,
    /// When the system writes it: a power failure can lose it. For tests of other things.
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
    /// With this time and chance.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> World {
        let (program, newest) = (this_program(), Arc::default());
        World { clock, random, program, beat: BEAT, durability: Durability::Full, newest }
    }

    /// The machine's time and chance, with a clock that `POST /dev/clock` can move forward.
    pub fn for_development() -> World {
        World::new(Arc::new(DevClock::default()), Arc::new(SystemRandomness::default()))
    }

    /// The same, with another program than the running one to start workers from: a test is no server.
    pub fn with_program(self, program: impl Into<PathBuf>) -> World {
        World { program: program.into(), ..self }
    }

    /// The same without waits, for tests of other things: not for the disk, and not for a beat.
    pub fn hasty(self) -> World {
        World { beat: Duration::ZERO, durability: Durability::Lazy, ..self }
    }

    /// Now.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// So many unpredictable bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new id: a UUID of version 7, so that rows of one time lie together in an index. Those of one node come in the
    /// order in which they were made, also within a millisecond (RFC 9562 §6.2, a counter of 12 bits).
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

/// The program that is running: this very version of it, also while the file is being replaced.
fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_else(|_| "doorward".into())
}

/// What two clocks may differ by before it is worth a word (D-34).
const TOLERATED: Millis = 2_000;

/// Says so when a node's clock and the database's are too far apart.
pub fn disagreement(node: Millis, database: Millis) -> Option<String> {
    let ahead = node - database;
    (ahead.abs() > TOLERATED).then(|| {
        let (seconds, way) = (ahead.abs() / 1000, if ahead > 0 { "ahead of" } else { "behind" });
        format!("this server's clock is {seconds} s {way} the database's: let both follow a time server")
    })
}

/// As in answers: RFC 3339 with milliseconds in UTC.
pub fn rfc3339(at: Millis) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_the_order_in_which_they_were_made() {
        let world = World::default();
        let ids: Vec<String> = (0..10_000).map(|_| world.id()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn clocks_that_are_two_seconds_apart_are_told_of() {
        assert_eq!(disagreement(10_000, 12_000), None);
        assert!(disagreement(10_000, 12_001).unwrap().contains("2 s behind"));
        assert!(disagreement(73_000, 12_000).unwrap().contains("61 s ahead of"));
    }

    #[test]
    fn a_moment_is_written_with_milliseconds_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_767_225_600_120), "2026-01-01T00:00:00.120Z");
    }
}
