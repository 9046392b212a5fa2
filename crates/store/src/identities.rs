//! Identities: the names of an account, each of them unique.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::canonical;
use doorward_core::clock::Millis;
use doorward_core::message::Channel;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::engine;
use crate::{StoreError, Tx};

/// Kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address in canonical form.
    Email,
    /// A phone number in E.164.
    Phone,
    /// A username, in the canonical form of `usernames` (crate `request`).
    Username,
    /// The [`fingerprint`] of an id that an app created for its device. The id is sufficient to sign in.
    Device,
    /// The [`fingerprint`] of the user's id in another system.
    Custom,
    /// An identity at an outside issuer: [`Identity::at_provider`].
    Provider,
}

impl Kind {
    /// The kind of an address.
    pub fn of(address: &str) -> Kind {
        match Channel::of(address) {
            Channel::Mail => Kind::Email,
            Channel::Sms => Kind::Phone,
        }
    }

    /// The value in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::Username => "username",
            Kind::Device => "device",
            Kind::Custom => "custom",
            Kind::Provider => "provider",
        }
    }
}

/// Locks a name until the end of the transaction, whether an account has it or not. So only one transaction
/// at a time can look it up and take it.
pub async fn lock(tx: &mut Tx, kind: Kind, value: &str) -> Result<(), StoreError> {
    let name = format!("identity {} {value}", kind.as_str());
    engine::lock(tx, "select 1 from pg_advisory_xact_lock(hashtextextended($1, 0))", &name).await
}

/// A name to add to an account.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its kind.
    pub kind: Kind,
    /// The name in canonical form.
    pub value: String,
    /// The skeleton of a username (UTS #39).
    pub look: Option<String>,
    /// True if the name is proven now. An id is proven by its presentation.
    pub proven: bool,
    /// The origin of an identity at a provider.
    pub origin: Option<Origin>,
}

/// The origin of an identity at a provider.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The name of the provider.
    pub provider: String,
    /// The address that the provider returned.
    pub email: Option<String>,
}

impl Identity {
    /// The value of the column `email`. For an identity at a provider it is the address that the provider
    /// returned. For an e-mail address it is the form for display, if that differs from the canonical form.
    fn email(&self) -> Option<String> {
        if self.kind == Kind::Email {
            return Some(canonical::shown_email(&self.value)).filter(|shown| *shown != self.value);
        }
        self.origin.as_ref()?.email.clone()
    }

    /// A name that is not proven.
    pub fn unproven(kind: Kind, value: String) -> Identity {
        Identity { kind, value, look: None, proven: false, origin: None }
    }

    /// The identity of an id that is sufficient to sign in.
    pub fn of_id(kind: Kind, id: &str) -> Identity {
        Identity { kind, value: fingerprint(id), look: None, proven: true, origin: None }
    }

    /// An identity at a provider. Its value consists of provider, issuer and subject, because two issuers may
    /// use the same subject for different people (SECURITY A01). Provider and issuer contain no space.
    pub fn at_provider(provider: &str, issuer: &str, subject: &str, email: Option<&str>) -> Identity {
        let origin = Origin { provider: provider.to_owned(), email: email.map(str::to_owned) };
        let value = format!("{provider} {issuer} {subject}");
        Identity { kind: Kind::Provider, value, look: None, proven: true, origin: Some(origin) }
    }
}

/// The stored form of an id that is sufficient to sign in. A reader of the database cannot sign in with it,
/// unless the id can be guessed.
pub fn fingerprint(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, id.as_bytes()))
}

