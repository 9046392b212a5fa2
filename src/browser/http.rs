//! One HTTP request: what is sent, how long it may take, what came back.

use super::{Value, promise::settled_unless};

/// How long a call may take, and who can end it.
#[derive(Clone)]
pub(crate) struct Limits {
    /// Aborted when the client is disposed of.
    pub(crate) life: Value,
    /// The caller's own signal.
    pub(crate) caller: Value,
    /// Milliseconds for each try.
    pub(crate) timeout: f64,
}

impl Limits {
    /// Begins to measure the time.
    pub(crate) fn watch(&self) -> Watch {
        let timeout = Value::global("AbortSignal").call("timeout", &[&self.timeout.into()]);
        let timeout = timeout.unwrap_or(Value::UNDEFINED);
        let signal = any(&[&self.life, &self.caller, &timeout]);
        Watch { signal, timeout, limits: self.clone() }
    }
}

/// Limits whose time runs.
pub(crate) struct Watch {
    /// Aborted by the first of them.
    pub(crate) signal: Value,
    timeout: Value,
    limits: Limits,
}

impl Watch {
    /// Which of them ended a wait; none of them, if it was for the network.
    pub(crate) fn why(&self) -> Silence {
        let is_aborted = |signal: &Value| signal.is_true("aborted");
        if is_aborted(&self.limits.life) || is_aborted(&self.limits.caller) {
            Silence::Aborted
        } else if is_aborted(&self.timeout) {
            Silence::Timeout
        } else {
            Silence::Network
        }
    }
}

/// The first of some signals; absent ones do not count.
fn any(signals: &[&Value]) -> Value {
    let array = Value::global("Array").construct(&[]);
    for signal in signals.iter().filter(|signal| !signal.is_absent()) {
        array.call("push", &[signal]);
    }
    Value::global("AbortSignal").call("any", &[&array]).unwrap_or(Value::UNDEFINED)
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The object in the body; `undefined` when it is no JSON object.
    pub(crate) body: Value,
    pub(crate) headers: Value,
}

/// Why nothing came back.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Silence {
    Network,
    Timeout,
    Aborted,
}

/// Sends a request, as `fetch` takes it, and reads the answer. `fetch` is the client's option, or absent.
pub(crate) async fn send(fetch: &Value, url: &str, init: &Value, limits: &Limits) -> Result<Answer, Silence> {
    let watch = limits.watch();
    let signal = &watch.signal;
    if signal.is_true("aborted") {
        return Err(watch.why());
    }
    init.set("credentials", "omit");
    init.set("signal", signal);
    let fetch = if fetch.is_absent() { Value::global("fetch") } else { fetch.clone() };
    let call = fetch.apply(&Value::UNDEFINED, &[&url.into(), init]).ok_or(Silence::Network)?;
    // The caller's own fetch may reject before the signal's event comes.
    let response = settled_unless(call.promise(), signal).await.map_err(|_| watch.why())?;

    // A body that breaks off, and a page of a captive portal, are an answer that makes no sense.
    let body = match response.call("json", &[]) {
        None => Value::UNDEFINED,
        Some(body) => match settled_unless(body.promise(), signal).await {
            Ok(body) if body.is_object() => body,
            Ok(_) => Value::UNDEFINED,
            Err(Some(error)) if !is_broken_stream(&error) => Value::UNDEFINED,
            Err(_) => return Err(watch.why()),
        },
    };
    Ok(Answer { status: status(&response.get("status")), body, headers: response.get("headers") })
}

/// A connection that broke while the body came rejects with a TypeError, broken JSON with a SyntaxError.
fn is_broken_stream(error: &Value) -> bool {
    error.text_of("name").as_deref() == Some("TypeError")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and 0 is no status")]
fn status(value: &Value) -> u16 {
    value.number().unwrap_or(0.0) as u16
}
