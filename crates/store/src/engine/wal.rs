//! Detects a `-wal` file that belongs to another database file, and a database that was not closed.
//!
//! SQLite writes a commit to `doorward.db-wal` first and copies it into `doorward.db` from time to time.
//! After a crash the next start finishes that copy, into the `doorward.db` that exists by then: a backup that
//! was restored meanwhile is overwritten page by page and corrupted. SQLite does not notice, because neither
//! file names the other. So the server records in a note, `doorward.db-origin`, the state of the database
//! file when each `-wal` began, and compares it at the next start. A missing or old note causes no refusal.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_core::files::Draft;

/// The length of the header of a `-wal` file, <https://sqlite.org/fileformat2.html#walformat>.
const WAL_HEADER: usize = 32;
/// The length of the header of a frame: page, size of the database, the two salts, checksum.
const FRAME_HEADER: usize = 24;
/// The length of the header of a database file.
const HEADER: usize = 100;

/// The salts of a `-wal`. They differ between successive `-wal` files of a database.
type Salts = [u8; 8];

/// The state of a database file: its change counter, size and schema cookie, and the version that the change
/// counter was written for.
type State = [u8; 16];

/// Whether the server has the database open. The last byte of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Use {
    Closed = b'0',
    Open = b'1',
}

/// How a database was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It was closed, or is new.
    Clean,
    /// The server did not close it, or it is open in another process.
    Unclean,
    /// The `-wal` contains commits that belong to another database file.
    Foreign,
}

/// The note that the server writes.
#[derive(Debug)]
pub(crate) struct WalNote {
    file: PathBuf,
    database: Arc<File>,
    wal: Option<File>,
    salts: Salts,
    state: State,
    /// The last content that this server wrote.
    written: Vec<u8>,
}

impl WalNote {
    /// Records that the server has the database open. `database` is an open descriptor of the same file. It
    /// must stay open for as long as SQLite has the file open in this process: closing any descriptor of a
    /// file releases all POSIX locks of the process on it, including those of SQLite.
    pub(crate) fn begin(file: &Path, database: Arc<File>) -> WalNote {
        let (wal, salts, state) = (None, Salts::default(), State::default());
        let mut note = WalNote { file: file.to_owned(), database, wal, salts, state, written: Vec::new() };
        note.commit();
        let (salts, state) = (note.salts, note.state);
        note.write(salts, state, Use::Open);
        note
    }

    /// Records the state of the database if a new `-wal` began with the last commit. Call it after each
    /// commit.
    pub(crate) fn commit(&mut self) {
        let Some(salts) = self.current_salts().filter(|salts| *salts != self.salts) else { return };
        let Some(state) = state(&self.database, 0) else { return };
        self.write(salts, state, Use::Open);
    }

    /// Call it after SQLite was reopened, which may have created a new `-wal`.
    pub(crate) fn reopened(&mut self) {
        self.wal = None;
    }

    /// Records that the database is closed, unless another server has written the note meanwhile.
    pub(crate) fn end(&mut self) {
        if fs::read(beside(&self.file, "-origin")).is_ok_and(|note| note == self.written) {
            self.write(self.salts, self.state, Use::Closed);
        }
    }

    /// A failure is only logged, because without the note the next start merely checks less. The next commit
    /// tries again.
    fn write(&mut self, salts: Salts, state: State, used: Use) {
        let note = [&salts[..], &state, &[used as u8]].concat();
        let written = Draft::of(&beside(&self.file, "-origin"), 0o600).and_then(|mut draft| {
            draft.write_all(&note)?;
            // Not synced: after a power failure the note may be missing or empty.
            draft.replace_unsynced()
        });
        match written {
            Ok(()) => (self.salts, self.state, self.written) = (salts, state, note),
            Err(error) => tracing::debug!(%error, "doorward.db-origin could not be written"),
        }
    }

    fn current_salts(&mut self) -> Option<Salts> {
        if self.wal.is_none() {
            self.wal = File::open(beside(&self.file, "-wal")).ok();
        }
        salts(self.wal.as_ref()?)
    }
}

/// How a database file was closed. Call it before SQLite opens the file, because SQLite then begins to use
/// the `-wal`.
pub(crate) fn left(file: &Path) -> Left {
    match (look(file), look(file)) {
        ((Left::Foreign, seen), (Left::Foreign, again)) if seen == again => Left::Foreign,
        // A running server began a new `-wal` between the two reads.
        ((Left::Foreign, _), _) => Left::Unclean,
        ((left, _), _) => left,
    }
}

/// How a database file was closed, and the bytes that this result is based on.
fn look(file: &Path) -> (Left, Vec<u8>) {
    let note = fs::read(beside(file, "-origin")).unwrap_or_default();
    let is_open = note.last() == Some(&(Use::Open as u8));
    let unreplayed = if is_open { Left::Unclean } else { Left::Clean };
    let Ok(wal) = File::open(beside(file, "-wal")) else { return (unreplayed, note) };
    let length = wal.metadata().map_or(0, |wal| wal.len());
    let Some(salts) = salts(&wal).filter(|_| length > (WAL_HEADER + FRAME_HEADER) as u64) else {
        return (unreplayed, note);
    };
    let now = File::open(file).ok().and_then(|file| state(&file, 0));
    let seen = [&note[..], &salts, now.as_ref().map_or(&[], |now| &now[..])].concat();
    let (Some((noted, rest)), Some(now)) = (note.split_first_chunk::<8>(), now) else {
        return (Left::Unclean, seen);
    };
    let began_on = rest.first_chunk::<16>().filter(|_| *noted == salts);
    // Part of the `-wal` may have been copied before the crash: then the file has its first state, or that of
    // one of the commits.
    let is_own =
        |began_on: &State| now == *began_on || first_pages(&wal, salts, length).any(|copied| copied == now);
    (if began_on.is_none_or(is_own) { Left::Unclean } else { Left::Foreign }, seen)
}

/// The states of the database after those commits of a `-wal` that change its first page.
fn first_pages(wal: &File, salts: Salts, length: u64) -> impl Iterator<Item = State> + '_ {
    let page = bytes::<4>(wal, 8).map_or(4096, u32::from_be_bytes);
    let frame = FRAME_HEADER as u64 + u64::from(page);
    let starts = (0..).map(move |number| WAL_HEADER as u64 + number * frame);
    let whole = starts.take_while(move |start| start + frame <= length);
    let ours = whole.filter(move |start| bytes(wal, start + 8) == Some(salts));
    let first = ours.filter(move |start| bytes(wal, *start) == Some(1u32.to_be_bytes()));
    first.filter_map(move |start| state(wal, start + FRAME_HEADER as u64))
}

fn salts(wal: &File) -> Option<Salts> {
    bytes(wal, 16)
}

/// The state that a first page contains. An empty file has the default state.
fn state(file: &File, at: u64) -> Option<State> {
    let Some(header) = bytes::<HEADER>(file, at) else { return Some(State::default()) };
    let parts = [header.get(24..28)?, header.get(28..32)?, header.get(40..44)?, header.get(92..96)?];
    State::try_from(parts.concat()).ok()
}

fn bytes<const N: usize>(file: &File, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

/// The path of a file beside the database, like `doorward.db-wal`.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}
