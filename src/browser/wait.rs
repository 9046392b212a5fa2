//! Waits for promises of the browser, and gives work of ours to the page as promises.

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

/// Work of a call: it ends in the answer, `None` for `undefined`, or in an error. Boxed, so that the machinery below exists once.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Option<Value>, Error>>>>;

/// `await`
pub(crate) async fn settled(promise: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(promise).await
}

/// What `await` waits for.
pub(crate) fn promise_of(value: &JsValue) -> Promise {
    Promise::resolve(value)
}

/// Keeps the browser from reporting a promise that no code waits for as unhandled.
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

/// A promise of the work's answer; it rejects with the error as an object. The work begins at once.
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

/// A promise of the work's answer that also rejects when a signal of the call is aborted.
pub(crate) fn bounded(limits: &Limits, work: Work) -> Promise {
    let aborted = json::to_js(&error!(Aborted).to_document());
    race(&promise(work), limits.ended(), &aborted)
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

/// Work that begins in the next microtask.
pub(crate) fn later(work: impl FnOnce() + 'static) {
    spawn_local(async move { work() });
}
