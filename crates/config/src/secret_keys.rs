//! Loads the secret keys from the file or text in the settings.

use std::io::ErrorKind;
use std::path::PathBuf;

use doorward_core::clock::World;
use doorward_core::files::make_folder;
use doorward_core::secret_keys::SecretKeys;
use zeroize::Zeroizing;

use super::{Config, ConfigError};

/// Reads the keys of `secret_keys`. With `--dev`, creates them if there are none.
pub fn load_secret_keys(config: &Config, dev: bool, world: &World) -> Result<SecretKeys, ConfigError> {
    let setting = config.secret_keys.expose().trim();
    let wrong = |message: String| ConfigError::about("secret_keys", None, message);
    let Some(file) = secret_keys_file(config) else {
        return SecretKeys::parse(setting).map_err(wrong);
    };
    let file = file.as_path();
    if setting.is_empty() && dev && !file.exists() {
        let made = make_folder(&config.data).and_then(|()| SecretKeys::create(file, world));
        match made {
            // Another server has created them meanwhile.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| wrong(format!("{}: {error}", file.display())))?,
        }
    }
    if setting.is_empty() && !file.exists() {
        return Err(wrong(
            "is required: the path of a file with keys. Make one with: (umask 077; doorward keys generate > secret_keys)"
                .into(),
        ));
    }
    let text =
        std::fs::read_to_string(file).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
    SecretKeys::parse(&Zeroizing::new(text)).map_err(|error| wrong(format!("{}: {error}", file.display())))
}

/// The path of the key file. `None` if the setting holds the keys themselves.
pub fn secret_keys_file(config: &Config) -> Option<PathBuf> {
    let setting = config.secret_keys.expose().trim();
    if SecretKeys::looks_like_keys(setting) {
        return None;
    }
    Some(if setting.is_empty() { config.data.join("secret_keys") } else { PathBuf::from(setting) })
}
