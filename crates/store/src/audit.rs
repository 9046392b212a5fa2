//! The audit log: written in the transaction of what it records.

use doorward_core::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::{StoreError, Tx};

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// UUID.
    pub id: String,
    /// When.
    pub at: Millis,
    /// What.
    pub event: &'static str,
    /// About whose account.
    pub account: Option<&'a str>,
    /// About which session.
    pub session: Option<&'a str>,
    /// From which address.
    pub ip: Option<String>,
    /// In which request.
    pub request: Option<&'a str>,
    /// What else there is to say; never a secret.
    pub detail: Option<&'a str>,
}

/// Adds a line.
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

/// Deletes lines that were kept long enough, at most so many at a time.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from audit where id in (select id from audit where at <= $1 limit $2)")
        .bind(before)
        .bind(limit)
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

/// A line as it is read.
#[derive(Clone, Debug)]
pub struct Line {
    /// UUID.
    pub id: String,
    /// When.
    pub at: Millis,
    /// What.
    pub event: String,
    /// About whose account.
    pub account: Option<String>,
    /// About which session.
    pub session: Option<String>,
    /// From which address.
    pub ip: Option<String>,
    /// In which request.
    pub request: Option<String>,
    /// What else there is to say.
    pub detail: Option<String>,
}

/// Which lines are looked for. What is not said does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// About this account.
    pub account: Option<String>,
    /// This event.
    pub event: Option<String>,
    /// Not before.
    pub since: Option<Millis>,
}

/// Lines written before the one with that id, the newest first, at most so many.
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
