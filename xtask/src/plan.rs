//! Runs steps in parallel: each begins when the steps that it needs are done.
//!
//! At most two computing steps run at a time. While one of them waits for a browser or a linker, the other
//! uses the cores. Steps that wait for the network run in addition.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::repo::Repo;
use crate::run::{Log, Outcome, say, seconds};
use crate::tally::Tally;

/// Number of steps that compute at a time.
const LANES: usize = 2;
/// The delay before the first progress line, and between two.
const FIRST: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_secs(20);

/// A piece of work.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Description for the terminal.
    pub(crate) about: &'static str,
    /// Names of steps that must be done first.
    pub(crate) needs: &'static [&'static str],
    pub(crate) kind: Kind,
    /// Seconds of a run from nothing on two idle cores. Used as the estimate until this machine has run the
    /// step, and for the order of steps.
    pub(crate) typical: u64,
    pub(crate) work: fn(&World, &Log) -> Outcome,
}

/// How a step uses the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Uses the cores.
    Computes,
    /// Mostly waits, for example for downloads, so it runs in parallel with any other step.
    Waits,
}

/// Input of all steps.
pub(crate) struct World {
    pub(crate) repo: Repo,
    /// `--long`: also runs the tests that take minutes.
    pub(crate) long: bool,
    /// Runs only tests with one of these words in their name.
    pub(crate) filters: Vec<String>,
    /// Folder for files of tests and browsers; removed at the end.
    pub(crate) scratch: Scratch,
}

impl World {
    /// Input for commands that run no tests.
    pub(crate) fn of(repo: Repo) -> Outcome<Self> {
        Ok(Self { repo, long: false, filters: Vec::new(), scratch: Scratch::new()? })
    }
}

/// The result of a step.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// `None` if the step did not begin, because a step that it needs failed.
    pub(crate) outcome: Option<Outcome>,
    began: Duration,
    ended: Duration,
    pub(crate) tally: Tally,
}

impl Row {
    pub(crate) fn is_ok(&self) -> bool {
        matches!(self.outcome, Some(Ok(())))
    }
}

