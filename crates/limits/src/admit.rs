//! Admits a call or refuses it, by the budgets of its source, the global budgets, failed attempts, and captchas.

use std::sync::Arc;

use doorward_core::clock::Millis;
use doorward_credentials::passwords::HashPriority;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::{StoreError, Tx, budgets, transaction};

use super::budget::{Budget, each, exceeded, look, spend};
use super::failures::{self, Found, Guess};
use super::purpose::{Purpose, Subject};
use super::service::Limits;
use super::{captcha, known_devices, messages, names};

/// Admits a call, asks for a captcha, or returns when the client may try again.
pub async fn admit(
    limits: &Arc<Limits>,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let asked = Charge::new(limits, caller, purpose, subject).await?;
    match count(limits, asked.clone(), failures::captcha_after(&limits.captcha, &limits.platform)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - limits.platform.world.now())),
        Found::Doubted => {
            captcha::demand(&limits.captcha, &limits.platform, caller).await?;
            admit_solved(limits, asked).await
        }
    }
}

/// Time between two submissions of a hosted form from one source, where an API call would need a captcha.
const FORM: Millis = 30_000;

/// Like [`admit`], for a form of a hosted page. Such a page has no captcha: the source waits between two submissions
/// instead.
pub async fn admit_form(
    limits: &Arc<Limits>,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let mut asked = Charge::new(limits, caller, purpose, subject).await?;
    match count(limits, asked.clone(), failures::captcha_after(&limits.captcha, &limits.platform)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - limits.platform.world.now())),
        Found::Doubted => {
            let name = names::keyed(&limits.platform, "form", &[&names::source(caller.ip)])?;
            asked.of_all.push(Budget { name, limit: 1, length: FORM });
            admit_solved(limits, asked).await
        }
    }
}

/// Like [`admit`], for a call that asks for a captcha: it cannot itself need one.
pub async fn admit_captcha(limits: &Arc<Limits>, caller: &Caller) -> Result<(), ApiError> {
    let asked = Charge::new(limits, caller, Purpose::Flow, Subject::Nobody).await?;
    count(limits, asked, u32::MAX).await.map(drop)
}

/// Counts a guess at another password than the admitted one.
pub async fn admit_instead(
    limits: &Arc<Limits>,
    caller: &Caller,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let guess = Guess::at(&limits.platform, caller, subject).await?;
    let (purpose, source) = (Purpose::SignIn, String::new());
    let asked = Charge {
        purpose,
        of_source: vec![],
        of_all: vec![],
        source,
        guess,
        sent_to: None,
        is_at_home: false,
    };
    admit_solved(limits, asked).await
}

/// Gives an admitted try back: the password was not checked, or was right.
pub async fn give_back(
    platform: &Arc<Platform>,
    caller: &Caller,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let (job, guess) = (platform.clone(), Guess::at(platform, caller, subject).await?);
    if !guess.is_password() {
        return Ok(());
    }
    let given = platform.store.write(transaction!(|tx| failures::give_back(tx, &job, &guess).await));
    Ok(given.await?)
}

/// Why a guess at a password failed.
#[derive(Debug)]
pub enum Failed {
    /// The password was checked and is wrong, or must seem wrong: the guess stays counted.
    Wrong(ApiError),
    /// The password was right, or was not checked.
    Otherwise(ApiError),
}

impl<E: Into<ApiError>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Otherwise(error.into())
    }
}

/// Settles an admitted guess. An error other than a wrong password gives the guess back.
pub async fn settle<T>(
    platform: &Arc<Platform>,
    caller: &Caller,
    subject: Subject<'_>,
    outcome: Result<T, Failed>,
) -> Result<T, ApiError> {
    match outcome {
        Ok(done) => Ok(done),
        Err(Failed::Wrong(error)) => Err(error),
        Err(Failed::Otherwise(error)) => {
            give_back(platform, caller, subject).await?;
            Err(error)
        }
    }
}

/// The queue in which the password of a call is hashed: the preferred one on a device that the account knows.
pub async fn hash_priority(
    platform: &Arc<Platform>,
    caller: &Caller,
    subject: Subject<'_>,
) -> Result<HashPriority, ApiError> {
    Ok(Guess::at(platform, caller, subject).await?.turn())
}

/// Spends the sign-up budgets for an account that a first sign-in creates; the call was admitted as a sign-in. An error
/// must end the transaction. Call it after the transaction's other locks, except those of mails.
pub async fn spend_signup(tx: &mut Tx, limits: &Limits, caller: &Caller) -> Result<(), ApiError> {
    if caller.is_operators {
        return Ok(());
    }
    let mut budgets = of_source(&limits.platform, Purpose::SignUp, &names::source(caller.ip))?;
    budgets.extend(of_all(&limits.platform, Purpose::SignUp)?);
    let spent = spend(tx, limits, &budgets).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::RequestExceed, ends_at - limits.platform.world.now()))
}

/// The budgets and counters of a call.
#[derive(Clone, Debug)]
struct Charge {
    purpose: Purpose,
    /// Budgets that are spent in any case.
    of_source: Vec<Budget>,
    /// Budgets that are spent only after the captcha, if one is needed: a client that solves nothing cannot use up a
    /// global budget.
    of_all: Vec<Budget>,
    /// The failures of the source.
    source: String,
    guess: Guess,
    /// The address that a message is sent to.
    sent_to: Option<String>,
    /// True on a device that the account knows.
    is_at_home: bool,
}

