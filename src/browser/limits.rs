//! The time limit of a call, and the signals that end it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal};

use super::{events, object, page};
use crate::error::{Error, error};

#[wasm_bindgen]
extern "C" {
    // web-sys declares both without `catch`. Some runtimes lack them, and `any` throws for a value that is
    // not an AbortSignal.
    #[wasm_bindgen(js_namespace = AbortSignal, js_name = any, catch)]
    fn any(signals: &Array) -> Result<AbortSignal, JsValue>;
    #[wasm_bindgen(js_namespace = AbortSignal, js_name = timeout, catch)]
    fn timeout(milliseconds: f64) -> Result<AbortSignal, JsValue>;
    // The binding of js-sys is generic.
    #[wasm_bindgen(js_namespace = ["Function", "prototype", "bind"], js_name = call)]
    fn bind(function: &Function, context: &JsValue, argument: &JsValue) -> Function;
    #[wasm_bindgen(js_namespace = ["Function", "prototype", "bind"], js_name = call)]
    fn bind_both(function: &JsValue, context: &JsValue, first: &str, second: &Function) -> Function;
    // The binding of js-sys takes a closure.
    #[wasm_bindgen(js_namespace = ["Promise", "prototype", "finally"], js_name = call)]
    fn finally(promise: &Promise, work: &Function) -> Promise;
}

/// The signals and the timeout of a call.
#[derive(Clone)]
pub(crate) struct Limits {
    /// Aborted when the client is disposed of.
    life: AbortSignal,
    /// Aborted when the client is disposed of, or by the caller's signal.
    ended: AbortSignal,
    /// The timeout of each try, in milliseconds.
    timeout: f64,
}

impl Limits {
    /// The limits of a client.
    pub(crate) fn new(life: AbortSignal, timeout: f64) -> Limits {
        Limits { ended: life.clone(), life, timeout }
    }

    /// The limits of a call: with the signal of its caller and a timeout of its own. `None` if `signal` is
    /// not an AbortSignal.
    pub(crate) fn of_call(&self, signal: &JsValue, timeout: Option<f64>) -> Option<Limits> {
        let ended = if signal.is_undefined() { self.life.clone() } else { either(&self.life, signal)? };
        Some(Limits { life: self.life.clone(), ended, timeout: timeout.unwrap_or(self.timeout) })
    }

    pub(crate) fn life(&self) -> &AbortSignal {
        &self.life
    }

    /// Aborted when the client is disposed of, or by the caller's signal.
    pub(crate) fn ended(&self) -> &AbortSignal {
        &self.ended
    }

    /// The timeout of each try, in milliseconds.
    pub(crate) fn timeout(&self) -> f64 {
        self.timeout
    }

    /// True if a signal has ended the call.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.aborted()
    }

    /// The limits of a try, which begins now.
    pub(crate) fn begin(&self) -> Try {
        let late = after(self.timeout);
        let signal = either(&self.ended, &late).unwrap_or(late);
        Try { signal, ended: self.ended.clone() }
    }

    /// The limits of a wait without a timeout: only a signal ends it.
    pub(crate) fn without_time(&self) -> Try {
        Try { signal: self.ended.clone(), ended: self.ended.clone() }
    }

    /// Awaits a promise within a new try.
    pub(crate) fn within(&self, promise: &Promise) -> Within {
        self.begin().within(promise)
    }

    /// Awaits a promise until a signal ends the call.
    pub(crate) fn until_ended(&self, promise: &Promise) -> Within {
        self.without_time().within(promise)
    }
}

/// A signal that is never aborted.
pub(crate) fn endless() -> AbortSignal {
    AbortController::new().map_or_else(|_| AbortSignal::abort(), |controller| controller.signal())
}

/// A signal that is aborted when one of the two is. `None` if `other` is not an AbortSignal.
fn either(one: &AbortSignal, other: &JsValue) -> Option<AbortSignal> {
    any(&Array::of2(one, other)).ok().or_else(|| {
        let is_signal = object::is_a(other, "AbortSignal");
        is_signal.then(|| made(&|controller, end| follow(&[one, other.unchecked_ref()], controller, end)))
    })
}

/// A signal that is aborted after some milliseconds.
fn after(milliseconds: f64) -> AbortSignal {
    timeout(milliseconds).unwrap_or_else(|_| made(&|_, end| page::call_after(end, milliseconds)))
}

/// Replaces `AbortSignal.any` and `AbortSignal.timeout` in runtimes without them. `prepare` gets the function
/// that aborts the signal.
#[inline(never)]
fn made(prepare: &dyn Fn(&AbortController, &Function)) -> AbortSignal {
    let Ok(controller) = AbortController::new() else { return AbortSignal::abort() };
    let ends = controller.clone();
    prepare(&controller, &events::function(move |_| ends.abort()));
    controller.signal()
}

fn follow(signals: &[&AbortSignal], controller: &AbortController, end: &Function) {
    for signal in signals {
        if signal.aborted() {
            controller.abort();
        }
        events::add(signal, &["abort"], Some(&controller.signal()), end);
    }
}

/// A promise that settles like the given one, or rejects with `reason` if the signal is aborted first.
pub(crate) fn race(promise: &Promise, signal: &AbortSignal, reason: &JsValue) -> Promise {
    let mut listener = None;
    let over = Promise::new(&mut |_, reject| {
        let reject = bind(&reject, &JsValue::UNDEFINED, reason);
        if signal.aborted() {
            let _ = reject.call0(&JsValue::UNDEFINED);
        }
        let _ = signal.add_event_listener_with_callback("abort", &reject);
        listener = Some(reject);
    });
    let raced = Promise::race(&Array::of2(&over, promise));
    // The signal may live as long as the page, and its listener would keep the promise and its value alive.
    let Some(listener) = listener else { return raced };
    finally(&raced, &bind_both(&object::get(signal, "removeEventListener"), signal, "abort", &listener))
}

/// A try of a call.
#[derive(Clone)]
pub(crate) struct Try {
    pub(crate) signal: AbortSignal,
    ended: AbortSignal,
}

impl Try {
    /// Awaits a promise. `ABORTED` or `TIMEOUT` if the try ends first.
    pub(crate) fn within(&self, promise: &Promise) -> Within {
        Within { settled: self.race(promise).into(), one: self.clone() }
    }

    /// A promise that settles like the given one, or rejects if the try ends first.
    pub(crate) fn race(&self, promise: &Promise) -> Promise {
        race(promise, &self.signal, &JsValue::UNDEFINED)
    }

    /// `ABORTED` or `TIMEOUT` if the try has ended.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match (self.signal.aborted(), self.ended.aborted()) {
            (false, _) => Ok(()),
            (true, true) => Err(error!(Aborted)),
            (true, false) => Err(error!(Timeout)),
        }
    }
}

/// The wait for a promise within a try. It is written by hand, because an async function would be larger.
pub(crate) struct Within {
    settled: JsFuture,
    one: Try,
}

impl Future for Within {
    type Output = Result<Result<JsValue, JsValue>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.settled).poll(context));
        if outcome.is_err() {
            self.one.check()?;
        }
        Poll::Ready(Ok(outcome))
    }
}
