//! The key that a session is bound to: generated for a sign-in, removed with the session (D-11).

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
    /// Requests a key that has no session yet; `None` if the option `dpop` is off. The key is `known` if that
    /// still exists, or else the key of the last flow of this tab, unless the session of another client has
    /// it and would remove it at its end. A key for a flow must outlive the page; if it cannot, the id is
    /// empty, and the server returns a secret instead. The result of the promise is for `take_key`.
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

    /// The id of the key from `ask_for_key`.
    pub(crate) fn take_key(&self, got: Result<JsValue, JsValue>, known: &str) -> Result<String, Error> {
        let got = got
            .map_err(|cause| error!(Internal, "The browser makes no key for the session.").because(cause))?;
        let key = got.as_string().ok_or_else(|| error!(Internal))?;
        if !key.is_empty() && key != known {
            self.spare.replace(Some(key.clone()));
        }
        Ok(key)
    }

    /// True if the current session has this key.
    fn is_of_session(&'static self, key: &str) -> bool {
        self.current().is_some_and(|session| session.key == key)
    }

    /// Stores a key beyond this page, for a session that is about to be stored, or for no session yet.
    /// Changes nothing if a session has the key. The promise rejects if the browser does not allow that.
    /// `None` without a key.
    pub(crate) fn keep_key(&self, key: &str, for_session: bool) -> Option<Promise> {
        (!key.is_empty()).then(|| self.keys.keep(key, for_session))
    }

    /// The credentials for this key.
    pub(crate) fn holder_of(&self, key: String) -> Holder {
        Holder { key, time: clock::now().date / 1000.0, ..Holder::default() }
    }

    /// The credentials for the key of the current session, without its token.
    pub(crate) fn holder_of_session(&'static self) -> Holder {
        let holder = self.current().map(|session| holder(&session)).unwrap_or_default();
        Holder { token: None, ..holder }
    }

    /// Stores the key of a sign-up that began no session. Until the address is proven or a sign-in replaces
    /// it, the key proves that this browser has signed up (D-39). If it cannot be stored, the password is the
    /// proof.
    pub(crate) fn remember_signup(&'static self, key: &str, is_kept: bool) {
        self.forget_signup(key);
        if is_kept && !key.is_empty() {
            self.store.write(Entry::Signup, Some(key));
        }
    }

    /// The key of the last sign-up in this browser.
    pub(crate) fn signup_key(&self) -> Option<String> {
        self.store.read(Entry::Signup).filter(|key| !key.is_empty())
    }

    /// Forgets the key of the last sign-up. The key is not removed if it is `kept` or belongs to the current
    /// session.
    pub(crate) fn forget_signup(&'static self, kept: &str) {
        if let Some(key) = self.signup_key() {
            self.store.write(Entry::Signup, None);
            if key != kept && !self.is_of_session(&key) {
                self.drop_key(&key);
            }
        }
    }

    /// Ends the session after a call found that its key is gone.
    pub(super) fn lose_key(&'static self, session: Rc<Session>) {
        self.current();
        self.step(Input::KeyGone(session));
    }

    /// Forgets the key of an ended session, and the flows that this tab has begun with it. A session without
    /// a key may also have flows. A flow of another tab may still need the key.
    pub(super) fn drop_key(&'static self, key: &str) {
        self.spare.borrow_mut().take_if(|spare| spare == key);
        let of = key.to_owned();
        let is_wanted = promise(Box::pin(async move { Ok(Some(self.flows.end(&of).await.into())) }));
        self.keys.drop(key, &is_wanted);
    }
}
