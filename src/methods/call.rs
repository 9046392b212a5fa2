//! Runs the methods.

use std::rc::Rc;

use doorward_protocol::{field_named, is_same_name};
use wasm_bindgen::JsValue;

use super::{
    flow::{FlowContext, is_gone},
    flow_step::FlowStep,
    input::{self, Input, Read},
    method::{Action, Credentials, Endpoint, Method, Outcome},
    task,
};
use crate::{
    browser::{
        form::Form,
        location,
        wait::{Promise, Work, bounded, settled},
    },
    client::{AuthClient, Same, UnderWay},
    document::{Document, Value},
    error::{Error, code, error},
    session::{Keeper, flows::Flow, is_profile, is_signed_out, lacks_key, tokens::Session},
    transport::{Call, Holder, Kind},
};

impl AuthClient {
    /// Begins a method. Reads its arguments before it returns.
    pub(super) fn call(&self, method: &'static Method, arguments: [&JsValue; 3]) -> Promise {
        self.begin(method, Ok(None), None, arguments)
    }

    /// The same for a method that may begin or end a flow with a provider. Joins the same call if it is
    /// pending, because React runs each effect twice in strict mode.
    pub(super) fn begin(
        &self,
        method: &'static Method,
        flow: Result<Option<FlowStep>, Error>,
        same: Option<Same>,
        arguments: [&JsValue; 3],
    ) -> Promise {
        let Read { form, beside, input } = input::read(self.inner, method, flow, &arguments);
        let same = same.or_else(|| {
            // A second submit of a form joins the pending first one.
            Some(Same::Form(form.as_ref()?.element()?.clone(), std::ptr::from_ref(method).addr()))
        });
        if let Some(promise) = same.as_ref().and_then(|same| self.inner.under_way(same)) {
            return promise;
        }
        let limits = input.as_ref().map_or(&self.inner.limits, |input| &input.limits).clone();
        let same = same.map(Rc::new);
        let under_way = same.as_ref().map(Rc::downgrade);
        let (client, own_limits) = (self.inner, limits.clone());
        let promise = bounded(
            &limits,
            Box::pin(async move {
                let outcome = match input {
                    Ok(input) => carry_out(method, input).await,
                    Err(error) => Err(error),
                };
                // From now on no other call joins this one.
                drop(same);
                let outcome = match outcome {
                    Err(error) => Err(client.messages.localized(error).await),
                    done => done,
                };
                match form.or(beside).filter(|_| !own_limits.is_over()) {
                    Some(form) => settle(form, method, &client.settings.navigate, outcome),
                    None => outcome,
                }
            }),
        );
        if let Some(same) = under_way {
            self.inner.under_way.borrow_mut().push(UnderWay { same, limits, promise: promise.clone() });
        }
        promise
    }
}

/// Completes a call of a form: opens the URL of the form, or dispatches the error and shows it on the form.
fn settle(
    form: Form,
    method: &Method,
    navigate: &JsValue,
    outcome: Result<Option<Value>, Error>,
) -> Result<Option<Value>, Error> {
    match outcome {
        Ok(answer) => {
            form.follow(navigate);
            Ok(answer)
        }
        Err(error) => {
            let is_of_error = |name: &str| error.at_control().is_some_and(|field| is_of_field(name, field));
            let is_of_method = |name: &str| {
                method.endpoints.iter().any(|endpoint| field_named(endpoint.fields, name).is_some())
            };
            Err(error.as_told(form.refuse(&error, &is_of_error, &is_of_method)))
        }
    }
}

/// True if a control with this name belongs to the field. The name may be in camelCase. A field of the
/// operator is `extras.coins` in a form and `coins` on the server.
fn is_of_field(name: &str, field: &str) -> bool {
    let plain = |name: &str| name.strip_prefix("extras.").unwrap_or(name).to_owned();
    is_same_name(&plain(name), &plain(field))
}

