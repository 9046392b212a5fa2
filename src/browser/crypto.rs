//! Keys of this browser and what is proved with them (RFC 9449): the object that `js/keys.js` makes.

use super::{
    Value,
    wait::{settled, unheeded},
};

/// What shows who asks.
#[derive(Clone, Default)]
pub(crate) struct Holder {
    /// The access token.
    pub(crate) token: Option<String>,
    /// The name of the key that the token is, or is to be, bound to; empty for none.
    pub(crate) key: String,
    /// Seconds since 1970, as well as they are known.
    pub(crate) time: f64,
}

/// The keys of one client, by name.
pub(crate) struct Keyring(pub(crate) Value);

impl Keyring {
    /// The name of one that no session has yet; nothing where the browser makes none.
    pub(crate) async fn make(&self) -> Option<String> {
        self.ask("make", &[]).await?.text()
    }

    /// Gives one to a session: beyond this page, or as long as it. False where the browser does not let it.
    pub(crate) async fn keep(&self, key: &str, beyond: bool) -> bool {
        self.ask("keep", &[&key.into(), &beyond.into()]).await.is_some()
    }

    /// Keeps one beyond this page that belongs to no session. False where the browser does not let it.
    pub(crate) async fn set_aside(&self, key: &str) -> bool {
        self.ask("keep", &[&key.into(), &"loose".into()]).await.is_some()
    }

    /// Forgets one, and nobody waits for it.
    pub(crate) fn drop(&self, key: &str) {
        if let Some(done) = self.0.call("drop", &[&key.into()]) {
            unheeded(done.promise());
        }
    }

    async fn ask(&self, method: &str, arguments: &[&Value]) -> Option<Value> {
        settled(self.0.call(method, arguments)?.promise()).await.ok()
    }
}
