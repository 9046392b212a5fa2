//! `doorward keys …`: the secret keys in the file, and the signing keys in the database.

use doorward_config::Config;
use doorward_core::clock::{Millis, World, rfc3339};
use doorward_core::secret_keys::SecretKeys;
use doorward_store::{Store, signing_keys};

use super::operator::tell;
use super::{Settings, wait};

type Verdict = Result<(), Box<dyn std::error::Error>>;

/// Prints a new line for the file of secret keys.
pub(super) fn generate() -> Verdict {
    tell(SecretKeys::generate(&World::default()).trim_end())?;
    Ok(())
}

/// Prints the ids of all keys, and the state of each.
pub(super) fn list(settings: &Settings) -> Verdict {
    let (config, _) = Config::load(&settings.layers()?, settings.dev)?;
    let world = World::default();
    tell("secret keys")?;
    for (at, id) in doorward_config::load_secret_keys(&config, settings.dev, &world)?.ids().enumerate() {
        tell(format_args!("  {id}  {}", if at == 0 { "active" } else { "retired" }))?;
    }
    wait(async move {
        let store = Store::attach(&config.data, &config.database).await?;
        let keys = signing_keys::list(&mut *store.read().await?, world.now()).await?;
        tell("signing keys")?;
        let now = world.now();
        let signing = keys.iter().find(|key| key.activates_at <= now).map(|key| key.id.clone());
        for key in keys {
            let state = state(key.activates_at, key.retires_at, now, signing.as_ref() == Some(&key.id));
            tell(format_args!("  {}  {state}", key.id))?;
        }
        store.close().await;
        Ok(())
    })
}

fn state(activates_at: Millis, retires_at: Option<Millis>, now: Millis, signs: bool) -> String {
    match (signs, retires_at) {
        (true, _) => format!("signs since {}", rfc3339(activates_at)),
        (false, _) if activates_at > now => format!("published, signs from {}", rfc3339(activates_at)),
        (false, Some(end)) => format!("verifies until {}", rfc3339(end)),
        (false, None) => "verifies".to_owned(),
    }
}

/// Adds a new secret key at the front of the file.
pub(super) fn rotate(settings: &Settings) -> Verdict {
    let (config, _) = Config::load(&settings.layers()?, settings.dev)?;
    if !config.database.url.is_empty() {
        return Err("with several nodes, all must know a key before one uses it: add a line of `doorward keys \
            generate` at the end of each node's file and restart the nodes, then move it to the front of each file and \
            restart them again"
            .into());
    }
    let file = doorward_config::secret_keys_file(&config).ok_or(
        "secret_keys contains the keys themselves: put a line of `doorward keys generate` in front of them",
    )?;
    SecretKeys::rotate(&file, &World::default()).map_err(|error| format!("{}: {error}", file.display()))?;
    tell(format_args!(
        "{}: added a new key at the front. The server uses it from its next start.",
        file.display()
    ))?;
    Ok(())
}
