//! What is sent has a limit for each address and in all (SECURITY C08), whoever asks, and whoever has the address. SMS
//! have one for each prefix, too: numbers of one prefix cost the same fraudster's money, who has them called and runs
//! through them.

use doorward_protocol::error::ErrorCode;

use super::{Budget, each, exceeded, names};
use crate::clock::Millis;
use crate::error::ApiError;
use crate::mail::Channel;
use crate::state::App;
use crate::store::{StoreError, Tx};

const DAY: Millis = 24 * 60 * 60 * 1000;

/// How much of a number is its prefix: `+` and what names country and network, mostly.
const PREFIX: usize = 6;

/// Spends a message to an address. An error must end the transaction: with that, a refused one has cost nothing. Comes
/// after all other locks of the transaction: every message of this moment waits for its end.
pub async fn spend(tx: &mut Tx, app: &App, address: &str) -> Result<(), ApiError> {
    let spent = super::spend(tx, app, &budgets(app, address)?).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::LimitExceeded, ends_at - app.world.now()))
}

/// What a message to an address is spent of.
pub(super) fn budgets(app: &App, address: &str) -> Result<Vec<Budget>, StoreError> {
    match Channel::of(address) {
        Channel::Mail => {
            let limits = &app.config.limits;
            let mut budgets = each(app, &limits.mail, "mail", address.as_bytes())?;
            budgets.extend(each(app, &limits.mail_total, "mail", b"")?);
            Ok(budgets)
        }
        Channel::Sms => {
            let sms = &app.config.sms;
            let prefix = address.get(..PREFIX).unwrap_or(address);
            let keyed = |what: &str, who: &str| names::keyed(app, what, &[who.as_bytes()]);
            Ok(vec![
                (keyed("sms pause", address)?, 1, sms.pause.millis()),
                (keyed("sms number", address)?, sms.budget_number, DAY),
                (keyed("sms prefix", prefix)?, sms.budget_prefix, DAY),
                ("sms".to_owned(), sms.budget_total, DAY),
            ])
        }
    }
}
