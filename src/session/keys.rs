//! The key that a session is bound to: made for a sign-in, removed with the session (D-11).

use std::rc::Rc;

use wasm_bindgen::JsValue;

use super::{
    keeper::Keeper,
    machine::Input,
    store::Entry,
    tokens::{Session, holder},
};
use crate::{
    browser::{
        clock,
        wait::{Promise, promise},
    },
    error::{Error, error},
    transport::Holder,
};

impl Keeper {
    /// The id of a key that no session has yet; empty if the option `dpop` is off. It is `known` if that is still there, else the key of
    /// the last flow of this tab, unless that belongs to the session of another client, which would take the key along when it ends. For a
    /// flow it must outlive the page; it is empty if it cannot: the server then gives a secret.
    /// Returns its promise, for `take_key`.
    pub(crate) fn ask_for_key(&'static self, known: &str, for_flow: bool) -> Option<Promise> {
        if !self.settings.binds {
            return None;
        }
        let spare = self.spare.borrow().clone();
        let next = spare.unwrap_or_else(|| self.flows.next_key());
        let is_own = self.is_of_session(&next);
        Some(if for_flow {
            self.keys.take_loose(known, &next, is_own)
        } else {
            self.keys.take(known, &next, is_own)
        })
    }

    /// The id of the key that `ask_for_key` has got.
    pub(crate) fn take_key(&self, got: Result<JsValue, JsValue>, known: &str) -> Result<String, Error> {
        let got = got
            .map_err(|cause| error!(Internal, "The browser makes no key for the session.").because(cause))?;
        let key = got.as_string().ok_or_else(|| error!(Internal))?;
        if !key.is_empty() && key != known {
            self.spare.replace(Some(key.clone()));
        }
        Ok(key)
    }

    /// Is it the key of the session that is there now?
    fn is_of_session(&'static self, key: &str) -> bool {
        self.current().is_some_and(|session| session.key == key)
    }

    /// Keeps a key beyond this page: for a session that is about to be stored, or for none yet, unless a session has it. The promise rejects
    /// if the browser does not allow that. `None` for no key.
    pub(crate) fn keep_key(&self, key: &str, for_session: bool) -> Option<Promise> {
        (!key.is_empty()).then(|| self.keys.keep(key, for_session))
    }

    /// The credentials of the holder of this key.
    pub(crate) fn holder_of(&self, key: String) -> Holder {
        Holder { key, time: clock::now().date / 1000.0, ..Holder::default() }
    }

    /// The key of the session that is there, without its token.
    pub(crate) fn holder_of_session(&'static self) -> Holder {
        let holder = self.current().map(|session| holder(&session)).unwrap_or_default();
        Holder { token: None, ..holder }
    }

    /// Remembers the key of a signup that has begun no session. Until the address is proven or a sign-in replaces it, it shows that this
    /// browser has signed up (D-39). Where it cannot be kept, the password shows the same.
    pub(crate) fn remember_signup(&'static self, key: &str, is_kept: bool) {
        self.forget_signup(key);
        if is_kept && !key.is_empty() {
            self.store.write(Entry::Signup, Some(key));
        }
    }

    /// The key of the last signup in this browser.
    pub(crate) fn signup_key(&self) -> Option<String> {
        self.store.read(Entry::Signup).filter(|key| !key.is_empty())
    }

    /// The key of the last signup has served; `kept` is the key of a session, which stays.
    pub(crate) fn forget_signup(&'static self, kept: &str) {
        if let Some(key) = self.signup_key() {
            self.store.write(Entry::Signup, None);
            if key != kept && !self.is_of_session(&key) {
                self.drop_key(&key);
            }
        }
    }

    /// A call found that the key of this session is gone.
    pub(super) fn lose_key(&'static self, session: Rc<Session>) {
        self.current();
        self.step(Input::KeyGone(session));
    }

    /// Forgets the key of a session that is over, and the flows that this tab has begun with it. A session without a key may have
    /// flows, too. A flow that another tab has begun may still need the key.
    pub(super) fn drop_key(&'static self, key: &str) {
        self.spare.borrow_mut().take_if(|spare| spare == key);
        let of = key.to_owned();
        let is_wanted = promise(Box::pin(async move { Ok(Some(self.flows.end(&of).await.into())) }));
        self.keys.drop(key, &is_wanted);
    }
}
