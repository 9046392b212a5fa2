//! Sessions: begun, refreshed, ended. The only place that issues tokens.
//!
//! A session is one row with a generation that rises by one when its refresh token is replaced. Which of its tokens a
//! client presents, and when, decides everything: the table is [`decide`].

use doorward_protocol::session::Tokens;

use crate::audit::{Event, Record};
use crate::clock::Millis;
use crate::config;
use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;
use crate::store::sessions::{self, Session};
use crate::store::{StoreError, Tx};
use crate::tokens::{Claims, RefreshToken, RevokeToken};

/// Begins a session for an account, in the transaction of what led to it.
pub async fn establish(
    tx: &mut Tx,
    app: &App,
    account: &str,
    method: &str,
    now: Millis,
) -> Result<Session, StoreError> {
    let session = Session {
        id: app.world.id(),
        account: account.to_owned(),
        salt: app.world.bytes::<16>().to_vec(),
        generation: 0,
        rotated_at: now,
        method: method.to_owned(),
        authenticated_at: now,
        expires_at: now + app.config.session.absolute.millis(),
        used_at: now,
    };
    sessions::insert(tx, &session).await?;
    Ok(session)
}

/// The tokens of a session as it stands. Their user is left to the caller.
pub fn tokens(app: &App, session: &Session, roles: &[String]) -> Result<Tokens, ApiError> {
    let now = app.world.now();
    // An access token does not outlive its session.
    let lifetime = app.config.token.lifetime.millis().min(session.expires_at - now).max(0);
    let claims = Claims {
        iss: String::new(),
        aud: String::new(),
        client_id: String::new(),
        sub: session.account.clone(),
        iat: now / 1000,
        exp: (now + lifetime) / 1000,
        jti: app.world.id(),
        sid: session.id.clone(),
        auth_time: session.authenticated_at / 1000,
        roles: roles.to_vec(),
    };
    let keys = &app.secret_keys;
    let written = || {
        Some(Tokens {
            access_token: app.access_tokens.sign(&app.signing_keys, claims, now)?,
            token_type: "Bearer".into(),
            expires_in: u32::try_from(lifetime / 1000).unwrap_or(0),
            refresh_token: RefreshToken::write(keys, &session.id, session.generation, &session.salt)?,
            revoke_token: RevokeToken::write(keys, &session.id)?,
            server_time: now / 1000,
            user: None,
        })
    };
    written().ok_or_else(|| ApiError::internal("a token could not be written"))
}

/// Why a refresh was refused.
#[derive(Debug)]
pub enum Refusal {
    /// The token is good for nothing, now and later: the client's session is over (`invalid_grant`).
    Over,
    /// It could not be carried out; the token is as good as before.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal::Failed(error.into())
    }
}

/// What a genuine refresh token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The session's generation becomes this; the answer carries its token.
    Rotate(i64),
    /// Nothing changes; the answer carries the token of the session's generation.
    Repeat,
    /// The session has outlived its time.
    Expired,
    /// A token that was used up: a copy of it is about (RFC 9700 §4.14.2).
    Reused,
}

/// The rules of a Bearer session (D-2), in the order in which they are looked at:
///
/// | presented | when | step |
/// |---|---|---|
/// | any | the session is older than `absolute`, or was not refreshed for `idle` | expired |
/// | newest | rotated less than `repeat` ago | repeat: a second tab, or an answer that was lost (D-1) |
/// | newest | otherwise | rotate |
/// | the one before | rotated less than `grace` ago | repeat: the very same successor, however many ask |
/// | ahead of the row | | rotate past it: the database has lost a write, the MAC says it was ours (D-1) |
/// | older | | reused |
///
/// A clock that was set back makes a rotation look young: nothing is lost by that.
fn decide(session: &Session, presented: i64, now: Millis, rules: &config::Session) -> Step {
    let age = now - session.rotated_at;
    if now >= session.expires_at || now - session.used_at >= rules.idle.millis() {
        return Step::Expired;
    }
    match presented - session.generation {
        0 if session.generation > 0 && age < rules.repeat.millis() => Step::Repeat,
        0.. => Step::Rotate(presented.saturating_add(1)),
        -1 if age < rules.grace.millis() => Step::Repeat,
        _ => Step::Reused,
    }
}

