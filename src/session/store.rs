//! Stores the session in the browser's storage, in the page's own, or in memory if these fail. Stores only
//! texts.
//!
//! `read` and `write` never wait. `load` reads an asynchronous storage into memory before a call uses it, and
//! `flush` waits for pending writes. Both do nothing for other storages.

use std::cell::{Cell, RefCell};

use wasm_bindgen::JsValue;

use super::{events::Listeners, tokens::read_stored};
use crate::{
    browser::{
        limits::Limits,
        memory::Memory,
        storage::{self, Denied, Read},
        wait::{Promise, ignore},
    },
    error::{Error, code},
    options::{KEY, Place, Settings},
};

/// The entries of one client.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Entry {
    /// The session.
    Session,
    /// Revoke tokens of sessions that ended here and were not yet reported to the server.
    Ended,
    /// The known-device tokens of this browser. A sign-out keeps them; deleting an account removes its token.
    Devices,
    /// The key of a sign-up with an address that is not proven yet.
    Signup,
}

const ENTRIES: [Entry; 4] = [Entry::Session, Entry::Ended, Entry::Devices, Entry::Signup];

impl Entry {
    /// The name in the storage.
    fn name(self, prefix: &str) -> String {
        let name = match self {
            Entry::Session => ".session",
            Entry::Ended => ".ended",
            Entry::Devices => ".devices",
            Entry::Signup => ".signup",
        };
        [prefix, name].concat()
    }
}

/// A store. After the first failure it uses only memory.
pub(crate) struct Store {
    outside: JsValue,
    place: Cell<Place>,
    /// The prefix of the entry names.
    prefix: String,
    /// A copy of all written and loaded texts.
    memory: Memory,
    /// True if the storage is asynchronous.
    answers_later: Cell<bool>,
    /// The last pending write.
    writing: RefCell<Option<Promise>>,
    /// The number of writes.
    writes: Cell<u32>,
    /// The time in milliseconds after which a storage that does not answer counts as denied.
    patience: f64,
    listeners: &'static Listeners,
}

impl Store {
    /// Opens the store of the client's settings, or memory if the browser denies its storage.
    pub(crate) fn open(settings: &Settings, memory: Memory, listeners: &'static Listeners) -> Store {
        let wanted = settings.place;
        let outside = settings.storage.clone();
        let is_denied = wanted != Place::Memory && outside.is_undefined();
        let store = Store {
            outside,
            place: Cell::new(wanted),
            prefix: settings.key.clone(),
            memory,
            answers_later: Cell::default(),
            writing: RefCell::default(),
            writes: Cell::default(),
            patience: settings.timeout,
            listeners,
        };
        if is_denied {
            store.fall_back();
        } else if settings.is_key_of_server {
            store.take_over(&settings.base);
        }
        store
    }

    /// Moves a session of this server from entries without the server's name, where earlier versions stored
    /// it. Runs once, because another client may have a session there later.
    fn take_over(&self, base: &str) {
        let read = |name: &str| match storage::read(&self.outside, name) {
            Ok(Read::Now(text)) => text,
            _ => None,
        };
        let mark = [&*self.prefix, ".moved"].concat();
        if read(&mark).is_some() || storage::write(&self.outside, &mark, Some("1")).is_err() {
            return;
        }
        let before = |entry: Entry| read(&entry.name(KEY));
        let is_ours = before(Entry::Session).is_some_and(|text| read_stored(&text, base).is_some());
        if is_ours && self.read(Entry::Session).is_none() {
            for entry in ENTRIES {
                let Some(text) = before(entry) else { continue };
                self.write(entry, Some(&text));
                if !self.is_memory() {
                    let _ = storage::write(&self.outside, &entry.name(KEY), None);
                }
            }
        }
    }

    /// The actual place of the session.
    pub(crate) fn place(&self) -> Place {
        self.place.get()
    }

    /// The key under which other tabs see the session.
    pub(crate) fn session_key(&self) -> String {
        self.key(Entry::Session)
    }

    /// The last known text. Does not wait.
    pub(crate) fn read(&self, entry: Entry) -> Option<String> {
        let key = &*self.key(entry);
        if !self.is_memory() && !self.answers_later.get() {
            match storage::read(&self.outside, key) {
                Ok(Read::Now(text)) => {
                    // Updates the copy, so that a later failed read does not end the session.
                    self.memory.set_text(key, text.as_deref());
                    return text;
                }
                // `load` reads again.
                Ok(Read::Later(promise)) => {
                    ignore(promise);
                    self.answers_later.set(true);
                }
                Err(Denied) => self.fall_back(),
            }
        }
        self.memory.text(key)
    }

