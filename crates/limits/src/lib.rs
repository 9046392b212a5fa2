//! Limits: how often what costs or guesses may happen, counted by source, by account, by destination and in all. Every node
//! counts in the database, before anything is hashed or sent (D-6).
//!
//! A call is admitted in one or two transactions: `count` spends what the source has and looks at the rest; where a captcha is
//! asked for, `admit_solved` spends that rest after it. Messages, and accounts that a first sign-in makes, are spent in the
//! transaction that makes them.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod captcha;
mod failures;
mod known;
mod messages;
mod names;
mod over;
mod purpose;

pub use doorward_request::known_device::{KnownDevice, presented};
use doorward_request::platform::Platform;
pub use failures::{code_met, failed, forgiven, inherited, succeeded};
pub use known::{is_at_home, mint};
pub use messages::spend as spend_message;
pub use names::source;
pub use over::Over;
pub use purpose::{Purpose, Subject};
use std::sync::Arc;

use doorward_protocol::error::ErrorCode;

use crate::captcha::Captcha;
use doorward_config::Rates;
use doorward_core::clock::Millis;
use doorward_credentials::passwords::Hasher;
use doorward_credentials::passwords::Turn;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_store::{StoreError, Tx, budgets};
use failures::{Found, Guess};

/// Lets a call pass, asks for a captcha, or says when to come again.
pub async fn admit(
    limits: &Arc<Limits>,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let asked = Asked::new(limits, caller, purpose, subject).await?;
    match count(limits, asked.clone(), failures::captcha_after(limits)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - limits.platform.world.now())),
        Found::Doubted => {
            captcha::demand(limits, caller).await?;
            admit_solved(limits, asked).await
        }
    }
}

/// How often a source sends a form of ours where a captcha would be asked for.
const FORM: Millis = 30_000;

/// The same for a form of a page of ours, which has no captcha: instead of solving one, who asks waits between two.
pub async fn admit_form(
    limits: &Arc<Limits>,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let mut asked = Asked::new(limits, caller, purpose, subject).await?;
    match count(limits, asked.clone(), failures::captcha_after(limits)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - limits.platform.world.now())),
        Found::Doubted => {
            asked.of_all.push((
                names::keyed(&limits.platform, "form", &[&names::source(caller.ip)])?,
                1,
                FORM,
            ));
            admit_solved(limits, asked).await
        }
    }
}

/// The same for a captcha that is asked for: none can be asked for that.
pub async fn admit_captcha(limits: &Arc<Limits>, caller: &Caller) -> Result<(), ApiError> {
    let asked = Asked::new(limits, caller, Purpose::Flow, Subject::Nobody).await?;
    count(limits, asked, u32::MAX).await.map(drop)
}

/// Counts a guess at another password than that which was admitted.
pub async fn admit_instead(
    limits: &Arc<Limits>,
    caller: &Caller,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let guess = Guess::at(&limits.platform, caller, subject).await?;
    let (purpose, source) = (Purpose::SignIn, String::new());
    let asked =
        Asked { purpose, of_source: vec![], of_all: vec![], source, guess, sent_to: None, is_at_home: false };
    admit_solved(limits, asked).await
}

/// Gives a try back that was admitted: nobody has looked at the password, or it was the right one.
pub async fn give_back(
    platform: &Arc<Platform>,
    caller: &Caller,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let (job, guess) = (platform.clone(), Guess::at(platform, caller, subject).await?);
    if !guess.is_password() {
        return Ok(());
    }
    let given =
        platform.store.write(move |tx| Box::pin(async move { failures::give_back(tx, &job, &guess).await }));
    Ok(given.await?)
}

/// Limits and captcha.
#[derive(Debug)]
pub struct Limits {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// What has to be solved after failures.
    pub captcha: Captcha,
    /// Limits that are known to be reached.
    pub over: Over,
    /// Hashes passwords: a call that would have to wait for it is refused first.
    pub hasher: Arc<Hasher>,
}

/// Why a guess at a password came to nothing.
#[derive(Debug)]
pub enum Failed {
    /// The password was looked at and is wrong, or is to seem wrong: the guess stays counted.
    Wrong(ApiError),
    /// It was right, or was not looked at.
    Otherwise(ApiError),
}

impl<E: Into<ApiError>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Otherwise(error.into())
    }
}

/// What became of a guess that was admitted: unless the password was wrong, the guess is given back.
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

