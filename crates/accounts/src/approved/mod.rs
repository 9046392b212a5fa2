//! Approvals of the operator's hooks. Only this module can make an [`Approved`], after it has asked the hooks.
//! Creating an account, beginning a session and exchanging a refresh token each require one, so a sign-in
//! method that skips the hooks does not compile (D-41).

mod ask;

pub use ask::{admit, approve_refresh, attempt, sign_up};

use std::ops::Deref;
use std::sync::Arc;

use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;
use doorward_request::idempotency::Idempotency;
use doorward_store::accounts::Account;
use doorward_store::identities::{Identity, Kind};

use crate::service::Accounts;
use crate::sign_up::SignUp;

/// A value that the hooks of its operation were asked about and did not refuse.
#[derive(Clone, Debug)]
pub struct Approved<T>(T);

impl<T> Deref for Approved<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Approved<SignIn> {
    /// True if the hooks were asked about a session of this account, or if there was no hook to ask.
    pub fn is_for(&self, account: &str) -> bool {
        self.account.as_ref().is_none_or(|asked| asked == account)
    }
}

impl Approved<SignUp> {
    /// Removes the names of this kind. A name cannot be added after the approval.
    pub fn give_up(&mut self, kind: Kind) {
        self.0.names.retain(|name| name.kind != kind);
    }
}

/// A sign-in attempt, before any proof of identity.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The method as stored in the audit log and in sessions.
    pub method: String,
    /// The name of the account. `None` if the provider returns it later.
    pub name: Option<Identity>,
    /// The present account and session of the browser.
    who: Principal,
    /// The idempotency key: a repetition with the same key is the same event.
    repeatable: Option<Idempotency>,
}

impl Attempt {
    /// The name of the account. Returns an error for a method that learns it later.
    pub fn name(&self) -> Result<&Identity, ApiError> {
        self.name.as_ref().ok_or_else(|| ApiError::internal("a sign-in without a name"))
    }
}

/// A session that the hooks have allowed.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The method of the sign-in.
    pub method: String,
    /// The account that the hooks were asked about. `None` if there was no hook to ask.
    account: Option<String>,
}

/// A refresh token that may be exchanged.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The token.
    pub token: Secret,
}

/// An account that may be created, and the session that may begin with it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub sign_up: Approved<SignUp>,
    /// The first session, if one was requested.
    pub sign_in: Option<Approved<SignIn>>,
}

/// The result of a check of the user's code or password before the transaction.
#[derive(Debug)]
pub enum Found {
    /// The code or password is right, and opens this account.
    Account(Box<Account>),
    /// The code is right, and no account has its address yet.
    NoAccount,
    /// The code or password is wrong: the transaction refuses it and counts the failure.
    Wrong,
}

/// The possible results of a sign-in attempt: a session of an existing account, or a new account.
#[derive(Clone, Debug)]
pub struct Admission {
    method: String,
    sign_in: Option<Approved<SignIn>>,
    new: Option<NewAccount>,
    may_make_account: bool,
}

impl Admission {
    /// The method of the sign-in.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// True if an account may be created where none exists.
    pub fn may_make_account(&self) -> bool {
        self.may_make_account
    }

    /// The names to lock: `own`, and the names of the account that may be created.
    pub fn names(&self, own: &Identity) -> Vec<Identity> {
        let mut names: Vec<_> = self.new.iter().flat_map(|new| new.sign_up.names.clone()).collect();
        if !names.iter().any(|name| (name.kind, &name.value) == (own.kind, &own.value)) {
            names.push(own.clone());
        }
        names
    }

    /// The hash of the password that a hook has set for the new account, if any.
    pub async fn hash(&self, accounts: &Arc<Accounts>) -> Result<Option<PasswordHash>, ApiError> {
        match &self.new {
            Some(new) => new.sign_up.hash(accounts).await,
            None => Ok(None),
        }
    }

    /// The approval of a session of this account. Returns `OVERLOADED`, so that the client retries, if the
    /// hooks were asked about another account.
    pub fn sign_in(&self, account: &str) -> Result<&Approved<SignIn>, ApiError> {
        let approved = self.sign_in.as_ref().filter(|approved| approved.is_for(account));
        approved.ok_or_else(|| ApiError::overloaded(1))
    }

    /// The account to create. Returns `NOT_FOUND` if none may be created.
    pub fn sign_up(&self) -> Result<&NewAccount, ApiError> {
        match (&self.new, self.may_make_account) {
            (Some(new), _) => Ok(new),
            // The account existed when the hooks were asked, so the client must retry.
            (None, true) => Err(ApiError::overloaded(1)),
            (None, false) => Err(ApiError {
                detail: Some("This account does not exist yet. Please sign up first.".into()),
                ..ErrorCode::NotFound.into()
            }),
        }
    }
}
