//! Runs futures on the browser's own promises. Whatever a future of ours waits for is a promise in the end, so a
//! task is woken by that promise's handlers and needs no queue and no waker.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use wasm_bindgen::prelude::*;

use super::{Promise, Value};

type Work = Pin<Box<dyn Future<Output = ()>>>;

/// A future that is under way; nothing once it has ended.
type Task = Rc<RefCell<Option<Work>>>;

thread_local! {
    /// The task that is being polled.
    static CURRENT: RefCell<Option<Task>> = const { RefCell::new(None) };
}

/// Begins some work at once; it goes on by itself.
pub(crate) fn spawn(work: Work) {
    poll(Rc::new(RefCell::new(Some(work))));
}

fn poll(task: Task) {
    let outer = CURRENT.with(|current| current.replace(Some(task.clone())));
    if let Ok(mut slot) = task.try_borrow_mut()
        && let Some(work) = slot.as_mut()
        && work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    {
        *slot = None;
    }
    CURRENT.with(|current| current.replace(outer));
}

/// `await`
pub(crate) fn settled(promise: Promise) -> Settled {
    Settled(State::Begun(promise))
}

/// Nobody needs to know how it ends; but then the browser must not report it as unheard.
pub(crate) fn unheeded(promise: Promise) {
    spawn(Box::pin(async move {
        let _ = settled(promise).await;
    }));
}

/// How a promise ended.
pub(crate) struct Settled(State);

enum State {
    Begun(Promise),
    Waiting(Rc<Cell<Option<Result<Value, Value>>>>),
}

impl Future for Settled {
    type Output = Result<Value, Value>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.0 {
            State::Begun(promise) => {
                let outcome = Rc::default();
                let task = CURRENT.with(|current| current.borrow().clone());
                let fulfilled = handler(&outcome, &task, Ok);
                let rejected = handler(&outcome, &task, Err);
                Value::from(promise.clone()).call("then", &[&fulfilled, &rejected]);
                self.0 = State::Waiting(outcome);
                Poll::Pending
            }
            State::Waiting(outcome) => outcome.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

fn handler(
    outcome: &Rc<Cell<Option<Result<Value, Value>>>>,
    task: &Option<Task>,
    kind: fn(Value) -> Result<Value, Value>,
) -> Value {
    let (outcome, task) = (outcome.clone(), task.clone());
    let handler: Box<dyn FnOnce(JsValue)> = Box::new(move |value| {
        outcome.set(Some(kind(value.into())));
        if let Some(task) = task {
            poll(task);
        }
    });
    Closure::once_into_js(handler).into()
}

/// A promise, and what settles it.
pub(crate) fn promise(begin: impl FnOnce(Value, Value)) -> Promise {
    let mut begin = Some(begin);
    Promise::new(&mut |resolve, reject| {
        if let Some(begin) = begin.take() {
            begin(JsValue::from(resolve).into(), JsValue::from(reject).into());
        }
    })
}
