//! The address of the last login that was refused because it is not confirmed: a person can have the mail sent again, also after a reload.

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
    /// sessionStorage; `undefined` where the browser denies it, and with the option `storage: "memory"`.
    tab: JsValue,
    memory: Memory,
}

impl Unconfirmed {
    pub(crate) fn open(settings: &Settings, memory: Memory) -> Unconfirmed {
        let tab = if settings.place == Place::Memory { JsValue::UNDEFINED } else { storage::of_tab() };
        Unconfirmed { name: [&*settings.key, ".unconfirmed ", &settings.base].concat(), tab, memory }
    }

    /// The address.
    pub(crate) fn address(&self) -> Option<String> {
        match storage::read(&self.tab, &self.name) {
            Ok(Read::Now(address)) => address,
            _ => self.memory.text(&self.name),
        }
    }

    /// Sets the address; `None` clears it, once it is confirmed or signed in.
    pub(crate) fn set(&self, address: Option<&str>) {
        self.memory.set_text(&self.name, address);
        // Where it is denied the memory is enough.
        let _ = storage::write(&self.tab, &self.name, address);
    }
}