/// The steps with these names, and all steps that they need.
pub(crate) fn with_needs(all: &'static [Step], names: &[&str]) -> Vec<&'static Step> {
    let mut wanted: Vec<&str> = names.to_vec();
    let mut next = 0;
    while let Some(name) = wanted.get(next) {
        let needs = all.iter().filter(|step| step.name == *name).flat_map(|step| step.needs);
        let new: Vec<&str> = needs.copied().filter(|need| !wanted.contains(need)).collect();
        wanted.extend(new);
        next += 1;
    }
    all.iter().filter(|step| wanted.contains(&step.name)).collect()
}

/// Runs the steps. With `live`, prints their output immediately and runs them one after the other.
pub(crate) fn run(steps: &[&'static Step], world: &World, live: bool) -> Outcome<Vec<Row>> {
    let times = Times::read(&world.repo);
    let started = Instant::now();
    let mut waiting = steps.to_vec();
    waiting.sort_by_key(|step| std::cmp::Reverse(rank(step, steps)));
    let mut running: Vec<(&Step, Log, Duration)> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    thread::scope(|scope| {
        let (done, finished) = channel();
        let mut pause = FIRST;
        loop {
            skip_what_cannot_run(&mut waiting, &mut rows, started.elapsed());
            while let Some(index) = next(&waiting, steps, &running, &rows, if live { 1 } else { LANES }) {
                let step = waiting.remove(index);
                let path = world.repo.target.join("logs").join(format!("{}.log", step.name));
                let log = Log::create(path, live)?;
                running.push((step, log.clone(), started.elapsed()));
                let done = done.clone();
                scope.spawn(move || {
                    let outcome = catch_unwind(AssertUnwindSafe(|| (step.work)(world, &log)));
                    _ = done
                        .send((step.name, outcome.unwrap_or_else(|_| Err("a panic, see above".to_owned()))));
                });
            }
            if running.is_empty() {
                return Ok(());
            }
            let Ok((name, outcome)) = finished.recv_timeout(pause) else {
                if !live {
                    say(&progress(&running, &times, started.elapsed()));
                }
                pause = PAUSE;
                continue;
            };
            let Some(index) = running.iter().position(|(step, ..)| step.name == name) else { continue };
            let (step, log, began) = running.remove(index);
            let ended = started.elapsed();
            let mut tally = log.tally();
            if outcome.is_err() {
                tally.failed = tally.failed.max(1);
            }
            let row = Row { name, outcome: Some(outcome), began, ended, tally };
            report(step, &row, &log, live);
            times.remember(step, ended - began, row.is_ok());
            rows.push(row);
        }
    })
    .map(|()| rows)
}

/// Removes steps that need a failed step.
fn skip_what_cannot_run(waiting: &mut Vec<&'static Step>, rows: &mut Vec<Row>, now: Duration) {
    while let Some(index) =
        waiting.iter().position(|step| rows.iter().any(|row| step.needs.contains(&row.name) && !row.is_ok()))
    {
        let name = waiting.remove(index).name;
        rows.push(Row { name, outcome: None, began: now, ended: now, tally: Tally::default() });
    }
}

/// The next step that may begin. `waiting` has the most important step first.
fn next(
    waiting: &[&Step],
    steps: &[&'static Step],
    running: &[(&Step, Log, Duration)],
    rows: &[Row],
    lanes: usize,
) -> Option<usize> {
    let busy = running.iter().filter(|(step, ..)| step.kind == Kind::Computes || lanes == 1).count();
    waiting.iter().position(|step| {
        let has_room = busy < lanes || (step.kind == Kind::Waits && lanes > 1);
        let is_ready = step.needs.iter().all(|need| {
            rows.iter().any(|row| row.name == *need) || !steps.iter().any(|step| step.name == *need)
        });
        has_room && is_ready
    })
}

/// Time from the beginning of this step to the end of the run: the longest chain of steps that need it.
fn rank(step: &Step, steps: &[&'static Step]) -> u64 {
    let after = steps.iter().filter(|other| other.needs.contains(&step.name));
    step.typical + after.map(|other| rank(other, steps)).max().unwrap_or(0)
}

fn progress(running: &[(&Step, Log, Duration)], times: &Times, now: Duration) -> String {
    let steps = running.iter().map(|(step, log, began)| {
        let progress = log.progress();
        let comma = if progress.is_empty() { "" } else { ", " };
        let so_far = seconds(now.saturating_sub(*began));
        format!("{}: {}, {so_far}{comma}{progress} ({})", step.name, step.about, times.estimate(step))
    });
    let steps: Vec<String> = steps.collect();
    format!("  … {}\n      {}", seconds(now), steps.join("\n      "))
}

/// Reports a step that took long, ran tests or failed.
fn report(step: &Step, row: &Row, log: &Log, live: bool) {
    let took = row.ended.saturating_sub(row.began);
    let tally = row.tally.to_string();
    match &row.outcome {
        Some(Err(error)) => {
            if !live {
                say(&format!("\n── {} ──\n{}", step.name, log.text()));
            }
            say(&format!("✘ {} in {}: {error}", step.name, seconds(took)));
        }
        _ if took >= Duration::from_secs(1) || !tally.is_empty() => {
            let comma = if tally.is_empty() { "" } else { ", " };
            say(&format!("✔ {} in {}{comma}{tally}", step.name, seconds(took)));
        }
        _ => {}
    }
}

/// Prints the table of steps, the chain that determined the total time, and the slowest tests.
pub(crate) fn table(rows: &[Row], all: Duration) -> String {
    let mut lines = vec![format!("  {:<14} {:<8} {:>9} {:>12}   tests", "step", "", "began at", "took")];
    for row in rows
        .iter()
        .filter(|row| !row.is_ok() || (row.ended - row.began).as_millis() >= 500 || row.tally.passed > 0)
    {
        let outcome = match row.outcome {
            Some(Ok(())) => "ok",
            Some(Err(_)) => "FAILED",
            None => "not run",
        };
        let (began, took) = (seconds(row.began), seconds(row.ended - row.began));
        let line = format!("  {:<14} {outcome:<8} {began:>9} {took:>12}   {}", row.name, row.tally);
        lines.push(line.trim_end().to_owned());
    }
    lines.push(format!("  {:<14} {:<8} {:>9} {:>12}", "all", "", "", seconds(all)));
    lines.push(format!("\n  critical path: {}", critical_path(rows).join(" → ")));
    let mut tests: Vec<(f64, &str, &str)> = rows
        .iter()
        .flat_map(|row| row.tally.times.iter().map(|(test, time)| (*time, row.name, test.as_str())))
        .collect();
    tests.sort_by(|one, other| other.0.total_cmp(&one.0));
    if !tests.is_empty() {
        lines.push("\n  slowest tests".to_owned());
    }
    lines.extend(tests.iter().take(20).map(|(time, step, test)| format!("  {time:>6.1} s  {step}: {test}")));
    lines.join("\n")
}

/// The chain of steps that determined the total time. It ends with the step that ended last; before each step
/// is the step that it waited for, because it needed its result or its place.
fn critical_path(rows: &[Row]) -> Vec<String> {
    let took = |row: &Row| row.ended.saturating_sub(row.began);
    let mut chain = Vec::new();
    let mut at = rows.iter().max_by_key(|row| row.ended);
    while let Some(row) = at {
        chain.insert(0, format!("{} ({})", row.name, seconds(took(row))));
        let before = rows.iter().filter(|it| it.ended <= row.began && took(it) >= Duration::from_millis(500));
        at = before.max_by_key(|it| it.ended);
    }
    chain
}

/// The duration of each step on this machine when it last had work to do.
struct Times {
    file: PathBuf,
    known: BTreeMap<String, u64>,
}

impl Times {
    fn read(repo: &Repo) -> Self {
        let file = repo.tools.join("times");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let known = text.lines().filter_map(|line| {
            let (name, time) = line.split_once(' ')?;
            Some((name.to_owned(), time.parse().ok()?))
        });
        Self { known: known.collect(), file }
    }

    fn estimate(&self, step: &Step) -> String {
        match self.known.get(step.name) {
            Some(known) => format!("{} here before", seconds(Duration::from_secs(*known))),
            None => format!("about {} the first time", seconds(Duration::from_secs(step.typical))),
        }
    }

    /// Saves a duration, unless the step had nothing to do.
    fn remember(&self, step: &Step, took: Duration, ok: bool) {
        if !ok || took.as_secs() < 5 {
            return;
        }
        // Read again, because another command may have written in the meantime.
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let others = text.lines().filter(|line| line.split(' ').next() != Some(step.name));
        let mut lines: Vec<String> = others.map(str::to_owned).collect();
        lines.push(format!("{} {}", step.name, took.as_secs()));
        _ = fs::write(&self.file, lines.join("\n"));
    }
}

/// A folder that is removed on drop.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("doorward-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
