//! Refreshing a session (RFC 6749 §6).
//!
//! A session is one row with a generation, which rises by one when the refresh token is replaced. The outcome
//! depends on which of its tokens a client presents, and when: see the tables at [`decide`].

use std::sync::Arc;

use doorward_core::clock::Millis;
use doorward_credentials::dpop::{self, Proof};
use doorward_credentials::signing::TokenIssuer;
use doorward_credentials::tokens::RefreshToken;
use doorward_protocol::session::Tokens;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::sessions::{self, Session};
use doorward_store::{Tx, accounts, transaction};

use super::tokens;
use crate::approved::{Approved, Refresh};

/// The reason for a refused refresh.
#[derive(Debug)]
pub enum RefreshRefusal {
    /// The token is not valid and never will be: the client's session is over (`invalid_grant`).
    InvalidGrant,
    /// A newer token of the session has replaced this one. This copy is not valid, but the session continues
    /// (`stale_token`).
    Stale,
    /// The session is bound to a key, and the request has no proof of a key.
    Unproven,
    /// The refresh failed. The token remains valid.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for RefreshRefusal {
    fn from(error: E) -> RefreshRefusal {
        RefreshRefusal::Failed(error.into())
    }
}

/// The step that a genuine refresh token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Sets the session's generation to this number and returns the token of it.
    Rotate(i64),
    /// Changes nothing and returns the token of the session's generation.
    Repeat,
    /// The lifetime or the idle time of the session is over.
    Expired,
    /// The token was replaced before: a copy of it is in use (RFC 9700 §4.14.2).
    Reused,
    /// The token was replaced before, but the session's key was proven: an old copy in the right browser.
    Stale,
    /// The request does not prove the session's key.
    WrongKey,
}

/// The rules of a Bearer session (D-2). The first row that applies decides:
///
/// | presented | when | step |
/// |---|---|---|
/// | any | the session is older than `absolute`, or was not refreshed for `idle` | expired |
/// | newest | rotated less than `repeat` ago | repeat: a second tab, or an answer that was lost (D-1) |
/// | newest | otherwise | rotate |
/// | the one before | rotated less than `grace` ago | repeat: the same successor for every request |
/// | ahead of the row | | rotate past it: the database has lost a write, the MAC proves that this server issued it (D-1) |
/// | older | | reused |
///
/// The rules of a session that is bound to a key (D-1). A copy of a token is useless without the key, so a copy
/// does not end the session:
///
/// | presented | when | step |
/// |---|---|---|
/// | any | without a proof of the session's key | wrong key: the session continues |
/// | any | older than `absolute`, or not refreshed for `idle` | expired |
/// | newest | rotated less than `repeat` ago | repeat |
/// | newest | otherwise | rotate |
/// | the one before | the newest was never presented, or rotated less than `grace` ago | repeat: its answer was lost |
/// | ahead of the row | | rotate past it |
/// | older | | stale: the session continues |
///
/// A clock that was set back makes a rotation look recent, which does no harm.
fn decide(
    session: &Session,
    presented: i64,
    proof: Option<&Proof>,
    now: Millis,
    rules: &doorward_config::Session,
) -> Step {
    let bound = session.key.as_deref();
    if bound.is_some_and(|key| !proof.is_some_and(|proof| proof.is_by(key))) {
        return Step::WrongKey;
    }
    if now >= session.expires_at || now - session.used_at >= rules.idle.millis() {
        return Step::Expired;
    }
    let age = now - session.rotated_at;
    let unpresented = bound.is_some() && session.presented < session.generation;
    match presented - session.generation {
        0 if session.generation > 0 && age < rules.repeat.millis() => Step::Repeat,
        0.. => Step::Rotate(presented.saturating_add(1)),
        -1 if age < rules.grace.millis() || unpresented => Step::Repeat,
        _ if bound.is_some() => Step::Stale,
        _ => Step::Reused,
    }
}

/// A session, and the roles of its account.
type Found = (Session, Vec<String>);

/// Exchanges a refresh token for new tokens. The proof is that of the request, if it has one.
///
/// Reads first, and writes only if the step needs it: a repetition without a proof costs no commit. The write
/// is one compare-and-swap on the row that a revocation deletes, so no token survives a revocation. A request
/// that loses the race reads again, and finds a repetition.
pub async fn refresh(
    issuer: &Arc<TokenIssuer>,
    caller: &Caller,
    approved: &Approved<Refresh>,
    proof: Option<Proof>,
) -> Result<Tokens, RefreshRefusal> {
    let (session, roles) = exchange(&issuer.platform, caller, approved, proof).await?;
    Ok(tokens(issuer, &session, &roles)?)
}

