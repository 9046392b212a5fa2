//! Mails and SMS that have not left yet: put in with their cause, taken under a lease, deleted when they have left.

use doorward_core::clock::Millis;
use doorward_core::message::{Channel, Message};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::queue::{Lease, Queue};
use crate::{StoreError, Tx};

const OUTBOX: Queue = Queue {
    table: "outbox",
    lane: "channel",
    waiting: "dead_at is null",
    taken: "message, address, challenge, language, request, created_at",
};

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
    /// The lease of the row.
    pub lease: Lease,
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
    OUTBOX.take(tx, channel.as_str(), now, lease_until, limit).await?.iter().map(taken).collect()
}

fn taken(row: &AnyRow) -> Result<Taken, StoreError> {
    Ok(Taken {
        lease: Lease::of(row)?,
        message: Message::named(row.try_get("message")?),
        address: row.try_get("address")?,
        challenge: row.try_get("challenge")?,
        language: row.try_get("language")?,
        request: row.try_get("request")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Deletes a mail that was sent, or must not be sent any more.
pub async fn delete(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    OUTBOX.end(lease, "delete from {table}").execute(tx).await?;
    Ok(())
}

/// Keeps the mail for the next attempt.
pub async fn postpone(tx: &mut Tx, lease: &Lease, due_at: Millis, error: &str) -> Result<(), StoreError> {
    OUTBOX.postpone(tx, lease, due_at, error).await
}

/// Gives the mail up. The row stays for the operator until it is pruned.
pub async fn give_up(tx: &mut Tx, lease: &Lease, now: Millis, error: &str) -> Result<(), StoreError> {
    OUTBOX.give_up(tx, lease, now, error).await
}

/// When the next mail of a channel is due. `None` if no mail waits.
pub async fn next_due(connection: &mut Tx, channel: Channel) -> Result<Option<Millis>, StoreError> {
    OUTBOX.next_due(connection, channel.as_str()).await
}

/// Deletes at most `limit` mails that were given up before a moment.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    OUTBOX.prune(tx, "dead_at", before, limit).await
}