/// In which queue the password that a call guesses is hashed: on a device that the account knows, in the short one.
pub async fn turn(platform: &Arc<Platform>, caller: &Caller, subject: Subject<'_>) -> Result<Turn, ApiError> {
    Ok(Guess::at(platform, caller, subject).await?.turn())
}

/// Spends the signup of an account that a first sign-in makes, which was admitted as one. An error must end the
/// transaction. Comes after all other locks of it but those of mails.
pub async fn spend_signup(tx: &mut Tx, limits: &Limits, caller: &Caller) -> Result<(), ApiError> {
    if caller.is_operators {
        return Ok(());
    }
    let mut budgets = of_source(&limits.platform, Purpose::SignUp, &names::source(caller.ip))?;
    budgets.extend(of_all(&limits.platform, Purpose::SignUp)?);
    let spent = spend(tx, limits, &budgets).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::RequestExceed, ends_at - limits.platform.world.now()))
}

/// What is to be counted for a call.
#[derive(Clone, Debug)]
struct Asked {
    purpose: Purpose,
    /// What is spent in any case.
    of_source: Vec<Budget>,
    /// What is spent once nothing has to be solved any more: who solves nothing uses up nothing that is everybody's.
    of_all: Vec<Budget>,
    /// Failures of the source.
    source: String,
    guess: Guess,
    /// Where something is sent to.
    sent_to: Option<String>,
    /// Is it on a device that the account knows?
    is_at_home: bool,
}

impl Asked {
    async fn new(
        limits: &Arc<Limits>,
        caller: &Caller,
        purpose: Purpose,
        subject: Subject<'_>,
    ) -> Result<Asked, ApiError> {
        let source = names::source(caller.ip);
        let mut guess = Guess::at(&limits.platform, caller, subject).await?;
        if guess.is_password() {
            // A busy server hashes nothing: then nothing was tried.
            limits.hasher.room(guess.turn())?;
        }
        let home = match (purpose, subject) {
            (Purpose::Send | Purpose::Code, Subject::Address(address)) => {
                known::home_of(&limits.platform, caller, address).await?
            }
            _ => guess.home().map(str::to_owned),
        };
        let (of_source, of_all) = match &home {
            // Others of the same source, or of all, do not stand in its way: the account has as much for all its devices.
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
            // Nor do codes that others got wrong.
            guess = Guess::Nothing;
        }
        let sent_to = match subject {
            Subject::Address(address) if purpose == Purpose::Send => Some(address.to_owned()),
            _ => None,
        };
        let source = names::keyed(&limits.platform, "failures source", &[&source])?;
        let is_at_home = home.is_some();
        let asked = Asked { purpose, of_source, of_all, source, guess, sent_to, is_at_home };
        asked.spare(limits, &asked.of_source)?;
        asked.spare(limits, &asked.of_all)?;
        if let Some(address) = &asked.sent_to {
            asked.spare(limits, &messages::budgets(&limits.platform, address, is_at_home)?)?;
        }
        Ok(asked)
    }

    /// What this node knows to be over the limit costs no write (SECURITY S13).
    fn spare(&self, limits: &Limits, budgets: &[Budget]) -> Result<(), ApiError> {
        let now = limits.platform.world.now();
        let until = budgets.iter().filter_map(|budget| limits.over.until(budget, now)).max();
        until.map_or(Ok(()), |until| Err(self.refusal(until - now)))
    }

    fn refusal(&self, wait: Millis) -> ApiError {
        exceeded(self.purpose.exceeded(), wait)
    }
}

/// The name of a budget, and how often it can be spent in which time.
type Budget = (String, u32, Millis);

/// Networks of 64 bits that one of 56 bits counts as: it has 256 of them, and one customer may have it.
const WIDE: u32 = 8;

/// The budgets of what a source asks for.
fn of_source(platform: &Platform, purpose: Purpose, source: &[u8]) -> Result<Vec<Budget>, StoreError> {
    let (rates, _) = purpose.rates(&platform.config.limits);
    let mut budgets = each(platform, rates, purpose.as_str(), source)?;
    if let Some(wide) = source.get(..7) {
        let wide = each(platform, rates, purpose.as_str(), wide)?;
        budgets
            .extend(wide.into_iter().map(|(name, count, length)| (name, count.saturating_mul(WIDE), length)));
    }
    Ok(budgets)
}

