//! Atomic writes of files. A draft is written to the same folder, synced to disk, and then renamed. A crash at any
//! moment leaves the old file or no file, never a partial one. [`Draft::replace_unsynced`] does not sync.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, PersistError};

/// A file under a temporary name. It is removed if it is dropped without [`Draft::create`] or [`Draft::replace`].
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    target: PathBuf,
}

impl Draft {
    /// Creates a draft for `target` with the permissions `mode`, minus those in the umask of the process.
    pub fn of(target: &Path, mode: u32) -> io::Result<Draft> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let mut builder = Builder::new();
        let file = builder.prefix(&prefix).suffix(".new").permissions(Permissions::from_mode(mode));
        Ok(Draft { file: file.tempfile_in(folder_of(target))?, target: target.to_owned() })
    }

    /// The open file, to set its owner or to read what was written so far.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// The temporary path of the draft.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Renames the draft to its target. If the target exists, keeps it and returns an error of the kind
    /// `AlreadyExists`.
    pub fn create(self) -> io::Result<()> {
        self.put(|file, target| file.persist_noclobber(target))
    }

    /// Renames the draft to its target. Replaces an existing file.
    pub fn replace(self) -> io::Result<()> {
        self.put(|file, target| file.persist(target))
    }

    /// Like [`Draft::replace`], but does not wait for the disk. After a power failure the file may be the old one,
    /// or empty.
    pub fn replace_unsynced(self) -> io::Result<()> {
        self.file.persist(self.target)?;
        Ok(())
    }

    fn put(self, rename: impl FnOnce(NamedTempFile, &Path) -> Result<File, PersistError>) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        rename(self.file, &self.target)?;
        // Without this, a power failure could undo the rename. Some file systems cannot sync a folder; that is no
        // error, because the file is renamed.
        let _ = File::open(folder_of(&self.target)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// True if users other than the owner and the group can read or write the file. False if its permissions cannot be
/// read.
pub fn is_open_to_others(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o006 != 0)
}

/// Creates a folder with access for its owner only, unless it exists.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
