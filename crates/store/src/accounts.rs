//! Accounts, read together with their names.

use doorward_core::canonical;
use doorward_core::clock::{Millis, rfc3339};
use doorward_protocol::profile::{Extras, ProfileFields, UserProfile};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::engine;
use crate::identities::Kind;
use crate::{StoreError, Tx};

/// An account as it is stored.
#[derive(Clone, Debug)]
pub struct Account {
    /// UUID.
    pub id: String,
    /// The profile fields that the user fills in.
    pub profile: ProfileFields,
    /// Fields that the operator declares, by name.
    pub extras: Extras,
    /// The username, for signing in.
    pub username: Option<String>,
    /// The e-mail address of the account, in canonical form.
    pub email: Option<String>,
    /// When the address was proven.
    pub email_verified_at: Option<Millis>,
    /// The verified phone number of the account. A number becomes a name of an account only by verification.
    pub phone: Option<String>,
    /// The unverified phone number that was given at sign-up.
    pub phone_number: Option<String>,
    /// True if the user wants the newsletter.
    pub email_subscription: bool,
    /// The roles that the operator gave it.
    pub roles: Vec<String>,
    /// True if an operator has disabled the account.
    pub disabled: bool,
    /// True if the address must be verified before the first sign-in.
    pub confirmation_required: bool,
    /// The thumbprint (RFC 7638) of the key that signed up, until an address of the account is proven.
    pub signup_key: Option<String>,
    /// Counts how often all remembered devices were forgotten.
    pub devices: i64,
    /// The number of sign-ins.
    pub logins_count: i64,
    /// The time of the last sign-in.
    pub last_login: Option<Millis>,
    /// The time of the creation.
    pub created_at: Millis,
    /// The time of the last change.
    pub updated_at: Millis,
}

impl Account {
    /// A new account without a profile, names or sign-ins.
    pub fn new(id: String, roles: Vec<String>, now: Millis) -> Account {
        Account {
            id,
            profile: ProfileFields::default(),
            extras: Extras::default(),
            username: None,
            email: None,
            email_verified_at: None,
            phone: None,
            phone_number: None,
            email_subscription: false,
            roles,
            disabled: false,
            confirmation_required: false,
            signup_key: None,
            devices: 0,
            logins_count: 0,
            last_login: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The profile that the user of the account sees.
    pub fn to_profile(&self) -> UserProfile {
        let mut fields = self.profile.clone();
        for flag in [
            &mut fields.email_public,
            &mut fields.phone_number_public,
            &mut fields.address_public,
            &mut fields.gender_public,
            &mut fields.birthdate_public,
        ] {
            flag.get_or_insert(false);
        }
        UserProfile {
            user_id: self.id.clone(),
            username: self.username.clone(),
            email: self.email.as_deref().map(canonical::shown_email),
            email_verified: self.email_verified_at.is_some(),
            phone_number: self.phone.clone().or_else(|| self.phone_number.clone()),
            phone_number_verified: self.phone.is_some(),
            email_subscription: self.email_subscription,
            roles: self.roles.clone(),
            disabled: self.disabled,
            logins_count: u64::try_from(self.logins_count).unwrap_or(0),
            last_login: self.last_login.map(rfc3339),
            created_at: rfc3339(self.created_at),
            updated_at: rfc3339(self.updated_at),
            fields,
            extras: self.extras.clone(),
        }
    }

    /// The e-mail address, if it is proven. An unproven address may belong to another person, who must get no
    /// messages about this account.
    pub fn proven_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified_at.is_some())
    }

    /// The address for notices about changes: the proven e-mail address, or else the phone number.
    pub fn told_at(&self) -> Option<&str> {
        self.proven_email().or(self.phone.as_deref())
    }

    /// True if the account has an e-mail address that was never proven.
    pub fn has_unproven_email(&self) -> bool {
        self.email.is_some() && self.email_verified_at.is_none()
    }
}

/// Selects the columns of an account `a`, with its username, phone number and e-mail address.
macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "select a.id, a.profile, a.extras, a.phone_number, a.email_subscription, a.roles, a.disabled,
                a.confirmation_required, a.signup_key, a.devices, a.logins_count, a.last_login, a.created_at, a.updated_at,
                (select value from identities where account = a.id and kind = 'username') as username,
                (select value from identities where account = a.id and kind = 'phone') as phone,
                (select value from identities where account = a.id and kind = 'email') as email,
                (select verified_at from identities where account = a.id and kind = 'email') as email_verified_at ",
            $rest
        )
    };
}
pub(super) use select_account;

