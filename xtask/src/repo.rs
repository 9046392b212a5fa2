//! Paths of the repository.

use std::path::{Path, PathBuf};

use crate::run::Outcome;

/// The paths that every command needs.
pub(crate) struct Repo {
    /// The repository's root. Every command runs there.
    pub(crate) root: PathBuf,
    /// Cargo's output folder: `CARGO_TARGET_DIR`, else `target/`.
    pub(crate) target: PathBuf,
    /// Tools built for this repository only: `DOORWARD_TOOLS`, else `.tools/`.
    pub(crate) tools: PathBuf,
}

impl Repo {
    /// The repository in which this xtask was started, as `cargo run` reports it: a compiled-in path would be
    /// wrong if two work trees share a target folder.
    pub(crate) fn here() -> Outcome<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("start me with `cargo xtask`")?;
        let root = Path::new(&manifest).parent().ok_or("xtask has no parent folder")?.to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let tools = root.join(std::env::var_os("DOORWARD_TOOLS").unwrap_or_else(|| ".tools".into()));
        Ok(Self { root, target, tools })
    }

    /// Intermediate files of the SDK's build. The location is fixed, because `js/*.js` imports from it.
    pub(crate) fn sdk(&self) -> PathBuf {
        self.root.join("target/sdk")
    }

    /// An optimised program, for users and the bench.
    pub(crate) fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A program for `npm start` and the tests.
    pub(crate) fn debug_program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// A program installed by `npm ci`.
    pub(crate) fn npm_program(&self, name: &str) -> PathBuf {
        self.root.join("node_modules/.bin").join(name)
    }

    /// A program that setup installed into `.tools`.
    pub(crate) fn own_program(&self, name: &str) -> PathBuf {
        self.tools.join("bin").join(name)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_wasm_bindgen_program_has_the_version_of_the_library() {
        let version = |lock: &'static str, package: &str| {
            lock.split_once(&format!("name = \"{package}\"\nversion = \""))
                .and_then(|(_, rest)| rest.split('"').next())
        };
        let program = version(include_str!("../wasm-bindgen/Cargo.lock"), "wasm-bindgen-cli");
        let library = version(include_str!("../../Cargo.lock"), "wasm-bindgen");
        assert!(program.is_some());
        assert_eq!(program, library);
    }
}
