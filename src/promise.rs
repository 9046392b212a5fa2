//! Gives a future of ours to JavaScript as a promise.

use std::{future::Future, pin::Pin};

use crate::{
    browser::{Promise, Value},
    error::Error,
};

/// Some work that ends in a value or an error. Boxed, so that the machinery below exists once.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Value, Error>>>>;

/// A promise that rejects with the error's object.
pub(crate) fn promise(work: Work) -> Promise {
    wasm_bindgen_futures::future_to_promise(async move {
        match work.await {
            Ok(value) => Ok(value.into()),
            Err(error) => Err(error.to_value().into()),
        }
    })
}

/// Work that nobody waits for.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(work);
}
