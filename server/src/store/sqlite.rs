//! SQLite: a file in a folder of its own, many readers, one writer.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::{AnyConnection, AnyPool, ConnectOptions};
use url::Url;

use super::StoreError;
use super::engine::Kind;
use super::migrations::{migrate, verify};
use super::writer::Writer;
use crate::clock::{Durability, Millis};

/// Readers at a time. Each is a thread and a page cache: more do not help two cores.
const READERS: u32 = 4;

/// Opens or creates the database in a folder and brings its tables up to date.
pub(super) async fn open(
    folder: &Path,
    durability: Durability,
    now: Millis,
) -> Result<(AnyPool, Writer), StoreError> {
    let at = |error: io::Error| StoreError::Unavailable(format!("{}: {error}", folder.display()));
    make_folder(folder).map_err(at)?;
    let file = folder.canonicalize().map_err(at)?.join("doorward.db");
    // Created here, so that nobody else can ever read it; SQLite gives its journal the same mode.
    OpenOptions::new().append(true).create(true).mode(0o600).open(&file).map_err(at)?;
    let place = Place { options: options(&file)?, durability };
    let mut connection = place.connect().await?;
    migrate(&mut connection, Kind::Sqlite, now).await?;
    serve(place, connection).await
}

/// Opens the database in a folder beside the server that runs on it, as it is.
pub(super) async fn attach(folder: &Path) -> Result<(AnyPool, Writer), StoreError> {
    let file = folder.join("doorward.db");
    let file = file.canonicalize().map_err(|error| {
        StoreError::Unavailable(format!("{}: {error}: doorward serve makes the database", file.display()))
    })?;
    let place = Place { options: options(&file)?, durability: Durability::Full };
    let mut connection = place.connect().await?;
    verify(&mut connection).await?;
    serve(place, connection).await
}

/// A database file, and how connections write to it.
pub(super) struct Place {
    options: AnyConnectOptions,
    durability: Durability,
}

impl Place {
    pub(super) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = self.options.connect().await?;
        prepare(&mut connection, self.durability).await?;
        Ok(connection)
    }
}

async fn serve(place: Place, writer: AnyConnection) -> Result<(AnyPool, Writer), StoreError> {
    let durability = place.durability;
    let readers = AnyPoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| Box::pin(prepare(connection, durability)))
        .connect_with(place.options.clone())
        .await?;
    Ok((readers, Writer::start(writer, place)))
}

/// Makes a folder that only its owner can look into, unless it is there.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn options(file: &Path) -> Result<AnyConnectOptions, StoreError> {
    let name = || StoreError::Internal(format!("{}: not a name for a database", file.display()));
    let path = Url::from_file_path(file).map_err(|()| name())?;
    let options = AnyConnectOptions::from_str(&format!("sqlite://{}", path.path()))?;
    // What is slow shows in the request's own line of the log.
    Ok(options.disable_statement_logging())
}

/// Durable after each commit, unless told otherwise; readers never wait for the writer; a lock held by a backup is waited for.
async fn prepare(connection: &mut AnyConnection, durability: Durability) -> sqlx::Result<()> {
    let pragmas = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
        pragma busy_timeout = 5000; pragma cache_size = -2000; pragma temp_store = memory;";
    sqlx::raw_sql(pragmas).execute(&mut *connection).await?;
    if durability == Durability::Lazy {
        sqlx::raw_sql("pragma synchronous = off").execute(connection).await?;
    }
    Ok(())
}

/// Is this a fault that may pass: locked, out of memory, disk error, disk full, cannot open?
pub(super) fn is_passing(error: &dyn DatabaseError) -> bool {
    // The extended code's low byte is SQLite's primary result code.
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(code, Some(5 | 6 | 7 | 8 | 10 | 13 | 14 | 15))
}
