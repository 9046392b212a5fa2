//! Carries out the methods.

use std::rc::Rc;

use doorward_protocol::is_same_name;
use wasm_bindgen::JsValue;

use super::{
    Action, Credentials, Endpoint, Method, Outcome,
    input::{self, Input, Read},
    provider::{FlowContext, FlowStep, is_gone},
    task,
};
use crate::{
    browser::{
        form::Form,
        location,
        wait::{Promise, Work, bounded},
    },
    client::{AuthClient, Same, UnderWay},
    document::{Document, Value},
    error::{Error, code, error},
    session::{Keeper, flows::Flow, is_profile, is_signed_out, lacks_key, tokens::Session},
    transport::{Call, Holder, Kind},
};

impl AuthClient {
    /// Begins a method with its arguments, which are read before this returns.
    pub(super) fn call(&self, method: &'static Method, arguments: [&JsValue; 3]) -> Promise {
        self.begin(method, Ok(None), None, arguments)
    }

    /// The same for a method that may begin or end a flow with a provider. Joins the same call, if that is under way: React runs each
    /// effect twice in its strict mode.
    pub(super) fn begin(
        &self,
        method: &'static Method,
        flow: Result<Option<FlowStep>, Error>,
        same: Option<Same>,
        arguments: [&JsValue; 3],
    ) -> Promise {
        let Read { form, input } = input::read(&self.inner, method, flow, &arguments);
        let same = same.or_else(|| {
            // A second submit of a form joins the first.
            Some(Same::Form(form.as_ref()?.element()?.clone(), std::ptr::from_ref(method).addr()))
        });
        if let Some(promise) = same.as_ref().and_then(|same| self.inner.under_way(same)) {
            return promise;
        }
        let limits = input.as_ref().map_or(&self.inner.limits, |input| &input.limits).clone();
        let same = same.map(Rc::new);
        let under_way = same.as_ref().map(Rc::downgrade);
        let (client, own_limits) = (self.inner.clone(), limits.clone());
        let promise = bounded(
            &limits,
            Box::pin(async move {
                let outcome = match input {
                    Ok(input) => carry_out(method, input).await,
                    Err(error) => Err(error),
                };
                // From now on no call joins this one.
                drop(same);
                if let Some(form) = form.filter(|_| !own_limits.is_over()) {
                    settle(form, &client.settings.navigate, &outcome);
                }
                outcome
            }),
        );
        if let Some(same) = under_way {
            self.inner.under_way.borrow_mut().push(UnderWay { same, limits, promise: promise.clone() });
        }
        promise
    }
}

/// Does what follows for the form: shows the error on a control, or goes where the form leads.
fn settle(form: Form, navigate: &JsValue, outcome: &Result<Option<Value>, Error>) {
    match outcome {
        Ok(_) => form.follow(navigate),
        Err(error) => {
            if let Some(field) = error.at_control() {
                form.show(&error.message, |name| is_of_field(name, field));
            }
        }
    }
}

/// Is this the name of the control for a field? It may be in camelCase; and a field of the operator is `extras.coins` in a form and
/// `coins` for the server.
fn is_of_field(name: &str, field: &str) -> bool {
    let plain = |name: &str| name.strip_prefix("extras.").unwrap_or(name).to_owned();
    is_same_name(&plain(name), &plain(field))
}

/// The work of a method.
pub(super) fn carry_out(method: &'static Method, mut input: Box<Input>) -> Work {
    Box::pin(async move {
        let session = input.client.session.clone();
        let limits = input.limits.clone();
        session.load(&limits).await?;
        let outcome = match &method.action {
            Action::Task(task) => task::carry_out(*task, &input).await,
            Action::Call { prepare, credentials, outcome } => match (method.kept)(&input.client) {
                Some(answer) => Ok(Some(answer)),
                None => send(method, *prepare, credentials, outcome, &mut input).await,
            },
        };
        session.flush(&limits).await;
        (method.then)(&input, outcome)
    })
}

/// The credentials of one try of a call.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// The signed-in user.
    User,
    /// The key of the last signup in this browser.
    SignupKey,
    /// A key that no session has yet.
    NewKey,
    /// The token in the fields.
    GivenToken,
    /// The key of a flow, or the signed-in user.
    Flow,
    None,
}

