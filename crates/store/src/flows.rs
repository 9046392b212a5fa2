//! Flows: sign-ins with a provider, from the consent screen to their outcome.

use doorward_core::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::engine;
use crate::{StoreError, Tx};

/// The secret that a flow is bound to. The client that ends a flow must prove that it began the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The thumbprint of the browser's key.
    Key(String),
    /// The hash of a secret.
    Secret(Vec<u8>),
}

/// A flow as it is stored.
#[derive(Clone, Debug)]
pub struct Flow {
    /// UUID.
    pub id: String,
    /// The name of the provider.
    pub provider: String,
    /// The URL that the provider returns the browser to.
    pub callback: String,
    /// The proof that a client needs to end the flow.
    pub binding: Binding,
    /// The account that was signed in when the flow began. After a registration or a link, the account of the
    /// flow.
    pub account: Option<String>,
    /// The sealed values that the provider's answer is checked with. `None` for a token from a native app.
    pub memory: Option<Vec<u8>>,
    /// The sealed parameters that the provider sent to the server instead of the page.
    pub arrived: Option<Vec<u8>>,
    /// The hash of the answer that the flow is ended with.
    pub answer: Option<Vec<u8>>,
    /// The time at which a request claimed the flow to end it.
    pub claimed_at: Option<Millis>,
    /// The sealed identity of the user, for a registration.
    pub person: Option<Vec<u8>>,
    /// The outcome, as JSON.
    pub outcome: Option<String>,
    /// The time of the outcome.
    pub finished_at: Option<Millis>,
    /// The time at which an account was created with it, or linked.
    pub used_at: Option<Millis>,
    /// The time until which the provider's answer is accepted.
    pub expires_at: Millis,
}

