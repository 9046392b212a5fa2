//! A budget: how often an action is allowed in a period.

use doorward_config::Rates;
use doorward_core::clock::Millis;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::{StoreError, Tx, budgets};

use super::names;
use super::service::Limits;

/// How often an action is allowed.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// Name of the counter.
    pub(super) name: String,
    /// Allowed actions.
    pub(super) limit: u32,
    /// Length of the period.
    pub(super) length: Millis,
}

/// The budgets of a setting: one for each of its rates.
pub(super) fn each(
    platform: &Platform,
    rates: &Rates,
    what: &str,
    who: &[u8],
) -> Result<Vec<Budget>, StoreError> {
    rates
        .iter()
        .map(|rate| {
            let what = format!("{what} {}", rate.span);
            let name = if who.is_empty() { what } else { names::keyed(platform, &what, &[who])? };
            Ok(Budget { name, limit: rate.count, length: rate.span.millis() })
        })
        .collect()
}

/// The state of some budgets.
pub(super) struct Room {
    /// When all of them have room again, if one is exhausted.
    pub(super) ends_at: Option<Millis>,
    /// True if half of a budget is used. Then all calls need a captcha, before one client can use up the rest.
    pub(super) is_crowded: bool,
}

/// Reads the state of some budgets.
pub(super) async fn look(tx: &mut Tx, limits: &Limits, all: &[Budget]) -> Result<Room, StoreError> {
    let (now, mut room) = (limits.platform.world.now(), Room { ends_at: None, is_crowded: false });
    for Budget { name, limit, length } in all {
        let used = budgets::used(tx, name, *length, now).await?;
        if used.count >= *limit {
            limits.exhausted.put(name, *limit, used.ends_at, now);
            room.ends_at = room.ends_at.max(Some(used.ends_at));
        }
        room.is_crowded |= used.count >= limit.div_ceil(2);
    }
    Ok(room)
}

/// Spends one action of each budget. If one is exhausted, returns when all have room again, and remembers the exhausted
/// ones.
pub(super) async fn spend(
    tx: &mut Tx,
    limits: &Limits,
    all: &[Budget],
) -> Result<Result<(), Millis>, StoreError> {
    let now = limits.platform.world.now();
    for (at, Budget { name, limit, length }) in all.iter().enumerate() {
        if let Err(ends_at) = budgets::spend(tx, name, *limit, *length, now).await? {
            limits.exhausted.put(name, *limit, ends_at, now);
            let rest = look(tx, limits, all.get(at + 1..).unwrap_or_default()).await?;
            return Ok(Err(rest.ends_at.map_or(ends_at, |later| later.max(ends_at))));
        }
    }
    Ok(Ok(()))
}

/// The error with the time to wait, rounded up to whole seconds.
pub(super) fn exceeded(code: ErrorCode, wait: Millis) -> ApiError {
    let seconds = u32::try_from(wait.max(0)).map_or(u32::MAX, |millis| millis.div_ceil(1000));
    ApiError { retry_after: Some(seconds.max(1)), ..code.into() }
}
