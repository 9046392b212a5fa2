//! Failures in a row: of a source, of an account, of an address that codes were sent to. After some of them a captcha
//! is needed. On an account, growing pauses follow as well. They never affect the owner on a device that the account
//! knows, nor a client with a code; some of a code's tries are reserved for such a device. So no attacker can lock an
//! owner out (SECURITY R04).

use std::sync::Arc;

use doorward_core::clock::Millis;
use doorward_credentials::passwords::HashPriority;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::known_device::KnownDevice;
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::budgets::{self, Tries, Used};
use doorward_store::identities::{Identity, Kind};
use doorward_store::{StoreError, Tx};

use super::{Subject, known_devices, names};
use crate::captcha::Captcha;

/// The result of the checks of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// It may go on. A password guess is counted as wrong until it is known to be right.
    Admitted,
    /// A captcha must be solved first.
    Doubted,
    /// Refused until this time.
    Closed(Millis),
}

/// The secret that a call guesses.
#[derive(Clone, Debug)]
pub(super) enum Guess {
    Nothing,
    /// A code that was sent to an address, by the name of its counter.
    Code(String),
    /// The password of the account with this name.
    Named(Kind, String),
    /// The password of an account, by the name of its counter.
    Password(String),
    /// The same on a device that the account knows, with a counter of its own.
    AtHome {
        account: String,
        device: String,
    },
}

impl Guess {
    pub(super) async fn at(
        platform: &Arc<Platform>,
        caller: &Caller,
        subject: Subject<'_>,
    ) -> Result<Guess, ApiError> {
        Ok(match subject {
            Subject::Nobody => Guess::Nothing,
            Subject::Address(address) => Guess::Code(of_address(platform, address)?),
            Subject::Account(account) => match known_devices::at_home(platform, caller, Some(account)) {
                Some(device) => {
                    let device = of_device(platform, &account.id, device)?;
                    Guess::AtHome { account: account.id.clone(), device }
                }
                None => Guess::Password(of_account(platform, &account.id)?),
            },
            Subject::Reader(account) => Guess::Password(of_reader(platform, &account.id)?),
            Subject::Name(kind, value) => match known_devices::at_home_of(platform, caller, kind, value)
                .await?
            {
                Some((account, device)) => {
                    Guess::AtHome { device: of_device(platform, &account.id, device)?, account: account.id }
                }
                None => Guess::Named(kind, value.to_owned()),
            },
        })
    }

    pub(super) fn is_password(&self) -> bool {
        matches!(self, Guess::Named(..) | Guess::Password(_) | Guess::AtHome { .. })
    }

    /// The queue in which the password is hashed.
    pub(super) fn turn(&self) -> HashPriority {
        match self {
            Guess::AtHome { .. } => HashPriority::First,
            _ => HashPriority::Last,
        }
    }

    /// The account, if it knows the device.
    pub(super) fn home(&self) -> Option<&str> {
        match self {
            Guess::AtHome { account, .. } => Some(account),
            _ => None,
        }
    }

    /// The name of the counter of tries.
    async fn budget(&self, tx: &mut Tx, platform: &Platform) -> Result<Option<String>, StoreError> {
        Ok(match self {
            Guess::Nothing | Guess::Code(_) => None,
            Guess::Password(name) | Guess::AtHome { device: name, .. } => Some(name.clone()),
            Guess::Named(kind, value) => Some(of_name(tx, platform, *kind, value).await?),
        })
    }
}

/// The number of failures after which a captcha is needed.
pub(super) fn captcha_after(captcha: &Captcha, platform: &Platform) -> u32 {
    match captcha {
        Captcha::None => u32::MAX,
        _ => platform.config.captcha.after,
    }
}

/// Checks the earlier failures, and counts a password guess as one more. `is_doubted`: other checks already require a
/// captcha.
pub(super) async fn admit(
    tx: &mut Tx,
    platform: &Platform,
    guess: &Guess,
    captcha_after: u32,
    is_doubted: bool,
) -> Result<Found, ApiError> {
    let now = platform.world.now();
    let verdict = if is_doubted { Found::Doubted } else { Found::Admitted };
    if let Guess::Code(name) = guess {
        let failed = budgets::used(tx, name, platform.config.limits.forget.millis(), now).await?.count;
        return Ok(if failed >= captcha_after { Found::Doubted } else { verdict });
    }
    let Some(name) = guess.budget(tx, platform).await? else { return Ok(verdict) };
    let tries = tries(platform);
    let before = budgets::used(tx, &name, tries.length, now).await?;
    if let Some(closed) = closed(before, tries, now) {
        return Ok(closed);
    }
    if is_doubted || before.count >= captcha_after {
        return Ok(Found::Doubted);
    }
    let allowed = tries.most.min(captcha_after);
    if budgets::attempt(tx, &name, tries, allowed, now).await? {
        return Ok(Found::Admitted);
    }
    // Parallel calls were faster.
    let after = budgets::used(tx, &name, tries.length, now).await?;
    Ok(closed(after, tries, now).unwrap_or(Found::Doubted))
}

