//! The key that a session is bound to: made when somebody signs in, gone with the session (D-11).

use std::rc::Rc;

use super::{Keeper, clock, machine::Input, tokens::Session};
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