/// The work of a method.
pub(super) fn carry_out(method: &'static Method, mut input: Box<Input>) -> Work {
    Box::pin(async move {
        let session = input.client.session;
        let limits = input.limits.clone();
        session.load(&limits).await?;
        let outcome = match (&method.action, (method.known)(input.client)) {
            (_, Some(answer)) => Ok(Some(answer)),
            (Action::Task(task), _) => task::carry_out(*task, &input).await,
            (Action::Call { prepare, credentials, outcome }, _) => {
                send(method, *prepare, credentials, outcome, &mut input).await
            }
        };
        session.flush(&limits).await;
        (method.then)(&input, outcome)
    })
}

/// The credentials of one try of a call.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// The session of the signed-in user.
    User,
    /// The key of the last sign-up in this browser.
    SignupKey,
    /// A key without a session.
    NewKey,
    /// The token in the fields.
    GivenToken,
    /// The key of a flow, or the session of the signed-in user.
    Flow,
    /// The key of the current session.
    SessionKey,
    None,
}

impl Credentials {
    /// The tries of a call, in order. A later try follows if the credentials of the earlier one do not
    /// suffice.
    fn tries(&self) -> &'static [By] {
        match self {
            Credentials::User | Credentials::UserOrNull => &[By::User],
            Credentials::UserOrNone => &[By::User, By::None],
            Credentials::Claim => &[By::SignupKey, By::User, By::None],
            Credentials::Flow => &[By::Flow, By::Flow],
            Credentials::NewSession | Credentials::Signup => &[By::NewKey],
            Credentials::GivenToken => &[By::GivenToken],
            Credentials::Restore => &[By::SessionKey],
            Credentials::None | Credentials::ByFields(_) => &[By::None],
        }
    }
}

/// Sends the fields to the endpoint. Tries the credentials one after the other.
async fn send(
    method: &'static Method,
    prepare: fn(&mut Input) -> Result<(), Error>,
    credentials: &Credentials,
    outcome: &Outcome,
    input: &mut Input,
) -> Result<Option<Value>, Error> {
    let read = input.flow.as_ref().and_then(|step| step.read(input));
    let read = match read {
        Some(read) => Some(settled(read).await),
        None => None,
    };
    let mut sending = Sending::new(method, prepare, credentials, input, read)?;
    let (of, answer) = loop {
        if let Some(key) = sending.next_try()? {
            let got = settled(key).await;
            sending.take_key(got)?;
        }
        let (call, holder) = sending.call()?;
        let session = &sending.input.client.session;
        let sent = session.send(&call, holder, sending.is_refreshed(), &sending.input.limits).await;
        if let Some(sent) = sending.last(sent) {
            break sent;
        }
    };
    let (end, promises) = sending.end(outcome, of, answer)?;
    let mut is_kept = true;
    for promise in promises {
        is_kept = settled(promise).await.is_ok();
    }
    Ok(end.carry_out(input.client.session, is_kept))
}

/// The session that a call was sent with, and its answer.
type Sent = (Option<Rc<Session>>, Result<Document, Error>);

/// A call that is being sent.
struct Sending<'a> {
    input: &'a mut Input,
    endpoint: &'static Endpoint,
    credentials: Credentials,
    /// The tries that may follow.
    rest: &'static [By],
    by: By,
    /// The flow of the first try.
    known: Option<Flow>,
    flow: Option<FlowContext>,
    /// The key of the try, which has no session yet.
    key: String,
    first_error: Option<Error>,
}

