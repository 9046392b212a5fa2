//! `doorward init`: the first settings and keys of a server in production.

use std::io::{self, Write};
use std::path::Path;

use doorward_config::{Config, Layers};
use doorward_core::clock::World;
use doorward_core::files::{Draft, make_folder};
use doorward_core::secret_keys::SecretKeys;

use super::operator::tell;

/// Writes `doorward.toml` and `keys`, readable only by their owner, into a folder, which is created if it does not
/// exist. If one of the files exists, it stays as it is, and nothing is written.
pub(super) fn run(
    public_url: &str,
    pages: &[String],
    folder: &Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::absolute(folder).map_err(|error| told(folder, error))?;
    let (settings, keys) = (folder.join("doorward.toml"), folder.join("keys"));
    for file in [&settings, &keys] {
        if file.try_exists().map_err(|error| told(file, error))? {
            return Err(format!("{} exists already and stays as it is", file.display()).into());
        }
    }
    let place = keys.to_str().ok_or("the folder's name is not UTF-8, but settings must be")?;
    let text = settings_of(public_url, pages, place);
    let mut layers = Layers::default();
    layers.file(&settings, &text)?;
    Config::load(&layers, false)?;

    make_folder(&folder).map_err(|error| told(&folder, error))?;
    SecretKeys::create(&keys, &World::default()).map_err(|error| told(&keys, error))?;
    if let Err(error) = write(&settings, &text) {
        // Otherwise the next attempt would find the file and refuse.
        let _ = std::fs::remove_file(&keys);
        return Err(told(&settings, error).into());
    }
    let shown = settings.display();
    tell(format_args!("{shown}: fill in [smtp] and [mail], and check the rest"))?;
    tell(format_args!(
        "{}: the secret keys, readable only by you: give the file to the user that runs the server",
        keys.display()
    ))?;
    tell(format_args!("then: doorward config check --config {shown}"))?;
    Ok(())
}

/// Readable only by its owner: the operator adds passwords and client secrets.
fn write(settings: &Path, text: &str) -> io::Result<()> {
    let mut draft = Draft::of(settings, 0o600)?;
    draft.write_all(text.as_bytes())?;
    draft.create()
}

fn told(path: &Path, error: io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn settings_of(public_url: &str, pages: &[String], keys: &str) -> String {
    // A JSON string is also a TOML string.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let pages = pages.iter().map(|page| text(page)).collect::<Vec<_>>().join(", ");
    include_str!("init.toml")
        .replace("{public_url}", &text(public_url))
        .replace("{keys}", &text(keys))
        .replace("{pages}", &pages)
}
