//! Where the session is kept: the browser's storage, the page's own, or memory when these fail. Texts only.
//!
//! Reading and writing never wait. A storage that answers later is read into memory by `load` before a call uses
//! it, and `flush` waits for what was written; both do nothing for the others.

use std::cell::{Cell, RefCell};

use super::events::Emitter;
use crate::{
    browser::{
        Promise, Value,
        storage::{self, Denied, Read},
        task::{settled, unheeded},
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
    /// A copy of what was written and loaded. It outlives a trap of the wasm.
    memory: Value,
    /// Does the storage answer later?
    answers_later: Cell<bool>,
    /// The last write that is under way.
    writing: RefCell<Option<Promise>>,
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
        let is_denied = outside.is_none();
        let store = Store {
            outside: outside.unwrap_or(Value::UNDEFINED),
            persistence: Cell::new(wanted),
            session_key,
            ended_key: [key, ".ended"].concat(),
            memory,
            answers_later: Cell::default(),
            writing: RefCell::default(),
            emitter,
        };
        if is_denied {
            store.fall_back();
        }
        store
    }

    /// `AuthClient.persistence`
    pub(crate) fn persistence(&self) -> &'static str {
        self.persistence.get()
    }

    /// The key under which other tabs see the session.
    pub(crate) fn session_key(&self) -> &str {
        &self.session_key
    }

    /// The text, as far as it is known without waiting.
    pub(crate) fn read(&self, entry: Entry) -> Option<String> {
        let key = self.key(entry);
        if !self.is_memory() && !self.answers_later.get() {
            match storage::read(&self.outside, key) {
                Ok(Read::Now(text)) => return text,
                // `load` asks again.
                Ok(Read::Later(promise)) => {
                    unheeded(promise);
                    self.answers_later.set(true);
                }
                Err(Denied) => self.fall_back(),
            }
        }
        self.memory.text_of(key)
    }

    /// Writes the text, or removes it.
    pub(crate) fn write(&self, entry: Entry, text: Option<&str>) {
        let key = self.key(entry);
        self.memory.set(key, text.map_or(Value::UNDEFINED, Value::from));
        if !self.is_memory() {
            match storage::write(&self.outside, key, text) {
                Ok(None) => {}
                Ok(written) => {
                    if let Some(before) = self.writing.replace(written) {
                        unheeded(before);
                    }
                }
                Err(Denied) => self.lose(entry),
            }
        }
    }

    /// Reads a storage that answers later.
    pub(crate) async fn load(&self) {
        for entry in [Entry::Session, Entry::Ended] {
            if self.persistence.get() != "custom" {
                return;
            }
            let key = self.key(entry);
            let loaded = match storage::read(&self.outside, key) {
                Ok(Read::Later(promise)) => {
                    self.answers_later.set(true);
                    settled(promise).await.ok()
                }
                Ok(Read::Now(_)) => continue,
                Err(Denied) => None,
            };
            match loaded {
                Some(text) => self.memory.set(key, text),
                None => self.fall_back(),
            }
        }
    }

    /// Waits until what was written is kept.
    pub(crate) async fn flush(&self) {
        let writing = self.writing.take();
        if let Some(promise) = writing
            && settled(promise).await.is_err()
        {
            self.lose(Entry::Session);
        }
    }

    fn is_memory(&self) -> bool {
        self.persistence.get() == MEMORY
    }

    fn key(&self, entry: Entry) -> &str {
        match entry {
            Entry::Session => &self.session_key,
            Entry::Ended => &self.ended_key,
        }
    }

    /// A write failed, for lack of space, say. An older text must not come back from there after a reload.
    fn lose(&self, entry: Entry) {
        if let Ok(Some(promise)) = storage::write(&self.outside, self.key(entry), None) {
            unheeded(promise);
        }
        self.fall_back();
    }

    fn fall_back(&self) {
        if self.persistence.replace(MEMORY) != MEMORY {
            self.emitter.warn("storage_in_memory");
        }
    }
}
