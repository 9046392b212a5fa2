//! The one class that JavaScript sees: takes in, delegates, gives out.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
};

use doorward_protocol::{Field, Policy};
use wasm_bindgen::prelude::*;

use crate::{
    api::Api,
    browser::{
        Promise, Value, fields,
        form::{Form, form_data, is_event},
        http::Limits,
        location,
    },
    error::{Error, error},
    fields::{Node, Tree},
    form::Filled,
    options::{self, Options},
    promise::{Work, promise, spawn},
    session::{Keeper, events::Emitter, store::Store},
};

/// A client of one server. `js/client.js` wraps it as `AuthClient`; the methods are in `methods`.
#[wasm_bindgen]
pub struct Core {
    client: Rc<Client>,
}

/// What all methods of a client share.
pub(crate) struct Client {
    pub(crate) api: Rc<Api>,
    pub(crate) session: Rc<Keeper>,
    /// The server's rules, once they are known.
    pub(crate) policy: Cell<Policy>,
    /// `getSettings`: the text of the answer, and when it came on the page's running clock.
    pub(crate) settings: RefCell<Option<(String, f64)>>,
    /// The address of the last login that was refused because it is not confirmed.
    pub(crate) unconfirmed: RefCell<Option<String>>,
    navigate: Value,
    life: Value,
    timeout: f64,
    /// What is wrong with the options: told by every call.
    fault: Option<Error>,
}

/// What a method is called with, as it was at that moment.
pub(crate) struct Given {
    form: Option<Form>,
    fields: Result<(Tree, Tree, Limits), Error>,
}

#[wasm_bindgen]
impl Core {
    /// `emit(event, session, detail)` tells the page of changes; `life` is aborted when the client ends;
    /// `memory` is an object that lives longer than this instance of the wasm.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue, emit: JsValue, life: JsValue, memory: JsValue) -> Core {
        let (options, fault) = Options::read(&options.into());
        let emitter = Emitter(emit.into());
        let store = Store::open(&options.storage, &options.key, memory.into(), emitter.clone());
        let api = Rc::new(Api { base: options.base, fetch: options.fetch, locale: options.locale });
        let session = Rc::new(Keeper::new(api.clone(), store, emitter, options.shows_refresh_token));
        let client = Rc::new(Client {
            api,
            session,
            policy: Cell::default(),
            settings: RefCell::default(),
            unconfirmed: RefCell::default(),
            navigate: options.navigate,
            life: life.into(),
            timeout: options.timeout,
            fault,
        });
        let limits = client.limits();
        client.session.listen(limits.clone());
        let session = client.session.clone();
        spawn(async move {
            session.current().await;
            session.tell_ended(&limits).await;
        });
        Core { client }
    }
}

impl Core {
    pub(crate) fn client(&self) -> Rc<Client> {
        self.client.clone()
    }

    /// Takes in an `Input<T>`: a submit event, a React event, a form, a FormData or an object.
    /// Given a text, the field `alone` has it.
    pub(crate) fn take(
        &self,
        input: JsValue,
        fields: &'static [Field],
        alone: Option<&'static str>,
        options: JsValue,
        own_options: &'static [Field],
    ) -> Given {
        let input = Value::from(input);
        let form = Form::of(&input);
        let taken = || {
            let (limits, second) = self.client.options(&options.into(), own_options)?;
            let filled = form.as_ref().map(Form::filled).or_else(|| form_data(&input));
            let (tree, mut options) = match filled {
                Some(filled) => from_form(&filled, fields, own_options)?,
                None => (from_value(&input, fields, alone)?, Tree::default()),
            };
            options.extend(second);
            Ok((tree, options, limits))
        };
        let fields = taken();
        Given { form, fields }
    }

    /// Carries out a method, and does for its form what follows: the error on a control, or going on.
    pub(crate) fn perform<F>(&self, given: Given, work: impl FnOnce(Tree, Tree, Limits) -> F) -> Promise
    where
        F: Future<Output = Result<Value, Error>> + 'static,
    {
        let work: Result<Work, Error> =
            given.fields.map(|(tree, options, limits)| Box::pin(work(tree, options, limits)) as Work);
        self.settle(given.form, work)
    }

    /// Carries out a method that takes no fields.
    pub(crate) fn run<F>(
        &self,
        options: JsValue,
        own_options: &'static [Field],
        work: impl FnOnce(Tree, Limits) -> F,
    ) -> Promise
    where
        F: Future<Output = Result<Value, Error>> + 'static,
    {
        let options = self.client.options(&options.into(), own_options);
        self.settle(None, options.map(|(limits, own)| Box::pin(work(own, limits)) as Work))
    }

    fn settle(&self, form: Option<Form>, work: Result<Work, Error>) -> Promise {
        let target = form.as_ref().and_then(Form::target);
        let client = self.client.clone();
        promise(Box::pin(async move {
            let outcome = match work {
                Ok(work) => work.await,
                Err(error) => Err(error),
            };
            match (&outcome, form) {
                (Ok(_), _) => {
                    if let Some(url) = target {
                        spawn(location::follow(url, client.navigate.clone()));
                    }
                }
                (Err(error), Some(form)) => {
                    if let Some(field) = error.at_control() {
                        form.complain(field, &error.message);
                    }
                }
                (Err(_), None) => {}
            }
            outcome
        }))
    }
}

impl Client {
    /// Without a caller's wishes.
    fn limits(&self) -> Limits {
        Limits { life: self.life.clone(), caller: Value::UNDEFINED, timeout: self.timeout }
    }

    fn options(&self, given: &Value, own: &'static [Field]) -> Result<(Limits, Tree), Error> {
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None => options::of_call(given, own, &self.life, self.timeout),
        }
    }
}

/// A form has the fields that the method knows, its options among them, and whatever else it likes.
fn from_form(
    filled: &Filled,
    fields: &'static [Field],
    own_options: &'static [Field],
) -> Result<(Tree, Tree), Error> {
    Ok((filled.pick(fields)?, filled.pick(own_options)?))
}

/// An object has the fields that the method knows, and no other.
fn from_value(input: &Value, fields: &'static [Field], alone: Option<&'static str>) -> Result<Tree, Error> {
    match (input.text(), alone) {
        (Some(text), Some(name)) => Ok(Tree::with(name, Node::Text(text))),
        // A click that asks to sign out, say.
        _ if input.is_absent() || is_event(input) => Ok(Tree::default()),
        _ if input.is_object() => Ok(fields::read(fields, input)?),
        _ => Err(error!(InvalidParameter, "Give a form, its submit event, or an object with the fields.")),
    }
}
