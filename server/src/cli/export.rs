//! `doorward export USER`: all stored data of a user, as one JSON document.

use super::operator::{Ask, Verdict, tell_document, work};

pub(super) fn run(ask: &Ask, user: &str) -> Verdict {
    let export = work(&ask.settings, async |operator, _| {
        let account = operator.find_user(user).await?;
        Ok(operator.export_user(&account.id).await?)
    })?;
    tell_document(&export)
}
