//! The queue of events for hooks and webhooks. A row is written in the transaction of its event, taken under
//! a lease, and kept for a while.

use doorward_core::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::queue::{Lease, Queue};
use crate::{StoreError, Tx};

const DELIVERIES: Queue = Queue {
    table: "hook_deliveries",
    lane: "target",
    waiting: "settled_at is null and dead_at is null",
    taken: "event, target, payload, request",
};

/// An event to deliver.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The id of the row. A target recognises a repeated delivery by it.
    pub id: &'a str,
    /// Name of the hook, like `post_signup`.
    pub event: &'a str,
    /// The target: `script`, or the name of a webhook.
    pub target: &'a str,
    /// A `Report` (crate `request`) as JSON.
    pub payload: &'a str,
    /// The request that caused it.
    pub request: &'a str,
}

/// Adds a delivery, which is due at once. Replaces the payload of a delivery with the same id that was not
/// attempted yet.
pub async fn put(tx: &mut Tx, delivery: Delivery<'_>, now: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "insert into hook_deliveries (id, event, target, payload, request, attempts, due_at, created_at)
        values ($1, $2, $3, $4, $5, 0, $6, $6)
        on conflict (id) do update set payload = excluded.payload where hook_deliveries.attempts = 0",
    )
    .bind(delivery.id)
    .bind(delivery.event)
    .bind(delivery.target)
    .bind(delivery.payload)
    .bind(delivery.request)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Adds a delivery, unless a row with its id or with the id `other`, which it would contradict, exists.
pub async fn put_unless(
    tx: &mut Tx,
    delivery: Delivery<'_>,
    other: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into hook_deliveries (id, event, target, payload, request, attempts, due_at, created_at)
        select $1, $2, $3, $4, $5, 0, cast($6 as bigint), cast($6 as bigint)
        where not exists (select 1 from hook_deliveries where id = $7)
        on conflict (id) do nothing",
    )
    .bind(delivery.id)
    .bind(delivery.event)
    .bind(delivery.target)
    .bind(delivery.payload)
    .bind(delivery.request)
    .bind(now)
    .bind(other)
    .execute(tx)
    .await?;
    Ok(())
}

/// A delivery that this worker holds until its lease ends.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The lease of the row.
    pub lease: Lease,
    /// Name of the hook.
    pub event: String,
    /// The target: `script`, or the name of a webhook.
    pub target: String,
    /// A `Report` (crate `request`) as JSON.
    pub payload: String,
    /// The request that caused it.
    pub request: Option<String>,
}

/// Takes at most `limit` due deliveries of a target until `lease_until`, the longest waiting first.
pub async fn take(
    tx: &mut Tx,
    target: &str,
    now: Millis,
    lease_until: Millis,
    limit: i64,
) -> Result<Vec<Taken>, StoreError> {
    DELIVERIES.take(tx, target, now, lease_until, limit).await?.iter().map(taken).collect()
}

fn taken(row: &AnyRow) -> Result<Taken, StoreError> {
    Ok(Taken {
        lease: Lease::of(row)?,
        event: row.try_get("event")?,
        target: row.try_get("target")?,
        payload: row.try_get("payload")?,
        request: row.try_get("request")?,
    })
}

/// Marks a delivery as done. The row stays for a while, because a late delivery with the same id must find
/// it.
pub async fn settle(tx: &mut Tx, lease: &Lease, now: Millis) -> Result<(), StoreError> {
    let end = DELIVERIES.end(lease, "update {table} set settled_at = $3, error = null");
    end.bind(now).execute(tx).await?;
    Ok(())
}

/// Postpones the delivery to `due_at`.
pub async fn postpone(tx: &mut Tx, lease: &Lease, due_at: Millis, error: &str) -> Result<(), StoreError> {
    DELIVERIES.postpone(tx, lease, due_at, error).await
}

/// Gives up the delivery. The row stays for the operator until it is pruned.
pub async fn give_up(tx: &mut Tx, lease: &Lease, now: Millis, error: &str) -> Result<(), StoreError> {
    DELIVERIES.give_up(tx, lease, now, error).await
}

/// Makes a delivery due again, even if it was done or given up. Returns false if no delivery has this id.
pub async fn revive(tx: &mut Tx, id: &str, now: Millis) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update hook_deliveries set due_at = $2, settled_at = null, dead_at = null, error = null where id = $1",
    )
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The time at which the next delivery to a target is due. `None` if no delivery waits.
pub async fn next_due(connection: &mut Tx, target: &str) -> Result<Option<Millis>, StoreError> {
    DELIVERIES.next_due(connection, target).await
}

/// A delivery as an operator sees it, without its payload.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Id of the row.
    pub id: String,
    /// Name of the hook.
    pub event: String,
    /// The target: `script`, or the name of a webhook.
    pub target: String,
    /// The request that caused it.
    pub request: Option<String>,
    /// The number of attempts.
    pub attempts: i64,
    /// The time at which it is due, if it still waits.
    pub due_at: Millis,
    /// The time at which it was delivered.
    pub settled_at: Option<Millis>,
    /// The time at which it was given up.
    pub dead_at: Option<Millis>,
    /// The error of the last attempt.
    pub error: Option<String>,
    /// The time at which it was added.
    pub created_at: Millis,
}

/// Lists the newest deliveries. An empty `target` lists all targets. `dead` lists only deliveries that were
/// given up.
pub async fn list(
    connection: &mut Tx,
    target: &str,
    dead: bool,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows = sqlx::query(
        "select id, event, target, request, attempts, due_at, settled_at, dead_at, error, created_at
        from hook_deliveries
        where ($1 = '' or target = $1) and ($2 = 0 or dead_at is not null)
        order by created_at desc, id desc limit $3",
    )
    .bind(target)
    .bind(i64::from(dead))
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &AnyRow) -> Result<Listed, StoreError> {
    Ok(Listed {
        id: row.try_get("id")?,
        event: row.try_get("event")?,
        target: row.try_get("target")?,
        request: row.try_get("request")?,
        attempts: row.try_get("attempts")?,
        due_at: row.try_get("due_at")?,
        settled_at: row.try_get("settled_at")?,
        dead_at: row.try_get("dead_at")?,
        error: row.try_get("error")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Deletes deliveries that were done before `settled_before` or given up before `dead_before`, and waiting
/// ones that are older than `dead_before`: their target no longer exists. Deletes at most `limit` of each
/// kind.
pub async fn prune(
    tx: &mut Tx,
    settled_before: Millis,
    dead_before: Millis,
    limit: i64,
) -> Result<u64, StoreError> {
    let mut rows = DELIVERIES.prune(tx, "settled_at", settled_before, limit).await?;
    rows += DELIVERIES.prune(tx, "dead_at", dead_before, limit).await?;
    rows += DELIVERIES
        .prune(tx, "settled_at is null and dead_at is null and created_at", dead_before, limit)
        .await?;
    Ok(rows)
}