/// Like [`refresh`], for a page that has the token from another source (seed H43). Also returns the user,
/// because the page does not know the account yet.
pub async fn restore(
    issuer: &Arc<TokenIssuer>,
    caller: &Caller,
    approved: &Approved<Refresh>,
    proof: Option<Proof>,
) -> Result<Tokens, RefreshRefusal> {
    let (session, roles) = exchange(&issuer.platform, caller, approved, proof).await?;
    let account = accounts::by_id(&mut *issuer.platform.store.read().await?, &session.account).await?;
    let user = account.ok_or(RefreshRefusal::InvalidGrant)?.to_profile();
    Ok(Tokens { user: Some(user), ..tokens(issuer, &session, &roles)? })
}

async fn exchange(
    platform: &Arc<Platform>,
    caller: &Caller,
    approved: &Approved<Refresh>,
    proof: Option<Proof>,
) -> Result<Found, RefreshRefusal> {
    let token = RefreshToken::read(approved.token.expose()).ok_or(RefreshRefusal::InvalidGrant)?;
    let found = sessions::find(&mut *platform.store.read().await?, &token.session()).await?;
    let (session, roles) = found.ok_or(RefreshRefusal::InvalidGrant)?;
    if !token.is_genuine(&platform.secret_keys, &session.salt) {
        return Err(RefreshRefusal::InvalidGrant);
    }
    // A hook may have replaced the client's token with this one, so the session was not known before.
    caller.outcome.identify(&session.account, &session.id);
    let (now, presented) = (platform.world.now(), token.generation);
    let step = decide(&session, presented, proof.as_ref(), now, &platform.config.session);
    if step == Step::Repeat && proof.is_none() {
        return Ok((session, roles));
    }
    let (job, caller) = (platform.clone(), caller.clone());
    platform
        .store
        .write(transaction!(|tx| {
            dpop::spend(tx, proof.as_ref()).await?;
            advance(tx, &job, &caller, (session, roles), presented, proof.as_ref()).await
        }))
        .await?
}

