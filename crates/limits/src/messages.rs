//! Budgets of messages: for each address and in total (SECURITY C08), for all callers, with or without an account. SMS
//! have a budget for each prefix, too, against SMS pumping: a fraudster who earns from the numbers of a prefix requests
//! messages to many of them.

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

/// Characters of a number's prefix: `+` and, for most numbers, the codes of country and network.
const PREFIX: usize = 6;

/// A fifth of each limit is reserved for devices that the account of the address knows, so that strangers cannot use up
/// the messages that the owner needs to sign in.
const KEPT: u32 = 5;

/// Spends the budgets of a message to an address. An error must end the transaction, so that a refused message costs
/// nothing. Call it after the transaction's other locks: all messages wait for the end of this transaction.
pub async fn spend(tx: &mut Tx, limits: &Limits, caller: &Caller, address: &str) -> Result<(), ApiError> {
    let is_at_home = known_devices::is_at_home(tx, &limits.platform, caller, address).await?;
    let spent = budget::spend(tx, limits, &budgets(&limits.platform, address, is_at_home)?).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::LimitExceeded, ends_at - limits.platform.world.now()))
}

/// Checks the budgets before anything is sent. True if a captcha is needed. Refuses a message for which a budget has no
/// room.
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
        // A message within the pause is no reason for a captcha.
        let used = budgets::used(tx, &name, length, limits.platform.world.now()).await?.count;
        is_doubted |= limit > 1 && used >= captcha_after && !is_at_home;
    }
    Ok(is_doubted)
}

/// The kind of name that such an address is for an account.
pub(super) fn kind(address: &str) -> Kind {
    match Channel::of(address) {
        Channel::Mail => Kind::Email,
        Channel::Sms => Kind::Phone,
    }
}

/// The budgets of one address.
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

/// The global budgets, and for SMS that of the prefix.
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

/// All budgets of a message to an address.
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
