//! Runs other programs and keeps their output.

use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::tally::Tally;

/// An error is a text for the terminal.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// How long a program's output may stay open after the program has ended.
const LEFT_OPEN: Duration = Duration::from_secs(5);

/// Prints one line on stderr. Stdout is for results that scripts read.
pub(crate) fn say(line: &str) {
    #[expect(clippy::print_stderr, reason = "the one place where progress is printed")]
    {
        eprintln!("{line}");
    }
}

/// A command, written as on a command line. Add arguments that may contain a space with `arg`.
pub(crate) fn command(line: &str) -> Command {
    let mut words = words(line);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// Fixed arguments, written as on a command line.
pub(crate) fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split_whitespace()
}

/// Runs a program to its end, with its output on this terminal.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let name = name_of(command);
    let status =
        command.stdin(Stdio::null()).status().map_err(|error| format!("cannot start {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// Returns the program's stdout as text. Its stderr is printed on this terminal.
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
    String::from_utf8(output.stdout).map_err(|_| format!("{name} printed bytes that are not text"))
}

/// The log of one step: a file, and also the terminal when the step runs alone.
#[derive(Clone)]
pub(crate) struct Log(Arc<Inner>);

struct Inner {
    path: PathBuf,
    file: Mutex<File>,
    live: bool,
    tally: Mutex<Tally>,
    progress: Mutex<String>,
}

impl Log {
    /// Creates the file. With `live`, each line is also printed immediately.
    pub(crate) fn create(path: PathBuf, live: bool) -> Outcome<Self> {
        let file = fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))
            .and_then(|()| File::create(&path))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let (tally, progress) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { path, file: Mutex::new(file), live, tally, progress })))
    }

    /// Runs a program to its end and keeps its output. An error names the program and its exit status.
    pub(crate) fn run(&self, command: &mut Command) -> Outcome {
        let name = name_of(command);
        let failed = |error| format!("cannot start {name}: {error}");
        let (reader, writer) = std::io::pipe().map_err(failed)?;
        command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(failed)?).stderr(writer);
        // Makes Cargo count the compiled crates even without a terminal.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "80");
        self.keep(&format!("$ {name}"));
        let mut child = command.spawn().map_err(failed)?;
        // The command also holds ends of the pipe; the reader sees the end of the output only when they are
        // closed.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (log, (open, closed)) = (self.clone(), channel::<()>());
        thread::spawn(move || {
            log.read(BufReader::new(reader));
            drop(open);
        });
        let status = child.wait().map_err(failed)?;
        if closed.recv_timeout(LEFT_OPEN) == Err(RecvTimeoutError::Timeout) {
            self.keep(&format!("{name} has ended, but a process that it started still runs"));
        }
        if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
    }

    /// Writes a line into the log.
    pub(crate) fn keep(&self, line: &str) {
        let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        _ = writeln!(file, "{line}");
        if self.0.live {
            say(line);
        }
    }

    /// The results of tests so far.
    pub(crate) fn tally(&self) -> Tally {
        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The progress of the step: `212/371 crates` or `53 passed`. Empty if unknown.
    pub(crate) fn progress(&self) -> String {
        let tally = self.tally();
        if tally.passed + tally.failed > 0 {
            return tally.to_string();
        }
        self.0.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The whole output so far.
    pub(crate) fn text(&self) -> String {
        fs::read(&self.0.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn read(&self, mut from: impl std::io::BufRead) {
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            // Cargo overwrites its progress line: a line of the log begins after the last carriage return.
            for part in text.trim_end().split('\r') {
                match crates(part) {
                    Some(crates) => {
                        *self.0.progress.lock().unwrap_or_else(PoisonError::into_inner) = crates;
                    }
                    None if !part.is_empty() || !text.contains('\r') => {
                        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner).add(part);
                        self.keep(part);
                    }
                    None => {}
                }
            }
            line.clear();
        }
    }
}

/// Extracts `212/371 crates` from Cargo's `Building [=====>    ] 212/371: tokio, serde`.
fn crates(line: &str) -> Option<String> {
    let (_, bar) = line.split_once("Building ")?.1.split_once("] ")?;
    let (count, _) = bar.split_once(':')?;
    Some(format!("{} crates", count.trim()))
}

/// Formats a duration for people.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=119 => format!("{} s", time.as_secs()),
        long => format!("{} min {} s", long / 60, long % 60),
    }
}

/// Reads a file. The error names it.
pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a text file. The error names it.
pub(crate) fn read_text(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file and creates its parent folders. The error names it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Outcome {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, content))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let arguments = command.get_args().take(4).map(|argument| argument.to_string_lossy());
    [program.to_string_lossy()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::crates;

    #[test]
    fn the_number_of_compiled_crates_is_read_from_cargos_progress() {
        let line = "    Building [=======>                 ] 212/371: tokio, serde(build)";
        assert_eq!(crates(line).as_deref(), Some("212/371 crates"));
        assert_eq!(crates("   Compiling tokio v1.54.1"), None);
    }
}
