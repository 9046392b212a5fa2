//! The flows with providers that this browser has begun. The page that a provider returns to needs the id of
//! the key that the flow was begun with.

use wasm_bindgen::JsValue;

use crate::{
    browser::{
        clock, json,
        location::Query,
        memory::Memory,
        object,
        storage::{self, Read, Storages},
        wait::{Promise, settled},
    },
    document::{Document, Value},
    options::Settings,
};

/// The time in milliseconds for which the server knows a flow.
const LIFE: f64 = 600_000.0;
/// The time in milliseconds for which `redoOAuth` can repeat a flow.
const KEPT: f64 = 86_400_000.0;
/// The maximum number of stored flows.
const MAX_FLOWS: usize = 9;

/// A flow with a provider, as it is stored: `{ provider, key, state, flow, callback, at }`. `flow` is the
/// secret of a flow without a key. `at` is the time of its beginning, in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flow(Document);

impl Flow {
    pub(crate) fn new(provider: &str, key: &str) -> Flow {
        Flow(Document::of("provider", provider).with("key", key))
    }

    /// Adds the page that the provider returns the browser to.
    pub(crate) fn leading_to(self, callback: Option<&str>) -> Flow {
        Flow(self.0.with_some("callback", callback))
    }

    /// Adds `state` and `flow` from the server's answer to the start of the flow.
    pub(crate) fn begun(self, answer: &Document) -> Flow {
        Flow(self.0.with_some("state", answer.text("state")).with_some("flow", answer.text("flow")))
    }

    pub(crate) fn provider(&self) -> &str {
        self.0.text("provider").unwrap_or_default()
    }

    /// The id of the key that it was begun with. Empty without a key.
    pub(crate) fn key(&self) -> &str {
        match self.0.get("key") {
            None => "",
            Some(Value::Text(key)) => key,
            // A damaged entry. No key has the id `?`, so the flow counts as one whose key is missing.
            Some(_) => "?",
        }
    }

    pub(crate) fn set_key(&mut self, key: &str) {
        self.0.put("key", key.into());
    }

    /// The parameter `state` of the provider's answer.
    pub(crate) fn state(&self) -> Option<&str> {
        self.0.text("state")
    }

    /// The secret of a flow without a key.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.0.text("flow")
    }

    /// The page that the provider returns the browser to. The stored value may be damaged.
    pub(crate) fn callback(&self) -> Option<&Value> {
        self.0.get("callback")
    }

    fn at(&self) -> f64 {
        self.0.number("at").unwrap_or(0.0)
    }

    /// True if the server still knows the flow.
    #[inline(never)]
    fn is_young(&self) -> bool {
        self.at() > clock::now().date - LIFE
    }

    /// Forgets the values that the server no longer knows.
    fn forget_answer(&mut self) {
        self.0.take("state");
        self.0.take("flow");
    }
}

/// A change of the flows in a storage.
enum Change {
    Nothing,
    Begin(Flow),
    /// Ends the flows that were begun at these times.
    End(Vec<f64>),
}

impl Change {
    fn apply(&self, flows: &mut Vec<Flow>) {
        match self {
            Change::Nothing => {}
            Change::Begin(flow) => {
                flows.retain(|other| other.provider() != flow.provider() || other.state() != flow.state());
                flows.insert(0, flow.clone());
                flows.truncate(MAX_FLOWS);
            }
            Change::End(times) => {
                // The flow looks expired afterwards, but `redoOAuth` can still repeat it.
                for flow in flows.iter_mut().filter(|flow| times.contains(&flow.at())) {
                    flow.forget_answer();
                    flow.0.put("at", (flow.at() - LIFE).into());
                }
            }
        }
    }
}

/// The flows of a client. A flow is in the storage of the tab that began it, so that concurrent tabs do not
/// disturb each other. It is also in the client's storage, because a provider may return the browser to
/// another tab.
pub(crate) struct Flows {
    name: String,
    /// The storage of this tab. `undefined` if there is none.
    tab: JsValue,
    memory: Memory,
    /// The storage of this tab, the memory, and the storage of the client.
    all: Storages,
}

