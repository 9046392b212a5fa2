//! Limits: how often what costs or guesses may happen, counted by source, by account, by destination and in all. Every node
//! counts in the database, before anything is hashed or sent (D-6).
//!
//! A call is admitted in one or two transactions: `count` spends what the source has and looks at the rest; where a captcha is
//! asked for, `admit_solved` spends that rest after it. Messages, and accounts that a first sign-in makes, are spent in the
//! transaction that makes them.

mod failures;
mod known;
mod messages;
mod names;
mod over;
mod purpose;

pub use doorward_request::known_device::{KnownDevice, presented};
pub use failures::{code_met, failed, forgiven, inherited, succeeded};
pub use known::{is_at_home, mint};
pub use messages::spend as spend_message;
pub(crate) use names::source;
pub use over::Over;
pub use purpose::{Purpose, Subject};

use doorward_protocol::error::ErrorCode;

use crate::captcha;
use crate::passwords::Turn;
use crate::state::{App, AppState};
use doorward_config::Rates;
use doorward_core::clock::Millis;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_store::{StoreError, Tx, budgets};
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
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.platform.world.now())),
        Found::Doubted => {
            captcha::demand(app, caller).await?;
            admit_solved(app, asked).await
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
    let mut asked = Asked::new(app, caller, purpose, subject).await?;
    match count(app, asked.clone(), failures::captcha_after(app)).await? {
        Found::Admitted => Ok(()),
        Found::Closed(opens_at) => Err(asked.refusal(opens_at - app.platform.world.now())),
        Found::Doubted => {
            asked.of_all.push((names::keyed(app, "form", &[&names::source(caller.ip)])?, 1, FORM));
            admit_solved(app, asked).await
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
    let (purpose, source) = (Purpose::SignIn, String::new());
    let asked =
        Asked { purpose, of_source: vec![], of_all: vec![], source, guess, sent_to: None, is_at_home: false };
    admit_solved(app, asked).await
}

/// Gives a try back that was admitted: nobody has looked at the password, or it was the right one.
pub async fn give_back(app: &AppState, caller: &Caller, subject: Subject<'_>) -> Result<(), ApiError> {
    let (job, guess) = (app.clone(), Guess::at(app, caller, subject).await?);
    if !guess.is_password() {
        return Ok(());
    }
    let given = app
        .platform
        .store
        .write(move |tx| Box::pin(async move { failures::give_back(tx, &job, &guess).await }));
    Ok(given.await?)
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
    app: &AppState,
    caller: &Caller,
    subject: Subject<'_>,
    outcome: Result<T, Failed>,
) -> Result<T, ApiError> {
    match outcome {
        Ok(done) => Ok(done),
        Err(Failed::Wrong(error)) => Err(error),
        Err(Failed::Otherwise(error)) => {
            give_back(app, caller, subject).await?;
            Err(error)
        }
    }
}

/// In which queue the password that a call guesses is hashed: on a device that the account knows, in the short one.
pub async fn turn(app: &AppState, caller: &Caller, subject: Subject<'_>) -> Result<Turn, ApiError> {
    Ok(Guess::at(app, caller, subject).await?.turn())
}

/// Spends the signup of an account that a first sign-in makes, which was admitted as one. An error must end the
/// transaction. Comes after all other locks of it but those of mails.
pub async fn spend_signup(tx: &mut Tx, app: &App, caller: &Caller) -> Result<(), ApiError> {
    if caller.is_operators {
        return Ok(());
    }
    let mut budgets = of_source(app, Purpose::SignUp, &names::source(caller.ip))?;
    budgets.extend(of_all(app, Purpose::SignUp)?);
    let spent = spend(tx, app, &budgets).await?;
    spent.map_err(|ends_at| exceeded(ErrorCode::RequestExceed, ends_at - app.platform.world.now()))
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
        app: &AppState,
        caller: &Caller,
        purpose: Purpose,
        subject: Subject<'_>,
    ) -> Result<Asked, ApiError> {
        let source = names::source(caller.ip);
        let mut guess = Guess::at(app, caller, subject).await?;
        if guess.is_password() {
            // A busy server hashes nothing: then nothing was tried.
            app.hasher.room(guess.turn())?;
        }
        let home = match (purpose, subject) {
            (Purpose::Send | Purpose::Code, Subject::Address(address)) => {
                known::home_of(app, caller, address).await?
            }
            _ => guess.home().map(str::to_owned),
        };
        let (of_source, of_all) = match &home {
            // Others of the same source, or of all, do not stand in its way: the account has as much for all its devices.
            Some(account) => {
                let what = [purpose.as_str(), " home"].concat();
                (
                    each(app, purpose.rates(&app.platform.config.limits).0, &what, account.as_bytes())?,
                    Vec::new(),
                )
            }
            None => (of_source(app, purpose, &source)?, of_all(app, purpose)?),
        };
        if home.is_some() && matches!(guess, Guess::Code(_)) {
            // Nor do codes that others got wrong.
            guess = Guess::Nothing;
        }
        let sent_to = match subject {
            Subject::Address(address) if purpose == Purpose::Send => Some(address.to_owned()),
            _ => None,
        };
        let source = names::keyed(app, "failures source", &[&source])?;
        let is_at_home = home.is_some();
        let asked = Asked { purpose, of_source, of_all, source, guess, sent_to, is_at_home };
        asked.spare(app, &asked.of_source)?;
        asked.spare(app, &asked.of_all)?;
        if let Some(address) = &asked.sent_to {
            asked.spare(app, &messages::budgets(app, address, is_at_home)?)?;
        }
        Ok(asked)
    }

    /// What this node knows to be over the limit costs no write (SECURITY S13).
    fn spare(&self, app: &App, budgets: &[Budget]) -> Result<(), ApiError> {
        let now = app.platform.world.now();
        let until = budgets.iter().filter_map(|budget| app.over.until(budget, now)).max();
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
fn of_source(app: &App, purpose: Purpose, source: &[u8]) -> Result<Vec<Budget>, StoreError> {
    let (rates, _) = purpose.rates(&app.platform.config.limits);
    let mut budgets = each(app, rates, purpose.as_str(), source)?;
    if let Some(wide) = source.get(..7) {
        let wide = each(app, rates, purpose.as_str(), wide)?;
        budgets
            .extend(wide.into_iter().map(|(name, count, length)| (name, count.saturating_mul(WIDE), length)));
    }
    Ok(budgets)
}

/// The budgets of what all ask for.
fn of_all(app: &App, purpose: Purpose) -> Result<Vec<Budget>, StoreError> {
    let (_, rates) = purpose.rates(&app.platform.config.limits);
    rates.map_or(Ok(Vec::new()), |rates| each(app, rates, purpose.as_str(), b""))
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

/// Counts a call of which nobody knows yet whether it solves something.
async fn count(app: &AppState, asked: Asked, captcha_after: u32) -> Result<Found, ApiError> {
    let job = app.clone();
    app.platform
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
                let found = failures::admit(tx, &job, &asked.guess, captcha_after, is_doubted).await?;
                if let Found::Admitted = found {
                    spend_all(tx, &job, &asked).await?;
                }
                Ok(found)
            })
        })
        .await
}

