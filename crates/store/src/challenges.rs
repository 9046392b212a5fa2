//! Challenges. Each is opened in the transaction that causes its message, gets its code and token when the
//! message is sent, and is consumed by the statement that checks it.

use doorward_core::clock::Millis;
use doorward_core::one_time_code::{PlainCode, PlainToken, Scene};
use doorward_core::secret_keys::{KeyId, SecretKeys};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::MailProof;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::{StoreError, Tx, accounts};

/// The value of the column `scene`. For a bound scene it contains the account, so that other accounts that
/// request a code for the same address can neither void this challenge nor use up its tries.
fn name(scene: Scene, account: Option<&str>) -> String {
    match account.filter(|_| scene.is_bound()) {
        Some(account) => format!("{} {account}", scene.as_str()),
        None => scene.as_str().to_owned(),
    }
}

/// Opens a challenge. Voids the previous one, and those of the scene's [rivals](Scene::rivals). The work is
/// the same whether an account has the address or not: that is decided when the mail is sent. `account` is
/// the account that a bound scene is opened for.
pub async fn open(
    tx: &mut Tx,
    id: &str,
    scene: Scene,
    address: &str,
    account: Option<&str>,
    redirect: Option<&str>,
    now: Millis,
) -> Result<(), StoreError> {
    for rival in scene.rivals() {
        void(tx, *rival, address).await?;
    }
    sqlx::query(
        "insert into challenges (scene, address, id, account, redirect, tries, created_at)
        values ($1, $2, $3, $4, $5, 0, $6)
        on conflict (scene, address) do update set
            id = excluded.id,
            account = excluded.account,
            redirect = coalesce(excluded.redirect, challenges.redirect),
            secret_key = null,
            code_hash = null,
            code_expires_at = null,
            token_hash = null,
            token_expires_at = null,
            tries = 0,
            consumed_at = null,
            created_at = excluded.created_at",
    )
    .bind(name(scene, account))
    .bind(address)
    .bind(id)
    .bind(account)
    .bind(redirect)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// The id of the account that a challenge belongs to.
pub async fn account(db: &mut Tx, id: &str) -> Result<Option<String>, StoreError> {
    let account: Option<Option<String>> = sqlx::query_scalar("select account from challenges where id = $1")
        .bind(id)
        .fetch_optional(db)
        .await?;
    Ok(account.flatten())
}

/// The secrets that a challenge gets when its message is sent.
pub struct Minted<'a> {
    /// The account of the challenge. `None` if the challenge is for a sign-up.
    pub account: Option<&'a str>,
    /// The secret key for the hash of the code.
    pub secret_key: KeyId,
    /// The hash of the code.
    pub code_hash: Vec<u8>,
    /// The time at which the code expires.
    pub code_expires_at: Millis,
    /// The hash of the token, if the message has a link.
    pub token_hash: Option<Vec<u8>>,
    /// The time at which the token expires.
    pub token_expires_at: Option<Millis>,
}

/// Stores the hashes and begins the lifetime of code and token. Returns false if the challenge was used or
/// replaced: then the message must not be sent.
pub async fn mint(tx: &mut Tx, id: &str, minted: Minted<'_>) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update challenges
        set account = coalesce(account, $2), secret_key = $3, code_hash = $4, code_expires_at = $5,
            token_hash = $6, token_expires_at = $7, tries = 0
        where id = $1 and consumed_at is null",
    )
    .bind(id)
    .bind(minted.account)
    .bind(minted.secret_key.to_vec())
    .bind(minted.code_hash)
    .bind(minted.code_expires_at)
    .bind(minted.token_hash)
    .bind(minted.token_expires_at)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A challenge that was consumed.
#[derive(Debug)]
pub struct Consumed {
    /// The account of the challenge. `None` if the challenge is for a sign-up.
    pub account: Option<String>,
    /// The address that is proven now.
    pub address: String,
    /// The URL that the browser is sent to afterwards.
    pub redirect: Option<String>,
}

/// The number of wrong codes that a challenge accepts from all clients together (SECURITY C01).
pub const TRIES: i64 = 5;
/// The number including tries from devices that the account knows, so that attackers cannot use up all tries
/// (SECURITY R04).
pub const TRIES_AT_HOME: i64 = 10;

