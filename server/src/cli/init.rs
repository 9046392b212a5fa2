//! `doorward init`: settings and keys that a server in production begins with.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::desk::tell;
use crate::clock::World;
use crate::config::{Config, Layers};
use crate::keys::SecretKeys;

/// Writes `doorward.toml` and `keys` into a folder. Whatever is there stays, and nothing is written beside it.
pub(super) fn run(
    public_url: &str,
    pages: &[String],
    folder: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = folder.canonicalize().map_err(|error| told(folder, error))?;
    let (settings, keys) = (folder.join("doorward.toml"), folder.join("keys"));
    for file in [&settings, &keys] {
        if file.try_exists().map_err(|error| told(file, error))? {
            return Err(format!("{} is there already, and stays as it is", file.display()).into());
        }
    }
    let place = keys.to_str().ok_or("the folder's name is no UTF-8, which settings have to be")?;
    let text = settings_of(public_url, pages, place);
    let mut layers = Layers::default();
    layers.file(&settings, &text)?;
    Config::load(&layers, false)?;

    whole(&keys, |file| SecretKeys::create(file, &World::default()))?;
    let written = whole(&settings, |file| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(file)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    if let Err(error) = written {
        // Else the next try would find it there.
        let _ = std::fs::remove_file(&keys);
        return Err(error.into());
    }
    let shown = settings.display();
    tell(format_args!("{shown}: fill in [smtp] and [mail], and look at the rest"))?;
    tell(format_args!(
        "{}: the secret keys, readable by you alone: give them to who runs the server",
        keys.display()
    ))?;
    tell(format_args!("then: doorward config check --config {shown}"))?;
    Ok(())
}

/// Makes a new file, or none.
fn whole(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), String> {
    make(path).map_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            let _ = std::fs::remove_file(path);
        }
        told(path, error)
    })
}

fn told(path: &Path, error: io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn settings_of(public_url: &str, pages: &[String], keys: &str) -> String {
    // A string of JSON is one of TOML.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let pages = pages.iter().map(|page| text(page)).collect::<Vec<_>>().join(", ");
    include_str!("init.toml")
        .replace("{public_url}", &text(public_url))
        .replace("{keys}", &text(keys))
        .replace("{pages}", &pages)
}