/// Exchanges a refresh token for new tokens.
///
/// Reads first, and writes only where the step needs it: a repetition costs no commit. The write is one
/// compare-and-swap on the row that a revoke deletes, so that nothing survives a revoke; who loses the race looks
/// again, and finds a repetition.
pub async fn refresh(app: &App, caller: &Caller, text: &str) -> Result<Tokens, Refusal> {
    let token = RefreshToken::read(text).ok_or(Refusal::Over)?;
    let id = token.session();
    let found = sessions::find(&mut *app.store.read().await?, &id).await?;
    let (session, roles) = found.ok_or(Refusal::Over)?;
    if !token.is_genuine(&app.secret_keys, &session.salt) {
        return Err(Refusal::Over);
    }
    let now = app.world.now();
    let step = decide(&session, token.generation, now, &app.config.session);
    if step == Step::Repeat {
        return Ok(tokens(app, &session, &roles)?);
    }
    let (world, caller, rules) = (app.world.clone(), caller.clone(), app.config.session.clone());
    let presented = token.generation;
    let moved: Result<Option<(Session, Vec<String>)>, StoreError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let mut current = Some((session, roles));
                let mut step = step;
                while let Some((session, roles)) = current {
                    let ended = match step {
                        Step::Repeat => return Ok(Some((session, roles))),
                        Step::Rotate(to) => {
                            if sessions::rotate(tx, &id, session.generation, to, now).await? {
                                if presented > session.generation {
                                    let record = Record::of(Event::TokenAhead);
                                    let record = record.account(&session.account).session(&id);
                                    record.write(tx, &world, &caller, now).await?;
                                }
                                let session =
                                    Session { generation: to, rotated_at: now, used_at: now, ..session };
                                return Ok(Some((session, roles)));
                            }
                            None
                        }
                        Step::Expired => Some(Event::SessionExpired),
                        Step::Reused => Some(Event::TokenReused),
                    };
                    if let Some(event) = ended {
                        sessions::delete(tx, &id).await?;
                        let record = Record::of(event).account(&session.account).session(&id);
                        record.write(tx, &world, &caller, now).await?;
                        return Ok(None);
                    }
                    // Another request was faster: what it left decides.
                    current = sessions::find(tx, &id).await?;
                    if let Some((session, _)) = &current {
                        step = decide(session, presented, now, &rules);
                    }
                }
                Ok(None)
            })
        })
        .await;
    let (session, roles) = moved?.ok_or(Refusal::Over)?;
    Ok(tokens(app, &session, &roles)?)
}

/// Ends the session that a revoke-only value names. Says nothing about whether there was one.
pub async fn revoke(app: &App, caller: &Caller, value: &str) -> Result<(), ApiError> {
    let Some(id) = RevokeToken::read(&app.secret_keys, value) else { return Ok(()) };
    let (world, caller) = (app.world.clone(), caller.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(account) = sessions::delete(tx, &id).await? {
                    let record = Record::of(Event::SignedOut).account(&account).session(&id);
                    record.write(tx, &world, &caller, world.now()).await?;
                }
                Ok::<(), ApiError>(())
            })
        })
        .await
}

/// Ends all sessions of an account, in the transaction of what is the reason for it.
pub async fn end_all(tx: &mut Tx, account: &str) -> Result<u64, StoreError> {
    sessions::delete_all(tx, account).await
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
        }
    }

    #[test]
    fn sec_t07_sec_t08_the_table_of_cases_of_a_bearer_session() {
        let rules = config::Session::default();
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
            let decided = decide(&session(generation, age), presented, NOW, &rules);
            assert_eq!(decided, step, "{generation} {age} {presented}");
        }
        let over = Session { expires_at: NOW, ..session(5, 60_000) };
        assert_eq!(decide(&over, 5, NOW, &rules), Step::Expired);
    }
}
