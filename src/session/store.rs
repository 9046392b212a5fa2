//! Where the session is kept: the browser's storage, the page's own, or memory when these fail. Texts only.
//!
//! Reading and writing never wait. A storage that answers later is read into memory by `load` before a call uses
//! it, and `flush` waits for what was written; both do nothing for the others.

use std::cell::{Cell, RefCell};

use super::events::Emitter;
use crate::{
    browser::{
        Promise, Value,
        http::{Limits, Transport},
        storage::{self, Denied, Read},
        wait::{promise, settled, unheeded},
    },
    error::{Error, code, error},
    options::Settings,
};

/// The entries of one client.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Entry {
    /// The session.
    Session,
    /// Revoke tokens of sessions that were ended here and that no server has heard of yet.
    Ended,
    /// What shows that this browser has signed in before; a sign-out leaves it, the end of an account does not.
    Devices,
    /// The key of a signup whose address is not proven yet.
    Signup,
}

/// A store; from the first failure on, memory.
pub(crate) struct Store {
    outside: Value,
    persistence: Cell<&'static str>,
    session_key: String,
    ended_key: String,
    devices_key: String,
    signup_key: String,
    /// A copy of what was written and loaded. It outlives a trap of the wasm.
    memory: Value,
    /// Does the storage answer later?
    answers_later: Cell<bool>,
    /// The last write that is under way.
    writing: RefCell<Option<Promise>>,
    /// How often it was written.
    writes: Cell<u32>,
    /// Milliseconds after which a storage that does not answer counts as denied.
    patience: f64,
    transport: Transport,
    emitter: Emitter,
}

const MEMORY: &str = "memory";

impl Store {
    /// As the client's settings say; in memory where the browser denies its storage.
    pub(crate) fn open(settings: &Settings, memory: Value, transport: Transport, emitter: Emitter) -> Store {
        let key = &*settings.key;
        let wanted = settings.place;
        let outside = settings.outside.clone();
        let is_denied = wanted != MEMORY && outside.is_absent();
        let store = Store {
            outside,
            persistence: Cell::new(wanted),
            session_key: [key, ".session"].concat(),
            ended_key: [key, ".ended"].concat(),
            devices_key: [key, ".devices"].concat(),
            signup_key: [key, ".signup"].concat(),
            memory,
            answers_later: Cell::default(),
            writing: RefCell::default(),
            writes: Cell::default(),
            patience: settings.timeout,
            transport,
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
                Ok(Read::Now(text)) => {
                    // So that a read that fails ends nothing.
                    self.remember(key, text.as_deref());
                    return text;
                }
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
        self.writes.set(self.writes.get().wrapping_add(1));
        self.remember(key, text);
        if !self.is_memory() {
            let before = self.writing.take();
            let written = match before {
                Some(before) => Ok(Some(self.write_after(before, key, text))),
                None => storage::write(&self.outside, key, text).or_else(|Denied| {
                    self.withdraw(entry);
                    storage::write(&self.outside, key, text)
                }),
            };
            match written {
                Ok(written) => drop(self.writing.replace(written)),
                // Nothing is lost without it.
                Err(Denied) if matches!(entry, Entry::Devices | Entry::Signup) => {}
                Err(Denied) => self.lose(entry),
            }
        }
    }

    #[inline(never)]
    fn remember(&self, key: &str, text: Option<&str>) {
        self.memory.set(key, text.map_or(Value::UNDEFINED, Value::from));
    }

    /// Writes to a storage that answers later may overtake each other.
    fn write_after(&self, before: Promise, key: &str, text: Option<&str>) -> Promise {
        let (outside, key, text) = (self.outside.clone(), key.to_owned(), text.map(str::to_owned));
        promise(Box::pin(async move {
            let _ = settled(before).await;
            match storage::write(&outside, &key, text.as_deref()) {
                Ok(written) => Ok(written.map_or(Value::UNDEFINED, Value::from)),
                Err(Denied) => Err(error!(Internal)),
            }
        }))
    }

    /// Can this stand in the place of the session's text? If it cannot, that text stays.
    pub(crate) fn has_room(&self, text: &str) -> bool {
        matches!(self.persistence(), MEMORY | "custom")
            || storage::write(&self.outside, &self.session_key, Some(text)).is_ok()
    }

    /// Somebody signs out: a session from before this went on in memory must not come back after a reload.
    pub(crate) fn withdraw_old(&self) {
        if self.is_memory() {
            self.withdraw(Entry::Session);
        }
    }

    /// Reads a storage that answers later.
    pub(crate) async fn load(&self, limits: &Limits) -> Result<(), Error> {
        for entry in [Entry::Session, Entry::Ended, Entry::Devices, Entry::Signup] {
            // A read must not overtake a write.
            self.flush(limits).await;
            if self.persistence.get() != "custom" {
                break;
            }
            let key = self.key(entry);
            let writes = self.writes.get();
            let loaded = match storage::read(&self.outside, key) {
                Ok(Read::Later(promise)) => {
                    self.answers_later.set(true);
                    self.answer(promise, limits).await?
                }
                Ok(Read::Now(_)) => continue,
                Err(Denied) => None,
            };
            match loaded {
                // What was written meanwhile is newer.
                Some(_) if self.writes.get() != writes => {}
                Some(text) => self.memory.set(key, text),
                None => self.fall_back(),
            }
        }
        Ok(())
    }

    /// Waits until what was written is kept, as long as the limits let it.
    pub(crate) async fn flush(&self, limits: &Limits) {
        loop {
            let (writing, writes) = (self.writing.borrow().clone(), self.writes.get());
            let Some(promise) = writing else { return };
            let Ok(kept) = self.answer(promise, limits).await else { return };
            // What was written meanwhile comes behind this.
            if self.writes.get() == writes {
                self.writing.replace(None);
                if kept.is_none() {
                    self.lose(Entry::Session);
                }
            }
        }
    }

    /// What the storage answers; nothing when it fails, or does not answer in a time that is long enough for a
    /// server. A caller who has less patience than that gives up alone.
    async fn answer(&self, promise: Promise, limits: &Limits) -> Result<Option<Value>, Error> {
        match self.transport.within(&promise, limits).await {
            Ok(value) => Ok(Some(value)),
            Err(cause) if cause.get("silence").is_absent() => Ok(None),
            Err(cause) => match Error::from(cause) {
                error if error.is(code!(Timeout)) && limits.timeout() >= self.patience => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Is it kept as long as this page only?
    pub(crate) fn is_memory(&self) -> bool {
        self.persistence.get() == MEMORY
    }

    fn key(&self, entry: Entry) -> &str {
        match entry {
            Entry::Session => &self.session_key,
            Entry::Ended => &self.ended_key,
            Entry::Devices => &self.devices_key,
            Entry::Signup => &self.signup_key,
        }
    }

    /// A write failed, for lack of space, say. An older text must not come back from there after a reload.
    fn lose(&self, entry: Entry) {
        self.withdraw(entry);
        self.fall_back();
    }

    #[inline(never)]
    fn withdraw(&self, entry: Entry) {
        if let Ok(Some(promise)) = storage::write(&self.outside, self.key(entry), None) {
            unheeded(promise);
        }
    }

    /// Goes on in memory: what would be written outside would be of no use there.
    pub(crate) fn retreat(&self) {
        self.withdraw(Entry::Session);
        self.persistence.set(MEMORY);
    }

    fn fall_back(&self) {
        if self.persistence.replace(MEMORY) != MEMORY {
            self.emitter.warn("storage_in_memory");
        }
    }
}
