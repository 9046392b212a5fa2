//! What every request shares.

use std::sync::Arc;

use doorward_protocol::Policy;

use crate::clock::World;
use crate::config::Config;
use crate::keys::SecretKeys;
use crate::store::Store;

/// The application: settings, storage, keys, and the world outside.
#[derive(Debug)]
pub struct App {
    /// Settings.
    pub config: Config,
    /// Was it started with `--dev`?
    pub dev: bool,
    /// Time and chance.
    pub world: World,
    /// The database.
    pub store: Store,
    /// The keys from outside the database.
    pub secret_keys: SecretKeys,
}

/// As handlers get it.
pub type AppState = Arc<App>;

impl App {
    /// Opens the database, reads the keys: everything that can fail does so here, before the first request.
    pub async fn open(
        config: Config,
        dev: bool,
        world: World,
    ) -> Result<AppState, Box<dyn std::error::Error>> {
        let secret_keys = SecretKeys::load(&config, dev, &world)?;
        let store = Store::open(&config.data).await?;
        Ok(Arc::new(App { config, dev, world, store, secret_keys }))
    }

    /// The rules for fields that the operator can change.
    pub fn policy(&self) -> Policy {
        Policy {
            password_min: self.config.password.min_length,
            password_max: self.config.password.max_length,
        }
    }
}
