//! Consumes one-time codes and the tokens of mailed links. The rows are in `store::challenges`.

use doorward_core::one_time_code::Scene;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::MailProof;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::challenges::{self, Consumed};
use doorward_store::identities::{self, Kind};
use doorward_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};

use crate::addresses::first_proof;

/// Consumes a code or token in the transaction of its effect. A refusal is recorded and counted, so the caller
/// must let the transaction commit in that case, too. For the codes of a signed-in user use [`consume_own`].
pub async fn consume(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    scene: Scene,
    proof: MailProof,
) -> Result<Result<Consumed, ErrorCode>, StoreError> {
    let now = platform.world.now();
    let by_code = matches!(proof, MailProof::Code { .. });
    let address = address_of(&proof);
    let tries = tries(tx, platform, caller, address.as_deref().unwrap_or_default()).await?;
    let mut consumed = challenges::consume(tx, &platform.secret_keys, scene, None, proof, tries, now).await?;
    if let Ok(found) = &consumed {
        // The account no longer has the address that the code was sent to (SECURITY A05).
        if !still_has_address(tx, found).await? {
            consumed = Err(if by_code { ErrorCode::InvalidCode } else { ErrorCode::TokenRevoked });
        }
    }
    if consumed.is_err() {
        let record = Record::of(Event::CodeRefused).detail(scene.as_str());
        record.write(tx, &platform.world, caller, now).await?;
    }
    settle(tx, platform, caller, address, consumed.is_ok()).await?;
    Ok(consumed)
}

/// Number of wrong codes for this address after which further codes of this caller are refused unchecked. A
/// device that the account knows gets more.
pub async fn tries(
    db: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    address: &str,
) -> Result<i64, StoreError> {
    Ok(match doorward_limits::is_at_home(db, platform, caller, address).await? {
        true => challenges::TRIES_AT_HOME,
        false => challenges::TRIES,
    })
}

/// Consumes a code that was sent for this account, even if another account has the address. Returns the reason
/// of a refusal. Only a user who is signed in to the account can send such a code, so known devices get no
/// extra attempts.
pub async fn consume_own(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    scene: Scene,
    account: &str,
    proof: MailProof,
) -> Result<Option<ErrorCode>, ApiError> {
    let now = platform.world.now();
    let address = address_of(&proof);
    let (keys, own) = (&platform.secret_keys, Some(account));
    let consumed = challenges::consume(tx, keys, scene, own, proof, challenges::TRIES, now).await?;
    if consumed.is_err() {
        let record = Record::of(Event::CodeRefused).account(account).detail(scene.as_str());
        record.write(tx, &platform.world, caller, now).await?;
    }
    settle(tx, platform, caller, address, consumed.is_ok()).await?;
    Ok(consumed.err())
}

/// The address that a code was sent to. `None` for the token of a link.
fn address_of(proof: &MailProof) -> Option<String> {
    match proof {
        MailProof::Code { email, .. } => Some(email.clone()),
        MailProof::Token(_) => None,
    }
}

/// Counts a wrong code or token. A right code clears the count of its address.
async fn settle(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    address: Option<String>,
    is_right: bool,
) -> Result<(), StoreError> {
    match (is_right, address) {
        (false, address) => doorward_limits::failed(tx, platform, caller, address.as_deref()).await,
        (true, Some(address)) => doorward_limits::code_met(tx, platform, &address).await,
        (true, None) => Ok(()),
    }
}

/// The error code with this name, as an idempotency key stores it. `INVALID_CODE` for an unknown name.
pub fn code_named(text: &str) -> ErrorCode {
    let code = ErrorCode::ALL.iter().find(|code| code.as_str() == text);
    code.copied().unwrap_or(ErrorCode::InvalidCode)
}

async fn still_has_address(tx: &mut Tx, consumed: &Consumed) -> Result<bool, StoreError> {
    // A code for a sign-up does not belong to an account yet.
    let Some(account) = &consumed.account else { return Ok(true) };
    let owner = identities::owner(tx, Kind::of(&consumed.address), &consumed.address).await?;
    Ok(owner.as_ref() == Some(account))
}

/// The result of a code or token, as an idempotency key stores it. Refusals are stored, too, so that a
/// repetition does not count as a second attempt.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The code or token was right.
    Met {
        /// The account that it belongs to.
        account: String,
        /// The page that the browser is sent to.
        redirect: Option<String>,
    },
    /// The code or token was right. It only removed the address from the account of another user, who had
    /// claimed it.
    Left,
    /// The code or token was refused with this error code.
    Refused(String),
}

impl Verdict {
    /// A refusal with this code.
    pub fn refused(code: ErrorCode) -> Verdict {
        Verdict::Refused(code.as_str().to_owned())
    }

    /// Account and redirect, or the error.
    pub fn met(self) -> Result<(String, Option<String>), ApiError> {
        match self {
            Verdict::Met { account, redirect } => Ok((account, redirect)),
            Verdict::Left => Err(first_proof::address_left()),
            Verdict::Refused(text) => Err(code_named(&text).into()),
        }
    }
}
