//! The log: lines on standard error. A line that cannot be written is lost, and the request does not notice.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorward_core::tasks::{self, text_of};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Lines that wait while standard error is slow. Further lines are lost.
const WAITING: usize = 8 * 1024;

/// How often [`report`] logs the number of missing lines.
const REPORT: Duration = Duration::from_secs(60);

/// Lines that could not be written to standard error.
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);
/// Lines that were left out because there were too many of their kind.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
/// Counts the lines that were lost because too many were waiting.
static OVERFLOW: OnceLock<ErrorCounter> = OnceLock::new();

/// Writes the waiting lines when it is dropped, for [`FAREWELL`] at most.
pub(crate) struct Log(Option<WorkerGuard>);

/// Time limit for the last lines.
const FAREWELL: Duration = Duration::from_secs(2);

impl Drop for Log {
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, ended) = std::sync::mpsc::channel::<()>();
        // In a separate thread: if nothing reads the log, the guard waits, and reports that with `println!`, which may
        // block for ever or panic.
        let last = std::thread::Builder::new().name("last lines".into()).spawn(move || {
            drop(guard);
            drop(done);
        });
        if last.is_ok() {
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}

/// Starts the log.
///
/// # Errors
///
/// `level` is not a filter.
pub(crate) fn start(level: &str, dev: bool) -> Result<Log, String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("log.level: {error}"))?;
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING)
        .lossy(true)
        .thread_name("log")
        .finish(StandardError);
    let _ = OVERFLOW.set(writer.error_counter());
    // By default the subscriber reports a line that it could not write with `eprintln!`, which panics if standard error
    // cannot be written.
    let lines =
        fmt::layer().with_writer(writer).log_internal_errors(false).with_ansi(io::stderr().is_terminal());
    let lines = if dev {
        lines.compact().with_target(false).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(filter).with(PerCallsite::default()).with(lines).init();
    std::panic::set_hook(Box::new(panicked));
    Ok(Log(Some(guard)))
}

/// Standard error for the log: accepts every line, and counts the lost ones.
struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            UNWRITTEN.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic is logged like every other error.
fn panicked(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string);
    let (cause, task) = (text_of(panic.payload()), tasks::current());
    tracing::error!(at, cause, task = task.as_deref(), "panicked");
}

/// Logs from time to time how many lines are missing.
pub(crate) async fn report() {
    loop {
        tokio::time::sleep(REPORT).await;
        report_now();
    }
}

/// Logs how many lines are missing since the last report, if any.
pub(crate) fn report_now() {
    static OVERFLOWED: AtomicU64 = AtomicU64::new(0);
    let overflow = OVERFLOW.get().map_or(0, |counter| counter.dropped_lines() as u64);
    let overflow = overflow - OVERFLOWED.swap(overflow, Ordering::Relaxed);
    let unwritten = UNWRITTEN.swap(0, Ordering::Relaxed) + overflow;
    let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
    if unwritten + left_out > 0 {
        tracing::warn!(
            unwritten,
            left_out,
            "lines are missing in this log: some could not be written, and some were too many of their kind"
        );
    }
}

/// Limits how often a line of one kind is written.
struct Limit<K: std::hash::Hash + Eq + Clone, C: Clock = MonotonicClock>(
    RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
);

/// Most kinds that are counted at the same time. All further ones count as one.
const KINDS: usize = 10_000;
/// After this many refusals, kinds that have not occurred for long are forgotten.
const SWEEP: u64 = 5_000;

impl<K: std::hash::Hash + Eq + Clone, C: Clock> Limit<K, C> {
    /// Allows this many lines at once, and then one after each pause.
    fn new(at_once: NonZeroU32, pause: Duration, clock: C) -> Limit<K, C> {
        let quota = Quota::with_period(pause).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
        Limit(RateLimiter::hashmap_with_clock(quota.allow_burst(at_once), clock))
    }

    /// True if another line may be written.
    fn allows(&self, kind: &K) -> bool {
        let allowed = self.0.check_key(kind).is_ok();
        if !allowed {
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
        }
        allowed
    }
}

/// Limits the lines of each log statement. Debug and trace lines are not limited.
struct PerCallsite(Limit<Identifier>);

impl Default for PerCallsite {
    fn default() -> PerCallsite {
        const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(499);
        PerCallsite(Limit::new(AT_ONCE, Duration::from_millis(20), MonotonicClock))
    }
}

impl<S: Subscriber> Layer<S> for PerCallsite {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        *metadata.level() > Level::INFO || self.0.allows(&metadata.callsite())
    }
}

/// Limits the log lines of refused requests, for each kind and source, so that a client with many refused requests does
/// not fill the log.
pub(crate) struct Refusals<C: Clock = MonotonicClock> {
    limit: Limit<u64, C>,
    hasher: RandomState,
    asked: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals::with(MonotonicClock)
    }
}

impl<C: Clock> Refusals<C> {
    fn with(clock: C) -> Refusals<C> {
        const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
        Refusals {
            limit: Limit::new(AT_ONCE, Duration::from_secs(3), clock),
            hasher: RandomState::new(),
            asked: AtomicU64::new(1),
        }
    }

    /// True if another refusal with this route and error may be logged for this client.
    pub(crate) fn allows(&self, route: &str, error: &str, client: Option<IpAddr>) -> bool {
        // Looks through all kinds, so that it must not run on each call.
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP) {
            self.limit.0.retain_recent();
        }
        let source = (self.limit.0.len() < KINDS).then(|| doorward_limits::source(client));
        self.limit.allows(&self.hasher.hash_one((route, error, source)))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn client(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_client_that_is_refused_again_and_again_gets_twenty_lines_and_then_one_every_three_seconds() {
        let clock = FakeRelativeClock::default();
        let refusals = Refusals::with(clock.clone());
        let written = |error: &str, from| {
            (0..1_000).filter(|_| refusals.allows("/v1/login", error, client(from))).count()
        };
        assert_eq!(written("REQUEST_EXCEED", 1), 20);
        assert_eq!(written("REQUEST_EXCEED", 1), 0);
        assert_eq!(written("REQUEST_EXCEED", 2), 20, "another client");
        assert_eq!(written("INVALID_PROOF", 1), 20, "another error");
        clock.advance(Duration::from_secs(9));
        assert_eq!(written("REQUEST_EXCEED", 1), 3);
    }

    #[test]
    fn any_number_of_clients_takes_a_bounded_memory() {
        let refusals = Refusals::with(FakeRelativeClock::default());
        for number in 0..3 * KINDS {
            let [.., a, b, c] = number.to_be_bytes();
            refusals.allows("/v1/login", "INVALID_PROOF", Some(IpAddr::from([10, a, b, c])));
        }
        assert!(refusals.limit.0.len() <= KINDS + 1, "{}", refusals.limit.0.len());
    }
}
