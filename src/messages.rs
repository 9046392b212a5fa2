//! The messages of the SDK in the language of the client. Those of the server come in that language.

use std::cell::RefCell;

use doorward_protocol::translate;
use wasm_bindgen::JsValue;

use crate::{
    browser::{
        events::AbortSignal,
        limits::Limits,
        memory::Map,
        object,
        wait::{Promise, promise_of, settled, spawn},
    },
    error::Error,
};

/// The messages in one language.
pub(crate) struct Messages {
    /// The module that has them, while it is being loaded; `None` for English and for a language without one.
    loading: RefCell<Option<Promise>>,
    /// Its texts, by the English ones; `undefined` before.
    texts: RefCell<JsValue>,
    limits: Limits,
}

/// Milliseconds that an error waits for the module, once.
const PATIENCE: f64 = 500.0;

impl Messages {
    /// Begins to load them, so that they are there when the network is lost. `page` has a function for each language (`js/instance.js`).
    pub(crate) fn load(page: &Map, locale: Option<&str>, life: AbortSignal) -> &'static Messages {
        let language = locale.and_then(|locale| locale.split('-').next()).unwrap_or_default();
        let loading = object::call(&page.get(&"locales".into()), &language.to_ascii_lowercase(), &[]);
        let loading = loading.map(|loading| promise_of(&loading));
        let messages: &'static Messages = Box::leak(Box::new(Messages {
            loading: RefCell::new(loading.clone()),
            texts: RefCell::default(),
            limits: Limits::new(life, PATIENCE),
        }));
        if let Some(loading) = loading {
            spawn(async {
                let module = settled(loading).await.unwrap_or_default();
                messages.texts.replace(object::get(&module, "default"));
            });
        }
        messages
    }

    /// The error with its message in the language of the client, where there is a text for it.
    pub(crate) async fn localized(&self, error: Error) -> Error {
        let loading = self.loading.take();
        if let Some(loading) = loading.filter(|_| self.texts.borrow().is_undefined()) {
            let _ = self.limits.within(&loading).await;
        }
        let texts = self.texts.borrow();
        match translate(&error.message, &|english| object::text(&texts, english)) {
            Some(message) => error.saying(message),
            None => error,
        }
    }
}
