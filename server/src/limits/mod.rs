//! Limits: how often what costs or guesses may happen, counted by source, by account, by destination and in all. Every node
//! counts in the database, before anything is looked up for the call, hashed or sent (D-6).

mod failures;
mod known;
mod messages;
mod names;
mod over;
mod purpose;

pub use failures::{code_met, failed, forgiven, succeeded};
pub use known::{KnownDevice, mint, presented};
pub use messages::spend as spend_message;
pub use over::Over;
pub use purpose::{Purpose, Subject};

use doorward_protocol::error::ErrorCode;

use crate::captcha;
use crate::clock::Millis;
use crate::config::Rates;
use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::{App, AppState};
use crate::store::{StoreError, Tx, budgets};
use failures::{Found, Guess};

/// Lets a call pass, asks for a captcha, or says when to come again.
pub async fn admit(
    app: &AppState,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let asked = Asked::new(app, caller, purpose, subject).await?;
    match count(app, asked.clone(), failures::captcha_after(app)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.world.now())),
        Found::Doubted => {
            captcha::demand(app, caller).await?;
            admit_guess(app, asked.guess, asked.purpose.exceeded()).await
        }
    }
}

/// How often a source sends a form of ours where a captcha would be asked for.
const FORM: Millis = 30_000;

/// The same for a form of a page of ours, which has no captcha: instead of solving one, who asks waits between two.
pub async fn admit_form(
    app: &AppState,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let asked = Asked::new(app, caller, purpose, subject).await?;
    match count(app, asked.clone(), failures::captcha_after(app)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.world.now())),
        Found::Doubted => {
            let (job, name) = (app.clone(), names::keyed(app, "form", &[&names::source(caller.ip)])?);
            let spent =
                app.store.write(move |tx| Box::pin(async move { spend(tx, &job, &[(name, 1, FORM)]).await }));
            let spent: Result<(), Millis> = spent.await?;
            spent.map_err(|ends_at| asked.refusal(ends_at - app.world.now()))
        }
    }
}

/// The same for a captcha that is asked for: none can be asked for that.
pub async fn admit_captcha(app: &AppState, caller: &Caller) -> Result<(), ApiError> {
    let asked = Asked::new(app, caller, Purpose::Flow, Subject::Nobody).await?;
    count(app, asked, u32::MAX).await.map(drop)
}

/// Counts a guess at another password than that which was admitted.
pub async fn admit_instead(app: &AppState, caller: &Caller, subject: Subject<'_>) -> Result<(), ApiError> {
    let guess = Guess::at(app, caller, subject).await?;
    admit_guess(app, guess, ErrorCode::RequestExceed).await
}

/// Gives a try back that was admitted: nobody has looked at the password, or it was the right one.
pub async fn give_back(app: &AppState, caller: &Caller, subject: Subject<'_>) -> Result<(), ApiError> {
    let (job, guess) = (app.clone(), Guess::at(app, caller, subject).await?);
    if !guess.is_password() {
        return Ok(());
    }
    let given =
        app.store.write(move |tx| Box::pin(async move { failures::give_back(tx, &job, &guess).await }));
    Ok(given.await?)
}

/// Spends the signup of an account that a first sign-in makes, which was admitted as one. An error must end the
/// transaction. Comes after all other locks of it but those of mails.
pub async fn spend_signup(tx: &mut Tx, app: &App, caller: &Caller) -> Result<(), ApiError> {
    if caller.is_operators {
        return Ok(());
    }
    let budgets = budgets(app, Purpose::SignUp, &names::source(caller.ip))?;
    let spent = spend(tx, app, &budgets).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::RequestExceed, ends_at - app.world.now()))
}

/// What is to be counted for a call.
#[derive(Clone, Debug)]
struct Asked {
    purpose: Purpose,
    /// Names of budgets, with how often and how long: those of the source, then those of all.
    budgets: Vec<Budget>,
    /// Failures of the source.
    source: String,
    guess: Guess,
    /// Is it on a device that the account knows?
    is_at_home: bool,
    /// Where something is sent to by somebody whom its account does not know.
    stranger_to: Option<String>,
}

impl Asked {
    async fn new(
        app: &AppState,
        caller: &Caller,
        purpose: Purpose,
        subject: Subject<'_>,
    ) -> Result<Asked, ApiError> {
        let source = names::source(caller.ip);
        let guess = Guess::at(app, caller, subject).await?;
        let sent_to = match subject {
            Subject::Address(address) if purpose == Purpose::Send => Some(address),
            _ => None,
        };
        let device = match sent_to {
            Some(address) => failures::device_of(app, caller, messages::kind(address), address).await?,
            None => guess.device().map(str::to_owned),
        };
        let budgets = match &device {
            // Others of the same source, or of all, do not stand in its way: it has as much for itself.
            Some(device) => {
                let what = [purpose.as_str(), " device"].concat();
                each(app, purpose.rates(&app.config.limits).0, &what, device.as_bytes())?
            }
            None => budgets(app, purpose, &source)?,
        };
        let asked = Asked {
            purpose,
            budgets,
            source: names::keyed(app, "failures source", &[&source])?,
            guess,
            is_at_home: device.is_some(),
            stranger_to: sent_to.filter(|_| device.is_none()).map(str::to_owned),
        };
        asked.spare(app, &asked.budgets)?;
        if let Some(address) = sent_to {
            asked.spare(app, &messages::budgets(app, address)?)?;
        }
        Ok(asked)
    }