impl Flows {
    pub(crate) fn open(settings: &Settings, memory: Memory) -> Flows {
        let (tab, client) = (storage::of_tab(), &settings.storage);
        // `settings.storage` may be the storage of the tab, which is then listed only once.
        let client = if *client == tab { &JsValue::UNDEFINED } else { client };
        let all = Storages::of(&[&tab, &memory.0, client]);
        Flows { name: [&*settings.key, ".flow"].concat(), tab, memory, all }
    }

    /// The flows of this tab, newest first.
    fn of_tab(&self) -> Vec<Flow> {
        let stored = match storage::read(&self.tab, &self.name) {
            Ok(Read::Now(text)) => text,
            _ => None,
        };
        let mut flows = parse(stored);
        flows.append(&mut parse(self.memory.text(&self.name)));
        flows
    }

    /// The key of the last flow of this tab. Empty if there is none. The next session uses this key, so that a
    /// user who must sign in again to link an identity (`REAUTH_REQUIRED`) can finish the flow.
    pub(crate) fn next_key(&self) -> String {
        let flows = self.of_tab();
        flows.iter().find(|flow| flow.is_young()).map_or("", Flow::key).to_owned()
    }

    /// The parameter `state` of the last flow of this tab with a provider.
    pub(crate) fn state_of_tab(&self, provider: &str) -> Option<String> {
        let flows = self.of_tab();
        flows.iter().find(|flow| flow.provider() == provider)?.state().map(str::to_owned)
    }

    /// Stores a new flow. The promise resolves when it is stored.
    pub(crate) fn add(&self, mut flow: Flow) -> Promise {
        flow.0.put("at", clock::now().date.into());
        self.change(Change::Begin(flow))
    }

    /// Ends the flows that this tab began with the key of an ended session or without a key. Returns true if
    /// another tab has begun a flow with the key.
    pub(crate) async fn end(&self, key: &str) -> bool {
        let mut own = self.of_tab();
        own.retain(|flow| flow.is_young() && (flow.key() == key || flow.secret().is_some()));
        let times = own.iter().map(Flow::at).collect();
        let left = flows_of(settled(self.change(Change::End(times))).await);
        left.iter().any(|flow| flow.key() == key && flow.is_young())
    }

    /// Reads the flows of all tabs. Pass the result of the promise to `find`.
    pub(crate) fn read(&self) -> Promise {
        self.change(Change::Nothing)
    }

    /// Finds the flow with the provider that has this `state`, or else the newest flow with the provider. Flows of
    /// this tab come before those of other tabs.
    pub(crate) fn find(read: Result<JsValue, JsValue>, provider: &str, state: Option<&str>) -> Option<Flow> {
        let mut flows = flows_of(read);
        flows.retain(|flow| flow.provider() == provider);
        let named = flows.iter().position(|flow| state.is_some() && flow.state() == state);
        flows.into_iter().nth(named.unwrap_or(0))
    }

    /// Changes the stored flows, and removes old ones. Parse the result of the promise with `flows_of`.
    fn change(&self, change: Change) -> Promise {
        self.all.change(
            &self.name,
            Box::new(move |text| {
                let mut flows = parse(text.as_string());
                change.apply(&mut flows);
                if flows.is_empty() {
                    return JsValue::NULL;
                }
                json::text(&Value::List(flows.into_iter().map(|Flow(stored)| stored.into()).collect())).into()
            }),
        )
    }
}

/// The flows of all storages, from the result of [`Flows::change`].
#[inline(never)]
fn flows_of(texts: Result<JsValue, JsValue>) -> Vec<Flow> {
    let mut flows = Vec::new();
    for text in object::items(&texts.unwrap_or_default()) {
        flows.append(&mut parse(text.as_string()));
    }
    flows
}

/// True if the query contains the answer of a provider.
pub(crate) fn has_answer(query: &Query) -> bool {
    ["code", "error", "state", "oauth_token", "denied", "oauthKey"]
        .iter()
        .any(|name| query.get(name).is_some())
}

/// The stored flows, newest first.
#[inline(never)]
fn parse(text: Option<String>) -> Vec<Flow> {
    let Some(Value::List(list)) = text.and_then(|text| json::parse(&text)) else { return Vec::new() };
    let now = clock::now().date;
    let mut flows = Vec::new();
    for stored in list.into_iter().filter_map(Value::into_object) {
        let mut flow = Flow(stored);
        if flow.at() <= now - LIFE {
            flow.forget_answer();
        }
        if flow.at() > now - KEPT {
            flows.push(flow);
        }
    }
    flows
}