/// Adds a name to an account. [`StoreError::Conflict`] if another account has it.
pub async fn insert(tx: &mut Tx, identity: &Identity, account: &str, now: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "insert into identities (kind, value, look, account, verified_at, created_at, provider, email)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(identity.kind.as_str())
    .bind(&identity.value)
    .bind(&identity.look)
    .bind(account)
    .bind(identity.proven.then_some(now))
    .bind(now)
    .bind(identity.origin.as_ref().map(|origin| &origin.provider))
    .bind(identity.email())
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes all names of a kind from an account. Returns false if it has none.
pub async fn remove(tx: &mut Tx, kind: Kind, account: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("delete from identities where account = $1 and kind = $2")
        .bind(account)
        .bind(kind.as_str())
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The kind of a name of an account, without the name itself.
#[derive(Clone, Debug)]
pub struct Held {
    /// The kind, as in the database.
    pub kind: String,
    /// The name of the provider.
    pub provider: Option<String>,
    /// True if the name is proven.
    pub proven: bool,
}

/// The kinds of names that an account has.
pub async fn held(db: &mut Tx, account: &str) -> Result<Vec<Held>, StoreError> {
    let rows = sqlx::query("select kind, provider, verified_at from identities where account = $1")
        .bind(account)
        .fetch_all(db)
        .await?;
    let read = |row: AnyRow| {
        let verified_at: Option<Millis> = row.try_get("verified_at")?;
        let proven = verified_at.is_some();
        Ok(Held { kind: row.try_get("kind")?, provider: row.try_get("provider")?, proven })
    };
    rows.into_iter().map(read).collect()
}

/// An identity of an account in another system.
#[derive(Clone, Debug)]
pub struct Link {
    /// The name of the provider. For a device or custom id, its kind.
    pub provider: String,
    /// The id there. For a device or custom id, its fingerprint.
    pub id: String,
    /// The address that the provider returned.
    pub email: Option<String>,
    /// The time at which the account got it.
    pub created_at: Millis,
}

/// The identities of an account in other systems, oldest first.
pub async fn links(db: &mut Tx, account: &str) -> Result<Vec<Link>, StoreError> {
    let rows = sqlx::query(
        "select kind, value, provider, email, created_at from identities
        where account = $1 and kind in ('provider', 'device', 'custom')
        order by created_at, kind, value",
    )
    .bind(account)
    .fetch_all(db)
    .await?;
    let read = |row: AnyRow| {
        let (value, provider): (String, Option<String>) = (row.try_get("value")?, row.try_get("provider")?);
        let id = match &provider {
            Some(_) => value.splitn(3, ' ').last().unwrap_or_default().to_owned(),
            None => value,
        };
        let provider = match provider {
            Some(provider) => provider,
            None => row.try_get("kind")?,
        };
        Ok(Link { provider, id, email: row.try_get("email")?, created_at: row.try_get("created_at")? })
    };
    rows.into_iter().map(read).collect()
}

/// Removes the identity that [`Link::provider`] names from an account. Returns false if the account does not
/// have it.
pub async fn unlink(tx: &mut Tx, account: &str, provider: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "delete from identities
        where account = $1 and (provider = $2 or (provider is null and kind = $2 and kind in ('device', 'custom')))",
    )
    .bind(account)
    .bind(provider)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// True if another account has a username with the same skeleton.
pub async fn looks_taken(db: &mut Tx, look: &str, account: &str) -> Result<bool, StoreError> {
    let owner: Option<String> = sqlx::query_scalar("select account from identities where look = $1")
        .bind(look)
        .fetch_optional(db)
        .await?;
    Ok(owner.is_some_and(|owner| owner != account))
}

/// True if an account has this name.
pub async fn exists(db: &mut Tx, kind: Kind, value: &str) -> Result<bool, StoreError> {
    Ok(owner(db, kind, value).await?.is_some())
}

/// The id of the account with this name.
pub async fn owner(db: &mut Tx, kind: Kind, value: &str) -> Result<Option<String>, StoreError> {
    let account = sqlx::query_scalar("select account from identities where kind = $1 and value = $2")
        .bind(kind.as_str())
        .bind(value)
        .fetch_optional(db)
        .await?;
    Ok(account)
}

/// The account that has a name, and what is proven.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The account.
    pub account: String,
    /// True if the name is proven, or a reader of the address has chosen the password. Otherwise the name is
    /// only claimed.
    pub is_proven: bool,
    /// True if the account has a phone number, an identity at a provider, or a custom id. Then it has an
    /// owner even without this name.
    pub has_another: bool,
}

/// The account that has a name.
pub async fn holder(db: &mut Tx, kind: Kind, value: &str) -> Result<Option<Holder>, StoreError> {
    let row = sqlx::query(
        "select i.account,
            cast(case when i.verified_at is null and i.owned_at is null then 0 else 1 end as bigint) as proven,
            cast((select count(*) from identities o
                where o.account = i.account and o.kind in ('phone', 'provider', 'custom')) as bigint) as others
        from identities i
        where i.kind = $1 and i.value = $2",
    )
    .bind(kind.as_str())
    .bind(value)
    .fetch_optional(db)
    .await?;
    let read = |row: AnyRow| {
        Ok(Holder {
            account: row.try_get("account")?,
            is_proven: row.try_get::<i64, _>("proven")? != 0,
            has_another: row.try_get::<i64, _>("others")? != 0,
        })
    };
    row.map(read).transpose()
}

/// Removes a name from an account.
pub async fn release(tx: &mut Tx, kind: Kind, value: &str, account: &str) -> Result<(), StoreError> {
    sqlx::query("delete from identities where kind = $1 and value = $2 and account = $3")
        .bind(kind.as_str())
        .bind(value)
        .bind(account)
        .execute(tx)
        .await?;
    Ok(())
}

/// Removes all names from an account, except this one and the username.
pub async fn remove_others(tx: &mut Tx, kind: Kind, value: &str, account: &str) -> Result<(), StoreError> {
    sqlx::query(
        "delete from identities
        where account = $3 and kind <> 'username' and not (kind = $1 and value = $2)",
    )
    .bind(kind.as_str())
    .bind(value)
    .bind(account)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records that a reader of the address has chosen the password: the address belongs to the account.
pub async fn own(tx: &mut Tx, kind: Kind, value: &str, now: Millis) -> Result<(), StoreError> {
    sqlx::query("update identities set owned_at = $3 where kind = $1 and value = $2")
        .bind(kind.as_str())
        .bind(value)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records that the name is proven, and keeps an earlier time. Returns false if the account does not have the
/// name any more.
pub async fn verify(
    tx: &mut Tx,
    kind: Kind,
    value: &str,
    account: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update identities set verified_at = coalesce(verified_at, $4)
        where kind = $1 and value = $2 and account = $3",
    )
    .bind(kind.as_str())
    .bind(value)
    .bind(account)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
