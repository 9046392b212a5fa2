//! `cargo xtask setup`: installs what a machine with only Rust and Node lacks. A step that has nothing to do
//! costs a few milliseconds, so every other command begins with the steps it needs.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster;
use crate::repo::Repo;
use crate::run::{Outcome, command, output, read, run_long, said_long, say, words, write};

/// What the build and `start` need; with `--tests` also what the tests need.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome {
    // An earlier failure to get it is only remembered between builds.
    _ = fs::remove_file(repo.tools.join("rust-source"));
    for_build(repo)?;
    if arguments.iter().any(|argument| argument == "--tests") {
        for_tests(repo)?;
    }
    say("setup: everything is there");
    Ok(())
}

/// The wasm target, wasm-bindgen, and the npm packages of the build.
pub(crate) fn for_build(repo: &Repo) -> Outcome {
    wasm_target(repo)?;
    rust_source(repo)?;
    wasm_bindgen(repo)?;
    npm_packages("npm packages of the build", &repo.root)
}

/// The packages of the package tests; PostgreSQL; the browser and its driver.
pub(crate) fn for_tests(repo: &Repo) -> Outcome<Browser> {
    npm_packages("npm packages of the package tests", &repo.root.join("tests/package"))?;
    postgres()?;
    browser()
}

/// The PostgreSQL that is there, or Debian's. Its programs are all that is used of it.
fn postgres() -> Outcome {
    if cluster::programs().is_some() {
        return Ok(());
    }
    let help = "the tests need PostgreSQL: install it, and if its programs are not found put them on PATH";
    from_debian("PostgreSQL from Debian: about 20 MB, half a minute", "postgresql", help)?;
    cluster::programs().map(drop).ok_or_else(|| help.to_owned())
}

/// The standard library for wasm32-unknown-unknown. The script's own test of it takes half a second, so a good
/// result is kept for as long as the compiler and the library's files stay the same.
fn wasm_target(repo: &Repo) -> Outcome {
    let stamp = repo.tools.join("wasm-target");
    if fs::read_to_string(&stamp).is_ok_and(|known| wasm_target_state().is_ok_and(|state| state == known)) {
        return Ok(());
    }
    let what = "the wasm32 target for Rust: seconds if it is there, else up to 2 minutes";
    run_long(what, &mut wasm_target_script(repo))?;
    write(&stamp, wasm_target_state()?)
}

/// The folder of std's source for this very compiler, which makes the wasm 10 KB smaller on the wire (see
/// build.rs). A build without it works too, so its absence is told and no failure; `setup` tries again.
pub(crate) fn rust_source(repo: &Repo) -> Outcome<Option<PathBuf>> {
    let compiler = fingerprint(&output(&mut command("rustc -vV"))?);
    let stamp = repo.tools.join("rust-source");
    let known = fs::read_to_string(&stamp).unwrap_or_default();
    let known = known.split_once('\n').filter(|(of, _)| *of == compiler);
    let found = match known.map(|(_, folder)| PathBuf::from(folder)) {
        Some(folder) if folder.as_os_str().is_empty() || folder.join("library").exists() => folder,
        _ => {
            let what = "the source of Rust's standard library: 45 MB, some seconds";
            let mut script = wasm_target_script(repo);
            let folder = said_long(what, || output(script.arg("source"))).unwrap_or_default();
            write(&stamp, format!("{compiler}\n{}", folder.trim()))?;
            PathBuf::from(folder.trim())
        }
    };
    if found.as_os_str().is_empty() {
        say("without the source of Rust's standard library: the wasm gets larger than in a release");
        return Ok(None);
    }
    Ok(Some(found))
}

fn wasm_target_script(repo: &Repo) -> Command {
    let mut script = command("sh");
    script.arg(repo.root.join("xtask/wasm-target.sh"));
    script.env("WASM_TARGET_SOURCE", repo.tools.join("rust-src"));
    if !may_use_rustup() {
        script.env("WASM_TARGET_NO_RUSTUP", "1");
    }
    script
}

fn wasm_target_state() -> Outcome<String> {
    let version = output(&mut command("rustc -vV"))?;
    let sysroot = output(&mut command("rustc --print sysroot"))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/wasm32-unknown-unknown/lib");
    let mut files: Vec<OsString> =
        fs::read_dir(library).into_iter().flatten().flatten().map(|file| file.file_name()).collect();
    files.sort();
    Ok(fingerprint(&(version, files)))
}

/// rustup is for contributors' machines; build machines may reach nothing but package registries.
fn may_use_rustup() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("CI").is_none()
        && set("DOORWARD_NO_RUSTUP").is_none()
        && set("RUSTUP_AUTO_INSTALL").is_none_or(|it| it != "0")
}

