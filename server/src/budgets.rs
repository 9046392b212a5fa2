//! What an operator pays for has a limit (SECURITY C08): SMS for each number, for each prefix and in all. Numbers of
//! one prefix cost the same fraudster's money: who has them called runs through them.

use doorward_protocol::error::ErrorCode;

use crate::clock::Millis;
use crate::error::ApiError;
use crate::state::App;
use crate::store::{Tx, budgets};

const DAY: Millis = 24 * 60 * 60 * 1000;

/// How much of a number is its prefix: `+` and what names country and network, mostly.
const PREFIX: usize = 6;

/// Spends an SMS to a number, whoever it belongs to. An error must end the transaction: with that, a refused one has
/// cost nothing. Comes after all other locks of the transaction: every SMS of this moment waits for its end.
pub async fn spend_sms(tx: &mut Tx, app: &App, number: &str) -> Result<(), ApiError> {
    let sms = &app.config.sms;
    let prefix = number.get(..PREFIX).unwrap_or(number);
    for (name, limit, length) in [
        (format!("sms pause {number}"), 1, sms.pause.millis()),
        (format!("sms number {number}"), sms.budget_number, DAY),
        (format!("sms prefix {prefix}"), sms.budget_prefix, DAY),
        ("sms".to_owned(), sms.budget_total, DAY),
    ] {
        let now = app.world.now();
        if let Err(ends_at) = budgets::spend(tx, &name, limit, length, now).await? {
            return Err(exceeded(ends_at - now));
        }
    }
    Ok(())
}

fn exceeded(wait: Millis) -> ApiError {
    let seconds = u32::try_from(wait.max(0)).map_or(u32::MAX, |millis| millis.div_ceil(1000));
    ApiError { retry_after: Some(seconds.max(1)), ..ErrorCode::LimitExceeded.into() }
}
