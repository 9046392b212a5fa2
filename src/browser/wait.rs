//! Waits for promises of the browser, and gives work of ours to the page as promises.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{Promise, Value, page::Timer};
use crate::error::Error;

/// Some work that ends in a value or an error. Boxed, so that the machinery below exists once.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Value, Error>>>>;

/// `await`
pub(crate) async fn settled(promise: Promise) -> Result<Value, Value> {
    JsFuture::from(promise).await.map(Value::from).map_err(Value::from)
}

/// No code waits for it; but then the browser must not report it as unheard.
pub(crate) fn unheeded(promise: Promise) {
    spawn(async move {
        let _ = settled(promise).await;
    });
}

/// Resolves after some milliseconds.
pub(crate) async fn pause(milliseconds: f64) {
    let mut timer = None;
    let over = Promise::new(&mut |resolve, _| timer = Some(Timer::start(&resolve, milliseconds)));
    let _ = settled(over).await;
    drop(timer);
}

/// A promise that rejects with the error's object. The work begins at once.
pub(crate) fn promise(work: Work) -> Promise {
    let mut work = Some(work);
    Promise::new(&mut |resolve, reject| {
        let (resolve, reject): (Value, Value) = (JsValue::from(resolve).into(), JsValue::from(reject).into());
        let Some(work) = work.take() else { return };
        spawn(async move {
            let (settle, outcome) = match work.await {
                Ok(value) => (resolve, value),
                Err(error) => (reject, error.to_value()),
            };
            settle.apply(&Value::UNDEFINED, &[&outcome]);
        });
    })
}

/// Work that no code waits for. It begins at once and not a microtask later: what it does first, like reading a stored session,
/// is done when the caller goes on.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    begin(Box::pin(work));
}

fn begin(mut work: Pin<Box<dyn Future<Output = ()>>>) {
    // It registers its real waker when it is polled again, in the first microtask.
    if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        spawn_local(work);
    }
}
