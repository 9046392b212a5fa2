//! The e-mail address of the last login that was refused because the address is not confirmed. The user can
//! request the mail again, also after a reload.

use wasm_bindgen::JsValue;

use crate::{
    browser::{
        memory::Memory,
        storage::{self, Read},
    },
    options::{Place, Settings},
};

pub(crate) struct Unconfirmed {
    name: String,
    /// `sessionStorage`. `undefined` if the browser denies it, and with the option `storage: "memory"`.
    tab: JsValue,
    memory: Memory,
}

impl Unconfirmed {
    pub(crate) fn open(settings: &Settings, memory: Memory) -> Unconfirmed {
        let tab = if settings.place == Place::Memory { JsValue::UNDEFINED } else { storage::of_tab() };
        Unconfirmed { name: [&*settings.key, ".unconfirmed ", &settings.base].concat(), tab, memory }
    }

    pub(crate) fn address(&self) -> Option<String> {
        match storage::read(&self.tab, &self.name) {
            Ok(Read::Now(address)) => address,
            _ => self.memory.text(&self.name),
        }
    }

    /// Sets the address. `None` clears it after the confirmation or a sign-in.
    pub(crate) fn set(&self, address: Option<&str>) {
        self.memory.set_text(&self.name, address);
        // If the storage is denied, the memory suffices.
        let _ = storage::write(&self.tab, &self.name, address);
    }
}