impl Credentials {
    /// The tries of a call. All but the last one are followed by the next where their credentials do not suffice.
    fn tries(&self) -> &'static [By] {
        match self {
            Credentials::User | Credentials::UserOrNull => &[By::User],
            Credentials::UserOrNone => &[By::User, By::None],
            Credentials::Claim => &[By::SignupKey, By::User, By::None],
            Credentials::Flow => &[By::Flow, By::Flow],
            Credentials::NewSession | Credentials::Signup => &[By::NewKey],
            Credentials::GivenToken => &[By::GivenToken],
            Credentials::None | Credentials::ByFields(_) => &[By::None],
        }
    }
}

async fn send(
    method: &'static Method,
    prepare: fn(&mut Input) -> Result<(), Error>,
    credentials: &Credentials,
    outcome: &Outcome,
    input: &mut Input,
) -> Result<Option<Value>, Error> {
    let mut known = match &input.flow {
        Some(step) => step.known(input).await,
        None => None,
    };
    let endpoint = checked(method, prepare, input, known.as_ref())?;
    let decided;
    let credentials = match credentials {
        Credentials::ByFields(decide) => {
            decided = decide(&input.fields);
            &decided
        }
        credentials => credentials,
    };
    let session = input.client.session.clone();
    let refreshed = input.options.is_set("refresh_token");
    let mut tries = credentials.tries();
    let mut first_error = None;
    let (key, sent) = loop {
        let (by, rest) = tries.split_first().ok_or_else(|| error!(NotFound))?;
        tries = rest;
        let mut flow = input.flow.as_ref().map(|step| step.context(input, known.take()));
        let wanted = match &flow {
            Some(flow) => flow.wanted_key(),
            None => (*by == By::NewKey).then(|| (String::new(), false)),
        };
        let mut key = String::new();
        if let Some((known, outlives_page)) = wanted {
            key = session.new_key(&known, outlives_page).await?;
            if let Some(flow) = &mut flow {
                flow.key = Some(key.clone());
            }
        }
        let holder = match by {
            By::User => None,
            By::None => Some(Holder::default()),
            By::GivenToken => Some(session.presenter(input.fields.text("token"))?),
            By::NewKey => Some(session.holder_of(key)),
            By::SignupKey => session.signup_key().map(|key| session.holder_of(key)),
            By::Flow => flow.as_ref().and_then(|flow| flow.key.clone()).map(|key| session.holder_of(key)),
        };
        let is_in_vain = matches!((by, &holder), (By::SignupKey, None))
            || (*by == By::User && !rest.is_empty() && session.current().is_none());
        if is_in_vain {
            continue;
        }
        let key = holder.as_ref().map(|holder| holder.key.clone()).unwrap_or_default();
        let call = call_of(endpoint, input, flow.as_ref());
        let sent = session.send(&call, holder, refreshed, &input.limits).await;
        let may_be_renewed = flow.as_ref().is_some_and(|flow| flow.may_be_renewed);
        if !rest.is_empty() && goes_on(*by, &session, may_be_renewed, sent.as_ref().err()) {
            first_error = sent.err().filter(|error| !lacks_key(error));
            continue;
        }
        if let (Some(flow), Ok((_, answer))) = (flow, &sent)
            && let Some((flow, pending)) = flow.remembered(answer)
        {
            session.keep_pending(&pending).await;
            session.flows.add(flow).await;
        }
        // The first try has used up the solution of the captcha: its error is the one that the person can act on.
        let is_used_up = sent.as_ref().is_err_and(|error| error.is(code!(CaptchaRequired)));
        break (key, if is_used_up { sent.map_err(|error| first_error.unwrap_or(error)) } else { sent });
    };
    Ok(match used(input, credentials, outcome, sent)? {
        Use::Answer(answer) => answer,
        Use::Session(tokens, answer) => {
            let user = session.establish(&tokens, &key).await?;
            Some(answer.unwrap_or(user).into())
        }
        Use::Signup(answer) => {
            session.remember_signup(&key).await;
            Some(answer)
        }
    })
}

/// Prepares and checks the fields. Returns the endpoint that gets them.
#[inline(never)]
fn checked(
    method: &'static Method,
    prepare: fn(&mut Input) -> Result<(), Error>,
    input: &mut Input,
    known: Option<&Flow>,
) -> Result<&'static Endpoint, Error> {
    if let Some(step) = &input.flow {
        let repeated = step.repeated(known)?;
        input.fields.extend(repeated);
    }
    prepare(input)?;
    let endpoint = method.endpoint(&input.fields).ok_or_else(|| error!(NotFound))?;
    (endpoint.check)(&input.fields, input.client.policy.get())?;
    Ok(endpoint)
}

