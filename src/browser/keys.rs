//! The keys that sessions are bound to (RFC 9449). `js/keys.js` generates them with WebCrypto and stores them
//! in IndexedDB.

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use super::memory::Memory;

#[wasm_bindgen(module = "/js/keys.js")]
extern "C" {
    /// A database of keys, each with an id.
    #[derive(Clone)]
    pub(crate) type KeyStore;
    #[wasm_bindgen(constructor)]
    fn new(name: &str) -> KeyStore;
    /// Returns the id of the first of these keys that exists: `known` in the database; `next` in memory only,
    /// or in the database without a session, or with a session if `is_own`. Otherwise generates a key in
    /// memory.
    #[wasm_bindgen(method)]
    pub(crate) fn take(this: &KeyStore, known: &str, next: &str, is_own: bool) -> Promise;
    /// The same for a key that must outlive the page. Returns an empty id if the browser does not allow that.
    #[wasm_bindgen(method, js_name = takeLoose)]
    pub(crate) fn take_loose(this: &KeyStore, known: &str, next: &str, is_own: bool) -> Promise;
    /// Writes a key from memory to the database, for a session or for no session yet. Changes nothing if a
    /// session has the key. Rejects if the browser does not store it.
    #[wasm_bindgen(method)]
    pub(crate) fn keep(this: &KeyStore, id: &str, for_session: bool) -> Promise;
    /// Forgets the key of an ended session. The key stays in the database if the promise resolves with
    /// `true`.
    #[wasm_bindgen(method)]
    pub(crate) fn drop(this: &KeyStore, id: &str, is_wanted: &Promise);
    /// The promise of a DPoP proof (RFC 9449 §4.2), or of `undefined` if the key is gone. `iat` is in seconds
    /// since 1970.
    #[wasm_bindgen(method, js_name = prove)]
    pub(crate) fn proof(
        this: &KeyStore,
        id: &str,
        method: &str,
        url: &str,
        iat: f64,
        nonce: Option<&str>,
        token: Option<&str>,
    ) -> Promise;
}

impl KeyStore {
    /// The key store with this name. All clients of a page that share the memory share it.
    pub(crate) fn open(memory: &Memory, name: &str) -> KeyStore {
        memory.entry(".keys", &|| KeyStore::new(name).into()).unchecked_into()
    }
}
