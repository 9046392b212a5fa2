//! Budgets: how often an event may happen in a period. The period begins with the first use. A budget of
//! tries also has a pause after each try, which grows.

use doorward_core::clock::Millis;
use sqlx::Row;

use crate::engine::connection::Engine;
use crate::{StoreError, Tx};

/// The tolerated difference between the clocks of the nodes, and between the times at which concurrent calls
/// read them. An end that is further away than the length of the budget plus this tolerance was set by a
/// wrong clock, and counts as past.
const APART: Millis = 60_000;

/// Uses a budget once. Concurrent calls never exceed the limit. An exhausted budget returns the time at which
/// it begins anew.
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
            used = case when budgets.ends_at between $3 + 1 and $5 then budgets.used + 1 else 1 end,
            ends_at = case when budgets.ends_at between $3 + 1 and $5 then budgets.ends_at
                else excluded.ends_at end
        where budgets.ends_at not between $3 + 1 and $5 or budgets.used < $4
        returning used",
    )
    .bind(name)
    .bind(now + length)
    .bind(now)
    .bind(i64::from(limit))
    .bind(now + length + APART)
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

/// Counts a use of a budget without a limit. [`used`] returns the count.
pub async fn count(tx: &mut Tx, name: &str, length: Millis, now: Millis) -> Result<(), StoreError> {
    let _ = spend(tx, name, u32::MAX, length, now).await?;
    Ok(())
}

/// Renames a budget. No budget may have the new name.
pub async fn rename(tx: &mut Tx, name: &str, new: &str) -> Result<(), StoreError> {
    sqlx::query("update budgets set name = $2 where name = $1").bind(name).bind(new).execute(tx).await?;
    Ok(())
}

/// Deletes a budget, so that it begins anew.
pub async fn restore(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    sqlx::query("delete from budgets where name = $1").bind(name).execute(tx).await?;
    Ok(())
}

/// Takes back a try that does not count as failed, together with the pause that it caused.
pub async fn give_back(tx: &mut Tx, name: &str, free: u32, now: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "update budgets set
            used = used - 1,
            opens_at = opens_at - pause,
            pause = case when used <= $2 then 0 else pause / 2 end
        where name = $1 and used > 0 and ends_at > $3",
    )
    .bind(name)
    .bind(i64::from(free))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// The limits of a budget of tries.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// The number of tries without a pause.
    pub free: u32,
    /// The first pause. Each following pause is twice as long.
    pub pause: Millis,
    /// The longest pause.
    pub longest: Millis,
    /// The total number of tries.
    pub most: u32,
    /// The time after the first try at which the budget begins anew.
    pub length: Millis,
}

/// Uses a try before its result is known. Concurrent calls never exceed the limit. Returns false if all tries
/// are used or a pause is not over.
pub async fn attempt(
    tx: &mut Tx,
    name: &str,
    tries: Tries,
    allowed: u32,
    now: Millis,
) -> Result<bool, StoreError> {
    let spent = sqlx::query(
        "insert into budgets (name, used, ends_at, pause, opens_at)
        values ($1, 1, $2, case when $4 <= 1 then $5 else 0 end, case when $4 <= 1 then $3 + $5 else $3 end)
        on conflict (name) do update set
            used = case when budgets.ends_at between $3 + 1 and $8 then budgets.used + 1 else 1 end,
            ends_at = case when budgets.ends_at between $3 + 1 and $8 then budgets.ends_at
                else excluded.ends_at end,
            pause = case
                when budgets.ends_at not between $3 + 1 and $8 then excluded.pause
                when budgets.used + 1 < $4 then 0
                when budgets.pause = 0 then $5
                when budgets.pause * 2 > $6 then $6
                else budgets.pause * 2 end,
            opens_at = case
                when budgets.ends_at not between $3 + 1 and $8 then excluded.opens_at
                when budgets.used + 1 < $4 then $3
                when budgets.pause = 0 then $3 + $5
                when budgets.pause * 2 > $6 then $3 + $6
                else $3 + budgets.pause * 2 end
        where budgets.ends_at not between $3 + 1 and $8
            or (budgets.used < $7 and budgets.opens_at not between $3 + 1 and $3 + budgets.pause + $9)
        returning used",
    )
    .bind(name)
    .bind(now + tries.length)
    .bind(now)
    .bind(i64::from(tries.free))
    .bind(tries.pause)
    .bind(tries.longest)
    .bind(i64::from(allowed))
    .bind(now + tries.length + APART)
    .bind(APART)
    .fetch_optional(tx)
    .await?;
    Ok(spent.is_some())
}

/// The use of a budget.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// The number of uses.
    pub count: u32,
    /// The end of the pause.
    pub opens_at: Millis,
    /// The time at which the budget begins anew.
    pub ends_at: Millis,
}

/// The use of a budget until now.
pub async fn used(db: &mut Tx, name: &str, length: Millis, now: Millis) -> Result<Used, StoreError> {
    let row = sqlx::query(
        "select used, pause, opens_at, ends_at from budgets
        where name = $1 and ends_at between $2 + 1 and $3",
    )
    .bind(name)
    .bind(now)
    .bind(now + length + APART)
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(Used::default()) };
    let (pause, opens_at): (Millis, Millis) = (row.try_get("pause")?, row.try_get("opens_at")?);
    Ok(Used {
        count: u32::try_from(row.try_get::<i64, _>("used")?).unwrap_or(u32::MAX),
        opens_at: if opens_at > now + pause + APART { now } else { opens_at },
        ends_at: row.try_get("ends_at")?,
    })
}

/// Deletes at most `limit` budgets that have ended. On PostgreSQL it skips rows that another transaction has
/// locked: waiting for them could cause a deadlock, because that transaction may need a row that is locked
/// here.
pub async fn prune(tx: &mut Tx, now: Millis, limit: i64) -> Result<u64, StoreError> {
    macro_rules! prune {
        ($others:literal) => {
            concat!(
                "with past as materialized (select name from budgets where ends_at <= $1 limit $2 ",
                $others,
                ") delete from budgets where name in (select name from past) and ends_at <= $1"
            )
        };
    }
    let sql = match Engine::of(tx) {
        Engine::Sqlite => prune!(""),
        Engine::Postgres => prune!("for update skip locked"),
    };
    let done = sqlx::query(sql).bind(now).bind(limit).execute(tx).await?;
    Ok(done.rows_affected())
}
