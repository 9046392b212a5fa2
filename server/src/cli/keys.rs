//! `doorward keys generate`: a new line for the file of secret keys.

use super::say;
use crate::clock::World;
use crate::keys::SecretKeys;

pub(super) fn generate() -> Result<(), Box<dyn std::error::Error>> {
    say(SecretKeys::generate(&World::default()).trim_end());
    Ok(())
}
