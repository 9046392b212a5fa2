//! Requests to the server and waits that end: the object that `js/http.js` makes.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortSignal;

use super::{Promise, Value, wait::settled};

/// How long a call may take, and who can end it: `life` (aborted when the client is disposed of), `caller` (the
/// caller's own signal) and `timeout`, in milliseconds for each try.
#[derive(Clone)]
pub(crate) struct Limits(pub(crate) Value);

impl Limits {
    pub(crate) fn new(life: &AbortSignal, caller: &Value, timeout: f64) -> Limits {
        let limits = Value::object();
        limits.set("life", Value::from(JsValue::from(life.clone())));
        limits.set("caller", caller);
        limits.set("timeout", timeout);
        Limits(limits)
    }

    pub(crate) fn life(&self) -> AbortSignal {
        JsValue::from(self.0.get("life")).unchecked_into()
    }

    pub(crate) fn timeout(&self) -> f64 {
        self.0.number_of("timeout").unwrap_or(0.0)
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The object in the body; `undefined` when it is no JSON object.
    pub(crate) body: Value,
    /// Seconds that the server wants to be left alone, by its header.
    pub(crate) retry_after: Option<f64>,
}

/// How one client reaches its server.
#[derive(Clone)]
pub(crate) struct Transport(pub(crate) Value);

impl Transport {
    /// `await`, but within the limits.
    pub(crate) async fn within(&self, awaited: &Promise, limits: &Limits) -> Result<Value, Value> {
        self.ask("within", &[&limits.0, &Value::from(awaited.clone())]).await
    }

    /// Sends a request, and perhaps again.
    pub(crate) async fn exchange(&self, call: &Value) -> Result<Answer, Value> {
        let answer = self.ask("exchange", &[call]).await?;
        Ok(Answer {
            status: status(answer.number_of("status")),
            body: answer.get("body"),
            retry_after: answer.number_of("retry_after"),
        })
    }

    /// The headers that show who asks, for one request of somebody else's.
    pub(crate) async fn headers(&self, call: &Value) -> Result<Value, Value> {
        self.ask("headers", &[call]).await
    }

    async fn ask(&self, name: &str, arguments: &[&Value]) -> Result<Value, Value> {
        settled(self.0.call(name, arguments).unwrap_or(Value::UNDEFINED).promise()).await
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and 0 is no status")]
fn status(number: Option<f64>) -> u16 {
    number.unwrap_or(0.0) as u16
}
