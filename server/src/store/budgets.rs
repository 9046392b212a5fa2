//! Budgets: how often something may happen in a stretch of time that begins with its first use.

use super::{StoreError, Tx};
use crate::clock::Millis;

/// Spends one of a budget; of any number at once, no more than the limit succeed. Otherwise answers when it begins
/// anew.
pub async fn spend(
    tx: &mut Tx,
    name: &str,
    limit: u32,
    length: Millis,
    now: Millis,
) -> Result<Result<(), Millis>, StoreError> {
    let spent = sqlx::query(
        "insert into budgets (name, used, ends_at) values ($1, 1, $2)
        on conflict (name) do update set
            used = case when budgets.ends_at <= $3 then 1 else budgets.used + 1 end,
            ends_at = case when budgets.ends_at <= $3 then excluded.ends_at else budgets.ends_at end
        where budgets.ends_at <= $3 or budgets.used < $4
        returning used",
    )
    .bind(name)
    .bind(now + length)
    .bind(now)
    .bind(i64::from(limit))
    .fetch_optional(&mut *tx)
    .await?;
    if spent.is_some() {
        return Ok(Ok(()));
    }
    let ends_at: Option<Millis> = sqlx::query_scalar("select ends_at from budgets where name = $1")
        .bind(name)
        .fetch_optional(tx)
        .await?;
    Ok(Err(ends_at.unwrap_or(now)))
}

/// Deletes budgets that begin anew anyway, at most so many at a time.
pub async fn prune(tx: &mut Tx, now: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from budgets where name in (select name from budgets where ends_at <= $1 limit $2)
            and ends_at <= $1",
    )
    .bind(now)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
