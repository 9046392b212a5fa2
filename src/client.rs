//! `AuthClient`, the class that pages use, and its state. Its methods are in `methods`.

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

/// A client of one server. In the npm package `js/face.js` wraps it.
#[wasm_bindgen]
pub struct AuthClient {
    pub(crate) inner: &'static Client,
}

/// The state that all methods of a client share. It is never freed: it lives as long as the instance of the
/// wasm, and `js/face.js` creates one instance for each client. So the wasm contains no code that drops a
/// client, which had a size of 2 kB.
pub(crate) struct Client {
    pub(crate) api: &'static Api,
    pub(crate) session: &'static Keeper,
    /// The server's rules for passwords, once they are known.
    pub(crate) policy: Cell<Policy>,
    /// The answer of `getSettings`, and when it arrived on the page's running clock.
    pub(crate) server_settings: RefCell<Option<(Document, f64)>>,
    /// The pending calls that others can join.
    pub(crate) under_way: RefCell<Vec<UnderWay>>,
    /// For each origin, the header with the refreshed access token that its API refused last.
    pub(crate) refused: RefCell<Document>,
    pub(crate) settings: &'static Settings,
    pub(crate) messages: Messages,
    /// The limits of a call without options of its own.
    pub(crate) limits: Limits,
}

/// A pending call that an identical call joins.
pub(crate) struct UnderWay {
    /// The work of the call holds the other reference until it has ended.
    pub(crate) same: Weak<Same>,
    pub(crate) limits: Limits,
    pub(crate) promise: Promise,
}

/// The identity of a call: calls with the same identity join.
pub(crate) enum Same {
    /// The submitted form, and the memory address of the method.
    Form(JsValue, usize),
    /// Texts that identify the arguments. A later call joins if its first text is among the texts of the
    /// earlier call.
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
    /// `options` are those of `js/index.d.ts`. The other parameters are for `js/face.js`: `life` is aborted
    /// when the client ends; `page` and `own` keep values for all clients of the page and for this one, even
    /// beyond a trap of the wasm.
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
        // Outside of a page, the clients of a process serve different users.
        let is_shared = page::is_there() && matches!(settings.place, Place::Local | Place::Session);
        let memory = if is_shared {
            Memory::shared(&page, &[settings.place.name(), " ", &settings.key].concat())
        } else {
            Memory(own.unwrap_or_default())
        };
        let limits = Limits::new(life.clone(), settings.timeout);
        // All servers share one database of keys, because each key has an id of its own.
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

    /// The last known signed-in user, or `null`.
    #[wasm_bindgen(getter)]
    pub fn user(&self) -> JsValue {
        self.inner.session.user()
    }

    /// The actual place of the session: `local`, `session`, `memory` or `custom`.
    #[wasm_bindgen(getter)]
    pub fn persistence(&self) -> String {
        self.inner.session.place().name().into()
    }
}

/// Allocates a part of a client that is never freed.
fn forever<T>(part: T) -> &'static T {
    Box::leak(Box::new(part))
}

impl Client {
    /// The options of a call, combined with those of the client. Fails if the client's options are invalid.
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

    /// The promise of an identical pending call.
    pub(crate) fn under_way(&self, same: &Same) -> Option<Promise> {
        let mut calls = self.under_way.borrow_mut();
        calls.retain(|call| call.same.strong_count() > 0 && !call.limits.is_over());
        let is_same = |call: &&UnderWay| call.same.upgrade().is_some_and(|its| its.is_joined_by(same));
        calls.iter().find(is_same).map(|call| call.promise.clone())
    }
}