impl<'a> Sending<'a> {
    /// Prepares and checks the fields. `read` are the flows of this browser.
    fn new(
        method: &'static Method,
        prepare: fn(&mut Input) -> Result<(), Error>,
        credentials: &Credentials,
        input: &'a mut Input,
        read: Option<Result<JsValue, JsValue>>,
    ) -> Result<Sending<'a>, Error> {
        let mut known = None;
        if let Some(step) = &input.flow {
            known = read.and_then(|read| step.find(input, read));
            let repeated = step.repeated(known.as_ref())?;
            input.fields.extend(repeated);
        }
        prepare(input)?;
        let endpoint = method.endpoint(&input.fields).ok_or_else(|| error!(NotFound))?;
        (endpoint.check)(&input.fields, input.client.policy.get())?;
        let credentials = match credentials {
            Credentials::ByFields(decide) => decide(&input.fields),
            credentials => *credentials,
        };
        let rest = credentials.tries();
        let key = String::new();
        Ok(Sending {
            input,
            endpoint,
            credentials,
            rest,
            by: By::None,
            known,
            flow: None,
            key,
            first_error: None,
        })
    }

    /// Moves to the next try with usable credentials. Returns the promise of a key, if the try needs one.
    #[inline(never)]
    fn next_try(&mut self) -> Result<Option<Promise>, Error> {
        let session = &self.input.client.session;
        loop {
            let (by, rest) = self.rest.split_first().ok_or_else(|| error!(NotFound))?;
            (self.by, self.rest) = (*by, rest);
            let is_in_vain = match by {
                By::SignupKey => session.signup_key().is_none(),
                By::User => !rest.is_empty() && session.current().is_none(),
                _ => false,
            };
            if !is_in_vain {
                break;
            }
        }
        self.flow = self.input.flow.as_ref().map(|step| step.context(self.input, self.known.take()));
        self.key.clear();
        Ok(match &self.flow {
            Some(flow) => {
                flow.wanted_key().and_then(|(known, outlives)| session.ask_for_key(&known, outlives))
            }
            None if self.by == By::NewKey => session.ask_for_key("", false),
            None => None,
        })
    }

    fn take_key(&mut self, got: Result<JsValue, JsValue>) -> Result<(), Error> {
        let known = self.flow.as_ref().and_then(|flow| flow.key.as_deref()).unwrap_or_default();
        self.key = self.input.client.session.take_key(got, known)?;
        if let Some(flow) = &mut self.flow {
            flow.key = Some(self.key.clone());
        }
        Ok(())
    }

    /// The call, and its credentials. `None` for those of the signed-in user.
    #[inline(never)]
    fn call(&mut self) -> Result<(Call, Option<Holder>), Error> {
        let session = &self.input.client.session;
        let of_key = |key: String| session.holder_of(key);
        let holder = match self.by {
            By::User => None,
            By::None => Some(Holder::default()),
            By::GivenToken => Some(session.presenter(self.input.fields.text("token"))?),
            By::NewKey => Some(of_key(self.key.clone())),
            By::SignupKey => session.signup_key().map(of_key),
            By::Flow => self.flow.as_ref().and_then(|flow| flow.key.clone()).map(of_key),
            By::SessionKey => Some(session.holder_of_session()),
        };
        self.key = holder.as_ref().map(|holder| holder.key.clone()).unwrap_or_default();
        Ok((call_of(self.endpoint, self.input, self.flow.as_ref()), holder))
    }

    fn is_refreshed(&self) -> bool {
        self.input.options.is_set("refresh_token")
    }

    /// The answer, or its error. `None` if another try follows.
    #[inline(never)]
    fn last(&mut self, sent: Result<(Option<Rc<Session>>, Document), Error>) -> Option<Sent> {
        let may_be_renewed = self.flow.as_ref().is_some_and(|flow| flow.may_be_renewed);
        let session = &self.input.client.session;
        if !self.rest.is_empty() && goes_on(self.by, session, may_be_renewed, sent.as_ref().err()) {
            self.first_error = sent.err().filter(|error| !lacks_key(error));
            return None;
        }
        Some(match sent {
            Ok((of, answer)) => (of, Ok(answer)),
            // The first try has used up the solution of the captcha. Its error is the one that the user can
            // act on.
            Err(error) if error.is(code!(CaptchaRequired)) => {
                (None, Err(self.first_error.take().unwrap_or(error)))
            }
            Err(error) => (None, Err(error)),
        })
    }

    /// The use of the answer, and the promises to await first.
    #[inline(never)]
    fn end(
        self,
        outcome: &Outcome,
        of: Option<Rc<Session>>,
        answer: Result<Document, Error>,
    ) -> Result<(End, Vec<Promise>), Error> {
        let session = &self.input.client.session;
        let mut promises = Vec::new();
        if let (Some(flow), Ok(answer)) = (self.flow, &answer)
            && let Some((flow, pending)) = flow.remembered(answer)
        {
            promises.extend(session.keep_key(&pending, false));
            promises.push(session.flows.add(flow));
        }
        let end = used(self.input, &self.credentials, outcome, of, answer, self.key)?;
        if !session.is_memory() {
            promises.extend(match &end {
                End::Answer(_) => None,
                End::Session(began, ..) => session.keep_key(&began.key, true),
                End::Signup(key, _) => session.keep_key(key, false),
            });
        }
        Ok((end, promises))
    }
}

