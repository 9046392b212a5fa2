//! The messages of the SDK in the language of the client. Those of the server come in that language.

use std::cell::RefCell;

use doorward_protocol::translate;
use wasm_bindgen::JsValue;

use crate::{
    browser::{
        limits::Limits,
        memory::Map,
        object,
        wait::{Promise, promise_of},
    },
    error::Error,
};

/// The messages in one language.
pub(crate) struct Messages {
    /// The module that has them; `None` for English and for a language without one.
    loading: Option<Promise>,
    /// Its texts, by the English ones; `undefined` until one is needed.
    texts: RefCell<JsValue>,
}

impl Messages {
    /// Begins to load them, so that they are there when the network is lost. `page` has a function for each language (`js/instance.js`).
    pub(crate) fn load(page: &Map, locale: Option<&str>) -> Messages {
        let language = locale.and_then(|locale| locale.split('-').next()).unwrap_or_default();
        let loading = object::call(&page.get(&"locales".into()), &language.to_ascii_lowercase(), &[]);
        Messages { loading: loading.map(|loading| promise_of(&loading)), texts: RefCell::default() }
    }

    /// The error with its message in the language of the client, where there is a text for it.
    pub(crate) async fn localized(&self, error: Error, limits: &Limits) -> Error {
        let Some(loading) = &self.loading else { return error };
        if self.texts.borrow().is_undefined()
            && let Ok(Ok(module)) = limits.within(loading).await
        {
            self.texts.replace(object::get(&module, "default"));
        }
        let texts = self.texts.borrow();
        match translate(&error.message, &|english| object::text(&texts, english)) {
            Some(message) => error.saying(message),
            None => error,
        }
    }
}