/// wasm-bindgen and its test runner, in `.tools/bin`: the programs of xtask/wasm-bindgen.
fn wasm_bindgen(repo: &Repo) -> Outcome {
    let source = repo.root.join("xtask/wasm-bindgen");
    let state = fingerprint(&[read(&source.join("Cargo.lock"))?, read(&source.join("Cargo.toml"))?]);
    let stamp = repo.tools.join("wasm-bindgen");
    if fs::read_to_string(&stamp).is_ok_and(|known| known == state)
        && repo.own_program("wasm-bindgen").exists()
    {
        return Ok(());
    }
    let build = repo.tools.join("build");
    let mut cargo = command("cargo install --locked --force --no-track --path");
    cargo.arg(source).arg("--root").arg(&repo.tools).arg("--target-dir").arg(&build);
    run_long("wasm-bindgen, compiled from source: 1 to 3 minutes, once", &mut cargo)?;
    _ = fs::remove_dir_all(build);
    write(&stamp, state)
}

/// `npm ci` in a folder, unless what is there came from the very same lock file.
pub(crate) fn npm_packages(what: &str, folder: &Path) -> Outcome {
    let lock = folder.join("package-lock.json");
    if !lock.exists() {
        return Ok(());
    }
    let state = fingerprint(&read(&lock)?);
    let stamp = folder.join("node_modules/.lock-fingerprint");
    if fs::read_to_string(&stamp).is_ok_and(|known| known == state) {
        return Ok(());
    }
    let mut npm = command("npm ci --ignore-scripts --loglevel=error");
    npm.current_dir(folder);
    run_long(&format!("{what}: a few seconds"), &mut npm)?;
    write(&stamp, state)
}

/// A Python with the packages that a requirements file names, in a folder of `.tools`.
pub(crate) fn python(repo: &Repo, name: &str, requirements: &str) -> Outcome<PathBuf> {
    let home = repo.tools.join(name);
    let wanted = repo.root.join(requirements);
    let (python, stamp, state) = (home.join("bin/python"), home.join("requirements"), read(&wanted)?);
    if python.exists() && read(&stamp).is_ok_and(|known| known == state) {
        return Ok(python);
    }
    let mut venv = command("python3 -m venv");
    run_long("Python's packages: a few seconds", venv.arg(&home)).map_err(|error| {
        format!("{error}; the tests need python3 with its module venv (Debian: python3-venv)")
    })?;
    let mut pip = Command::new(&python);
    pip.args(words("-m pip install --quiet --disable-pip-version-check --requirement")).arg(wanted);
    run_long("Python's packages: a few seconds", &mut pip)?;
    write(&stamp, state)?;
    Ok(python)
}

/// A Chromium and the driver of the same version.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

/// The browser that is there, or Debian's. `DOORWARD_CHROMIUM` and `CHROMEDRIVER` name others.
fn browser() -> Outcome<Browser> {
    if let Some(found) = find_browser() {
        return Ok(found);
    }
    let help = "the tests need Chromium and its ChromeDriver: install both, and if they are not on PATH \
                set DOORWARD_CHROMIUM and CHROMEDRIVER to them";
    let what = "Chromium and its driver from Debian: about 120 MB, 1 to 2 minutes";
    from_debian(what, "chromium chromium-driver fonts-liberation", help)?;
    find_browser().ok_or_else(|| help.to_owned())
}

/// Installs packages by apt, where there is one.
fn from_debian(what: &str, packages: &str, help: &str) -> Outcome {
    if on_path("apt-get").is_none() || !Path::new("/etc/debian_version").exists() {
        return Err(help.to_owned());
    }
    let apt = |arguments: &str| {
        let mut apt = command(if on_path("sudo").is_some() { "sudo" } else { "env" });
        apt.args(words("DEBIAN_FRONTEND=noninteractive apt-get -q -o=Dpkg::Use-Pty=0"))
            .args(words(arguments));
        apt
    };
    run_long("Debian's package lists: about 10 MB", &mut apt("update"))
        .and_then(|()| run_long(what, apt("install -y --no-install-recommends").args(words(packages))))
        .map_err(|error| format!("{error}; {help}"))
}

fn find_browser() -> Option<Browser> {
    let named = |variable, names: &[&str]| {
        let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
        set.or_else(|| names.iter().find_map(|name| on_path(name)))
    };
    Some(Browser {
        chromium: named("DOORWARD_CHROMIUM", &["chromium", "chromium-browser", "google-chrome"])?,
        driver: named("CHROMEDRIVER", &["chromedriver"])?,
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A short text that changes when the value does.
pub(crate) fn fingerprint(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