/// The budgets of what all ask for.
fn of_all(platform: &Platform, purpose: Purpose) -> Result<Vec<Budget>, StoreError> {
    let (_, rates) = purpose.rates(&platform.config.limits);
    rates.map_or(Ok(Vec::new()), |rates| each(platform, rates, purpose.as_str(), b""))
}

/// The budgets of a limit.
fn each(platform: &Platform, rates: &Rates, what: &str, who: &[u8]) -> Result<Vec<Budget>, StoreError> {
    rates
        .iter()
        .map(|rate| {
            let what = format!("{what} {}", rate.span);
            let name = if who.is_empty() { what } else { names::keyed(platform, &what, &[who])? };
            Ok((name, rate.count, rate.span.millis()))
        })
        .collect()
}

/// Counts a call of which nobody knows yet whether it solves something.
async fn count(limits: &Arc<Limits>, asked: Asked, captcha_after: u32) -> Result<Found, ApiError> {
    let job = limits.clone();
    limits
        .platform
        .store
        .write(move |tx| {
            Box::pin(async move {
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
                // Where nothing can be solved, nothing is asked for.
                is_doubted &= captcha_after < u32::MAX;
                let found =
                    failures::admit(tx, &job.platform, &asked.guess, captcha_after, is_doubted).await?;
                if let Found::Admitted = found {
                    spend_all(tx, &job, &asked).await?;
                }
                Ok(found)
            })
        })
        .await
}

/// Counts the rest of a call that came with a solved captcha.
async fn admit_solved(limits: &Arc<Limits>, asked: Asked) -> Result<(), ApiError> {
    if asked.of_all.is_empty() && !asked.guess.is_password() {
        return Ok(());
    }
    let job = limits.clone();
    limits
        .platform
        .store
        .write(move |tx| {
            Box::pin(async move {
                if let Found::Closed(opens_at) =
                    failures::admit(tx, &job.platform, &asked.guess, u32::MAX, false).await?
                {
                    return Err(asked.refusal(opens_at - job.platform.world.now()));
                }
                spend_all(tx, &job, &asked).await
            })
        })
        .await
}

/// Last in its transaction: everybody waits for these rows.
async fn spend_all(tx: &mut Tx, limits: &Limits, asked: &Asked) -> Result<(), ApiError> {
    let spent = spend(tx, limits, &asked.of_all).await?;
    spent.map_err(|ends_at| asked.refusal(ends_at - limits.platform.world.now()))
}

/// What is left of budgets.
struct Room {
    /// When all of them have one again, if one has none.
    ends_at: Option<Millis>,
    /// Is half of one used? Then everybody solves something, before somebody has used up the rest.
    is_crowded: bool,
}

async fn look(tx: &mut Tx, limits: &Limits, all: &[Budget]) -> Result<Room, StoreError> {
    let (now, mut room) = (limits.platform.world.now(), Room { ends_at: None, is_crowded: false });
    for budget @ (name, limit, length) in all {
        let used = budgets::used(tx, name, *length, now).await?;
        if used.count >= *limit {
            limits.over.put(budget, used.ends_at, now);
            room.ends_at = room.ends_at.max(Some(used.ends_at));
        }
        room.is_crowded |= used.count >= limit.div_ceil(2);
    }
    Ok(room)
}

/// Spends one of each budget; otherwise answers when all of them have one again, and remembers which have none.
async fn spend(tx: &mut Tx, limits: &Limits, all: &[Budget]) -> Result<Result<(), Millis>, StoreError> {
    let now = limits.platform.world.now();
    for (at, budget @ (name, limit, length)) in all.iter().enumerate() {
        if let Err(ends_at) = budgets::spend(tx, name, *limit, *length, now).await? {
            limits.over.put(budget, ends_at, now);
            let rest = look(tx, limits, all.get(at + 1..).unwrap_or_default()).await?;
            return Ok(Err(rest.ends_at.map_or(ends_at, |later| later.max(ends_at))));
        }
    }
    Ok(Ok(()))
}

/// When to come again, in whole seconds: never too early.
fn exceeded(code: ErrorCode, wait: Millis) -> ApiError {
    let seconds = u32::try_from(wait.max(0)).map_or(u32::MAX, |millis| millis.div_ceil(1000));
    ApiError { retry_after: Some(seconds.max(1)), ..code.into() }
}
