//! Sessions: this file begins them, the others refresh and end them. Only this module issues tokens.

pub mod current;
mod end;
mod refresh;

pub use end::{end, end_all, end_several, list, of_revoke_token, of_token, sign_out};
pub use refresh::{RefreshRefusal, refresh, restore};

use doorward_config::Span;
use doorward_core::clock::Millis;
use doorward_credentials::dpop::{Proof, ProofError, Thumbprint};
use doorward_credentials::signing::TokenIssuer;
use doorward_credentials::tokens::{Claims, Confirmation, RefreshToken, RevokeToken};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::Tx;
use doorward_store::accounts::Account;
use doorward_store::sessions::{self, Session};

use crate::approved::{Approved, SignIn};

/// Rejects a sign-in without a key if the operator requires one. Called before any other work for the request.
pub fn admit(platform: &Platform, bound: bool) -> Result<(), ApiError> {
    if platform.config.session.require_proof && !bound {
        return Err(ProofError::Invalid("This server requires a proof of a key (DPoP) to sign in.").into());
    }
    Ok(())
}

/// Begins a session for an account, in the caller's transaction. With a key, the session is bound to it: none
/// of its tokens is valid without a proof of the key.
pub async fn establish(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &str,
    approved: &Approved<SignIn>,
    key: Option<Thumbprint>,
) -> Result<Session, ApiError> {
    admit(platform, key.is_some())?;
    if !approved.is_for(account) {
        return Err(ApiError::internal("the hooks were asked about another account"));
    }
    let now = platform.world.now();
    let session = Session {
        id: platform.world.id(),
        account: account.to_owned(),
        salt: platform.world.bytes::<16>().to_vec(),
        generation: 0,
        rotated_at: now,
        method: approved.method.clone(),
        authenticated_at: now,
        expires_at: now + platform.config.session.absolute.millis(),
        used_at: now,
        key: key.map(String::from),
        presented: -1,
        ip: caller.address(),
        user_agent: caller.user_agent.clone(),
    };
    sessions::insert(tx, &session).await?;
    Ok(session)
}

/// The tokens of a session in its present state. The caller adds the user.
pub fn tokens(issuer: &TokenIssuer, session: &Session, roles: &[String]) -> Result<Tokens, ApiError> {
    let now = issuer.platform.world.now();
    let (claims, lifetime) = claims(&issuer.platform, session, roles, issuer.platform.config.token.lifetime);
    let keys = &issuer.platform.secret_keys;
    let written = || {
        Some(Tokens {
            access_token: issuer.access_tokens.sign(&issuer.signing_keys, claims, now)?,
            token_type: if session.key.is_some() { "DPoP" } else { "Bearer" }.into(),
            expires_in: u32::try_from(lifetime / 1000).unwrap_or(0),
            refresh_token: RefreshToken::write(keys, &session.id, session.generation, &session.salt)?,
            revoke_token: RevokeToken::write(keys, &session.id)?,
            server_time: now / 1000,
            user: None,
            known_device: None,
        })
    };
    written().ok_or_else(|| ApiError::internal("a token could not be written"))
}

/// An access token without a refresh token, for `/api/v1/auth`, which has additional claims (seeds R18, R19).
pub fn token_alone(
    issuer: &TokenIssuer,
    session: &Session,
    account: &Account,
    username: String,
) -> Result<String, ApiError> {
    let (claims, _) =
        claims(&issuer.platform, session, &account.roles, issuer.platform.config.compat.token_lifetime);
    let claims = Claims { username: Some(username), id: Some(account.id.clone()), ..claims };
    let token = issuer.access_tokens.sign(&issuer.signing_keys, claims, issuer.platform.world.now());
    token.ok_or_else(|| ApiError::internal("a token could not be written"))
}

/// The claims of an access token, and its lifetime in milliseconds. The token does not outlive its session.
fn claims(platform: &Platform, session: &Session, roles: &[String], lifetime: Span) -> (Claims, Millis) {
    let now = platform.world.now();
    let lifetime = lifetime.millis().min(session.expires_at - now).max(0);
    let claims = Claims {
        iss: String::new(),
        aud: String::new(),
        client_id: String::new(),
        sub: session.account.clone(),
        iat: now / 1000,
        exp: (now + lifetime) / 1000,
        jti: platform.world.id(),
        sid: session.id.clone(),
        auth_time: session.authenticated_at / 1000,
        roles: roles.to_vec(),
        username: None,
        id: None,
        cnf: session.key.clone().map(|jkt| Confirmation { jkt }),
    };
    (claims, lifetime)
}

/// True if a request with this proof may get the tokens of the session. A repeated request gets the tokens of
/// the first. With another key they would be useless. Without a key in the session they would lack the binding
/// that the request asked for.
pub fn is_for(session: &Session, proof: Option<&Proof>) -> bool {
    match (&session.key, proof) {
        (Some(key), Some(proof)) => proof.is_by(key),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The reason why the account cannot sign in, if any. Shown only after the user has proven the identity.
pub fn refusal(platform: &Platform, method: &str, account: &Account) -> Option<ErrorCode> {
    if account.disabled {
        return Some(ErrorCode::UserIsDisabled);
    }
    // An account from before the operator required a confirmation must confirm its address, too, at a sign-in
    // with its password. Other methods prove a name themselves.
    let is_required = platform.config.signup.confirmation == doorward_config::Confirmation::Required
        && method == "password"
        && account.phone.is_none();
    let waits = account.confirmation_required || (is_required && account.has_unproven_email());
    waits.then_some(ErrorCode::SignupConfirmationNeeded)
}
