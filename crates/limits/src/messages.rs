//! What is sent has a limit for each address and in all (SECURITY C08), whoever asks, and whoever has the address. SMS
//! have one for each prefix, too: numbers of one prefix cost the same fraudster's money, who has them called and runs
//! through them.

use doorward_core::clock::Millis;
use doorward_core::message::Channel;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::identities::Kind;
use doorward_store::{StoreError, Tx, budgets};

use super::budget::{self, Budget, each, exceeded};
use super::service::Limits;
use super::{known_devices, names};

const DAY: Millis = 24 * 60 * 60 * 1000;

/// How much of a number is its prefix: `+` and what names country and network, mostly.
const PREFIX: usize = 6;

/// Of each limit, so many are left to devices that the account of the address knows: one of five. So strangers do not use
/// up what the owner needs to come in.
const KEPT: u32 = 5;

/// Spends a message to an address. An error must end the transaction: with that, a refused one has cost nothing. Comes
/// after all other locks of the transaction: every message of this moment waits for its end.
pub async fn spend(tx: &mut Tx, limits: &Limits, caller: &Caller, address: &str) -> Result<(), ApiError> {
    let is_at_home = known_devices::is_at_home(tx, &limits.platform, caller, address).await?;
    let spent = budget::spend(tx, limits, &budgets(&limits.platform, address, is_at_home)?).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::LimitExceeded, ends_at - limits.platform.world.now()))
}

/// Looks at what was sent, before anything is: is a captcha asked for? Refuses what would be one too many.
pub(super) async fn look(
    tx: &mut Tx,
    limits: &Limits,
    address: &str,
    is_at_home: bool,
    captcha_after: u32,
) -> Result<bool, ApiError> {
    let all = budget::look(tx, limits, &budgets(&limits.platform, address, is_at_home)?).await?;
    if let Some(ends_at) = all.ends_at {
        return Err(exceeded(ErrorCode::LimitExceeded, ends_at - limits.platform.world.now()));
    }
    let mut is_doubted = budget::look(tx, limits, &of_all(&limits.platform, address)?).await?.is_crowded;
    for Budget { name, limit, length } in of_address(&limits.platform, address)? {
        // A pause between two is no reason for one.
        let used = budgets::used(tx, &name, length, limits.platform.world.now()).await?.count;
        is_doubted |= limit > 1 && used >= captcha_after && !is_at_home;
    }
    Ok(is_doubted)
}

/// What an account has such an address as.
pub(super) fn kind(address: &str) -> Kind {
    match Channel::of(address) {
        Channel::Mail => Kind::Email,
        Channel::Sms => Kind::Phone,
    }
}

/// What one address may get.
fn of_address(platform: &Platform, address: &str) -> Result<Vec<Budget>, StoreError> {
    match Channel::of(address) {
        Channel::Mail => each(platform, &platform.config.limits.mail, "mail", address.as_bytes()),
        Channel::Sms => {
            let sms = &platform.config.sms;
            let keyed = |what: &str| names::keyed(platform, what, &[address.as_bytes()]);
            Ok(vec![
                Budget { name: keyed("sms pause")?, limit: 1, length: sms.pause.millis() },
                Budget { name: keyed("sms number")?, limit: sms.budget_number, length: DAY },
            ])
        }
    }
}

/// What all may get, or all numbers of a prefix.
fn of_all(platform: &Platform, address: &str) -> Result<Vec<Budget>, StoreError> {
    match Channel::of(address) {
        Channel::Mail => each(platform, &platform.config.limits.mail_total, "mail", b""),
        Channel::Sms => {
            let prefix = address.get(..PREFIX).unwrap_or(address);
            let prefix = names::keyed(platform, "sms prefix", &[prefix.as_bytes()])?;
            let sms = &platform.config.sms;
            Ok(vec![
                Budget { name: prefix, limit: sms.budget_prefix, length: DAY },
                Budget { name: "sms".to_owned(), limit: sms.budget_total, length: DAY },
            ])
        }
    }
}

/// What a message to an address is spent of.
pub(super) fn budgets(
    platform: &Platform,
    address: &str,
    is_at_home: bool,
) -> Result<Vec<Budget>, StoreError> {
    let mut budgets = of_address(platform, address)?;
    budgets.extend(of_all(platform, address)?);
    if !is_at_home {
        for Budget { limit, .. } in &mut budgets {
            *limit -= *limit / KEPT;
        }
    }
    Ok(budgets)
}
