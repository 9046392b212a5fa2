//! The audit log. Each entry is written in the transaction of the event.

use doorward_core::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::{StoreError, Tx};

/// An entry to write.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// UUID.
    pub id: String,
    /// The time of the event.
    pub at: Millis,
    /// The name of the event.
    pub event: &'static str,
    /// The id of the account that the event is about.
    pub account: Option<&'a str>,
    /// The id of the session that the event is about.
    pub session: Option<&'a str>,
    /// The IP address of the client.
    pub ip: Option<String>,
    /// The id of the request.
    pub request: Option<&'a str>,
    /// More detail, never a secret.
    pub detail: Option<&'a str>,
}

/// Adds an entry.
pub async fn insert(tx: &mut Tx, entry: &Entry<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "insert into audit (id, at, event, account, session, ip, request, detail)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(entry.id.as_str())
    .bind(entry.at)
    .bind(entry.event)
    .bind(entry.account)
    .bind(entry.session)
    .bind(entry.ip.as_deref())
    .bind(entry.request)
    .bind(entry.detail)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes at most `limit` entries that are not newer than `before`.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from audit where id in (select id from audit where at <= $1 limit $2)")
        .bind(before)
        .bind(limit)
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

/// An entry as it is read.
#[derive(Clone, Debug)]
pub struct Line {
    /// UUID.
    pub id: String,
    /// The time of the event.
    pub at: Millis,
    /// The name of the event.
    pub event: String,
    /// The id of the account that the event is about.
    pub account: Option<String>,
    /// The id of the session that the event is about.
    pub session: Option<String>,
    /// The IP address of the client.
    pub ip: Option<String>,
    /// The id of the request.
    pub request: Option<String>,
    /// More detail, never a secret.
    pub detail: Option<String>,
}

/// The filter of a list. `None` matches every entry.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The id of the account.
    pub account: Option<String>,
    /// The name of the event.
    pub event: Option<String>,
    /// The earliest time.
    pub since: Option<Millis>,
}

/// Lists at most `limit` entries before the entry with the id `before`, newest first.
pub async fn list(db: &mut Tx, filter: &Filter, before: &str, limit: i64) -> Result<Vec<Line>, StoreError> {
    macro_rules! select {
        ($account:literal) => {
            concat!(
                "select id, at, event, account, session, ip, request, detail
                from audit
                where id < $1 and at >= $2 and ($3 = '' or event = $3) ",
                $account,
                " order by id desc limit $4"
            )
        };
    }
    let sql = if filter.account.is_some() { select!("and account = $5") } else { select!("") };
    let mut query = sqlx::query(sql)
        .bind(before)
        .bind(filter.since.unwrap_or(Millis::MIN))
        .bind(filter.event.as_deref().unwrap_or_default())
        .bind(limit);
    if let Some(account) = &filter.account {
        query = query.bind(account);
    }
    query.fetch_all(db).await?.iter().map(line).collect()
}

fn line(row: &AnyRow) -> Result<Line, StoreError> {
    Ok(Line {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        event: row.try_get("event")?,
        account: row.try_get("account")?,
        session: row.try_get("session")?,
        ip: row.try_get("ip")?,
        request: row.try_get("request")?,
        detail: row.try_get("detail")?,
    })
}
