//! A PostgreSQL server for the duration of a test run. The server's tests include this file too.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A database server in its own folder, stopped and removed on drop.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    settings: String,
    /// Its port on this machine.
    pub(crate) port: u16,
}

impl Cluster {
    /// Creates and starts a server in memory, or in the given folder if memory is short. Nothing is synced to
    /// the disk: the data survives a crash of the processes, but not of the machine.
    pub(crate) fn start(place: &Path) -> Result<Cluster, String> {
        let programs =
            programs().ok_or("there is no PostgreSQL on this machine (initdb, postgres, pg_ctl)")?;
        let mut cluster =
            Cluster { programs, folder: own_folder(place)?, settings: String::new(), port: any_port() };
        let mut initdb = cluster.command("initdb");
        initdb.arg("-D").arg(cluster.data());
        initdb.args(["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        run(&mut initdb)?;
        let mut tries = 20;
        while let Err(cause) = cluster.launch("-w") {
            tries -= 1;
            if tries == 0 || !cluster.log().contains("could not create any TCP/IP sockets") {
                return Err(format!("{cause}: {}", cluster.log()));
            }
            // Another program uses the port.
            cluster.port = any_port();
        }
        Ok(cluster)
    }

    /// The URL of its first database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://app@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills the server, like a crash.
    pub(crate) fn stop(&self) -> Result<(), String> {
        let mut pg_ctl = self.command("pg_ctl");
        run(pg_ctl.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]))
    }

    /// Starts the server again on its existing data, and waits until its port is open. The server may not
    /// respond yet.
    #[allow(dead_code, reason = "only the server's tests stop and start it again")]
    pub(crate) fn go_on(&self) -> Result<(), String> {
        self.launch("-W")?;
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("PostgreSQL does not start: {}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Restarts the server with TLS, with this key and certificate (PEM files).
    #[allow(dead_code, reason = "used by the server's tests")]
    pub(crate) fn secure(&mut self, key: &Path, certificate: &Path) -> Result<(), String> {
        for (file, name) in [(key, "server.key"), (certificate, "server.crt")] {
            let copy = self.data().join(name);
            let mut install = Command::new("install");
            install.args(["-m", "600"]).args(is_root().then_some("--owner=postgres"));
            run(install.arg(file).arg(copy))?;
        }
        self.settings = "-c ssl=on".to_owned();
        self.stop()?;
        self.launch("-w")
    }

    fn launch(&self, wait: &str) -> Result<(), String> {
        let settings = format!(
            "-p {} -c listen_addresses=127.0.0.1 -k {} -c fsync=off -c full_page_writes=off -c autovacuum=off \
             -c max_wal_size=16GB -c checkpoint_timeout=1h -c max_connections=300 {}",
            self.port,
            self.folder.display(),
            self.settings
        );
        let mut pg_ctl = self.command("pg_ctl");
        pg_ctl
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(self.folder.join("log"))
            .args([wait, "-o", &settings]);
        run(pg_ctl.arg("start"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: &str) -> Command {
        as_postgres(&self.programs.join(program))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder of PostgreSQL's programs; the newest version if Debian has several.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|it| it.path())
        .collect();
    debian.sort_by_key(|folder| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    folders.extend(debian.into_iter().rev().map(|folder| folder.join("bin")));
    folders
        .into_iter()
        .find(|folder| ["initdb", "postgres", "pg_ctl"].iter().all(|program| folder.join(program).is_file()))
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// A port for PostgreSQL, which cannot choose one itself. The system assigns none of these ports to programs
/// that ask for any port (32768 and above on Linux), so no program takes this port while PostgreSQL is
/// stopped.
fn any_port() -> u16 {
    #[expect(clippy::disallowed_methods, reason = "chooses a random port; no test depends on the time")]
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let chance = now.wrapping_add(std::process::id()).wrapping_mul(0x9e37_79b9) >> 16;
    20_000 + u16::try_from(chance % 12_000).unwrap_or(0)
}

/// A folder in memory with room for the databases of a run. On ext4 without a journal, half of the time of
/// the PostgreSQL tests is the search for an inode: each dropped database frees 300, and ext4 does not reuse
/// a recently freed inode.
fn memory() -> Option<&'static Path> {
    const ROOM_KIB: u64 = 2 << 20;
    let folder = Path::new("/dev/shm");
    let told = Command::new("df").args(["-k", "--output=avail"]).arg(folder).output().ok()?;
    let free = String::from_utf8_lossy(&told.stdout).lines().last()?.trim().parse::<u64>().ok()?;
    (free >= ROOM_KIB).then_some(folder)
}

/// A folder that the user postgres can reach; a folder of root may be unreachable.
fn own_folder(place: &Path) -> Result<PathBuf, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("doorward-postgres-{}-{count}", std::process::id());
    let disk = [place, Path::new("/tmp"), Path::new("/var/tmp")];
    for place in memory().into_iter().chain(disk) {
        let folder = place.join(&name);
        if std::fs::create_dir(&folder).is_err() {
            continue;
        }
        if !is_root() {
            return Ok(folder);
        }
        let given = Command::new("chown").arg("postgres:").arg(&folder).status().is_ok_and(|it| it.success());
        if given && run(as_postgres(Path::new("test")).arg("-w").arg(&folder)).is_ok() {
            return Ok(folder);
        }
        let _ = std::fs::remove_dir(&folder);
    }
    Err("found no folder for PostgreSQL's files".to_owned())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed ({}): {said}", output.status))
    }
}
