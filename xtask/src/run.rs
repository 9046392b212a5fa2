//! Running other programs: what is said before and while they run, and what their failure becomes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// An error here is a text for the person at the terminal.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// One line to the person, on stderr: stdout belongs to the programs that are run.
pub(crate) fn say(line: &str) {
    #[expect(clippy::print_stderr, reason = "the one place where progress is printed")]
    {
        eprintln!("{line}");
    }
}

/// A command written as one would type it; what may hold a space is added as an argument.
pub(crate) fn command(line: &str) -> Command {
    let mut words = words(line);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// Fixed arguments, written as one would type them.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace()
}

/// Runs a program to its end with its own output; an error names it and its exit status.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let name = name_of(command);
    let status =
        command.stdin(Stdio::null()).status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// As [`run`], for what takes long: says what it does first, and every 20 s that it is still at it.
pub(crate) fn run_long(what: &str, command: &mut Command) -> Outcome {
    said_long(what, || run(command))
}

/// As [`run_long`], for any work.
pub(crate) fn said_long<T>(what: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    say(&format!("» {what}"));
    let started = Instant::now();
    let result = while_saying(Duration::from_secs(20), what, work)?;
    say(&format!("  done in {}", seconds(started.elapsed())));
    Ok(result)
}

/// As [`run_long`], for what has nothing to do most of the time: then it says nothing.
pub(crate) fn run_perhaps_long(what: &str, command: &mut Command) -> Outcome {
    while_saying(Duration::from_secs(2), what, || run(command))
}

/// The program's stdout as text.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let name = name_of(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name} answered with something that is no text"))
}

/// A duration as people read it.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=119 => format!("{} s", time.as_secs()),
        long => format!("{} min {} s", long / 60, long % 60),
    }
}

/// Reads a file; the error names it.
pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a text file; the error names it.
pub(crate) fn read_text(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file and the folders above it; the error names it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Outcome {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn while_saying<T>(first: Duration, what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        scope.spawn(move || {
            let mut pause = first;
            while wait.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                say(&format!("  … {} into {what}", seconds(started.elapsed())));
                pause = Duration::from_secs(20);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let arguments = command.get_args().take(2).map(|argument| argument.to_string_lossy());
    [program.to_string_lossy()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}