/// Checks a code or token and consumes both, in one statement: of concurrent calls, one succeeds. Locks the
/// account of the challenge, so that the caller can read and change it without interference. After `tries`
/// wrong codes, every code is refused.
///
/// A refusal is an `Ok`, because it counts: the caller must commit the transaction.
pub async fn consume(
    tx: &mut Tx,
    keys: &SecretKeys,
    scene: Scene,
    account: Option<&str>,
    proof: MailProof,
    tries: i64,
    now: Millis,
) -> Result<Result<Consumed, ErrorCode>, StoreError> {
    match proof {
        MailProof::Code { email, code } => {
            let given = GivenCode { address: &email, code: &PlainCode::given(code), tries };
            let mut refusal = ErrorCode::InvalidCode;
            for scene in scene.accepted() {
                match consume_code(tx, keys, scene, account, given, now).await? {
                    Ok(consumed) => return Ok(Ok(consumed)),
                    // The code matches this challenge but has expired, which is more specific than a mismatch
                    // with the other one.
                    Err(ErrorCode::ExpiredCode) => refusal = ErrorCode::ExpiredCode,
                    Err(_) => {}
                }
            }
            Ok(Err(refusal))
        }
        MailProof::Token(token) => consume_token(tx, scene, &PlainToken::given(token), now).await,
    }
}

/// Checks a code or token without consuming it, for callers that need the result before the transaction that
/// consumes it. A wrong code is counted only by [`consume`].
pub async fn peek(
    db: &mut Tx,
    keys: &SecretKeys,
    scene: Scene,
    proof: &MailProof,
    tries: i64,
    now: Millis,
) -> Result<Option<Consumed>, StoreError> {
    let row = match proof {
        MailProof::Code { email, code } => {
            let given = GivenCode { address: email, code: &PlainCode::given(code.clone()), tries };
            let mut row = None;
            for scene in scene.accepted() {
                row = row.or(peek_code(db, keys, scene, given, now).await?);
            }
            row
        }
        MailProof::Token(token) => {
            sqlx::query(
                "select account, address, redirect from challenges
                where scene = $1 and token_hash = $2 and consumed_at is null and token_expires_at > $3",
            )
            .bind(scene.as_str())
            .bind(PlainToken::given(token.clone()).hash())
            .bind(now)
            .fetch_optional(db)
            .await?
        }
    };
    let read = |row: AnyRow| {
        let (account, address) = (row.try_get("account")?, row.try_get("address")?);
        Ok(Consumed { account, address, redirect: row.try_get("redirect")? })
    };
    row.map(read).transpose()
}

/// A code as the user has typed it.
#[derive(Clone, Copy)]
struct GivenCode<'a> {
    /// The address that the request names for the code.
    address: &'a str,
    code: &'a PlainCode,
    /// The number of wrong codes after which every code is refused.
    tries: i64,
}

async fn peek_code(
    db: &mut Tx,
    keys: &SecretKeys,
    scene: Scene,
    GivenCode { address, code, tries }: GivenCode<'_>,
    now: Millis,
) -> Result<Option<AnyRow>, StoreError> {
    let key: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("select secret_key from challenges where scene = $1 and address = $2")
            .bind(scene.as_str())
            .bind(address)
            .fetch_optional(&mut *db)
            .await?;
    let key = key.flatten().and_then(|key| KeyId::try_from(key).ok()).unwrap_or(keys.active_id());
    let hash = code.hash(keys, key, scene, address).unwrap_or_default();
    let row = sqlx::query(
        "select account, address, redirect from challenges
        where scene = $1 and address = $2 and code_hash = $3 and code_expires_at > $4
            and consumed_at is null and tries < $5",
    )
    .bind(scene.as_str())
    .bind(address)
    .bind(hash)
    .bind(now)
    .bind(tries)
    .fetch_optional(db)
    .await?;
    Ok(row)
}

async fn consume_code(
    tx: &mut Tx,
    keys: &SecretKeys,
    scene: Scene,
    account: Option<&str>,
    GivenCode { address, code, tries }: GivenCode<'_>,
    now: Millis,
) -> Result<Result<Consumed, ErrorCode>, StoreError> {
    let name = name(scene, account);
    let found = sqlx::query("select secret_key, account from challenges where scene = $1 and address = $2")
        .bind(&name)
        .bind(address)
        .fetch_optional(&mut *tx)
        .await?;
    let (key, account): (Option<Vec<u8>>, Option<String>) = match found {
        Some(row) => (row.try_get("secret_key")?, row.try_get("account")?),
        None => (None, None),
    };
    // Without a challenge the same steps run with the active key, so that they take as long.
    let key = key.and_then(|key| KeyId::try_from(key).ok()).unwrap_or(keys.active_id());
    accounts::lock(tx, &account.unwrap_or_default()).await?;
    let hash = code.hash(keys, key, scene, address).unwrap_or_default();
    let row = sqlx::query(
        "update challenges
        set tries = tries + 1,
            consumed_at = case when code_hash = $3 and code_expires_at > $4 then $4 else consumed_at end
        where scene = $1 and address = $2 and code_hash is not null and consumed_at is null and tries < $5
        returning account, redirect, consumed_at, cast(case when code_hash = $3 then 1 else 0 end as bigint) as fits",
    )
    .bind(&name)
    .bind(address)
    .bind(hash)
    .bind(now)
    .bind(tries)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(Err(ErrorCode::InvalidCode)) };
    let consumed: Option<Millis> = row.try_get("consumed_at")?;
    Ok(match consumed {
        Some(_) => {
            let account = row.try_get("account")?;
            Ok(Consumed { account, address: address.to_owned(), redirect: row.try_get("redirect")? })
        }
        None if row.try_get::<i64, _>("fits")? == 1 => Err(ErrorCode::ExpiredCode),
        None => Err(ErrorCode::InvalidCode),
    })
}

