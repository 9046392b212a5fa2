//! The messages of the SDK in the language of the client. The server sends its messages in that language.

use crate::{
    browser::{
        events::Function,
        memory::Map,
        object,
        wait::{promise_of, settled},
    },
    error::Error,
};

/// The messages in one language.
pub(crate) struct Messages(Option<Function>);

impl Messages {
    /// Begins to load the messages, so that they are available when the network is lost. `page` contains the
    /// function for that (`js/instance.js`).
    pub(crate) fn load(page: &Map, locale: Option<&str>) -> Messages {
        let language = locale.and_then(|locale| locale.split('-').next()).unwrap_or_default();
        Messages(
            object::apply(&page.get(&"translator".into()), &language.to_ascii_lowercase())
                .and_then(object::function),
        )
    }

    /// The error with its message in the language of the client, if a translation exists.
    pub(crate) async fn localized(&self, error: Error) -> Error {
        let Some(translated) = self.0.as_ref().and_then(|translate| object::apply(translate, &error.message))
        else {
            return error;
        };
        match settled(promise_of(&translated)).await.ok().and_then(|text| text.as_string()) {
            Some(message) => error.saying(message),
            None => error,
        }
    }
}