fn flow(row: &AnyRow) -> Result<Flow, StoreError> {
    let key: Option<String> = row.try_get("browser_key")?;
    let secret: Option<Vec<u8>> = row.try_get("secret_hash")?;
    Ok(Flow {
        id: row.try_get("id")?,
        provider: row.try_get("provider")?,
        callback: row.try_get("callback")?,
        // A flow with neither gets an empty hash, which no secret has: no client can end it.
        binding: key.map_or_else(|| Binding::Secret(secret.unwrap_or_default()), Binding::Key),
        account: row.try_get("account")?,
        memory: row.try_get("memory")?,
        arrived: row.try_get("arrived")?,
        answer: row.try_get("answer_hash")?,
        claimed_at: row.try_get("claimed_at")?,
        person: row.try_get("person")?,
        outcome: row.try_get("outcome")?,
        finished_at: row.try_get("finished_at")?,
        used_at: row.try_get("used_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

/// Adds a flow. `handle` is the hash of the value that names the flow in the provider's answer.
pub async fn insert(tx: &mut Tx, flow: &Flow, handle: &[u8], now: Millis) -> Result<(), StoreError> {
    let (key, secret) = match &flow.binding {
        Binding::Key(key) => (Some(key), None),
        Binding::Secret(secret) => (None, Some(secret)),
    };
    sqlx::query(
        "insert into flows (id, handle, provider, callback, browser_key, secret_hash, account, memory, person,
            outcome, finished_at, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(&flow.id)
    .bind(handle)
    .bind(&flow.provider)
    .bind(&flow.callback)
    .bind(key)
    .bind(secret)
    .bind(&flow.account)
    .bind(&flow.memory)
    .bind(&flow.person)
    .bind(&flow.outcome)
    .bind(flow.finished_at)
    .bind(now)
    .bind(flow.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Locks a flow until the end of the transaction.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    engine::lock(tx, "select 1 from flows where id = $1 for update", id).await
}

/// The flow with this id.
pub async fn by_id(db: &mut Tx, id: &str) -> Result<Option<Flow>, StoreError> {
    let row = sqlx::query("select * from flows where id = $1").bind(id).fetch_optional(db).await?;
    row.as_ref().map(flow).transpose()
}

/// The flow that an answer names by its handle.
pub async fn by_handle(db: &mut Tx, handle: &[u8]) -> Result<Option<Flow>, StoreError> {
    let row = sqlx::query("select * from flows where handle = $1").bind(handle).fetch_optional(db).await?;
    row.as_ref().map(flow).transpose()
}

/// The flow of an answer that does not name its flow (D-32). Of the flows of this browser and provider it is
/// the one that was ended with this same answer, or else the newest one that waits for an answer.
pub async fn of_browser(
    db: &mut Tx,
    binding: &Binding,
    provider: &str,
    answer: &[u8],
) -> Result<Option<Flow>, StoreError> {
    let query = match binding {
        Binding::Key(key) => sqlx::query(
            "select * from flows
            where browser_key = $1 and provider = $2 and (answer_hash = $3 or answer_hash is null)
            order by case when answer_hash is null then 1 else 0 end, created_at desc, id desc
            limit 1",
        )
        .bind(key),
        Binding::Secret(secret) => sqlx::query(
            "select * from flows
            where secret_hash = $1 and provider = $2 and (answer_hash = $3 or answer_hash is null)",
        )
        .bind(secret),
    };
    let row = query.bind(provider).bind(answer).fetch_optional(db).await?;
    row.as_ref().map(flow).transpose()
}

/// Claims the flow: records the answer that it is being ended with.
pub async fn claim(tx: &mut Tx, id: &str, answer: &[u8], now: Millis) -> Result<(), StoreError> {
    sqlx::query("update flows set answer_hash = $2, claimed_at = $3 where id = $1")
        .bind(id)
        .bind(answer)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Gives up the claim after a temporary failure: the same answer may still succeed. `person` is the sealed
/// identity, if the provider has returned it, so that the provider is not asked again. Only the holder of the
/// claim can release it.
pub async fn release(tx: &mut Tx, flow: &Flow, person: Option<&[u8]>) -> Result<(), StoreError> {
    sqlx::query(
        "update flows set answer_hash = null, claimed_at = null, person = $3
        where id = $1 and claimed_at = $2 and outcome is null",
    )
    .bind(&flow.id)
    .bind(flow.claimed_at)
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Stores the parameters that the provider sent to the server. Returns false if some were stored before.
pub async fn arrive(tx: &mut Tx, id: &str, arrived: &[u8]) -> Result<bool, StoreError> {
    let done = sqlx::query("update flows set arrived = $2 where id = $1 and arrived is null")
        .bind(id)
        .bind(arrived)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Stores the outcome and deletes the values that the answer was checked with. Returns false if another
/// request has ended or claimed the flow.
pub async fn finish(
    tx: &mut Tx,
    flow: &Flow,
    outcome: &str,
    person: Option<&[u8]>,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update flows set outcome = $3, person = $4, finished_at = $5, memory = null, arrived = null
        where id = $1 and claimed_at = $2 and outcome is null",
    )
    .bind(&flow.id)
    .bind(flow.claimed_at)
    .bind(outcome)
    .bind(person)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Records that an account was created with the flow, or linked. Returns false if the flow was used before.
pub async fn use_up(tx: &mut Tx, id: &str, account: &str, now: Millis) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update flows set used_at = $2, account = $3, person = null where id = $1 and used_at is null",
    )
    .bind(id)
    .bind(now)
    .bind(account)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// True if this browser has created an account with the provider since then.
pub async fn was_used(
    db: &mut Tx,
    binding: &Binding,
    provider: &str,
    since: Millis,
) -> Result<bool, StoreError> {
    let Binding::Key(key) = binding else { return Ok(false) };
    let row =
        sqlx::query("select 1 from flows where browser_key = $1 and provider = $2 and used_at >= $3 limit 1")
            .bind(key)
            .bind(provider)
            .bind(since)
            .fetch_optional(db)
            .await?;
    Ok(row.is_some())
}

/// Deletes at most `limit` flows that began before `before`. Returns their number.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from flows where id in (select id from flows where created_at < $1 order by created_at limit $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