pub(super) fn account(row: &AnyRow) -> Result<Account, StoreError> {
    let json =
        |error: serde_json::Error| StoreError::Internal(format!("a stored account is not JSON: {error}"));
    Ok(Account {
        id: row.try_get("id")?,
        profile: serde_json::from_str(row.try_get("profile")?).map_err(json)?,
        extras: serde_json::from_str(row.try_get("extras")?).map_err(json)?,
        username: row.try_get("username")?,
        phone: row.try_get("phone")?,
        email: row.try_get("email")?,
        email_verified_at: row.try_get("email_verified_at")?,
        phone_number: row.try_get("phone_number")?,
        email_subscription: row.try_get::<i64, _>("email_subscription")? != 0,
        roles: serde_json::from_str(row.try_get("roles")?).map_err(json)?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
        confirmation_required: row.try_get::<i64, _>("confirmation_required")? != 0,
        signup_key: row.try_get("signup_key")?,
        devices: row.try_get("devices")?,
        logins_count: row.try_get("logins_count")?,
        last_login: row.try_get("last_login")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

/// Adds an account, without its identities.
pub async fn insert(tx: &mut Tx, account: &Account) -> Result<(), StoreError> {
    let json = |error: serde_json::Error| StoreError::Internal(error.to_string());
    sqlx::query(
        "insert into accounts (id, profile, extras, phone_number, email_subscription, roles, disabled,
            confirmation_required, logins_count, last_login, created_at, updated_at, signup_key)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(&account.id)
    .bind(serde_json::to_string(&account.profile).map_err(json)?)
    .bind(serde_json::to_string(&account.extras).map_err(json)?)
    .bind(&account.phone_number)
    .bind(i64::from(account.email_subscription))
    .bind(serde_json::to_string(&account.roles).map_err(json)?)
    .bind(i64::from(account.disabled))
    .bind(i64::from(account.confirmation_required))
    .bind(account.logins_count)
    .bind(account.last_login)
    .bind(account.created_at)
    .bind(account.updated_at)
    .bind(&account.signup_key)
    .execute(tx)
    .await?;
    Ok(())
}

/// Locks an account until the end of the transaction, so that its row, its password and its sessions do not
/// change after they are read. Every transaction takes this lock before locks on the password and the
/// sessions, to avoid deadlocks.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    // `for update` would also block inserts of rows that refer to the account.
    engine::lock(tx, "select 1 from accounts where id = $1 for no key update", id).await
}

/// The account with this id.
pub async fn by_id(db: &mut Tx, id: &str) -> Result<Option<Account>, StoreError> {
    let sql = select_account!(
        "from accounts a
        where a.id = $1"
    );
    sqlx::query(sql).bind(id).fetch_optional(db).await?.as_ref().map(account).transpose()
}

/// The account with this e-mail address, in canonical form.
pub async fn by_email(db: &mut Tx, email: &str) -> Result<Option<Account>, StoreError> {
    by_identity(db, Kind::Email, email).await
}

/// The account with this name, in canonical form.
pub async fn by_identity(db: &mut Tx, kind: Kind, value: &str) -> Result<Option<Account>, StoreError> {
    let sql = select_account!(
        "from identities i
        join accounts a on a.id = i.account
        where i.kind = $1 and i.value = $2"
    );
    let row = sqlx::query(sql).bind(kind.as_str()).bind(value).fetch_optional(db).await?;
    row.as_ref().map(account).transpose()
}

/// Stores the profile, the operator's fields, the unverified phone number and the newsletter setting.
pub async fn update(tx: &mut Tx, account: &Account, now: Millis) -> Result<(), StoreError> {
    let json = |error: serde_json::Error| StoreError::Internal(error.to_string());
    sqlx::query(
        "update accounts
        set profile = $2, extras = $3, phone_number = $4, email_subscription = $5, updated_at = $6
        where id = $1",
    )
    .bind(&account.id)
    .bind(serde_json::to_string(&account.profile).map_err(json)?)
    .bind(serde_json::to_string(&account.extras).map_err(json)?)
    .bind(&account.phone_number)
    .bind(i64::from(account.email_subscription))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes the unverified number from the sign-up, after a verified number was added or removed.
pub async fn forget_phone(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sqlx::query("update accounts set phone_number = null where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Resets an account for its rightful owner: keeps `shown` as the profile, sets the given roles, and forgets
/// the app's data, the key of the sign-up and all devices.
pub async fn begin_anew(
    tx: &mut Tx,
    id: &str,
    shown: &ProfileFields,
    roles: &[String],
) -> Result<(), StoreError> {
    let json = |error: serde_json::Error| StoreError::Internal(error.to_string());
    sqlx::query("delete from user_data where account = $1").bind(id).execute(&mut *tx).await?;
    sqlx::query(
        "update accounts
        set profile = $2, roles = $3, extras = '{}', phone_number = null, email_subscription = 0, signup_key = null,
            devices = devices + 1
        where id = $1",
    )
    .bind(id)
    .bind(serde_json::to_string(shown).map_err(json)?)
    .bind(serde_json::to_string(roles).map_err(json)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// Forgets the key of the sign-up, after a reader of the address has chosen a password.
pub async fn forget_signup_key(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sqlx::query("update accounts set signup_key = null where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Records that the address is proven: sign-in no longer waits for it, and the key of the sign-up is
/// forgotten.
pub async fn confirm(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sqlx::query("update accounts set signup_key = null, confirmation_required = 0 where id = $1")
        .bind(id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Counts a sign-in and records its time.
pub async fn count_login(tx: &mut Tx, id: &str, now: Millis) -> Result<(), StoreError> {
    sqlx::query("update accounts set logins_count = logins_count + 1, last_login = $2 where id = $1")
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Sets the time of the last change.
pub async fn touch(tx: &mut Tx, id: &str, now: Millis) -> Result<(), StoreError> {
    sqlx::query("update accounts set updated_at = $2 where id = $1").bind(id).bind(now).execute(tx).await?;
    Ok(())
}

/// Forgets all devices that the account remembers.
pub async fn forget_devices(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    sqlx::query("update accounts set devices = devices + 1 where id = $1").bind(id).execute(tx).await?;
    Ok(())
}

/// Disables or enables an account, and forgets its devices. The caller ends its sessions in the same
/// transaction.
pub async fn set_disabled(tx: &mut Tx, id: &str, disabled: bool, now: Millis) -> Result<(), StoreError> {
    sqlx::query("update accounts set disabled = $2, updated_at = $3, devices = devices + 1 where id = $1")
        .bind(id)
        .bind(i64::from(disabled))
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}
