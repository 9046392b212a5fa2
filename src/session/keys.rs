//! The key that a session is bound to: made when somebody signs in, gone with the session (D-11).

use std::rc::Rc;

use super::{Keeper, clock, machine::Input, store::Entry, tokens::Session};
use crate::{
    browser::crypto::Holder,
    error::{Error, error},
};

impl Keeper {
    /// Who signs in: with a new key, unless tokens are to be good for whoever has them.
    pub(crate) async fn newcomer(&self) -> Result<Holder, Error> {
        let key = if self.binds {
            self.api.keys.make().await.ok_or_else(|| error!(Internal))?
        } else {
            String::new()
        };
        Ok(self.holder_of(key))
    }

    /// Whoever has this key.
    pub(crate) fn holder_of(&self, key: String) -> Holder {
        Holder { key, time: clock::now().date / 1000.0, ..Holder::default() }
    }

    /// Gives the key to a session that is about to be stored. Where it cannot be kept, the session must not outlive
    /// this page either: other pages could make nothing of it.
    pub(super) async fn keep_key(&self, key: &str) {
        if !key.is_empty() && !self.api.keys.keep(key, !self.store.is_memory()).await {
            self.store.retreat();
            self.emitter.warn("key_in_memory");
        }
    }

    /// Keeps the key of a signup that has begun no session. Until the address is proven or a sign-in replaces it, it shows that
    /// this browser has signed up (D-39). Where it cannot be kept, the password shows the same.
    pub(crate) async fn remember_signup(&self, key: &str) {
        self.forget_signup(key);
        if !key.is_empty() && (self.store.is_memory() || self.api.keys.set_aside(key).await) {
            self.store.write(Entry::Signup, Some(key));
        }
    }

    /// The key of the last signup in this browser.
    pub(crate) fn signup_key(&self) -> Option<String> {
        self.store.read(Entry::Signup).filter(|key| !key.is_empty())
    }

    /// It is of no more use; `kept` is the key of a session, which stays.
    pub(crate) fn forget_signup(&self, kept: &str) {
        if let Some(key) = self.signup_key() {
            self.store.write(Entry::Signup, None);
            let is_in_use = key == kept || self.current().is_some_and(|session| session.key == key);
            if !is_in_use {
                self.api.keys.drop(&key);
            }
        }
    }

    /// A call found that the key of this session is gone.
    pub(super) fn lose_key(&self, session: Rc<Session>) {
        self.current();
        self.step(Input::KeyGone(session));
    }

    /// Forgets the key of a session that is over, and the flows of this tab, which there may be without one too.
    pub(super) fn drop_key(&self, session: &Session) {
        self.api.keys.drop(&session.key);
    }
}