/// Carries out the step from [`decide`], in the transaction that spent the proof. A refusal is not an error of
/// the transaction, because it must be recorded.
async fn advance(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    found: Found,
    presented: i64,
    proof: Option<&Proof>,
) -> Result<Result<Found, RefreshRefusal>, ApiError> {
    let now = platform.world.now();
    let mut current = Some(found);
    while let Some((session, roles)) = current {
        let id = &session.id;
        let step = decide(&session, presented, proof, now, &platform.config.session);
        let (event, refusal) = match step {
            Step::Repeat => {
                if session.key.is_none() || sessions::present(tx, id, session.generation, presented).await? {
                    return Ok(Ok((session, roles)));
                }
                // Another request was faster: the step depends on the new state.
                current = sessions::find(tx, id).await?;
                continue;
            }
            Step::Rotate(to) => {
                let next = Session {
                    generation: to,
                    presented,
                    rotated_at: now,
                    used_at: now,
                    ip: caller.address(),
                    user_agent: caller.user_agent.clone(),
                    ..session.clone()
                };
                if sessions::rotate(tx, session.generation, &next).await? {
                    if presented > session.generation {
                        let record = Record::of(Event::TokenAhead).account(&session.account).session(id);
                        record.write(tx, &platform.world, caller, now).await?;
                    }
                    caller.outcome.done(tx, &session.account, id, now).await?;
                    return Ok(Ok((next, roles)));
                }
                current = sessions::find(tx, id).await?;
                continue;
            }
            Step::Expired => (Event::SessionExpired, RefreshRefusal::InvalidGrant),
            Step::Reused => (Event::TokenReused, RefreshRefusal::InvalidGrant),
            Step::Stale => (Event::TokenStale, RefreshRefusal::Stale),
            Step::WrongKey if proof.is_none() => (Event::KeyMismatch, RefreshRefusal::Unproven),
            Step::WrongKey => (Event::KeyMismatch, RefreshRefusal::InvalidGrant),
        };
        if matches!(step, Step::Expired | Step::Reused) {
            // The session was read without a lock. It ends only if the step is still the same under the lock.
            sessions::lock(tx, id).await?;
            let locked = sessions::find(tx, id).await?;
            let still = |(session, _): &Found| {
                decide(session, presented, proof, now, &platform.config.session) == step
            };
            if !locked.as_ref().is_some_and(still) {
                current = locked;
                continue;
            }
            sessions::delete(tx, id).await?;
        }
        let record = Record::of(event).account(&session.account).session(id);
        record.write(tx, &platform.world, caller, now).await?;
        return Ok(Err(refusal));
    }
    Ok(Err(RefreshRefusal::InvalidGrant))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_700_000_000_000;
    const DAY: Millis = 86_400_000;

    fn session(generation: i64, age: Millis) -> Session {
        Session {
            id: String::new(),
            account: String::new(),
            salt: Vec::new(),
            generation,
            rotated_at: NOW - age,
            method: String::new(),
            authenticated_at: NOW - DAY,
            expires_at: NOW + DAY,
            used_at: NOW - age,
            key: None,
            presented: generation - 1,
            ip: None,
            user_agent: None,
        }
    }

    const KEY: u8 = 1;

    #[test]
    fn sec_t07_sec_t08_the_table_of_cases_of_a_bearer_session() {
        let rules = doorward_config::Session::default();
        for (generation, age, presented, step) in [
            (0, 0, 0, Step::Rotate(1)),
            (0, 3_600_000, 0, Step::Rotate(1)),
            (5, 0, 5, Step::Repeat),
            (5, 9_999, 5, Step::Repeat),
            (5, 10_000, 5, Step::Rotate(6)),
            (5, 0, 4, Step::Repeat),
            (5, 29_999, 4, Step::Repeat),
            (5, 30_000, 4, Step::Reused),
            (1, 1, 0, Step::Repeat),
            (5, 0, 3, Step::Reused),
            (5, 3_600_000, 0, Step::Reused),
            (5, 3_600_000, -1, Step::Reused),
            (5, 0, 6, Step::Rotate(7)),
            (5, 3_600_000, 9, Step::Rotate(10)),
            // A clock that was set back by an hour.
            (5, -3_600_000, 5, Step::Repeat),
            (5, -3_600_000, 4, Step::Repeat),
            (5, 30 * DAY, 5, Step::Expired),
        ] {
            let session = session(generation, age);
            assert_eq!(
                decide(&session, presented, None, NOW, &rules),
                step,
                "{generation} {age} {presented}"
            );
            // A proof does not bind a session that was begun without one.
            let proof = Proof::for_test(KEY, 0);
            assert_eq!(decide(&session, presented, Some(&proof), NOW, &rules), step);
        }
        let over = Session { expires_at: NOW, ..session(5, 60_000) };
        assert_eq!(decide(&over, 5, None, NOW, &rules), Step::Expired);
    }

    #[test]
    fn sec_t07_sec_t08_the_table_of_cases_of_a_key_bound_session() {
        let rules = doorward_config::Session::default();
        let (right, wrong) = (Proof::for_test(KEY, 0), Proof::for_test(2, 0));
        let old = 29 * DAY;
        for (generation, age, newest_presented, presented, step) in [
            (0, 0, false, 0, Step::Rotate(1)),
            (0, old, false, 0, Step::Rotate(1)),
            (5, 0, false, 5, Step::Repeat),
            (5, 9_999, false, 5, Step::Repeat),
            (5, 9_999, true, 5, Step::Repeat),
            (5, 10_000, false, 5, Step::Rotate(6)),
            (5, old, true, 5, Step::Rotate(6)),
            // The token before: within the grace time always, later only if the newest was never presented.
            (5, 0, false, 4, Step::Repeat),
            (5, 29_999, true, 4, Step::Repeat),
            (5, 30_000, true, 4, Step::Stale),
            (5, 30_000, false, 4, Step::Repeat),
            (5, old, false, 4, Step::Repeat),
            (5, old, true, 4, Step::Stale),
            (1, old, false, 0, Step::Repeat),
            // Older tokens: always stale.
            (5, 0, false, 3, Step::Stale),
            (5, 0, true, 3, Step::Stale),
            (5, old, false, 0, Step::Stale),
            (5, old, false, -1, Step::Stale),
            // Ahead of the row.
            (5, 0, false, 6, Step::Rotate(7)),
            (5, old, true, 9, Step::Rotate(10)),
            // A clock that was set back by an hour.
            (5, -3_600_000, true, 5, Step::Repeat),
            (5, -3_600_000, true, 4, Step::Repeat),
            (5, 30 * DAY, false, 5, Step::Expired),
            (5, 30 * DAY, false, 4, Step::Expired),
        ] {
            let session = Session {
                key: Some(right.thumbprint().to_owned()),
                presented: if newest_presented { generation } else { generation - 1 },
                ..session(generation, age)
            };
            let case = (generation, age, newest_presented, presented);
            assert_eq!(decide(&session, presented, Some(&right), NOW, &rules), step, "{case:?}");
            for other in [None, Some(&wrong)] {
                assert_eq!(decide(&session, presented, other, NOW, &rules), Step::WrongKey, "{case:?}");
            }
        }
    }
}
