//! Accounts as operators see them: lists, search, and all data of one account.

use doorward_core::canonical;
use doorward_core::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::accounts::{Account, account, select_account};
use crate::{StoreError, Tx};

/// Greater than every id: the start of a list that is sorted from the newest to the oldest.
pub const NEWEST: &str = "z";

/// Lists at most `limit` accounts before the account with the id `before`, newest first.
pub async fn list(db: &mut Tx, before: &str, limit: i64) -> Result<Vec<Account>, StoreError> {
    let sql = select_account!(
        "from accounts a
        where a.id < $1
        order by a.id desc
        limit $2"
    );
    let rows = sqlx::query(sql).bind(before).bind(limit).fetch_all(db).await?;
    rows.iter().map(account).collect()
}

/// The same for accounts with an e-mail address, phone number or username that contains `part`. Ignores case.
pub async fn search(db: &mut Tx, part: &str, before: &str, limit: i64) -> Result<Vec<Account>, StoreError> {
    let sql = select_account!(
        "from accounts a
        where a.id < $1 and exists (
            select 1 from identities i
            where i.account = a.id and i.kind in ('email', 'phone', 'username')
                and (lower(i.value) like $2 escape '!' or i.email like $2 escape '!'))
        order by a.id desc
        limit $3"
    );
    let mut pattern = String::from("%");
    for c in canonical::folded(part).chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    let rows = sqlx::query(sql).bind(before).bind(pattern).bind(limit).fetch_all(db).await?;
    rows.iter().map(account).collect()
}

/// A name of an account.
#[derive(Clone, Debug)]
pub struct Name {
    /// The kind of the name.
    pub kind: String,
    /// The canonical form, which is unique.
    pub value: String,
    /// The time at which it was proven.
    pub verified_at: Option<Millis>,
    /// The time at which the account got it.
    pub created_at: Millis,
}

/// All names of an account.
pub async fn names(db: &mut Tx, id: &str) -> Result<Vec<Name>, StoreError> {
    let rows = sqlx::query(
        "select kind, value, verified_at, created_at from identities where account = $1 order by kind, value",
    )
    .bind(id)
    .fetch_all(db)
    .await?;
    let name = |row: &AnyRow| {
        Ok(Name {
            kind: row.try_get("kind")?,
            value: row.try_get("value")?,
            verified_at: row.try_get("verified_at")?,
            created_at: row.try_get("created_at")?,
        })
    };
    rows.iter().map(name).collect()
}

/// The time at which the password was last set.
pub async fn password_set_at(db: &mut Tx, id: &str) -> Result<Option<Millis>, StoreError> {
    let at = sqlx::query_scalar("select updated_at from passwords where account = $1").bind(id);
    Ok(at.fetch_optional(db).await?)
}

/// A subscriber of the newsletter.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// UUID of the account.
    pub id: String,
    /// The proven address.
    pub email: String,
    /// The profile, as JSON.
    pub profile: String,
}

/// Lists at most `limit` enabled accounts with the newsletter and a proven e-mail address, oldest first.
pub async fn subscribers(db: &mut Tx, after: &str, limit: i64) -> Result<Vec<Subscriber>, StoreError> {
    let rows = sqlx::query(
        "select a.id, e.value as email, a.profile
        from accounts a
        join identities e on e.account = a.id and e.kind = 'email'
        where a.id > $1 and a.email_subscription = 1 and a.disabled = 0 and e.verified_at is not null
        order by a.id
        limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(db)
    .await?;
    let one = |row: &AnyRow| {
        Ok(Subscriber {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            profile: row.try_get("profile")?,
        })
    };
    rows.iter().map(one).collect()
}

/// Replaces the roles of an account.
pub async fn set_roles(tx: &mut Tx, id: &str, roles: &[String], now: Millis) -> Result<(), StoreError> {
    let json = serde_json::to_string(roles).map_err(|error| StoreError::Internal(error.to_string()))?;
    sqlx::query("update accounts set roles = $2, updated_at = $3 where id = $1")
        .bind(id)
        .bind(json)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// A challenge or message that was requested for an address.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The scene of a challenge, or the name of a message.
    pub what: String,
    /// The address.
    pub address: String,
    /// The time of the request.
    pub created_at: Millis,
}

fn sent(rows: &[AnyRow]) -> Result<Vec<Sent>, StoreError> {
    let one = |row: &AnyRow| {
        Ok(Sent {
            what: row.try_get("what")?,
            address: row.try_get("address")?,
            created_at: row.try_get("created_at")?,
        })
    };
    rows.iter().map(one).collect()
}

/// The challenges of an account and of its e-mail address and phone number.
pub async fn challenges(db: &mut Tx, id: &str) -> Result<Vec<Sent>, StoreError> {
    let rows = sqlx::query(
        "select scene as what, address, created_at
        from challenges
        where account = $1
            or address in (select value from identities where account = $1 and kind in ('email', 'phone'))
        order by created_at, scene",
    )
    .bind(id)
    .fetch_all(db)
    .await?;
    sent(&rows)
}

/// The messages in the outbox for the e-mail address and phone number of an account.
pub async fn messages(db: &mut Tx, id: &str) -> Result<Vec<Sent>, StoreError> {
    let rows = sqlx::query(
        "select message as what, address, created_at
        from outbox
        where address in (select value from identities where account = $1 and kind in ('email', 'phone'))
        order by created_at, id",
    )
    .bind(id)
    .fetch_all(db)
    .await?;
    sent(&rows)
}

/// Deletes an account with its names, password, sessions and challenges, and the unsent messages to its
/// addresses. Returns false if the account does not exist. Its entries in the audit log stay until they are
/// pruned.
pub async fn erase(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    // These rows have no foreign key that would delete them: they know the account by its addresses.
    for sql in [
        "delete from outbox
        where address in (select value from identities where account = $1 and kind in ('email', 'phone'))",
        "delete from challenges
        where address in (select value from identities where account = $1 and kind in ('email', 'phone'))",
    ] {
        sqlx::query(sql).bind(id).execute(&mut *tx).await?;
    }
    let done = sqlx::query("delete from accounts where id = $1").bind(id).execute(tx).await?;
    Ok(done.rows_affected() > 0)
}
