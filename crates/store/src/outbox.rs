//! The queue of mails and SMS. A row is written in the transaction that causes the message, taken under a
//! lease, and deleted after sending.

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

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// Id of the row.
    pub id: &'a str,
    /// The kind of message.
    pub message: Message,
    /// The recipient: an e-mail address or phone number.
    pub address: &'a str,
    /// The challenge of the code and link in the message.
    pub challenge: Option<&'a str>,
    /// The requested language, a BCP 47 tag.
    pub language: Option<&'a str>,
    /// The request that caused it.
    pub request: &'a str,
}

/// Adds a message, which is due at once.
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

/// A message that this worker holds until its lease ends.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The lease of the row.
    pub lease: Lease,
    /// The kind of message. `None` if a newer doorward wrote a message that this version does not know.
    pub message: Option<Message>,
    /// The recipient: an e-mail address or phone number.
    pub address: String,
    /// The challenge of the code and link in the message.
    pub challenge: Option<String>,
    /// The requested language, a BCP 47 tag.
    pub language: Option<String>,
    /// The request that caused it.
    pub request: Option<String>,
    /// The time at which it was added.
    pub created_at: Millis,
}

/// Takes at most `limit` due messages of a channel until `lease_until`, the longest waiting first.
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

/// Deletes a message that was sent, or must not be sent any more.
pub async fn delete(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    OUTBOX.end(lease, "delete from {table}").execute(tx).await?;
    Ok(())
}

/// Postpones the message to `due_at`.
pub async fn postpone(tx: &mut Tx, lease: &Lease, due_at: Millis, error: &str) -> Result<(), StoreError> {
    OUTBOX.postpone(tx, lease, due_at, error).await
}

/// Gives up the message. The row stays for the operator until it is pruned.
pub async fn give_up(tx: &mut Tx, lease: &Lease, now: Millis, error: &str) -> Result<(), StoreError> {
    OUTBOX.give_up(tx, lease, now, error).await
}

/// The time at which the next message of a channel is due. `None` if no message waits.
pub async fn next_due(connection: &mut Tx, channel: Channel) -> Result<Option<Millis>, StoreError> {
    OUTBOX.next_due(connection, channel.as_str()).await
}

/// Deletes at most `limit` messages that were given up before `before`.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    OUTBOX.prune(tx, "dead_at", before, limit).await
}
