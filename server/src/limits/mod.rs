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
    let asked = Asked::new(app, caller, purpose, subject)?;
    match count(app, asked.clone(), failures::captcha_after(app)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.world.now())),
        Found::Doubted => {
            captcha::demand(app, caller).await?;
            admit_guess(app, asked).await
        }
    }
}

/// The same where no captcha can be asked for: for a form of a page of ours, which has none, and for a captcha.
pub async fn admit_form(
    app: &AppState,
    caller: &Caller,
    purpose: Purpose,
    subject: Subject<'_>,
) -> Result<(), ApiError> {
    let asked = Asked::new(app, caller, purpose, subject)?;
    match count(app, asked.clone(), u32::MAX).await? {
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.world.now())),
        Found::Admitted | Found::Doubted => Ok(()),
    }
}

/// Counts a guess at another password than that which was admitted.
pub async fn admit_instead(
    app: &AppState,
    caller: &Caller,
    before: Subject<'_>,
    now: Subject<'_>,
) -> Result<(), ApiError> {
    let job = app.clone();
    let (before, now) = (Guess::at(app, caller, before)?, Guess::at(app, caller, now)?);
    let found = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                failures::give_back(tx, &job, &before).await?;
                failures::admit(tx, &job, &now, u32::MAX, false).await
            })
        })
        .await?;
    match found {
        Found::Closed(opens_at) => Err(exceeded(ErrorCode::RequestExceed, opens_at - app.world.now())),
        Found::Admitted | Found::Doubted => Ok(()),
    }
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
}

impl Asked {
    fn new(app: &App, caller: &Caller, purpose: Purpose, subject: Subject<'_>) -> Result<Asked, ApiError> {
        let source = names::source(caller.ip);
        let (of_source, of_all) = purpose.rates(&app.config.limits);
        let mut budgets = each(app, of_source, purpose.as_str(), &source)?;
        if let Some(of_all) = of_all {
            budgets.extend(each(app, of_all, purpose.as_str(), b"")?);
        }
        let asked = Asked {
            purpose,
            budgets,
            source: names::keyed(app, "failures source", &[&source])?,
            guess: Guess::at(app, caller, subject)?,
        };
        asked.spare(app, &asked.budgets)?;
        if let (Purpose::Send, Subject::Address(address)) = (purpose, subject) {
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
        match self.purpose {
            Purpose::Send => exceeded(ErrorCode::LimitExceeded, wait),
            _ => exceeded(ErrorCode::RequestExceed, wait),
        }
    }
}

/// The name of a budget, and how often it can be spent in which time.
type Budget = (String, u32, Millis);

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
                let length = job.config.limits.forget_source.millis();
                let of_source = budgets::used(tx, &asked.source, length, now).await?.count;
                let is_doubted = of_source >= captcha_after;
                failures::admit(tx, &job, &asked.guess, captcha_after, is_doubted).await
            })
        })
        .await
}

/// Counts a guess that came with a solved captcha.
async fn admit_guess(app: &AppState, asked: Asked) -> Result<(), ApiError> {
    if !asked.guess.is_password() {
        return Ok(());
    }
    let (job, guess) = (app.clone(), asked.guess.clone());
    let found = app
        .store
        .write(move |tx| Box::pin(async move { failures::admit(tx, &job, &guess, u32::MAX, false).await }))
        .await?;
    match found {
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.world.now())),
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
