//! `doorward hooks`: what an operator does with hooks.

use clap::Subcommand;

use super::deliveries;
use super::desk::{Verdict, tell};
use crate::clock::World;
use crate::hooks::SigningKey;

/// What can be done with hooks.
#[derive(Debug, Subcommand)]
pub(super) enum HooksVerb {
    /// Print what hooks were told after an operation, or are still to be told, the newest first; with --json one a line.
    Deliveries(deliveries::Which),
    /// Print a new secret for `[webhooks.NAME]`.
    Secret,
}

pub(super) fn run(verb: HooksVerb) -> Verdict {
    match verb {
        HooksVerb::Deliveries(which) => deliveries::run(which),
        HooksVerb::Secret => Ok(tell(SigningKey::mint(&World::default()).expose())?),
    }
}
