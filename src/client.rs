//! The one class that JavaScript sees: takes in, delegates, gives out.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use doorward_protocol::{Field, field_named};
use wasm_bindgen::prelude::*;

use crate::{
    api::{Api, Call, Kind},
    browser::{
        Promise, Value,
        crypto::{Holder, Keyring},
        events::AbortSignal,
        fields::{self, How},
        form::Form,
        http::{Limits, Transport},
        location,
        wait::{Work, promise, settled, spawn},
    },
    context::Client,
    error::{Error, code, error},
    fields::{Node, Tree},
    methods::{Does, Given, METHODS, Method, Then, Who, carry_out},
    options::{CAPTCHA, Settings},
    session::{Keeper, events::Emitter, lacks_key, store::Store, tokens::Session, user_text},
};

/// A client of one server. `js/client.js` wraps it as `AuthClient`; the methods are in `methods`.
#[wasm_bindgen]
pub struct Core {
    client: Rc<Client>,
}

#[wasm_bindgen]
impl Core {
    /// `emit(event, session, detail)` tells the page of changes; `life` is aborted when the client ends;
    /// `memory` is an object that lives longer than this instance of the wasm; in it are the `keys` of `js/keys.js`, the
    /// `transport` of `js/http.js`, and `taken` of `js/forms.js`.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: Settings, emit: JsValue, life: AbortSignal, memory: JsValue) -> Core {
        let memory = Value::from(memory);
        let emitter = Emitter(emit.into());
        let limits = Limits::new(&life, &Value::UNDEFINED, settings.timeout);
        let transport = Transport(memory.get("transport"));
        let api = Rc::new(Api {
            base: settings.base.clone(),
            fetch: settings.fetch.clone(),
            locale: settings.locale.clone(),
            keys: Keyring(memory.get("keys")),
            transport: transport.clone(),
        });
        let take = memory.get("taken");
        let store = Store::open(&settings, memory, transport, emitter.clone());
        let (binds, ahead) = (settings.binds, settings.refreshes_ahead);
        let session = Rc::new(Keeper::new(api.clone(), store, emitter, binds, ahead, limits.clone()));
        let client = Rc::new(Client {
            api,
            session,
            policy: Cell::default(),
            kept: RefCell::default(),
            unconfirmed: RefCell::default(),
            take,
            limits: limits.clone(),
            settings,
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
        promise(settle(form, self.client.settings.navigate.clone(), work))
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
    let tables: Vec<_> =
        method.ways.iter().map(|way| way.fields).filter(|fields| !fields.is_empty()).collect();
    let are_texts = !method.texts.is_empty() && first.text().is_some();
    let has_second = method.texts.len() > 1 && (are_texts || second.text().is_some());
    let options = match (tables.is_empty(), has_second) {
        (true, _) => first,
        // `sendSmsCode(form, undefined, options)`: the text is absent, and the options are where they always are.
        (false, false) if method.texts.len() > 1 && second.is_absent() => third,
        (false, false) => second,
        (false, true) => third,
    };
    if !tables.is_empty() {
        *form = Form::of(&client.take, first);
    }
    let (limits, given_options) = client.options(options, method.options)?;
    let (mut fields, mut options) = (Tree::default(), Tree::default());
    if !are_texts && !tables.is_empty() {
        match form {
            // A form has the fields that the method knows, its options among them, and whatever else it likes.
            Some(form) => {
                let values = form.values();
                let how = if method.clears { How::ClearingForm } else { How::Form };
                fields = fields::read(&tables, &[], how, &values)?;
                options = fields::read(&[method.options, CAPTCHA], &[], How::Form, &values)?;
                if let Some(way) = method.way(&fields) {
                    fields.keep(way.fields);
                }
            }
            None => fields = from_object(first, &tables, method.clears)?,
        }
    }
    for (at, (name, argument)) in method.texts.iter().zip(arguments).enumerate() {
        let is_field = if at == 0 { are_texts } else { has_second };
        let field = tables.iter().find_map(|table| field_named(table, name));
        if let Some(field) = field.filter(|_| is_field)
            && let Some(node) = fields::node(field.rule, How::Given, argument)?
        {
            fields.put(field.name, node);
        }
    }
    options.extend(given_options);
    let captcha = captcha(&mut options);
    Ok(Given { client: client.clone(), fields, options, limits, captcha, flow: third.clone() })
}

/// An object has the fields that the method knows, and those that the operator may have declared.
fn from_object(input: &Value, known: &[&'static [Field]], clears: bool) -> Result<Tree, Error> {
    if input.is_absent() {
        Ok(Tree::default())
    } else if input.is_object() {
        let how = if clears { How::Clearing } else { How::Given };
        Ok(fields::read(known, &[], how, input)?)
    } else {
        Err(error!(InvalidParameter, "Give a form, its submit event, or an object with the fields."))
    }
}

/// The answer to a captcha, as it goes into its header.
fn captcha(options: &mut Tree) -> Option<String> {
    let mut text = |name| match options.take(name) {
        Some(Node::Text(text)) => Some(location::in_path(&text)),
        _ => None,
    };
    // Where a service knows it by the code alone, there is no id.
    let (id, code) = (text("captcha_id").unwrap_or_default(), text("captcha_code")?);
    Some([&*id, ":", &*code].concat())
}

fn begin(method: &'static Method, given: Given) -> Work {
    Box::pin(async move {
        let session = given.client.session.clone();
        let limits = given.limits.clone();
        session.load(&limits).await?;
        let outcome = match &method.does {
            Does::Now(answer) => answer(&given),
            Does::Task(task) => carry_out(*task, &given).await,
            Does::Ask { prepare, who, then } => ask(method, prepare, who, then, given).await,
        };
        session.flush(&limits).await;
        outcome
    })
}

async fn ask(
    method: &'static Method,
    prepare: &fn(&mut Given) -> Result<Option<Value>, Error>,
    who: &Who,
    then: &Then,
    mut given: Given,
) -> Result<Value, Error> {
    if let Some(answer) = prepare(&mut given)? {
        return Ok(answer);
    }
    let way = method.way(&given.fields).ok_or_else(|| error!(NotFound))?;
    (way.check)(&given.fields, given.client.policy.get())?;
    let mut key = None;
    if matches!(who, Who::Flow) {
        let flow = settled(given.flow.promise()).await.map_err(|_| error!(Internal))?;
        key = flow.text_of("key");
        for name in ["provider", "state", "flow"] {
            if let Some(text) = flow.text_of(name) {
                given.fields.put(name, Node::Text(text));
            }
        }
    }
    let session = given.client.session.clone();
    let decided;
    let who = match who {
        Who::By(decide) => {
            decided = decide(&given.fields);
            &decided
        }
        who => who,
    };
    let as_user = match who {
        Who::User | Who::UserOrNull | Who::UserOrAnybody => true,
        Who::Flow => key.is_none(),
        Who::Anybody | Who::Newcomer | Who::Registrant | Who::Presenter | Who::Prover | Who::By(_) => false,
    };
    let mut call = Call::new(way.kind, way.path, String::new());
    call.captcha = given.captcha.take();
    if let Some(Node::Text(tail)) = given.fields.take(way.tail) {
        call.path.push_str(&location::in_path(&tail));
    }
    call.body = given.fields.to_json();

    // Whatever guesses or sends a message is no `GET`.
    if !matches!(way.kind, Kind::Get) {
        call.devices = session.known_devices();
    }
    let mut holder = Holder::default();
    let (of, answer) = if as_user {
        let refreshed = given.options.is_set("refresh_token");
        match session.send(&call, refreshed, &given.limits).await {
            Ok(Some((of, answer))) => (Some(of), Ok(answer)),
            Ok(None) if matches!(who, Who::UserOrNull) => return Ok(Value::NULL),
            // Signed out, perhaps meanwhile: the call does without a session.
            Ok(None) if matches!(who, Who::UserOrAnybody) => {
                (None, given.client.api.send(&call, &holder, &given.limits).await)
            }
            Ok(None) => return Err(error!(SessionRequired)),
            Err(error) => (None, Err(error)),
        }
    } else if matches!(who, Who::Prover) {
        prove(&given, &call).await
    } else {
        match who {
            Who::Newcomer | Who::Registrant => holder = session.newcomer().await?,
            Who::Presenter => holder = session.presenter(given.fields.text("token"))?,
            Who::Flow => holder = session.holder_of(key.unwrap_or_default()),
            _ => {}
        }
        let answer = given.client.api.send(&call, &holder, &given.limits).await;
        (session.current(), answer)
    };

    match then {
        Then::Do(then) => match then(&given, answer)? {
            tokens if matches!(who, Who::Newcomer) && tokens.is_object() => {
                session.establish(&tokens, &holder.key).await
            }
            value => {
                if matches!(who, Who::Newcomer | Who::Registrant) {
                    session.remember_signup(&holder.key).await;
                }
                Ok(value)
            }
        },
        Then::Give => answer,
        Then::Field(name) => answer.map(|answer| answer.get(name)),
        Then::Say(text) => answer.map(|_| (*text).into()),
        Then::Done => answer.map(|_| Value::UNDEFINED),
        Then::Learn => {
            let user = answer?;
            user_text(&user).ok_or_else(|| error!(Server))?;
            if let Some(of) = of {
                session.learn_user(&of, &user);
            }
            Ok(user)
        }
        Then::Enter => {
            let answer = answer?;
            let tokens = answer.get("session");
            if !tokens.is_absent() {
                session.establish(&tokens, &holder.key).await?;
            }
            Ok(answer)
        }
        Then::Leave(text) => {
            answer?;
            if let Some(of) = of {
                session.forget(&of);
            }
            Ok((*text).into())
        }
    }
}

/// Proves an address, with what this browser has to show that the person has made the account: the key of its signup, else the
/// session. The two can be of different accounts.
async fn prove(given: &Given, call: &Call) -> (Option<Rc<Session>>, Result<Value, Error>) {
    let (client, limits) = (&given.client, &given.limits);
    let session = &client.session;
    let mut first = None;
    if let Some(key) = session.signup_key() {
        let answer = client.api.send(call, &session.holder_of(key), limits).await;
        match &answer {
            Ok(_) => session.forget_signup(""),
            Err(error) if lacks_key(error) => session.forget_signup(""),
            Err(_) => {}
        }
        let is_other = |error: &Error| lacks_key(error) || error.is(code!(PasswordRequired));
        let has_more = session.current().is_some() || answer.as_ref().is_err_and(lacks_key);
        if !(has_more && answer.as_ref().is_err_and(is_other)) {
            return (session.current(), answer);
        }
        first = answer.err().filter(|error| !lacks_key(error));
    }
    if session.current().is_some() {
        match session.send(call, false, limits).await {
            Ok(Some((of, answer))) => return (Some(of), Ok(answer)),
            // The first try has used the answer to the captcha up: what that one says is what the person can act on.
            Err(error) if error.is(code!(CaptchaRequired)) => return (None, Err(first.unwrap_or(error))),
            // The session is over: the address is proven without it.
            Ok(None) => {}
            Err(error) => return (None, Err(error)),
        }
    }
    (None, client.api.send(call, &Holder::default(), limits).await)
}

/// What follows for the form: the error on a control, or going on.
fn settle(form: Option<Form>, navigate: Value, work: Result<Work, Error>) -> Work {
    Box::pin(async move {
        let outcome = match work {
            Ok(work) => work.await,
            Err(error) => Err(error),
        };
        match (&outcome, form) {
            (Ok(_), Some(form)) => form.follow(&navigate),
            (Err(error), Some(form)) => {
                if let Some(field) = error.at_control() {
                    form.complain(field, &error.message);
                }
            }
            (_, None) => {}
        }
        outcome
    })
}