/// True if another try follows.
#[inline(never)]
fn goes_on(by: By, session: &'static Keeper, may_be_renewed: bool, error: Option<&Error>) -> bool {
    match by {
        By::SignupKey => {
            let has_key = !error.is_some_and(lacks_key);
            if error.is_none() || !has_key {
                session.forget_signup("");
            }
            // The key and the session can belong to different accounts.
            let wants_other = error.is_some_and(|error| error.is(code!(PasswordRequired)));
            !has_key || (wants_other && session.current().is_some())
        }
        By::User => error.is_some_and(is_signed_out),
        // The key or the session is gone: tries once more without it.
        By::Flow => may_be_renewed && error.is_some_and(is_gone),
        By::NewKey | By::GivenToken | By::SessionKey | By::None => false,
    }
}

/// The call with the fields.
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

/// The end of a call.
enum End {
    /// Resolves with this answer.
    Answer(Option<Value>),
    /// Begins a session, and resolves with the answer. The tokens may contain a token of a known device.
    Session(Rc<Session>, Document, Value),
    /// Remembers the key of a sign-up that began no session, and resolves with the answer.
    Signup(String, Value),
}

impl End {
    fn carry_out(self, session: &'static Keeper, is_kept: bool) -> Option<Value> {
        match self {
            End::Answer(answer) => answer,
            End::Session(began, tokens, answer) => {
                session.establish(began, is_kept);
                session.know_device(&tokens);
                Some(answer)
            }
            End::Signup(key, answer) => {
                session.remember_signup(&key, is_kept);
                Some(answer)
            }
        }
    }
}

#[inline(never)]
fn used(
    input: &Input,
    credentials: &Credentials,
    outcome: &Outcome,
    of: Option<Rc<Session>>,
    answer: Result<Document, Error>,
    key: String,
) -> Result<End, Error> {
    let session = &input.client.session;
    if matches!(credentials, Credentials::UserOrNull) && answer.as_ref().is_err_and(is_signed_out) {
        return Ok(End::Answer(Some(Value::Null)));
    }
    let begin = |tokens: Document, answer: Option<Document>| {
        // Tokens of a restored session may be bound to no key.
        let is_unbound =
            matches!(credentials, Credentials::Restore) && tokens.text("token_type") == Some("Bearer");
        let began = session.session_of(&tokens, if is_unbound { "" } else { &key })?;
        let answer = answer.unwrap_or_else(|| began.user.clone());
        Ok(End::Session(began, tokens, answer.into()))
    };
    if let Outcome::Map(map) = outcome {
        return match (map(input, answer)?, credentials) {
            (Value::Object(tokens), Credentials::NewSession | Credentials::Restore) => begin(tokens, None),
            (value, Credentials::NewSession | Credentials::Signup) => Ok(End::Signup(key, value)),
            (value, _) => Ok(End::Answer(Some(value))),
        };
    }
    let mut answer = answer?;
    Ok(End::Answer(match outcome {
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
            Some(Value::Object(tokens)) => return begin(tokens, Some(answer)),
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
