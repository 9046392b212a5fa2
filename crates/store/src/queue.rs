//! The common part of the work queues, the outbox and the deliveries to hooks. A row is taken under a lease,
//! postponed after a failure, given up after the last one, and pruned.

use doorward_core::clock::Millis;
use sqlx::AssertSqlSafe;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row};

use crate::engine::connection::Engine;
use crate::{StoreError, Tx};

/// The lease of a row that this worker holds.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Id of the row.
    pub id: String,
    /// The number of times the row was taken, including this one. It identifies the lease: a worker that
    /// returns after its lease has an old number, and changes nothing.
    pub attempts: i64,
}

impl Lease {
    pub(super) fn of(row: &AnyRow) -> Result<Lease, StoreError> {
        Ok(Lease { id: row.try_get("id")?, attempts: row.try_get("attempts")? })
    }
}

/// A work queue. All have the columns `id`, `attempts`, `due_at`, `dead_at` and `error`.
pub(super) struct Queue {
    pub(super) table: &'static str,
    /// The column that assigns a row to a worker.
    pub(super) lane: &'static str,
    /// The SQL condition for rows that still wait.
    pub(super) waiting: &'static str,
    /// The columns that a worker gets.
    pub(super) taken: &'static str,
}

impl Queue {
    /// Takes at most `limit` due rows of a lane until `lease_until`, the longest waiting first.
    pub(super) async fn take(
        &self,
        tx: &mut Tx,
        lane: &str,
        now: Millis,
        lease_until: Millis,
        limit: i64,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let Queue { table, lane: column, waiting, taken } = self;
        let others = match Engine::of(tx) {
            Engine::Sqlite => "",
            Engine::Postgres => "for update skip locked",
        };
        // Without `materialized`, PostgreSQL may run the inner query again for each row, and lock more rows
        // than the limit. The condition is repeated outside, because PostgreSQL checks it again for a row
        // that another node took at the same time.
        let sql = format!(
            "with due as materialized (
                select id from {table} where {column} = $4 and {waiting} and due_at <= $1
                order by due_at, id limit $3 {others})
            update {table} set attempts = attempts + 1, due_at = $2
            where id in (select id from due) and {waiting} and due_at <= $1
            returning id, attempts, {taken}"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(lease_until).bind(limit).bind(lane);
        Ok(query.fetch_all(tx).await?)
    }

    /// Ends a lease. `change` is a statement on the table without its condition. Its first two parameters are
    /// those of the lease.
    pub(super) fn end<'a>(&self, lease: &'a Lease, change: &str) -> Query<'a, Any, AnyArguments> {
        let sql = change.replace("{table}", self.table) + " where id = $1 and attempts = $2";
        sqlx::query(AssertSqlSafe(sql)).bind(&lease.id).bind(lease.attempts)
    }

    /// Keeps the row for the next attempt.
    pub(super) async fn postpone(
        &self,
        tx: &mut Tx,
        lease: &Lease,
        due_at: Millis,
        error: &str,
    ) -> Result<(), StoreError> {
        self.fail(tx, lease, "update {table} set due_at = $3, error = $4", due_at, error).await
    }

    /// Gives the row up. It stays for the operator until it is pruned.
    pub(super) async fn give_up(
        &self,
        tx: &mut Tx,
        lease: &Lease,
        now: Millis,
        error: &str,
    ) -> Result<(), StoreError> {
        self.fail(tx, lease, "update {table} set dead_at = $3, error = $4", now, error).await
    }

    async fn fail(
        &self,
        tx: &mut Tx,
        lease: &Lease,
        change: &str,
        time: Millis,
        error: &str,
    ) -> Result<(), StoreError> {
        self.end(lease, change).bind(time).bind(error).execute(tx).await?;
        Ok(())
    }

    /// The time at which the next row of a lane is due.
    pub(super) async fn next_due(
        &self,
        connection: &mut Tx,
        lane: &str,
    ) -> Result<Option<Millis>, StoreError> {
        let Queue { table, lane: column, waiting, .. } = self;
        let sql =
            format!("select due_at from {table} where {column} = $1 and {waiting} order by due_at limit 1");
        Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(lane).fetch_optional(connection).await?)
    }

    /// Deletes at most `limit` rows whose time in `column` is before `before`. `column` may have more
    /// conditions in front of it.
    pub(super) async fn prune(
        &self,
        tx: &mut Tx,
        column: &str,
        before: Millis,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let table = self.table;
        let sql =
            format!("delete from {table} where id in (select id from {table} where {column} < $1 limit $2)");
        let done = sqlx::query(AssertSqlSafe(sql)).bind(before).bind(limit).execute(tx).await?;
        Ok(done.rows_affected())
    }
}
