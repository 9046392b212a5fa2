//! Builds the npm package in `pkg/` and the server. Each stage runs only when its inputs have changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::inline;
use crate::plan::World;
use crate::repo::Repo;
use crate::run::{Log, Outcome, command, output, read, read_text, words, write};
use crate::setup::{self, fingerprint};

/// Builds `target/release/doorward`, optimised, for production and the bench.
pub(crate) fn release_server(world: &World, log: &Log) -> Outcome {
    cargo(&world.repo, log, "cargo build --release --package doorward-server --bin doorward")
}

/// Builds `target/debug/doorward`, the program of `npm start`. It shares its dependencies with the tests and
/// builds in a quarter of the time.
pub(crate) fn debug_server(world: &World, log: &Log) -> Outcome {
    cargo(&world.repo, log, "cargo build --package doorward-server --bin doorward")
}

/// Builds the load generator of the bench.
pub(crate) fn load_generator(world: &World, log: &Log) -> Outcome {
    cargo(&world.repo, log, "cargo build --release --package doorward-bench")
}

fn cargo(repo: &Repo, log: &Log, line: &str) -> Outcome {
    log.run(command(line).current_dir(&repo.root))
}

/// Builds `pkg/`: Rust to wasm, bindings, optimiser, bundled JavaScript.
pub(crate) fn sdk(world: &World, log: &Log) -> Outcome {
    let wasm = compile(world, log)?;
    bind(&world.repo, log, &wasm)?;
    bundle(&world.repo, log)
}

/// Builds `target/sdk/names/doorward.wasm`: the wasm of the package with the names of its functions, so that
/// the bench can sum their sizes by crate.
pub(crate) fn sdk_names(world: &World, log: &Log) -> Outcome {
    let (repo, folder) = (&world.repo, world.repo.sdk().join("names"));
    _ = fs::remove_dir_all(&folder);
    log.run(Command::new(repo.own_program("wasm-bindgen")).args([&compiled(repo), &folder]).arg("--names"))?;
    let mut optimiser = Command::new(repo.npm_program("wasm-opt"));
    optimiser.args(words(OPTIMISATIONS)).args(["-g", "-o"]);
    log.run(optimiser.args([folder.join("doorward.wasm"), folder.join("doorward_bg.wasm")]))
}

/// Tuned for the size after Brotli. Skips two passes that turn repetitions into different code, and
/// `memory-packing`, which cuts the data at every run of zeros. `--dealign` gives all loads and stores the
/// same hint. Together these save 2 kB of 57.
const OPTIMISATIONS: &str = "--flatten --rereloop -Oz -Oz --one-caller-inline-max-function-size=200 --low-memory-unused --dealign --strip-target-features \
    --skip-pass=memory-packing --skip-pass=local-cse --skip-pass=simplify-locals";

/// The output of Cargo.
fn compiled(repo: &Repo) -> PathBuf {
    repo.target.join("wasm32-unknown-unknown/wasm/doorward.wasm")
}

/// Runs Cargo. The file contains no path of the building machine: the sources of the standard library, of the
/// dependencies and of this repository get fixed names.
///
/// If std's source is available, it is compiled for size, without the texts of panics and `Debug`: 10 KB less
/// on the wire. This needs unstable compiler flags; `DOORWARD_PLAIN_WASM=1` builds without them.
fn compile(world: &World, log: &Log) -> Outcome<PathBuf> {
    let repo = &world.repo;
    let plain = std::env::var_os("DOORWARD_PLAIN_WASM").is_some();
    let source = if plain { None } else { setup::std_source_folder(repo)? };
    let sysroot = output(&mut command("rustc --print sysroot"))?;
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).unwrap_or_default();
    let mut flags = vec![
        // Half of the default: all addresses stay below 2²⁰, and each one in the code is a byte shorter.
        "-Clink-arg=-zstack-size=524288".to_owned(),
        format!("--remap-path-prefix={}/lib/rustlib/src/rust=/rust", sysroot.trim()),
        format!("--remap-path-prefix={}/registry/src=/cargo", cargo_home.display()),
        format!("--remap-path-prefix={}=/doorward", repo.root.display()),
    ];
    // `rustc --crate-type`, because Cargo skips link-time optimisation if a crate is an rlib too.
    let mut cargo = command("cargo rustc --package doorward --lib --crate-type cdylib");
    cargo.args(words("--profile wasm --target wasm32-unknown-unknown"));
    if let Some(source) = source {
        flags.extend(
            words("-Zunstable-options -Cpanic=immediate-abort -Zfmt-debug=none -Zlocation-detail=none")
                .map(str::to_owned),
        );
        cargo.args(words("-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size"));
        cargo.env("RUSTC_BOOTSTRAP", "1").env("__CARGO_TESTS_ONLY_SRC_ROOT", source.join("library"));
    } else {
        setup::wasm_target(world, log)?;
    }
    cargo.current_dir(&repo.root).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    log.run(&mut cargo)?;
    Ok(compiled(repo))
}