async fn consume_token(
    tx: &mut Tx,
    scene: Scene,
    token: &PlainToken,
    now: Millis,
) -> Result<Result<Consumed, ErrorCode>, StoreError> {
    let hash = token.hash();
    let account: Option<Option<String>> =
        sqlx::query_scalar("select account from challenges where scene = $1 and token_hash = $2")
            .bind(scene.as_str())
            .bind(&hash)
            .fetch_optional(&mut *tx)
            .await?;
    accounts::lock(tx, &account.flatten().unwrap_or_default()).await?;
    let row = sqlx::query(
        "update challenges
        set consumed_at = $3
        where scene = $1 and token_hash = $2 and consumed_at is null and token_expires_at > $3
        returning account, address, redirect",
    )
    .bind(scene.as_str())
    .bind(&hash)
    .bind(now)
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(row) = row {
        let (account, address) = (row.try_get("account")?, row.try_get("address")?);
        return Ok(Ok(Consumed { account, address, redirect: row.try_get("redirect")? }));
    }
    let waiting: Option<i64> = sqlx::query_scalar(
        "select 1 from challenges where scene = $1 and token_hash = $2 and consumed_at is null",
    )
    .bind(scene.as_str())
    .bind(hash)
    .fetch_optional(tx)
    .await?;
    Ok(Err(if waiting.is_some() { ErrorCode::TokenExpired } else { ErrorCode::TokenRevoked }))
}

/// Undoes a [`consume`] in the same transaction, if the operation that needed the code did not happen.
pub async fn restore(tx: &mut Tx, scene: Scene, account: &str, address: &str) -> Result<(), StoreError> {
    sqlx::query("update challenges set consumed_at = null where scene = $1 and address = $2")
        .bind(name(scene, Some(account)))
        .bind(address)
        .execute(tx)
        .await?;
    Ok(())
}

/// The same for a code that is bound to no account. The user can still use it for another operation that
/// accepts it.
pub async fn restore_unbound(tx: &mut Tx, scene: Scene, address: &str) -> Result<(), StoreError> {
    sqlx::query("update challenges set consumed_at = null where scene = $1 and address = $2")
        .bind(scene.as_str())
        .bind(address)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes all challenges of an address that no longer belongs to the account (SECURITY A05).
pub async fn void_all(tx: &mut Tx, address: &str) -> Result<(), StoreError> {
    sqlx::query("delete from challenges where address = $1").bind(address).execute(tx).await?;
    Ok(())
}

/// Deletes all challenges that were opened for an account, for any address, except the one that verifies its
/// e-mail address.
pub async fn void_of(tx: &mut Tx, account: &str) -> Result<(), StoreError> {
    sqlx::query("delete from challenges where account = $1 and scene <> $2")
        .bind(account)
        .bind(Scene::VerifyEmail.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes all challenges of an address, except that of one scene.
pub async fn void_others(tx: &mut Tx, scene: Scene, address: &str) -> Result<(), StoreError> {
    sqlx::query("delete from challenges where address = $1 and scene <> $2")
        .bind(address)
        .bind(scene.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// The address of the newest valid code of a bound scene.
pub async fn address_of(
    db: &mut Tx,
    scene: Scene,
    account: &str,
    now: Millis,
) -> Result<Option<String>, StoreError> {
    let address = sqlx::query_scalar(
        "select address from challenges
        where account = $1 and scene = $2 and code_expires_at > $3 and consumed_at is null and tries < $4
        order by created_at desc limit 1",
    )
    .bind(account)
    .bind(name(scene, Some(account)))
    .bind(now)
    .bind(TRIES)
    .fetch_optional(db)
    .await?;
    Ok(address)
}

/// Deletes a challenge that is no longer needed.
pub async fn void(tx: &mut Tx, scene: Scene, address: &str) -> Result<(), StoreError> {
    sqlx::query("delete from challenges where scene = $1 and address = $2")
        .bind(scene.as_str())
        .bind(address)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes at most `limit` challenges that were opened before `before`.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from challenges where id in (select id from challenges where created_at < $1 limit $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
