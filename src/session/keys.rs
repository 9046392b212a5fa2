//! The key that a session is bound to: made for a sign-in, removed with the session (D-11).

use std::rc::Rc;

use super::{Keeper, clock, machine::Input, store::Entry, tokens::Session};
use crate::{
    browser::wait::{promise, settled},
    error::{Error, error},
    transport::Holder,
};

impl Keeper {
    /// The id of a key that no session has yet; empty if the option `dpop` is off. It is `known` if that is still there, else the key of
    /// the last flow of this tab, unless that belongs to the session of another client, which would take the key along when it ends. For a
    /// flow it must outlive the page; it is empty if it cannot: the server then gives a secret.
    pub(crate) async fn new_key(self: &Rc<Self>, known: &str, for_flow: bool) -> Result<String, Error> {
        if !self.binds {
            return Ok(String::new());
        }
        let spare = self.spare.borrow().clone();
        let next = spare.unwrap_or_else(|| self.flows.next_key());
        let is_own = self.is_of_session(&next);
        let taken = if for_flow {
            self.keys.take_loose(known, &next, is_own)
        } else {
            self.keys.take(known, &next, is_own)
        };
        let key =
            settled(taken).await.ok().and_then(|key| key.as_string()).ok_or_else(|| error!(Internal))?;
        if !key.is_empty() && key != known {
            self.spare.replace(Some(key.clone()));
        }
        Ok(key)
    }

    /// Is it the key of the session that is there now?
    fn is_of_session(self: &Rc<Self>, key: &str) -> bool {
        self.current().is_some_and(|session| session.key == key)
    }

    /// Keeps a key beyond this page that no session has, unless one has it. Returns false if the browser does not allow that.
    pub(crate) async fn keep_pending(&self, key: &str) -> bool {
        !key.is_empty() && settled(self.keys.keep(key, false)).await.is_ok()
    }

    /// The credentials of the holder of this key.
    pub(crate) fn holder_of(&self, key: String) -> Holder {
        Holder { key, time: clock::now().date / 1000.0, ..Holder::default() }
    }

    /// Gives the key to a session that is about to be stored. Where it cannot be kept, the session must not outlive this page either:
    /// other pages could not use it.
    pub(super) async fn keep_key(&self, key: &str) {
        if key.is_empty() {
            return;
        }
        self.spare.borrow_mut().take_if(|spare| spare == key);
        if !self.store.is_memory() && settled(self.keys.keep(key, true)).await.is_err() {
            self.store.retreat();
            self.listeners.warn("key_in_memory");
        }
    }

    /// Keeps the key of a signup that has begun no session. Until the address is proven or a sign-in replaces it, it shows that this
    /// browser has signed up (D-39). Where it cannot be kept, the password shows the same.
    pub(crate) async fn remember_signup(self: &Rc<Self>, key: &str) {
        self.forget_signup(key);
        if !key.is_empty() && (self.store.is_memory() || self.keep_pending(key).await) {
            self.store.write(Entry::Signup, Some(key));
        }
    }

    /// The key of the last signup in this browser.
    pub(crate) fn signup_key(&self) -> Option<String> {
        self.store.read(Entry::Signup).filter(|key| !key.is_empty())
    }

    /// The key of the last signup has served; `kept` is the key of a session, which stays.
    pub(crate) fn forget_signup(self: &Rc<Self>, kept: &str) {
        if let Some(key) = self.signup_key() {
            self.store.write(Entry::Signup, None);
            if key != kept && !self.is_of_session(&key) {
                self.drop_key(&key);
            }
        }
    }

    /// A call found that the key of this session is gone.
    pub(super) fn lose_key(self: &Rc<Self>, session: Rc<Session>) {
        self.current();
        self.step(Input::KeyGone(session));
    }

    /// Forgets the key of a session that is over, and the flows that this tab has begun with it. A session without a key may have
    /// flows, too. A flow that another tab has begun may still need the key.
    pub(super) fn drop_key(self: &Rc<Self>, key: &str) {
        self.spare.borrow_mut().take_if(|spare| spare == key);
        let (keeper, of) = (self.clone(), key.to_owned());
        let is_wanted = promise(Box::pin(async move { Ok(Some(keeper.flows.end(&of).await.into())) }));
        self.keys.drop(key, &is_wanted);
    }
}
