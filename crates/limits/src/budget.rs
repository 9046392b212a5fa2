//! A budget: how often something may be done in a time.

use doorward_config::Rates;
use doorward_core::clock::Millis;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::{StoreError, Tx, budgets};

use super::names;
use super::service::Limits;

/// How often something may be done.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// What it is counted under.
    pub(super) name: String,
    /// So often.
    pub(super) limit: u32,
    /// In this time.
    pub(super) length: Millis,
}

/// The budgets of a limit.
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

/// What is left of budgets.
pub(super) struct Room {
    /// When all of them have one again, if one has none.
    pub(super) ends_at: Option<Millis>,
    /// Is half of one used? Then everybody solves something, before somebody has used up the rest.
    pub(super) is_crowded: bool,
}

/// Looks at what is left of budgets.
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

/// Spends one of each budget; otherwise answers when all of them have one again, and remembers which have none.
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

/// When to come again, in whole seconds: never too early.
pub(super) fn exceeded(code: ErrorCode, wait: Millis) -> ApiError {
    let seconds = u32::try_from(wait.max(0)).map_or(u32::MAX, |millis| millis.div_ceil(1000));
    ApiError { retry_after: Some(seconds.max(1)), ..code.into() }
}