    /// Writes the text, or removes it.
    pub(crate) fn write(&self, entry: Entry, text: Option<&str>) {
        let key = &*self.key(entry);
        self.writes.set(self.writes.get().wrapping_add(1));
        self.memory.set_text(key, text);
        if !self.is_memory() {
            let before = self.writing.take();
            let written = match before {
                Some(before) => Ok(Some(storage::write_after(&before, &self.outside, key, text))),
                None => storage::write(&self.outside, key, text).or_else(|Denied| {
                    self.withdraw(entry);
                    storage::write(&self.outside, key, text)
                }),
            };
            match written {
                Ok(written) => drop(self.writing.replace(written)),
                // These entries are optional.
                Err(Denied) if matches!(entry, Entry::Devices | Entry::Signup) => {}
                Err(Denied) => self.lose(entry),
            }
        }
    }

    /// The pending write.
    pub(crate) fn written(&self) -> Option<Promise> {
        self.writing.borrow().clone()
    }

    /// True if the storage has room for a new text of the session, which it then contains. If false, the old
    /// text stays.
    pub(crate) fn has_room(&self, text: &str) -> bool {
        matches!(self.place(), Place::Memory | Place::Custom)
            || storage::write(&self.outside, &self.session_key(), Some(text)).is_ok()
    }

    /// For a sign-out: removes a session that was stored before this store changed to memory, so that it does
    /// not return after a reload.
    pub(crate) fn withdraw_old(&self) {
        if self.is_memory() {
            self.withdraw(Entry::Session);
        }
    }

    /// Reads an asynchronous storage.
    pub(crate) async fn load(&self, limits: &Limits) -> Result<(), Error> {
        for entry in ENTRIES {
            // A read must not overtake a write.
            self.flush(limits).await;
            if self.place() != Place::Custom {
                break;
            }
            let key = &*self.key(entry);
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
                // Writes since then are newer.
                Some(_) if self.writes.get() != writes => {}
                Some(text) => self.memory.set_text(key, text.as_string().as_deref()),
                None => self.fall_back(),
            }
        }
        Ok(())
    }

    /// Waits for pending writes, within the limits.
    pub(crate) async fn flush(&self, limits: &Limits) {
        loop {
            let (writing, writes) = (self.writing.borrow().clone(), self.writes.get());
            let Some(promise) = writing else { return };
            let Ok(kept) = self.answer(promise, limits).await else { return };
            // Later writes are queued behind this one.
            if self.writes.get() == writes {
                self.writing.replace(None);
                if kept.is_none() {
                    self.lose(Entry::Session);
                }
            }
        }
    }

    /// The answer of the storage. `None` if it fails, or does not answer within the client's timeout. If the
    /// caller's own timeout is shorter, only that call fails.
    async fn answer(&self, promise: Promise, limits: &Limits) -> Result<Option<JsValue>, Error> {
        match limits.within(&promise).await {
            Ok(answer) => Ok(answer.ok()),
            Err(error) if error.is(code!(Timeout)) && limits.timeout() >= self.patience => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True if the session lives only as long as this page.
    pub(crate) fn is_memory(&self) -> bool {
        self.place() == Place::Memory
    }

    fn key(&self, entry: Entry) -> String {
        entry.name(&self.prefix)
    }

    /// Handles a failed write, for example for lack of space: removes the older text, so that it does not
    /// return after a reload.
    fn lose(&self, entry: Entry) {
        self.withdraw(entry);
        self.fall_back();
    }

    #[inline(never)]
    fn withdraw(&self, entry: Entry) {
        if let Ok(Some(promise)) = storage::write(&self.outside, &self.key(entry), None) {
            ignore(promise);
        }
    }

    /// Changes to memory, because other pages could not use a stored session. The caller warns the page.
    pub(crate) fn retreat(&self) {
        self.withdraw(Entry::Session);
        self.place.set(Place::Memory);
    }

    fn fall_back(&self) {
        if self.place.replace(Place::Memory) != Place::Memory {
            self.listeners.warn("storage_in_memory");
        }
    }
}
