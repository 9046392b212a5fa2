//! What is sent has a limit for each address and in all (SECURITY C08), whoever asks, and whoever has the address. SMS
//! have one for each prefix, too: numbers of one prefix cost the same fraudster's money, who has them called and runs
//! through them.

use doorward_protocol::error::ErrorCode;

use super::{Budget, Found, each, exceeded, names};
use crate::clock::Millis;
use crate::error::ApiError;
use crate::mail::Channel;
use crate::state::App;
use crate::store::identities::Kind;
use crate::store::{StoreError, Tx, budgets};

const DAY: Millis = 24 * 60 * 60 * 1000;

/// How much of a number is its prefix: `+` and what names country and network, mostly.
const PREFIX: usize = 6;

/// Spends a message to an address. An error must end the transaction: with that, a refused one has cost nothing. Comes
/// after all other locks of the transaction: every message of this moment waits for its end.
pub async fn spend(tx: &mut Tx, app: &App, address: &str) -> Result<(), ApiError> {
    let spent = super::spend(tx, app, &budgets(app, address)?).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::LimitExceeded, ends_at - app.world.now()))
}

/// Of what an address may get, so many of which are left to devices that its account knows: one of five.
const KEPT: u32 = 5;

/// What is found of the messages that an address got, before anything is sent there that a device asks for which its
/// account does not know. So a stranger does not use up what the owner needs to come in.
pub(super) async fn look(
    tx: &mut Tx,
    app: &App,
    address: &str,
    captcha_after: u32,
) -> Result<Found, StoreError> {
    let (now, mut found) = (app.world.now(), Found::Admitted);
    for (name, limit, length) in of_address(app, address)? {
        let used = budgets::used(tx, &name, length, now).await?;
        let kept = limit / KEPT;
        if kept > 0 && used.count >= limit - kept {
            return Ok(Found::Closed(used.ends_at));
        }
        // A pause between two is no reason for one.
        if limit > 1 && used.count >= captcha_after {
            found = Found::Doubted;
        }
    }
    let of_all = of_all(app, Channel::of(address))?;
    if captcha_after < u32::MAX && super::is_crowded(tx, app, &of_all).await? {
        found = Found::Doubted;
    }
    Ok(found)
}

/// What an account has such an address as.
pub(super) fn kind(address: &str) -> Kind {
    match Channel::of(address) {
        Channel::Mail => Kind::Email,
        Channel::Sms => Kind::Phone,
    }
}

/// What one address may get.
fn of_address(app: &App, address: &str) -> Result<Vec<Budget>, StoreError> {
    match Channel::of(address) {
        Channel::Mail => each(app, &app.config.limits.mail, "mail", address.as_bytes()),
        Channel::Sms => {
            let sms = &app.config.sms;
            let keyed = |what: &str| names::keyed(app, what, &[address.as_bytes()]);
            Ok(vec![
                (keyed("sms pause")?, 1, sms.pause.millis()),
                (keyed("sms number")?, sms.budget_number, DAY),
            ])
        }
    }
}

/// What all may get, in its channel.
fn of_all(app: &App, channel: Channel) -> Result<Vec<Budget>, StoreError> {
    match channel {
        Channel::Mail => each(app, &app.config.limits.mail_total, "mail", b""),
        Channel::Sms => Ok(vec![("sms".to_owned(), app.config.sms.budget_total, DAY)]),
    }
}

/// What a message to an address is spent of.
pub(super) fn budgets(app: &App, address: &str) -> Result<Vec<Budget>, StoreError> {
    let (mut budgets, channel) = (of_address(app, address)?, Channel::of(address));
    if channel == Channel::Sms {
        let prefix = address.get(..PREFIX).unwrap_or(address);
        let name = names::keyed(app, "sms prefix", &[prefix.as_bytes()])?;
        budgets.push((name, app.config.sms.budget_prefix, DAY));
    }
    budgets.extend(of_all(app, channel)?);
    Ok(budgets)
}
