//! Mails and SMS that have not left yet: put in with their cause, taken under a lease, deleted when they have left.

use doorward_core::clock::Millis;
use doorward_core::message::{Channel, Message};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::connection::Engine;
use super::{StoreError, Tx};

/// A mail to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// Id of the row.
    pub id: &'a str,
    /// What it says.
    pub message: Message,
    /// The address that it goes to.
    pub address: &'a str,
    /// The challenge whose code and link it carries.
    pub challenge: Option<&'a str>,
    /// The language that was asked for, a BCP 47 tag.
    pub language: Option<&'a str>,
    /// The request that caused it.
    pub request: &'a str,
}

/// Puts a mail in; it is due at once.
pub async fn put(tx: &mut Tx, letter: Letter<'_>, now: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "insert into outbox (id, message, channel, address, challenge, language, request, attempts, due_at, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8)",
    )
    .bind(letter.id)
    .bind(letter.message.as_str())
    .bind(Channel::of(letter.address).as_str())
    .bind(letter.address)
    .bind(letter.challenge)
    .bind(letter.language)
    .bind(letter.request)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// A mail that is ours until its lease ends.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Id of the row.
    pub id: String,
    /// What it says; `None` if a newer doorward wrote a message that this one does not know.
    pub message: Option<Message>,
    /// The address that it goes to.
    pub address: String,
    /// The challenge whose code and link it carries.
    pub challenge: Option<String>,
    /// The language that was asked for.
    pub language: Option<String>,
    /// The request that caused it.
    pub request: Option<String>,
    /// How often it was taken, this time included. Says whose the lease is: who comes back late has an old number.
    pub attempts: i64,
    /// When it was put in.
    pub created_at: Millis,
}

/// Takes what is due on a channel, the longest waiting first, until `lease_until`.
pub async fn take(
    tx: &mut Tx,
    channel: Channel,
    now: Millis,
    lease_until: Millis,
    limit: i64,
) -> Result<Vec<Taken>, StoreError> {
    // `materialized`: PostgreSQL may otherwise ask the inner query again for each row, and lock more than the limit.
    macro_rules! take {
        ($others:literal) => {
            concat!(
                "with due as materialized (
                    select id from outbox where channel = $4 and dead_at is null and due_at <= $1
                    order by due_at, id limit $3 ",
                $others,
                ")
                update outbox
                set attempts = attempts + 1, due_at = $2
                where id in (select id from due) and dead_at is null and due_at <= $1
                returning id, message, address, challenge, language, request, attempts, created_at"
            )
        };
    }
    // The condition stands outside, too: what another node took in this moment is looked at again as it is then.
    let sql = match Engine::of(tx) {
        Engine::Sqlite => take!(""),
        Engine::Postgres => take!("for update skip locked"),
    };
    let query = sqlx::query(sql).bind(now).bind(lease_until).bind(limit).bind(channel.as_str());
    let rows = query.fetch_all(tx).await?;
    rows.iter().map(taken).collect()
}

fn taken(row: &AnyRow) -> Result<Taken, StoreError> {
    Ok(Taken {
        id: row.try_get("id")?,
        message: Message::named(row.try_get("message")?),
        address: row.try_get("address")?,
        challenge: row.try_get("challenge")?,
        language: row.try_get("language")?,
        request: row.try_get("request")?,
        attempts: row.try_get("attempts")?,
        created_at: row.try_get("created_at")?,
    })
}

/// It has left, or must not leave any more.
pub async fn delete(tx: &mut Tx, taken: &Taken) -> Result<(), StoreError> {
    sqlx::query("delete from outbox where id = $1 and attempts = $2")
        .bind(&taken.id)
        .bind(taken.attempts)
        .execute(tx)
        .await?;
    Ok(())
}

/// It stays until the next attempt.
pub async fn postpone(tx: &mut Tx, taken: &Taken, due_at: Millis, error: &str) -> Result<(), StoreError> {
    sqlx::query("update outbox set due_at = $3, error = $4 where id = $1 and attempts = $2")
        .bind(&taken.id)
        .bind(taken.attempts)
        .bind(due_at)
        .bind(error)
        .execute(tx)
        .await?;
    Ok(())
}

/// It is given up; the row stays for the operator until it is pruned.
pub async fn bury(tx: &mut Tx, taken: &Taken, now: Millis, error: &str) -> Result<(), StoreError> {
    sqlx::query("update outbox set dead_at = $3, error = $4 where id = $1 and attempts = $2")
        .bind(&taken.id)
        .bind(taken.attempts)
        .bind(now)
        .bind(error)
        .execute(tx)
        .await?;
    Ok(())
}

/// When the next one is due on a channel; `None` when there is none.
pub async fn next_due(connection: &mut Tx, channel: Channel) -> Result<Option<Millis>, StoreError> {
    let due = sqlx::query_scalar(
        "select due_at from outbox where channel = $1 and dead_at is null order by due_at limit 1",
    )
    .bind(channel.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(due)
}

/// Deletes what was given up before a moment, at most so many at a time.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done =
        sqlx::query("delete from outbox where id in (select id from outbox where dead_at < $1 limit $2)")
            .bind(before)
            .bind(limit)
            .execute(tx)
            .await?;
    Ok(done.rows_affected())
}
