//! Files that must be whole. A draft is written beside its place, made durable, and then renamed: a crash at any moment
//! leaves the old file or no file, never a partial one. [`Draft::replace_unsynced`] leaves out the durable part.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, PersistError};

/// A file that is not in its place yet. Dropped without [`Draft::create`] or [`Draft::replace`], it is removed.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    target: PathBuf,
}

impl Draft {
    /// Begins a file with these permissions, less those that the process's umask takes away.
    pub fn of(target: &Path, mode: u32) -> io::Result<Draft> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let mut builder = Builder::new();
        let file = builder.prefix(&prefix).suffix(".new").permissions(Permissions::from_mode(mode));
        Ok(Draft { file: file.tempfile_in(folder_of(target))?, target: target.to_owned() })
    }

    /// The draft itself: its owner is set here, or what was written so far is read again.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Where the draft is meanwhile.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Puts it in its place. A file that is there already stays, and is an error of the kind `AlreadyExists`.
    pub fn create(self) -> io::Result<()> {
        self.put(|file, target| file.persist_noclobber(target))
    }

    /// Puts it in its place, instead of a file that is there.
    pub fn replace(self) -> io::Result<()> {
        self.put(|file, target| file.persist(target))
    }

    /// The same without waiting for the disk: after a power failure it may be the one from before, or empty.
    pub fn replace_unsynced(self) -> io::Result<()> {
        self.file.persist(self.target)?;
        Ok(())
    }

    fn put(self, rename: impl FnOnce(NamedTempFile, &Path) -> Result<File, PersistError>) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        rename(self.file, &self.target)?;
        // Without this a power failure could take the new name back. Some file systems cannot do it for a folder; the file is
        // in its place then, too.
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

/// Can other users than its owner and its group read or write it? Not if it cannot be looked at.
pub fn is_open_to_others(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o006 != 0)
}

/// Makes a folder that only its owner can look into, unless it is there.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