/// Counts the rest of a call that came with a solved captcha.
async fn admit_solved(app: &AppState, asked: Asked) -> Result<(), ApiError> {
    if asked.of_all.is_empty() && !asked.guess.is_password() {
        return Ok(());
    }
    let job = app.clone();
    app.platform
        .store
        .write(move |tx| {
            Box::pin(async move {
                if let Found::Closed(opens_at) =
                    failures::admit(tx, &job, &asked.guess, u32::MAX, false).await?
                {
                    return Err(asked.refusal(opens_at - job.platform.world.now()));
                }
                spend_all(tx, &job, &asked).await
            })
        })
        .await
}

/// Last in its transaction: everybody waits for these rows.
async fn spend_all(tx: &mut Tx, app: &App, asked: &Asked) -> Result<(), ApiError> {
    let spent = spend(tx, app, &asked.of_all).await?;
    spent.map_err(|ends_at| asked.refusal(ends_at - app.platform.world.now()))
}

/// What is left of budgets.
struct Room {
    /// When all of them have one again, if one has none.
    ends_at: Option<Millis>,
    /// Is half of one used? Then everybody solves something, before somebody has used up the rest.
    is_crowded: bool,
}

async fn look(tx: &mut Tx, app: &App, all: &[Budget]) -> Result<Room, StoreError> {
    let (now, mut room) = (app.platform.world.now(), Room { ends_at: None, is_crowded: false });
    for budget @ (name, limit, length) in all {
        let used = budgets::used(tx, name, *length, now).await?;
        if used.count >= *limit {
            app.over.put(budget, used.ends_at, now);
            room.ends_at = room.ends_at.max(Some(used.ends_at));
        }
        room.is_crowded |= used.count >= limit.div_ceil(2);
    }
    Ok(room)
}

/// Spends one of each budget; otherwise answers when all of them have one again, and remembers which have none.
async fn spend(tx: &mut Tx, app: &App, all: &[Budget]) -> Result<Result<(), Millis>, StoreError> {
    let now = app.platform.world.now();
    for (at, budget @ (name, limit, length)) in all.iter().enumerate() {
        if let Err(ends_at) = budgets::spend(tx, name, *limit, *length, now).await? {
            app.over.put(budget, ends_at, now);
            let rest = look(tx, app, all.get(at + 1..).unwrap_or_default()).await?;
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
