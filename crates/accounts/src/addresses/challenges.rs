//! One-time codes and the tokens of mailed links: how they are made, hashed and named. Rows are `store::challenges`.

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

/// Consumes a code or token in the transaction of its effect. A refusal is written down, and it counts: the caller
/// must let the transaction be committed. Not for bound scenes: those are [`consume_own`]'s.
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
    if let Ok(met) = &consumed {
        // It went to an address that is not the account's any more (SECURITY A05).
        if !is_still_theirs(tx, met).await? {
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

/// How many wrong codes for this address there may have been before one of this caller is not looked at.
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

/// Consumes a code that was sent for this account, also where another account has the address. Answers why the code is
/// refused. Only a person who is signed in to the account can give such a code, so no tries are kept for known devices.
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

/// The address that a code was sent to.
fn address_of(proof: &MailProof) -> Option<String> {
    match proof {
        MailProof::Code { email, .. } => Some(email.clone()),
        MailProof::Token(_) => None,
    }
}

/// Counts what was wrong, and forgets it with what is right.
async fn settle(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    address: Option<String>,
    met: bool,
) -> Result<(), StoreError> {
    match (met, address) {
        (false, address) => doorward_limits::failed(tx, platform, caller, address.as_deref()).await,
        (true, Some(address)) => doorward_limits::code_met(tx, platform, &address).await,
        (true, None) => Ok(()),
    }
}

/// The code of an error that an idempotency key remembers.
pub fn code_named(text: &str) -> ErrorCode {
    let code = ErrorCode::ALL.iter().find(|code| code.as_str() == text);
    code.copied().unwrap_or(ErrorCode::InvalidCode)
}

async fn is_still_theirs(tx: &mut Tx, met: &Consumed) -> Result<bool, StoreError> {
    // A code that signs somebody up is nobody's yet.
    let Some(account) = &met.account else { return Ok(true) };
    let owner = identities::owner(tx, Kind::of(&met.address), &met.address).await?;
    Ok(owner.as_ref() == Some(account))
}

/// What came of a code or token, as an idempotency key remembers it: a refusal too, so that a repetition is no
/// second try.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was right.
    Met {
        /// Whose it was.
        account: String,
        /// Where the browser goes afterwards.
        redirect: Option<String>,
    },
    /// It was right, and the account that has claimed the address has lost it: it was another person's.
    Left,
    /// It was not, and this is the error's code.
    Refused(String),
}

impl Verdict {
    /// Refused with this code.
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
