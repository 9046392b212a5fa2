//! `AuthClient`, the class that pages use: what one client holds. Its methods are in `methods`.

use std::{
    cell::{Cell, RefCell},
    rc::Weak,
};

use doorward_protocol::{Field, Policy};
use wasm_bindgen::prelude::*;

use crate::{
    api::Api,
    browser::{
        events::AbortSignal,
        http::Fetch,
        keys::KeyStore,
        limits::{self, Limits},
        memory::{self, Map, Memory},
        page,
        wait::{Promise, spawn},
    },
    document::Document,
    error::Error,
    messages::Messages,
    options::{self, KEY, Place, Settings},
    session::{Keeper, Parts, Unconfirmed, events::Listeners, flows::Flows, store::Store},
    transport::Nonces,
};

/// A client of one server. In the npm package `js/face.js` stands in front of it.
#[wasm_bindgen]
pub struct AuthClient {
    pub(crate) inner: &'static Client,
}

/// The state that all methods of a client share. It lives as long as the instance of the wasm, of which `js/face.js` makes one for each
/// client: so the code that would take a client apart is not in the wasm, where it weighed 2 kB.
pub(crate) struct Client {
    pub(crate) api: &'static Api,
    pub(crate) session: &'static Keeper,
    /// The rules of the server for passwords, once they are known.
    pub(crate) policy: Cell<Policy>,
    /// The answer of `getSettings`, and when it came on the page's running clock.
    pub(crate) server_settings: RefCell<Option<(Document, f64)>>,
    /// The calls that others join.
    pub(crate) under_way: RefCell<Vec<UnderWay>>,
    /// By origin, the header with the last new access token that an API refused.
    pub(crate) refused: RefCell<Document>,
    pub(crate) settings: &'static Settings,
    pub(crate) messages: Messages,
    /// The limits of a call without options of its own.
    pub(crate) limits: Limits,
}

/// A call that is under way, and that the same call joins.
pub(crate) struct UnderWay {
    /// Its work holds this until it has ended.
    pub(crate) same: Weak<Same>,
    pub(crate) limits: Limits,
    pub(crate) promise: Promise,
}

/// What makes two calls the same.
pub(crate) enum Same {
    /// The form that was submitted, and the address of the method in memory.
    Form(JsValue, usize),
    /// Texts about the arguments. The second call must have its first text in common with the first call.
    Arguments(Vec<String>),
}

impl Same {
    fn is_joined_by(&self, other: &Same) -> bool {
        match (self, other) {
            (Same::Form(form, method), Same::Form(other, of)) => form == other && method == of,
            (Same::Arguments(texts), Same::Arguments(others)) => {
                others.first().is_some_and(|text| texts.contains(text))
            }
            _ => false,
        }
    }
}

#[wasm_bindgen]
impl AuthClient {
    /// `options` are those of `js/index.d.ts`. The rest is for `js/face.js`: `life` is aborted when the client ends; `page` and `own`
    /// keep values for all clients of the page and for this one, also beyond a trap of the wasm.
    #[wasm_bindgen(constructor)]
    pub fn new(
        options: JsValue,
        life: Option<AbortSignal>,
        page: Option<Map>,
        own: Option<Map>,
    ) -> AuthClient {
        let settings = forever(Settings::read(&options));
        let life = life.unwrap_or_else(limits::endless);
        let page = page.unwrap_or_else(memory::of_page);
        // Off a page, clients serve different people.
        let is_shared = page::is_there() && matches!(settings.place, Place::Local | Place::Session);
        let memory = if is_shared {
            Memory::shared(&page, &[settings.place.name(), " ", &settings.key].concat())
        } else {
            Memory(own.unwrap_or_default())
        };
        let limits = Limits::new(life.clone(), settings.timeout);
        // All servers have one database of keys: each key has an id of its own there.
        let keys = KeyStore::open(&memory, if settings.is_key_of_server { KEY } else { &settings.key });
        let base = &*settings.base;
        let fetch = Fetch::new(settings.fetch.as_ref(), base, keys.clone(), life.clone());
        let api = forever(Api { base, locale: settings.locale.as_deref(), fetch, nonces: Nonces::default() });
        let listeners = forever(Listeners::new(life));
        let parts = Parts {
            store: Store::open(settings, memory.clone(), listeners),
            flows: Flows::open(settings, memory.clone()),
            unconfirmed: Unconfirmed::open(settings, memory),
            keys,
            listeners,
            bus: memory::bus(&page),
        };
        let session = forever(Keeper::new(settings, api, parts, limits.clone()));
        session.listen();
        spawn(async {
            let _ = session.load(session.limits()).await;
            session.schedule();
            let _ = session.tell_ended(None, session.limits()).await;
        });
        AuthClient {
            inner: forever(Client {
                api,
                session,
                policy: Cell::default(),
                server_settings: RefCell::default(),
                under_way: RefCell::default(),
                refused: RefCell::default(),
                settings,
                messages: Messages::load(&page, settings.locale.as_deref()),
                limits,
            }),
        }
    }

    /// The signed-in user as last seen, or `null`.
    #[wasm_bindgen(getter)]
    pub fn user(&self) -> JsValue {
        self.inner.session.user()
    }

    /// Where the session is really kept: `local`, `session`, `memory` or `custom`.
    #[wasm_bindgen(getter)]
    pub fn persistence(&self) -> String {
        self.inner.session.place().name().into()
    }
}

/// A part of a client.
fn forever<T>(part: T) -> &'static T {
    Box::leak(Box::new(part))
}

impl Client {
    /// The options of one call, over the client's own. Fails with the fault of the client's options, if there is one.
    pub(crate) fn options(
        &self,
        given: &JsValue,
        own: &'static [Field],
    ) -> Result<(Limits, Document), Error> {
        match &self.settings.fault {
            Some(fault) => Err(fault.clone()),
            None => options::of_call(given, own, &self.limits),
        }
    }

    /// The promise of the same call, if that is under way.
    pub(crate) fn under_way(&self, same: &Same) -> Option<Promise> {
        let mut calls = self.under_way.borrow_mut();
        calls.retain(|call| call.same.strong_count() > 0 && !call.limits.is_over());
        let is_same = |call: &&UnderWay| call.same.upgrade().is_some_and(|its| its.is_joined_by(same));
        calls.iter().find(is_same).map(|call| call.promise.clone())
    }
}
