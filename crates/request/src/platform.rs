//! The platform: the objects that nearly every part of the server uses.

use doorward_config::Config;
use doorward_core::clock::{World, disagreement};
use doorward_core::secret_keys::SecretKeys;
use doorward_protocol::Policy;
use doorward_store::{Store, StoreError};

/// Settings, time and randomness, keys, and the database.
#[derive(Debug)]
pub struct Platform {
    /// Settings.
    pub config: Config,
    /// True if the server was started with `--dev`.
    pub dev: bool,
    /// Time and randomness.
    pub world: World,
    /// The keys that are kept outside the database.
    pub secret_keys: SecretKeys,
    /// The database.
    pub store: Store,
}

impl Platform {
    /// The rules for fields that the operator can change.
    pub fn policy(&self) -> Policy {
        Policy {
            password_min: self.config.password.min_length,
            password_max: self.config.password.max_length,
        }
    }

    /// Checks that the database works, and compares its clock with the clock of this node. Codes, sessions and leases
    /// expire by the clock of the node that checks them.
    pub async fn clocks_disagree(&self) -> Result<Option<String>, StoreError> {
        let before = self.world.now();
        let theirs = self.store.ping().await?;
        // The database read its clock between the two readings here.
        let ours = before + (self.world.now() - before) / 2;
        Ok(theirs.and_then(|theirs| disagreement(ours, theirs)))
    }
}
