//! The one class that JavaScript sees: takes in, delegates, gives out.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use doorward_protocol::Field;
use wasm_bindgen::prelude::*;

use crate::{
    api::{Api, Call, Kind},
    browser::{
        Promise, Value,
        crypto::{Holder, Keyring},
        fields,
        form::{Form, form_data, is_event},
        http::Limits,
        location,
    },
    context::Client,
    error::{Error, error},
    fields::{Node, Tree},
    methods::{Does, Given, METHODS, Method, Then},
    options::Options,
    promise::{Work, promise, spawn},
    session::{Keeper, events::Emitter, store::Store},
};

/// A client of one server. `js/client.js` wraps it as `AuthClient`; the methods are in `methods`.
#[wasm_bindgen]
pub struct Core {
    client: Rc<Client>,
}

#[wasm_bindgen]
impl Core {
    /// `emit(event, session, detail)` tells the page of changes; `life` is aborted when the client ends;
    /// `memory` is an object that lives longer than this instance of the wasm; in it are the `keys` of `js/keys.js`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue, emit: JsValue, life: JsValue, memory: JsValue) -> Core {
        let (options, fault) = Options::read(&options.into());
        let emitter = Emitter(emit.into());
        let limits = Limits { life: life.into(), caller: Value::UNDEFINED, timeout: options.timeout };
        let memory: Value = memory.into();
        let keys = Keyring(memory.get("keys"));
        let store = Store::open(&options.storage, &options.key, memory, options.timeout, emitter.clone());
        let api = Rc::new(Api { base: options.base, fetch: options.fetch, locale: options.locale, keys });
        let session =
            Keeper::new(api.clone(), store, emitter, options.binds, options.refreshes_ahead, limits.clone());
        let session = Rc::new(session);
        let client = Rc::new(Client {
            api,
            session,
            policy: Cell::default(),
            settings: RefCell::default(),
            unconfirmed: RefCell::default(),
            navigate: options.navigate,
            origins: options.origins,
            limits: limits.clone(),
            fault,
        });
        client.session.listen();
        let session = client.session.clone();
        spawn(async move {
            let _ = session.load(&limits).await;
            session.schedule();
            session.tell_ended(&limits).await;
        });
        Core { client }
    }
}

#[wasm_bindgen]
impl Core {
    /// Calls a method of `methods` with its arguments. They are taken in before this returns.
    pub fn call(&self, name: &str, first: JsValue, second: JsValue, third: JsValue) -> Promise {
        let arguments = [first.into(), second.into(), third.into()];
        let mut form = None;
        let method = METHODS.iter().copied().flatten().find(|method| method.name == name);
        let work = match method {
            Some(method) => {
                take(&self.client, method, &arguments, &mut form).map(|given| begin(method, given))
            }
            None => Err(error!(NotFound)),
        };
        promise(settle(form, self.client.navigate.clone(), work))
    }

    /// `AuthClient.user`: the object, or null.
    #[wasm_bindgen(getter)]
    pub fn user(&self) -> JsValue {
        self.client.session.user().or_null().into()
    }

    /// `AuthClient.persistence`
    #[wasm_bindgen(getter)]
    pub fn persistence(&self) -> JsValue {
        Value::from(self.client.session.persistence()).into()
    }
}

