//! Which database file a `-wal` file belongs to.
//!
//! SQLite writes a commit to `doorward.db-wal` first and copies it into `doorward.db` from time to time. After a crash the
//! next start finishes that copy, whatever `doorward.db` is by then: a backup that was put in its place is overwritten page
//! by page and corrupt. SQLite does not notice, because neither file names the other. So the writer notes beside them on which
//! database file each `-wal` began, and a start compares. A note that is missing or old refuses nothing.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::files::Draft;

/// A `-wal` begins with a header of this length, <https://sqlite.org/fileformat2.html#walformat>.
const WAL_HEADER: usize = 32;
/// Each of its frames begins with a header of this length: page, size of the database, the two salts, checksum.
const FRAME_HEADER: usize = 24;
/// A database file begins with a header of this length.
const HEADER: usize = 100;

/// What tells one `-wal` from the next in the same file.
type Salts = [u8; 8];

/// What tells one state of a database file from another: its change counter, size and schema cookie, and the version that
/// the change counter was written for.
type State = [u8; 16];

/// How a database was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It was closed, or is new.
    Clean,
    /// There are commits in its `-wal`: it was not closed, or is open in another process.
    Unclean,
    /// There are commits in the `-wal`, and they belong to another database file.
    Foreign,
}

/// Notes the origin of a `-wal`.
#[derive(Debug)]
pub(super) struct Origin {
    file: PathBuf,
    database: Arc<File>,
    wal: Option<File>,
    noted: Salts,
}

impl Origin {
    /// `database` is the same file, open. It must stay open for as long as SQLite has it open in this process: closing any
    /// descriptor of a file gives up all POSIX locks that the process has on it, SQLite's among them.
    pub(super) fn of(file: &Path, database: Arc<File>) -> Origin {
        Origin { file: file.to_owned(), database, wal: None, noted: Salts::default() }
    }

    /// Call it after a commit: notes the origin if a new `-wal` began with it. Without a note a start after a crash checks
    /// less, so that a failure here is none of the commit's.
    pub(super) fn note(&mut self) {
        let Some(salts) = self.salts() else { return };
        if salts == self.noted {
            return;
        }
        let Some(state) = state(&self.database, 0) else { return };
        let draft = Draft::of(&beside(&self.file, "-origin"), 0o600);
        let written = draft.and_then(|mut draft| {
            draft.write_all(&[&salts[..], &state].concat())?;
            // After a power failure a note that is missing or empty only has the start check less.
            draft.replace_unsynced()
        });
        if written.is_ok() {
            self.noted = salts;
        }
    }

    fn salts(&mut self) -> Option<Salts> {
        if self.wal.is_none() {
            self.wal = File::open(beside(&self.file, "-wal")).ok();
        }
        salts(self.wal.as_ref()?)
    }
}

/// How a database file was left. Ask before SQLite opens it, which begins to use the `-wal`.
pub(super) fn left(file: &Path) -> Left {
    let Some(wal) = File::open(beside(file, "-wal")).ok() else { return Left::Clean };
    let length = wal.metadata().map_or(0, |wal| wal.len());
    let Some(salts) = salts(&wal).filter(|_| length > (WAL_HEADER + FRAME_HEADER) as u64) else {
        return Left::Clean;
    };
    let Ok(note) = fs::read(beside(file, "-origin")) else { return Left::Unclean };
    let Some((noted, began_on)) = note.split_first_chunk::<8>() else { return Left::Unclean };
    let (true, Ok(began_on)) = (*noted == salts, State::try_from(began_on)) else { return Left::Unclean };
    let Some(now) = File::open(file).ok().and_then(|file| state(&file, 0)) else { return Left::Unclean };
    // Part of the `-wal` may have been copied before the crash: the file is as it began, or as some commit left it.
    if now == began_on || first_pages(&wal, salts, length).any(|copied| copied == now) {
        Left::Unclean
    } else {
        Left::Foreign
    }
}

/// The states that the commits of a `-wal` leave the database in, where they change its first page.
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

/// The state that a first page tells of. A file that is empty has none yet, which is a state, too.
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

/// `doorward.db-wal` beside `doorward.db`.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}