impl Charge {
    async fn new(
        limits: &Arc<Limits>,
        caller: &Caller,
        purpose: Purpose,
        subject: Subject<'_>,
    ) -> Result<Charge, ApiError> {
        let source = names::source(caller.ip);
        let mut guess = Guess::at(&limits.platform, caller, subject).await?;
        if guess.is_password() {
            // A busy server refuses now, before a guess is counted that it would not hash.
            limits.hasher.room(guess.turn())?;
        }
        let home = match (purpose, subject) {
            (Purpose::Send | Purpose::Code, Subject::Address(address)) => {
                known_devices::home_of(&limits.platform, caller, address).await?
            }
            _ => guess.home().map(str::to_owned),
        };
        let (of_source, of_all) = match &home {
            // Other clients of the same source, or of all sources, do not block a known device: the account has one
            // budget for all its devices.
            Some(account) => {
                let what = [purpose.as_str(), " home"].concat();
                (
                    each(
                        &limits.platform,
                        purpose.rates(&limits.platform.config.limits).0,
                        &what,
                        account.as_bytes(),
                    )?,
                    Vec::new(),
                )
            }
            None => (of_source(&limits.platform, purpose, &source)?, of_all(&limits.platform, purpose)?),
        };
        if home.is_some() && matches!(guess, Guess::Code(_)) {
            // Wrong codes of other clients do not count on a known device.
            guess = Guess::Nothing;
        }
        let sent_to = match subject {
            Subject::Address(address) if purpose == Purpose::Send => Some(address.to_owned()),
            _ => None,
        };
        let source = names::keyed(&limits.platform, "failures source", &[&source])?;
        let is_at_home = home.is_some();
        let asked = Charge { purpose, of_source, of_all, source, guess, sent_to, is_at_home };
        asked.spare(limits, &asked.of_source)?;
        asked.spare(limits, &asked.of_all)?;
        if let Some(address) = &asked.sent_to {
            asked.spare(limits, &messages::budgets(&limits.platform, address, is_at_home)?)?;
        }
        Ok(asked)
    }

    /// Refuses without a write if this node knows that a budget is exhausted (SECURITY S13).
    fn spare(&self, limits: &Limits, budgets: &[Budget]) -> Result<(), ApiError> {
        let now = limits.platform.world.now();
        let until =
            budgets.iter().filter_map(|budget| limits.exhausted.until(&budget.name, budget.limit, now)).max();
        until.map_or(Ok(()), |until| Err(self.refusal(until - now)))
    }

    fn refusal(&self, wait: Millis) -> ApiError {
        exceeded(self.purpose.exceeded(), wait)
    }
}

/// A /56 network counts as eight /64 networks: it contains 256 of them, but one customer may have it.
const WIDE: u32 = 8;

/// The budgets of a source.
fn of_source(platform: &Platform, purpose: Purpose, source: &[u8]) -> Result<Vec<Budget>, StoreError> {
    let (rates, _) = purpose.rates(&platform.config.limits);
    let mut budgets = each(platform, rates, purpose.as_str(), source)?;
    if let Some(wide) = source.get(..7) {
        let wide = each(platform, rates, purpose.as_str(), wide)?;
        budgets.extend(
            wide.into_iter().map(|budget| Budget { limit: budget.limit.saturating_mul(WIDE), ..budget }),
        );
    }
    Ok(budgets)
}

/// The global budgets.
fn of_all(platform: &Platform, purpose: Purpose) -> Result<Vec<Budget>, StoreError> {
    let (_, rates) = purpose.rates(&platform.config.limits);
    rates.map_or(Ok(Vec::new()), |rates| each(platform, rates, purpose.as_str(), b""))
}

/// Counts a call before it is known whether it must solve a captcha.
async fn count(limits: &Arc<Limits>, asked: Charge, captcha_after: u32) -> Result<Found, ApiError> {
    let job = limits.clone();
    limits
        .platform
        .store
        .write(transaction!(|tx| {
            let now = job.platform.world.now();
            let all = look(tx, &job, &asked.of_all).await?;
            let spent = spend(tx, &job, &asked.of_source).await?;
            if let Some(ends_at) = all.ends_at.max(spent.err()) {
                return Err(asked.refusal(ends_at - now));
            }
            let mut is_doubted = all.is_crowded;
            if let Some(address) = &asked.sent_to {
                is_doubted |= messages::look(tx, &job, address, asked.is_at_home, captcha_after).await?;
            }
            if !asked.is_at_home {
                let length = job.platform.config.limits.forget_source.millis();
                is_doubted |= budgets::used(tx, &asked.source, length, now).await?.count >= captcha_after;
            }
            // `u32::MAX`: no captcha can be asked for.
            is_doubted &= captcha_after < u32::MAX;
            let found = failures::admit(tx, &job.platform, &asked.guess, captcha_after, is_doubted).await?;
            if let Found::Admitted = found {
                spend_all(tx, &job, &asked).await?;
            }
            Ok(found)
        }))
        .await
}

/// Counts the rest of a call after its captcha.
async fn admit_solved(limits: &Arc<Limits>, asked: Charge) -> Result<(), ApiError> {
    if asked.of_all.is_empty() && !asked.guess.is_password() {
        return Ok(());
    }
    let job = limits.clone();
    limits
        .platform
        .store
        .write(transaction!(|tx| {
            if let Found::Closed(opens_at) =
                failures::admit(tx, &job.platform, &asked.guess, u32::MAX, false).await?
            {
                return Err(asked.refusal(opens_at - job.platform.world.now()));
            }
            spend_all(tx, &job, &asked).await
        }))
        .await
}

/// Must be last in its transaction: all calls wait for these rows.
async fn spend_all(tx: &mut Tx, limits: &Limits, asked: &Charge) -> Result<(), ApiError> {
    let spent = spend(tx, limits, &asked.of_all).await?;
    spent.map_err(|ends_at| asked.refusal(ends_at - limits.platform.world.now()))
}
