//! Awaits promises of the browser, and returns the SDK's work to the page as promises.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

pub(crate) use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{
    json,
    limits::{Limits, race},
    page,
};
use crate::{
    document::Value,
    error::{Error, error},
};

/// The work of a call. Ends with the answer, where `None` is `undefined`, or with an error. Boxed, so that
/// the code below exists once in the wasm.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Option<Value>, Error>>>>;

/// Awaits a promise.
pub(crate) async fn settled(promise: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(promise).await
}

/// The promise that JavaScript's `await` would wait for.
pub(crate) fn promise_of(value: &JsValue) -> Promise {
    Promise::resolve(value)
}

/// Keeps the browser from reporting a promise that no code awaits as unhandled.
pub(crate) fn ignore(promise: Promise) {
    spawn(async move {
        let _ = settled(promise).await;
    });
}

/// Resolves after some milliseconds.
pub(crate) async fn pause(milliseconds: f64) {
    let _ = settled(after(milliseconds)).await;
}

/// A promise that resolves after some milliseconds.
pub(crate) fn after(milliseconds: f64) -> Promise {
    Promise::new(&mut |resolve, _| page::call_after(&resolve, milliseconds))
}

/// A promise of the work's answer. Rejects with the error as an object. The work begins immediately.
pub(crate) fn promise(work: Work) -> Promise {
    let mut work = Some(work);
    Promise::new(&mut |resolve, reject| {
        let Some(work) = work.take() else { return };
        spawn(async move {
            let (settle, value) = match work.await {
                Ok(Some(value)) => (resolve, json::to_js(&value)),
                Ok(None) => (resolve, JsValue::UNDEFINED),
                Err(error) => {
                    (reject, error.told.clone().unwrap_or_else(|| json::to_js(&error.to_document())))
                }
            };
            let _ = settle.call1(&JsValue::UNDEFINED, &value);
        });
    })
}

/// A promise of the work's answer. Also rejects when a signal of the call is aborted.
pub(crate) fn bounded(limits: &Limits, work: Work) -> Promise {
    let aborted = json::to_js(&error!(Aborted).to_document());
    race(&promise(work), limits.ended(), &aborted)
}

/// Runs work that no code awaits. It begins immediately and not a microtask later, so that its synchronous
/// beginning, like reading a stored session, is done when this returns.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    begin(Box::pin(work));
}

fn begin(mut work: Pin<Box<dyn Future<Output = ()>>>) {
    // The real waker is registered by the next poll, in the first microtask.
    if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        spawn_local(work);
    }
}

/// Runs work in the next microtask.
pub(crate) fn later(work: impl FnOnce() + 'static) {
    spawn_local(async move { work() });
}