/// Gives back one counted guess: it was not checked, or was right. Other guesses stay counted.
pub(super) async fn give_back(tx: &mut Tx, platform: &Platform, guess: &Guess) -> Result<(), StoreError> {
    let Some(name) = guess.budget(tx, platform).await? else { return Ok(()) };
    budgets::give_back(tx, &name, tries(platform).free, platform.world.now()).await
}

fn closed(used: Used, tries: Tries, now: Millis) -> Option<Found> {
    if used.count >= tries.most {
        return Some(Found::Closed(used.ends_at));
    }
    (used.opens_at > now).then_some(Found::Closed(used.opens_at))
}

fn tries(platform: &Platform) -> Tries {
    let limits = &platform.config.limits;
    Tries {
        free: limits.failures,
        pause: limits.pause.millis(),
        longest: limits.longest_pause.millis(),
        most: limits.most_failures,
        length: limits.forget.millis(),
    }
}

/// The counter of the account with this name, shared by all names of the account. A name without an account also has a
/// counter, and is processed in the same steps.
async fn of_name(tx: &mut Tx, platform: &Platform, kind: Kind, value: &str) -> Result<String, StoreError> {
    let account = accounts::by_identity(tx, kind, value).await?;
    let nobodys = of_nobody(platform, kind, value)?;
    let own = of_account(platform, account.as_ref().map_or("", |account| account.id.as_str()))?;
    Ok(if account.is_some() { own } else { nobodys })
}

fn of_nobody(platform: &Platform, kind: Kind, value: &str) -> Result<String, StoreError> {
    names::keyed(platform, "failures name", &[kind.as_str().as_bytes(), value.as_bytes()])
}

fn of_account(platform: &Platform, id: &str) -> Result<String, StoreError> {
    names::keyed(platform, "failures account", &[id.as_bytes()])
}

fn of_reader(platform: &Platform, id: &str) -> Result<String, StoreError> {
    names::keyed(platform, "failures reader", &[id.as_bytes()])
}

fn of_device(platform: &Platform, account: &str, device: &KnownDevice) -> Result<String, StoreError> {
    names::keyed(platform, "failures device", &[account.as_bytes(), &device.id])
}

fn of_address(platform: &Platform, address: &str) -> Result<String, StoreError> {
    names::keyed(platform, "failures code", &[address.as_bytes()])
}

/// Counts a failure of a source, and of the address that a wrong code was given for. A failure on an account is already
/// counted.
pub async fn failed(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    address: Option<&str>,
) -> Result<(), StoreError> {
    let (now, limits) = (platform.world.now(), &platform.config.limits);
    if let Some(address) = address {
        let address = of_address(platform, address)?;
        budgets::count(tx, &address, limits.forget.millis(), now).await?;
    }
    // Last, because all calls of this source wait for the row.
    let source = names::keyed(platform, "failures source", &[&names::source(caller.ip)])?;
    budgets::count(tx, &source, limits.forget_source.millis(), now).await
}

/// Forgets the failures on an account after its owner signed in. On a known device this forgets only the failures of
/// that device: otherwise each sign-in of the owner would give an attacker new tries.
pub async fn succeeded(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &Account,
) -> Result<(), StoreError> {
    let name = match known_devices::at_home(platform, caller, Some(account)) {
        Some(device) => of_device(platform, &account.id, device)?,
        None => of_account(platform, &account.id)?,
    };
    budgets::restore(tx, &name).await
}

/// Moves the failures on an unused name to the account that takes the name: if the counter disappeared, an attacker
/// would learn that there is an account now (SECURITY R01). Of several names, the one with the most failures counts.
pub async fn inherited(
    tx: &mut Tx,
    platform: &Platform,
    names: &[Identity],
    account: &str,
) -> Result<(), StoreError> {
    let (length, now) = (platform.config.limits.forget.millis(), platform.world.now());
    let mut found = Vec::new();
    for name in names {
        let name = of_nobody(platform, name.kind, &name.value)?;
        found.push((budgets::used(tx, &name, length, now).await?.count, name));
    }
    match found.into_iter().max() {
        Some((1.., name)) => budgets::rename(tx, &name, &of_account(platform, account)?).await,
        _ => Ok(()),
    }
}

/// Forgets the failures on an account that has a new password: earlier guesses say nothing about it.
pub async fn forgiven(tx: &mut Tx, platform: &Platform, account: &str) -> Result<(), StoreError> {
    budgets::restore(tx, &of_account(platform, account)?).await
}

/// Forgets the wrong codes for an address after the right one.
pub async fn code_met(tx: &mut Tx, platform: &Platform, address: &str) -> Result<(), StoreError> {
    budgets::restore(tx, &of_address(platform, address)?).await
}
