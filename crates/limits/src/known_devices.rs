//! Known devices. After a sign-in a browser holds a token, bound to the account and its password. With the token,
//! failed sign-ins that other clients cause do not delay the owner (SECURITY R04). The token grants no access, and the
//! server does not store it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::known_device::{KnownDevice, MAC_BYTES};
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::identities::Kind;
use doorward_store::{StoreError, Tx};

use super::messages;

/// A token for the device on which this account has just signed in. If the device presented a token of the account, its
/// id stays the same. A shared browser keeps the tokens of several accounts, one for each.
pub fn mint(platform: &Platform, account: &Account, presented: &[KnownDevice]) -> Option<String> {
    let known = one_of(platform, presented, &account.id, account.devices);
    let (key, id) =
        (platform.secret_keys.active_id(), known.map_or_else(|| platform.world.bytes(), |known| known.id));
    let mac = mac(platform, key, &id, &account.id, account.devices)?;
    Some(URL_SAFE_NO_PAD.encode([key.as_slice(), &id, &mac].concat()))
}

/// The device of a call that this account knows. The work is the same without an account.
pub(super) fn at_home<'a>(
    platform: &Platform,
    caller: &'a Caller,
    account: Option<&Account>,
) -> Option<&'a KnownDevice> {
    let (id, epoch) = account.map_or(("", 0), |account| (account.id.as_str(), account.devices));
    one_of(platform, &caller.devices, id, epoch).filter(|_| account.is_some())
}

/// Like [`at_home`] for the account with this name, which is returned, too. A call without a device token costs no
/// read.
pub(super) async fn at_home_of<'a>(
    platform: &Arc<Platform>,
    caller: &'a Caller,
    kind: Kind,
    value: &str,
) -> Result<Option<(Account, &'a KnownDevice)>, ApiError> {
    if caller.devices.is_empty() {
        return Ok(None);
    }
    let account = accounts::by_identity(&mut *platform.store.read().await?, kind, value).await?;
    let device = at_home(platform, caller, account.as_ref());
    Ok(account.zip(device))
}

/// The account that has proven the address, if it knows the device. An account that only claims the address does not
/// count.
pub(super) async fn home_of(
    platform: &Arc<Platform>,
    caller: &Caller,
    address: &str,
) -> Result<Option<String>, ApiError> {
    let found = at_home_of(platform, caller, messages::kind(address), address).await?;
    Ok(found.filter(|(account, _)| is_proven(account, address)).map(|(account, _)| account.id))
}

fn is_proven(account: &Account, address: &str) -> bool {
    messages::kind(address) == Kind::Phone || account.proven_email() == Some(address)
}

/// True if the account that has proven the address knows the device; reads in this transaction.
pub async fn is_at_home(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    address: &str,
) -> Result<bool, StoreError> {
    if caller.devices.is_empty() {
        return Ok(false);
    }
    let account = accounts::by_identity(tx, messages::kind(address), address).await?;
    let account = account.filter(|account| is_proven(account, address));
    Ok(at_home(platform, caller, account.as_ref()).is_some())
}

fn one_of<'a>(
    platform: &Platform,
    devices: &'a [KnownDevice],
    account: &str,
    epoch: i64,
) -> Option<&'a KnownDevice> {
    devices.iter().fold(None, |found, device| {
        let is =
            mac(platform, device.key, &device.id, account, epoch).is_some_and(|mac| same(&mac, &device.mac));
        if is { Some(device) } else { found }
    })
}

fn mac(platform: &Platform, key: KeyId, id: &[u8], account: &str, epoch: i64) -> Option<[u8; MAC_BYTES]> {
    let parts = [id, &epoch.to_be_bytes(), account.as_bytes()];
    platform.secret_keys.mac(key, Purpose::Device, &parts)?.first_chunk().copied()
}
