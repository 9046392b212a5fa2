//! `cargo xtask test`
use crate::repo::Repo;
use crate::run::Outcome;
pub(crate) fn run(_: &Repo, _: &[String]) -> Outcome {
    Ok(())
}