/// Runs wasm-bindgen, wasm-opt and esbuild: writes `target/sdk/{bindings.js,wasm.js,slim.wasm}`.
fn bind(repo: &Repo, log: &Log, wasm: &Path) -> Outcome {
    let bindgen = repo.own_program("wasm-bindgen");
    let optimiser = repo.npm_program("wasm-opt");
    let tools = [
        read_text(&repo.root.join("xtask/wasm-bindgen/Cargo.lock"))?,
        read_text(&repo.root.join("xtask/wasm-bindgen/src/wasm-bindgen.rs"))?,
        read_text(&repo.root.join("package-lock.json"))?,
    ];
    let inputs = fingerprint(&(
        read(wasm)?,
        tools,
        include_str!("../bindings.mjs"),
        include_str!("inline.rs"),
        include_str!("build.rs"),
    ));
    let sdk = repo.sdk();
    stage(&sdk.join("bind.stamp"), &inputs, || {
        let work = sdk.join("bindgen");
        _ = fs::remove_dir_all(&work);
        log.run(Command::new(bindgen).args([wasm, &work]))?;
        let small = sdk.join("slim.wasm");
        let names = output(
            Command::new(optimiser)
                .args(words(OPTIMISATIONS))
                .args(words("--minify-imports-and-exports-and-modules -o"))
                .args([&small, &work.join("doorward_bg.wasm")]),
        )?;
        let optimised = read(&small)?;
        refuse_local_paths(repo, &optimised)?;
        let script = repo.root.join("xtask/bindings.mjs");
        write(&work.join("names.json"), names)?;
        log.run(command("node").arg(script).args([
            &work,
            &work.join("names.json"),
            &sdk.join("bindings.js"),
        ]))?;
        write(&sdk.join("wasm.js"), inline::module(&optimised))
    })
}

/// Runs esbuild: writes the entries in `pkg/`, and copies the wasm and the types there. Other files stay:
/// `wasm-pack build` writes other names, so both builds can share the folder.
fn bundle(repo: &Repo, log: &Log) -> Outcome {
    let (js, sdk, pkg) = (repo.root.join("js"), repo.sdk(), repo.root.join("pkg"));
    let stamp = sdk.join("bundle.stamp");
    if ["index.js", "slim.js", "mylib.js", "slim.wasm"].iter().any(|file| !pkg.join(file).exists()) {
        _ = fs::remove_file(&stamp);
    }
    let mut sources = files_in(&js)?;
    sources.extend([sdk.join("bindings.js"), sdk.join("wasm.js"), sdk.join("slim.wasm")]);
    let locales = files_in(&repo.root.join("protocol/locales"))?;
    sources.extend(locales.iter().cloned());
    let contents: Vec<_> = sources.iter().map(|file| read(file)).collect::<Outcome<_>>()?;
    let inputs = fingerprint(&(&sources, contents, include_str!("build.rs")));
    stage(&stamp, &inputs, || {
        for entry in ["index.js", "slim.js", "mylib.js"] {
            log.run(
                Command::new(repo.npm_program("esbuild"))
                    .arg(js.join(entry))
                    .args(words("--bundle --format=esm --minify --charset=utf8 --target=es2022"))
                    .args(words("--legal-comments=none --log-level=warning"))
                    // mylib.js shares the AuthClient of the default entry; messages are loaded on demand.
                    .args(["--external:./index.js", "--external:./messages-*"])
                    .arg(format!("--outfile={}", pkg.join(entry).display())),
            )?;
        }
        write(&pkg.join("slim.wasm"), read(&sdk.join("slim.wasm"))?)?;
        for locale in &locales {
            let language = locale.file_stem().unwrap_or_default().display();
            let module = [b"export default ", &*read(locale)?].concat();
            write(&pkg.join(format!("messages-{language}.js")), module)?;
        }
        for types in sources.iter().filter(|file| file.to_string_lossy().ends_with(".d.ts")) {
            write(&pkg.join(types.file_name().unwrap_or_default()), read(types)?)?;
        }
        Ok(())
    })
}

/// Runs `work` unless it already ran with the same inputs.
fn stage(stamp: &Path, inputs: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    if fs::read_to_string(stamp).is_ok_and(|known| known == inputs) {
        return Ok(());
    }
    work()?;
    write(stamp, inputs)
}

/// Rejects a wasm that contains a path of the building machine: the path is of no use to users.
fn refuse_local_paths(repo: &Repo, wasm: &[u8]) -> Outcome {
    let home = std::env::var("HOME").unwrap_or_default();
    let root = repo.root.to_string_lossy();
    let local = [root.as_ref(), home.as_str(), "/.cargo/", "/rustlib/"];
    let found = local
        .iter()
        .find(|path| path.len() > 1 && wasm.windows(path.len()).any(|part| part == path.as_bytes()));
    found.map_or(Ok(()), |path| Err(format!("the wasm names {path}")))
}

fn files_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}