/// Takes in an `Input<T>` (a submit event, a React event, a form, a FormData, an object or texts) and the options
/// behind it. `form` gets the form, also when something is wrong with the rest.
fn take(
    client: &Rc<Client>,
    method: &'static Method,
    arguments: &[Value; 3],
    form: &mut Option<Form>,
) -> Result<Given, Error> {
    let [first, second, third] = arguments;
    let is_text = !method.texts.is_empty() && first.text().is_some();
    let options = match (method.fields, is_text && method.texts.len() > 1) {
        (None, _) => first,
        (Some(_), false) => second,
        (Some(_), true) => third,
    };
    if method.fields.is_some() {
        *form = Form::of(first);
    }
    let (limits, given_options) = client.options(options, method.options)?;
    let (fields, mut options) = match method.fields {
        None => (Tree::default(), Tree::default()),
        Some(_) if is_text => (texts(method.texts, arguments), Tree::default()),
        Some(known) => {
            let filled = form.as_ref().map(Form::filled).or_else(|| form_data(first));
            match filled {
                // A form has the fields that the method knows, its options among them, and whatever else it likes.
                Some(filled) => (filled.pick(known)?, filled.pick(method.options)?),
                None => (from_object(first, known)?, Tree::default()),
            }
        }
    };
    options.extend(given_options);
    Ok(Given { client: client.clone(), fields, options, limits })
}

fn texts(names: &[&'static str], arguments: &[Value; 3]) -> Tree {
    let mut tree = Tree::default();
    for (name, argument) in names.iter().zip(arguments) {
        if let Some(text) = argument.text() {
            tree.put(name, Node::Text(text));
        }
    }
    tree
}

/// An object has the fields that the method knows, and no other.
fn from_object(input: &Value, known: &'static [Field]) -> Result<Tree, Error> {
    // An event without a form: a click that asks to sign out, say.
    if input.is_absent() || is_event(input) {
        Ok(Tree::default())
    } else if input.is_object() {
        Ok(fields::read(known, input)?)
    } else {
        Err(error!(InvalidParameter, "Give a form, its submit event, or an object with the fields."))
    }
}

fn begin(method: &'static Method, given: Given) -> Work {
    Box::pin(async move {
        let session = given.client.session.clone();
        let limits = given.limits.clone();
        session.load(&limits).await?;
        let outcome = carry_out(method, given).await;
        session.flush(&limits).await;
        outcome
    })
}

async fn carry_out(method: &'static Method, mut given: Given) -> Result<Value, Error> {
    match &method.does {
        Does::Now(answer) => answer(&given),
        Does::Work(work) => work(given).await,
        Does::Ask { kind, path, prepare, check, then } => {
            if let Some(answer) = prepare(&mut given)? {
                return Ok(answer);
            }
            check(&given.fields, given.client.policy.get())?;
            let body = match kind {
                Kind::Delete => location::in_path(given.fields.text("id").unwrap_or_default()),
                _ => given.fields.to_json(),
            };
            let call = Call { kind: *kind, path, body };
            let session = &given.client.session;
            let holder = match then {
                Then::AsUser(then) => {
                    let refreshed = given.options.is_set("refreshToken");
                    return then(&given, session.send(&call, refreshed, &given.limits).await?);
                }
                Then::SignIn(_) => session.newcomer().await?,
                Then::Present => session.presenter(given.fields.text("token"))?,
                _ => Holder::default(),
            };
            let answer = given.client.api.send(&call, &holder, &given.limits).await;
            match then {
                Then::SignIn(then) => match then(&given, answer)? {
                    tokens if tokens.is_object() => session.establish(&tokens, &holder.key).await,
                    said => Ok(said),
                },
                Then::Give | Then::Present | Then::AsUser(_) => answer,
                Then::Say(text) => answer.map(|_| (*text).into()),
                Then::Do(then) => then(&given, answer),
            }
        }
    }
}

/// What follows for the form: the error on a control, or going on.
fn settle(form: Option<Form>, navigate: Value, work: Result<Work, Error>) -> Work {
    let target = form.as_ref().and_then(Form::target);
    Box::pin(async move {
        let outcome = match work {
            Ok(work) => work.await,
            Err(error) => Err(error),
        };
        if let (Err(error), Some(form)) = (&outcome, form)
            && let Some(field) = error.at_control()
        {
            form.complain(field, &error.message);
        }
        if let (Ok(_), Some(url)) = (&outcome, target) {
            spawn(location::follow(url, navigate));
        }
        outcome
    })
}
