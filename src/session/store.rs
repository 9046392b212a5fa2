//! Where the session is kept: the browser's storage, the page's own, or memory when these fail. Texts only.

use std::cell::Cell;

use super::events::Emitter;
use crate::{
    browser::{
        Value,
        storage::{self, Denied, Read},
        task::settled,
    },
    options::Place,
};

/// The entries of one client.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Entry {
    /// The session.
    Session,
    /// Revoke tokens of sessions that were ended here and that no server has heard of yet.
    Ended,
}

/// A store; from the first failure on, memory.
pub(crate) struct Store {
    outside: Value,
    persistence: Cell<&'static str>,
    session_key: String,
    ended_key: String,
    /// Outlives a trap of the wasm.
    memory: Value,
    emitter: Emitter,
}

const MEMORY: &str = "memory";

impl Store {
    pub(crate) fn open(place: &Place, key: &str, memory: Value, emitter: Emitter) -> Store {
        let session_key = [key, ".session"].concat();
        let (wanted, outside) = match place {
            Place::Local => ("local", storage::open("localStorage", &session_key)),
            Place::Session => ("session", storage::open("sessionStorage", &session_key)),
            Place::Memory => (MEMORY, Some(Value::UNDEFINED)),
            Place::Custom(custom) => ("custom", Some(custom.clone())),
        };
        let store = Store {
            outside: outside.clone().unwrap_or(Value::UNDEFINED),
            persistence: Cell::new(wanted),
            session_key,
            ended_key: [key, ".ended"].concat(),
            memory,
            emitter,
        };
        if outside.is_none() {
            store.fall_back();
        }
        store
    }

    /// `AuthClient.persistence`
    pub(crate) fn persistence(&self) -> &'static str {
        self.persistence.get()
    }

    /// The key under which other tabs see the session; none in memory.
    pub(crate) fn shared_key(&self) -> Option<&str> {
        (!self.is_memory()).then_some(self.session_key.as_str())
    }

    /// The text, where the store answers at once.
    pub(crate) fn peek(&self, entry: Entry) -> Option<Option<String>> {
        if self.is_memory() {
            return Some(self.remembered(entry));
        }
        match storage::read(&self.outside, self.key(entry)) {
            Ok(Read::Now(text)) => Some(text),
            Ok(Read::Later(_)) => None,
            Err(Denied) => {
                self.fall_back();
                Some(self.remembered(entry))
            }
        }
    }

    /// The text. Does not yield where the store answers at once.
    pub(crate) async fn read(&self, entry: Entry) -> Option<String> {
        if self.is_memory() {
            return self.remembered(entry);
        }
        let text = match storage::read(&self.outside, self.key(entry)) {
            Ok(Read::Now(text)) => return text,
            Ok(Read::Later(promise)) => settled(promise).await.ok(),
            Err(Denied) => None,
        };
        match text {
            Some(text) => text.text(),
            None => {
                self.fall_back();
                self.remembered(entry)
            }
        }
    }

    /// Writes the text, or removes it. Does not yield where the store answers at once.
    pub(crate) async fn write(&self, entry: Entry, text: Option<&str>) {
        self.memory.set(self.key(entry), text.map_or(Value::UNDEFINED, Value::from));
        if self.is_memory() {
            return;
        }
        let key = self.key(entry);
        let done = match storage::write(&self.outside, key, text) {
            Ok(None) => true,
            Ok(Some(promise)) => settled(promise).await.is_ok(),
            Err(Denied) => false,
        };
        if !done {
            // No space left, say. An older session must not come back from there after a reload.
            let _ = storage::write(&self.outside, key, None);
            self.fall_back();
        }
    }

    fn is_memory(&self) -> bool {
        self.persistence.get() == MEMORY
    }

    fn remembered(&self, entry: Entry) -> Option<String> {
        self.memory.get(self.key(entry)).text()
    }

    fn key(&self, entry: Entry) -> &str {
        match entry {
            Entry::Session => &self.session_key,
            Entry::Ended => &self.ended_key,
        }
    }

    fn fall_back(&self) {
        if self.persistence.replace(MEMORY) != MEMORY {
            self.emitter.warn("storage_in_memory");
        }
    }
}
