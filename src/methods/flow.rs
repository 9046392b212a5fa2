//! Finds and remembers the flow with a provider that a call begins, repeats or ends.

use wasm_bindgen::JsValue;

use super::{
    flow_step::{FlowStep, Step},
    input::Input,
};
use crate::{
    browser::{location::Query, wait::Promise},
    document::Document,
    error::{Error, code, error},
    session::flows::{Flow, Flows, has_answer},
};

/// The flow of a call.
pub(super) struct FlowContext {
    flow: Flow,
    /// The id of the key that proves that this browser began the flow. `None` if the session of the signed-in
    /// user proves it.
    pub(super) key: Option<String>,
    /// The `state` of this tab's flow, which the answer must match.
    state: Option<String>,
    /// True if this browser has begun the flow.
    is_known: bool,
    /// True if the call can be repeated with another key.
    pub(super) may_be_renewed: bool,
    begins: bool,
}

impl FlowStep {
    /// Reads the flows of this browser, if the call repeats or ends one. A token that the app got itself
    /// belongs to no flow.
    pub(super) fn read(&self, input: &Input) -> Option<Promise> {
        let has_flow = self.step != Step::Begin && !input.fields.is_set("token");
        has_flow.then(|| input.client.session.flows.read())
    }

    /// The flow that the call repeats or ends, if this browser has begun one.
    pub(super) fn find(&self, input: &Input, read: Result<JsValue, JsValue>) -> Option<Flow> {
        let state = input.fields.text("state").map(str::to_owned);
        let state = state.or_else(|| input.fields.text("callback").and_then(Query::of)?.get("state"));
        Flows::find(read, &self.provider, state.as_deref())
    }

    /// The fields of a call that repeats this flow.
    pub(super) fn repeated(&self, known: Option<&Flow>) -> Result<Document, Error> {
        if self.step != Step::Repeat {
            return Ok(Document::default());
        }
        let callback = known.and_then(Flow::callback).cloned();
        let callback = callback.ok_or_else(|| {
            error!(InvalidRequest, ["Call oauthRedirect for ", &self.provider, " first."].concat())
        })?;
        Ok(Document::of("callback", callback).with("again", true))
    }

    /// The flow that the call begins or ends. A repeated call has no known flow.
    pub(super) fn context(&self, input: &Input, known: Option<Flow>) -> FlowContext {
        let session = &input.client.session;
        let callback = input.fields.text("callback");
        let is_known = known.is_some();
        let flow = known.unwrap_or_else(|| Flow::new(&self.provider, ""));
        let begins = matches!(self.step, Step::Begin | Step::Repeat);
        let current = if begins { session.current() } else { None };
        let is_user = self.step == Step::Link || current.is_some();
        let known_key = flow.key().to_owned();
        // An attacker may have forged a callback URL with an answer. So the answer in a URL must name its
        // flow or contain a nonce.
        let is_named = begins
            || self.step == Step::Link
            || input.fields.is_set("state")
            || callback.and_then(Query::of).is_none_or(|query| has_answer(&query));
        FlowContext {
            flow: match current {
                Some(session) => Flow::new(&self.provider, &session.key).leading_to(callback),
                None if begins => Flow::new(&self.provider, "").leading_to(callback),
                None => flow,
            },
            key: (!is_user).then_some(known_key),
            state: if is_named { None } else { session.flows.state_of_tab(&self.provider) },
            may_be_renewed: begins && (is_known || is_user),
            is_known,
            begins,
        }
    }
}

impl FlowContext {
    /// The id of the key to use if it still exists, and whether the key must outlive the page. `None` if no
    /// key is needed.
    pub(super) fn wanted_key(&self) -> Option<(String, bool)> {
        let key = self.key.as_ref().filter(|key| self.begins || key.is_empty())?;
        Some((key.clone(), self.begins))
    }

    /// Adds the fields that identify the flow.
    pub(super) fn add_to(&self, fields: &mut Document) {
        fields.put("provider", self.flow.provider().into());
        for (name, text) in [("state", self.state.as_deref()), ("flow", self.flow.secret())] {
            if let Some(text) = text {
                fields.put(name, text.into());
            }
        }
    }

    /// The flow to remember: one that has begun, or one whose answer belongs to no account. In the second
    /// case also the id of the key to keep, because only the browser that was asked for consent may register.
    pub(super) fn remembered(mut self, answer: &Document) -> Option<(Flow, String)> {
        let key = self.key.unwrap_or_default();
        let is_new = self.begins || !self.is_known;
        if is_new && !key.is_empty() {
            self.flow.set_key(&key);
        }
        if self.begins {
            return Some((self.flow.begun(answer), String::new()));
        }
        let pending = if is_new { key } else { String::new() };
        (answer.text("type") == Some("LoginOAuth")).then_some((self.flow, pending))
    }
}

/// True if nothing was sent because the key or the session is gone.
pub(super) fn is_gone(error: &Error) -> bool {
    error.status == 0 && (error.is(code!(TokenBound)) || error.is(code!(SessionRequired)))
}
