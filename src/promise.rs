//! Gives a future of ours to JavaScript as a promise.

use std::{future::Future, pin::Pin};

use crate::{
    browser::{Promise, Value, task},
    error::Error,
};

/// Some work that ends in a value or an error. Boxed, so that the machinery below exists once.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Value, Error>>>>;

/// A promise that rejects with the error's object. The work begins at once.
pub(crate) fn promise(work: Work) -> Promise {
    task::promise(|resolve, reject| {
        spawn(async move {
            let (settle, outcome) = match work.await {
                Ok(value) => (resolve, value),
                Err(error) => (reject, error.to_value()),
            };
            settle.apply(&Value::UNDEFINED, &[&outcome]);
        });
    })
}

/// Work that nobody waits for.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    task::spawn(Box::pin(work));
}