/// Does another try follow this one?
#[inline(never)]
fn goes_on(by: By, session: &Rc<Keeper>, may_be_renewed: bool, error: Option<&Error>) -> bool {
    match by {
        By::SignupKey => {
            let has_key = !error.is_some_and(lacks_key);
            if error.is_none() || !has_key {
                session.forget_signup("");
            }
            // The key and the session can be of different accounts.
            let wants_other = error.is_some_and(|error| error.is(code!(PasswordRequired)));
            !has_key || (wants_other && session.current().is_some())
        }
        By::User => error.is_some_and(is_signed_out),
        // The key or the session is gone: once more, without them.
        By::Flow => may_be_renewed && error.is_some_and(is_gone),
        By::NewKey | By::GivenToken | By::None => false,
    }
}

/// The call that carries the fields.
fn call_of(endpoint: &Endpoint, input: &Input, flow: Option<&FlowContext>) -> Call {
    let mut fields = input.fields.clone();
    if let Some(flow) = flow {
        flow.add_to(&mut fields);
    }
    let mut call = Call::new(endpoint.kind, endpoint.path, Document::default());
    call.captcha = input.captcha.clone();
    if let Some(Value::Text(tail)) = fields.take(endpoint.tail) {
        call.path.push_str(&location::in_path(&tail));
    }
    call.body = fields;
    // A `GET` can neither guess a secret nor send a message.
    if endpoint.kind != Kind::Get {
        call.devices = input.client.session.known_devices();
    }
    call
}

/// The use of an answer.
enum Use {
    /// The call resolves with this.
    Answer(Option<Value>),
    /// A session begins with these tokens. The call resolves with the answer, or with the user.
    Session(Document, Option<Document>),
    /// A signup has begun no session. The call resolves with this.
    Signup(Value),
}

#[inline(never)]
fn used(
    input: &Input,
    credentials: &Credentials,
    outcome: &Outcome,
    sent: Result<(Option<Rc<Session>>, Document), Error>,
) -> Result<Use, Error> {
    let session = &input.client.session;
    let (of, answer) = match sent {
        Err(error) if matches!(credentials, Credentials::UserOrNull) && is_signed_out(&error) => {
            return Ok(Use::Answer(Some(Value::Null)));
        }
        Ok((of, answer)) => (of, Ok(answer)),
        Err(error) => (None, Err(error)),
    };
    if let Outcome::Map(map) = outcome {
        return Ok(match (map(input, answer)?, credentials) {
            (Value::Object(tokens), Credentials::NewSession) => Use::Session(tokens, None),
            (value, Credentials::NewSession | Credentials::Signup) => Use::Signup(value),
            (value, _) => Use::Answer(Some(value)),
        });
    }
    let mut answer = answer?;
    Ok(Use::Answer(match outcome {
        Outcome::Member(name) => answer.take(name),
        Outcome::Text(text) => Some((*text).into()),
        Outcome::Nothing => None,
        Outcome::Profile => {
            if !is_profile(&answer) {
                return Err(error!(Server));
            }
            if let Some(of) = of {
                session.learn_user(&of, &answer);
            }
            Some(answer.into())
        }
        Outcome::MaySignIn => match answer.take("session") {
            Some(Value::Object(tokens)) => return Ok(Use::Session(tokens, Some(answer))),
            _ => Some(answer.into()),
        },
        Outcome::AccountDeleted(text) => {
            if let Some(of) = of {
                session.forget(&of);
            }
            Some((*text).into())
        }
        Outcome::Answer | Outcome::Map(_) => Some(answer.into()),
    }))
}

#[cfg(test)]
mod tests {
    use super::is_of_field;

    #[test]
    fn a_control_shows_the_error_of_its_field_by_any_of_its_names() {
        for name in ["new_password", "newPassword", "extras.new_password"] {
            assert!(is_of_field(name, "new_password"), "{name}");
        }
        assert!(is_of_field("address.locality", "address.locality"));
        assert!(is_of_field("extras.coins", "extras.coins"));
        assert!(!is_of_field("password", "new_password"));
    }
}
