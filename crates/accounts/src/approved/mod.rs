//! What the operator's hooks have let pass. Only this module makes an [`Approved`], once it has asked them. An account can be
//! made, a session can begin and a refresh token can be exchanged only with one: a way in that forgets its hooks does not
//! compile (D-41).

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

/// What the hooks of its operation were asked about, and have not refused.
#[derive(Clone, Debug)]
pub struct Approved<T>(T);

impl<T> Deref for Approved<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Approved<SignIn> {
    /// Were the hooks asked about the session of this account, or was there none to ask?
    pub fn is_for(&self, account: &str) -> bool {
        self.account.as_ref().is_none_or(|asked| asked == account)
    }
}

impl Approved<SignUp> {
    /// Goes on without a name. Nothing can be added.
    pub fn give_up(&mut self, kind: Kind) {
        self.0.names.retain(|name| name.kind != kind);
    }
}

/// A try to sign in: nothing is proven yet.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How; as in the audit and in sessions.
    pub method: String,
    /// By which name; none where a provider is to say who it is.
    pub name: Option<Identity>,
    /// The account and session of the browser so far.
    who: Principal,
    /// A repetition with this key is the same event.
    repeatable: Option<Idempotency>,
}

impl Attempt {
    /// The name. An error for a method that learns later who it is.
    pub fn name(&self) -> Result<&Identity, ApiError> {
        self.name.as_ref().ok_or_else(|| ApiError::internal("a sign-in without a name"))
    }
}

/// A session that may begin.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// How the person has signed in.
    pub method: String,
    /// The account that the hooks were asked about; none where there was no hook to ask.
    account: Option<String>,
}

/// A refresh token that may be exchanged.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The token.
    pub token: Secret,
}

/// An account that may be made, and the session that may begin with it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub sign_up: Approved<SignUp>,
    /// Its first session, if one was asked for.
    pub sign_in: Option<Approved<SignIn>>,
}

/// What a method learns about a code or a password before its transaction.
#[derive(Debug)]
pub enum Found {
    /// The code or password is right, and opens this account.
    Account(Box<Account>),
    /// The code is right, and no account has its address yet.
    NoAccount,
    /// The code or password is wrong: the transaction refuses it and counts the failure.
    Wrong,
}

/// What a try to sign in may lead to.
#[derive(Clone, Debug)]
pub struct Admission {
    method: String,
    sign_in: Option<Approved<SignIn>>,
    new: Option<NewAccount>,
    may_make_account: bool,
}

impl Admission {
    /// How the person signs in.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// May an account be made, if there is none?
    pub fn may_make_account(&self) -> bool {
        self.may_make_account
    }

    /// The names to lock: this one, and those of an account that may be made.
    pub fn names(&self, own: &Identity) -> Vec<Identity> {
        let mut names: Vec<_> = self.new.iter().flat_map(|new| new.sign_up.names.clone()).collect();
        if !names.iter().any(|name| (name.kind, &name.value) == (own.kind, &own.value)) {
            names.push(own.clone());
        }
        names
    }

    /// The hash of the password that the account begins with, if it is made and a hook has given it one.
    pub async fn hash(&self, accounts: &Arc<Accounts>) -> Result<Option<PasswordHash>, ApiError> {
        match &self.new {
            Some(new) => new.sign_up.hash(accounts).await,
            None => Ok(None),
        }
    }

    /// The session of this account. `OVERLOADED` (try again) where it is another account than the hooks were asked about.
    pub fn sign_in(&self, account: &str) -> Result<&Approved<SignIn>, ApiError> {
        let approved = self.sign_in.as_ref().filter(|approved| approved.is_for(account));
        approved.ok_or_else(|| ApiError::overloaded(1))
    }

    /// The account that is made, since there is none.
    pub fn sign_up(&self) -> Result<&NewAccount, ApiError> {
        match (&self.new, self.may_make_account) {
            (Some(new), _) => Ok(new),
            // It was there a moment ago.
            (None, true) => Err(ApiError::overloaded(1)),
            (None, false) => Err(ApiError {
                detail: Some("This account does not exist yet. Please sign up first.".into()),
                ..ErrorCode::NotFound.into()
            }),
        }
    }
}
