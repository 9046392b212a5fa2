//! `doorward init`: settings and keys that a server in production begins with.

use std::io::{self, Write};
use std::path::Path;

use doorward_config::{Config, Layers};
use doorward_core::clock::World;
use doorward_core::files::{Draft, make_folder};
use doorward_core::secret_keys::SecretKeys;

use super::operator::tell;

/// Writes `doorward.toml` and `keys`, readable by their owner alone, into a folder, which is made if it is not there. A file
/// that is there already stays, and nothing is written beside it.
pub(super) fn run(
    public_url: &str,
    pages: &[String],
    folder: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::absolute(folder).map_err(|error| told(folder, error))?;
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

    make_folder(&folder).map_err(|error| told(&folder, error))?;
    SecretKeys::create(&keys, &World::default()).map_err(|error| told(&keys, error))?;
    if let Err(error) = write(&settings, &text) {
        // Else the next try would find it there.
        let _ = std::fs::remove_file(&keys);
        return Err(told(&settings, error).into());
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

/// Only its owner reads it: passwords and client secrets go into it.
fn write(settings: &Path, text: &str) -> io::Result<()> {
    let mut draft = Draft::of(settings, 0o600)?;
    draft.write_all(text.as_bytes())?;
    draft.create()
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