    /// What this node knows to be over the limit costs no write (SECURITY S13).
    fn spare(&self, app: &App, budgets: &[Budget]) -> Result<(), ApiError> {
        let now = app.world.now();
        let until = budgets.iter().filter_map(|(name, ..)| app.over.until(name, now)).max();
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

/// The budgets of what a source asks for, and those of all.
fn budgets(app: &App, purpose: Purpose, source: &[u8]) -> Result<Vec<Budget>, StoreError> {
    let (of_source, _) = purpose.rates(&app.config.limits);
    let mut budgets = each(app, of_source, purpose.as_str(), source)?;
    if let Some(wide) = source.get(..7) {
        let wide = each(app, of_source, purpose.as_str(), wide)?;
        budgets
            .extend(wide.into_iter().map(|(name, count, length)| (name, count.saturating_mul(WIDE), length)));
    }
    budgets.extend(of_all(app, purpose)?);
    Ok(budgets)
}

/// The budgets of what all ask for.
fn of_all(app: &App, purpose: Purpose) -> Result<Vec<Budget>, StoreError> {
    let (_, of_all) = purpose.rates(&app.config.limits);
    of_all.map_or(Ok(Vec::new()), |rates| each(app, rates, purpose.as_str(), b""))
}

/// The budgets of a limit.
fn each(app: &App, rates: &Rates, what: &str, who: &[u8]) -> Result<Vec<Budget>, StoreError> {
    rates
        .iter()
        .map(|rate| {
            let what = format!("{what} {}", rate.span);
            let name = if who.is_empty() { what } else { names::keyed(app, &what, &[who])? };
            Ok((name, rate.count, rate.span.millis()))
        })
        .collect()
}

/// Counts a call that came without a solved captcha.
async fn count(app: &AppState, asked: Asked, captcha_after: u32) -> Result<Found, ApiError> {
    let job = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                if let Err(ends_at) = spend(tx, &job, &asked.budgets).await? {
                    return Err(asked.refusal(ends_at - job.world.now()));
                }
                let now = job.world.now();
                let mut is_doubted = false;
                if let Some(address) = &asked.stranger_to {
                    match messages::look(tx, &job, address, captcha_after).await? {
                        Found::Closed(opens_at) => return Ok(Found::Closed(opens_at)),
                        found => is_doubted = matches!(found, Found::Doubted),
                    }
                }
                // Who would solve nothing anyway costs no look.
                if captcha_after < u32::MAX && !asked.is_at_home {
                    let length = job.config.limits.forget_source.millis();
                    is_doubted |= budgets::used(tx, &asked.source, length, now).await?.count >= captcha_after
                        || is_crowded(tx, &job, &of_all(&job, asked.purpose)?).await?;
                }
                failures::admit(tx, &job, &asked.guess, captcha_after, is_doubted).await
            })
        })
        .await
}

/// Is more than half used of what all may do? Then everybody solves something, before somebody has used up the rest.
async fn is_crowded(tx: &mut Tx, app: &App, of_all: &[Budget]) -> Result<bool, StoreError> {
    for (name, limit, length) in of_all {
        if budgets::used(tx, name, *length, app.world.now()).await?.count > limit / 2 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Counts a guess that came with a solved captcha.
async fn admit_guess(app: &AppState, guess: Guess, code: ErrorCode) -> Result<(), ApiError> {
    if !guess.is_password() {
        return Ok(());
    }
    let job = app.clone();
    let found = app
        .store
        .write(move |tx| Box::pin(async move { failures::admit(tx, &job, &guess, u32::MAX, false).await }))
        .await?;
    match found {
        Found::Closed(opens_at) => Err(exceeded(code, opens_at - app.world.now())),
        Found::Admitted | Found::Doubted => Ok(()),
    }
}

/// Spends one of each budget; otherwise answers when all of them have one again, and remembers which have none.
async fn spend(tx: &mut Tx, app: &App, all: &[Budget]) -> Result<Result<(), Millis>, StoreError> {
    let now = app.world.now();
    let mut over = None;
    for (name, limit, length) in all {
        let ends_at = match over {
            None => budgets::spend(tx, name, *limit, *length, now).await?.err(),
            Some(_) => {
                let used = budgets::used(tx, name, *length, now).await?;
                (used.count >= *limit).then_some(used.ends_at)
            }
        };
        if let Some(ends_at) = ends_at {
            app.over.put(name, ends_at, now);
            over = over.max(Some(ends_at));
        }
    }
    Ok(over.map_or(Ok(()), Err))
}

/// When to come again, in whole seconds: never too early.
fn exceeded(code: ErrorCode, wait: Millis) -> ApiError {
    let seconds = u32::try_from(wait.max(0)).map_or(u32::MAX, |millis| millis.div_ceil(1000));
    ApiError { retry_after: Some(seconds.max(1)), ..code.into() }
}
