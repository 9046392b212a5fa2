//! The pages that mailed links open, for apps without pages of their own. Opening one changes nothing,
//! because mail scanners open every link (SECURITY C05). Only the form changes something. It also accepts the
//! code of the mail.

use std::borrow::Cow;

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use doorward_accounts::addresses::contacts::Contact;
use doorward_accounts::addresses::first_proof::Evidence;
use doorward_core::canonical;
use doorward_core::operation::Operation;
use doorward_limits::{self, Purpose, Subject};
use doorward_protocol::email::{ResendVerificationRequest, VerifyEmailRequest};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::{ForgotPasswordRequest, GivenCode, MailProof, ResetPasswordRequest};
use doorward_protocol::{Given, Request, Rule, Source};
use doorward_request::caller::Caller;
use doorward_request::error::{ApiError, Shown};
use doorward_request::event::Principal;
use minijinja::context;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::email::{self, PasswordGiven, Verification};
use crate::app::AppState;
use crate::extract::read;
use crate::methods::recovery;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/account/verify", get(show_verify).post(post_verify))
        .route("/account/verify/done", get(verified))
        .route("/account/verify/removed", get(removed))
        .route("/account/reset", get(show_reset).post(post_reset))
        .route("/account/reset/done", get(reset_done))
}

async fn show_verify(State(app): State<AppState>, uri: Uri) -> Result<Response, ApiError> {
    page(&app, "verify.html", "Confirm your address", &Form::default(), Notice::of(&uri))
}

async fn show_reset(State(app): State<AppState>, uri: Uri) -> Result<Response, ApiError> {
    page(&app, "reset.html", "Choose a new password", &Form::default(), Notice::of(&uri))
}

async fn post_verify(
    State(app): State<AppState>,
    caller: Caller,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let form = Form::read(request).await?;
    let done = match form.check::<ResendVerificationRequest, VerifyEmailRequest>(&app) {
        Ok(asked) => verify(&app, caller, asked, &form).await,
        Err(error) => Err(error),
    };
    done.or_else(|error| {
        // After all other errors the link and the code are still valid.
        let is_used = matches!(
            error.code,
            ErrorCode::InvalidCode
                | ErrorCode::ExpiredCode
                | ErrorCode::TokenRevoked
                | ErrorCode::TokenExpired
                | ErrorCode::NotFound
        );
        let is_claim = form.given("password").or_else(|| form.given("new_password")).is_some();
        match error.code == ErrorCode::PasswordRequired || (is_claim && !is_used) {
            true => proof_page(&app, "claim.html", &form, Some(error)),
            false => page(&app, "verify.html", "Confirm your address", &form, Notice::Refused(error)),
        }
    })
}

async fn post_reset(
    State(app): State<AppState>,
    caller: Caller,
    request: HttpRequest,
) -> Result<Response, ApiError> {
    let form = Form::read(request).await?;
    let done = match form.check::<ForgotPasswordRequest, ResetPasswordRequest>(&app) {
        Ok(asked) => reset(&app, caller, asked, &form).await,
        Err(error) => Err(error),
    };
    done.or_else(|error| page(&app, "reset.html", "Choose a new password", &form, Notice::Refused(error)))
}

async fn verify(
    app: &AppState,
    caller: Caller,
    asked: PageRequest,
    form: &Form,
) -> Result<Response, ApiError> {
    match asked {
        PageRequest::Mail(address) => {
            let named = Contact::email(&address, "email")?;
            doorward_limits::admit_form(&app.limits, &caller, Purpose::Send, named.subject()).await?;
            let given = [("email", address.as_str()), email::RESENT];
            let given = ask(app, &caller, Operation::SendCode, given).await?;
            email::resend(app, caller, Contact::email(text(&given, "email"), "email")?).await?;
            Ok(to(app, "/account/verify?sent"))
        }
        // Mail scanners press buttons, too: nothing happens before a second one.
        PageRequest::Act(_) if form.text("action") == "disown" => proof_page(app, "disown.html", form, None),
        PageRequest::Act(_) if form.text("action") == "back" => proof_page(app, "claim.html", form, None),
        PageRequest::Act(proof) => {
            doorward_limits::admit_form(&app.limits, &caller, Purpose::Code, Subject::of(&proof)).await?;
            if form.text("action") == "disown_confirmed" {
                email::disown(app, caller, proof).await?;
                return Ok(to(app, "/account/verify/removed"));
            }
            ask(app, &caller, Operation::VerifyEmail, [("email", address(&proof))]).await?;
            let password = PasswordGiven::of(form.given("password"), form.given("new_password"))?;
            let evidence = Evidence::default();
            let asked = Verification { proof, evidence, password, idempotency: None, is_form: true };
            let (_, redirect) = email::verify(app, caller, asked).await?;
            Ok(match redirect {
                // Checked against the operator's list at the sign-up.
                Some(page) => go_to(&page),
                None => to(app, "/account/verify/done"),
            })
        }
    }
}

async fn reset(
    app: &AppState,
    caller: Caller,
    asked: PageRequest,
    form: &Form,
) -> Result<Response, ApiError> {
    match asked {
        PageRequest::Mail(address) => {
            let named = Contact::email(&address, "email")?;
            doorward_limits::admit_form(&app.limits, &caller, Purpose::Send, named.subject()).await?;
            let given = ask(app, &caller, Operation::ForgotPassword, [("email", address.as_str())]).await?;
            recovery::forgot(app, caller, Contact::email(text(&given, "email"), "email")?).await?;
            Ok(to(app, "/account/reset?sent"))
        }
        PageRequest::Act(proof) => {
            doorward_limits::admit_form(&app.limits, &caller, Purpose::Code, Subject::of(&proof)).await?;
            let given = [("email", address(&proof)), ("password", form.text("new_password"))];
            let given = ask(app, &caller, Operation::ResetPassword, given).await?;
            let password = text(&given, "password");
            canonical::check(Rule::NewPassword, password, app.platform.policy())
                .map_err(|said| ApiError::field("new_password", said))?;
            let (evidence, password) = (Evidence::default(), password.to_owned().into());
            recovery::reset(app, caller, proof, evidence, password, None).await?;
            Ok(to(app, "/account/reset/done"))
        }
    }
}

/// Runs the operator's hooks for a form, and returns the fields that they may have changed.
async fn ask<const N: usize>(
    app: &AppState,
    caller: &Caller,
    operation: Operation,
    given: [(&str, &str); N],
) -> Result<Map<String, Value>, ApiError> {
    doorward_hooks::ask(&app.hooks, caller, operation, Principal::default(), doorward_hooks::fields(given))
        .await
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The address that a code was sent to. Empty for a link, which does not name it.
fn address(proof: &MailProof) -> &str {
    match proof {
        MailProof::Code { email, .. } => email,
        MailProof::Token(_) => "",
    }
}

async fn verified(State(app): State<AppState>) -> Result<Response, ApiError> {
    let (title, text) = ("Address confirmed", "Thank you. You can close this page and sign in.");
    app.pages.show(&app.platform.world, "done.html", context! { title, text })
}

async fn removed(State(app): State<AppState>) -> Result<Response, ApiError> {
    let (title, text) =
        ("Your address was removed", "The account does not have it any more. You can close this page.");
    app.pages.show(&app.platform.world, "done.html", context! { title, text })
}

async fn reset_done(State(app): State<AppState>) -> Result<Response, ApiError> {
    let (title, text) = (
        "New password set",
        "Every device was signed out. You can close this page and sign in with the new password.",
    );
    app.pages.show(&app.platform.world, "done.html", context! { title, text })
}

/// Redirects to a page of the server.
fn to(app: &AppState, path: &str) -> Response {
    go_to(&app.platform.config.path(path))
}

/// 303: the browser continues with GET, and a reload does not post the form again (SECURITY O08).
fn go_to(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// The message that the page shows beside its form.
enum Notice {
    Nothing,
    Sent,
    Refused(ApiError),
}

impl Notice {
    fn of(uri: &Uri) -> Notice {
        if uri.query() == Some("sent") { Notice::Sent } else { Notice::Nothing }
    }

    /// The field at fault, if it is on the page, and the message.
    fn words(&self) -> (&str, Cow<'_, str>) {
        let error = match self {
            Notice::Nothing => return ("", "".into()),
            Notice::Sent => {
                return ("", "If there is something to send for this address, a mail is on its way. Its link and its code replace those of older mails.".into());
            }
            Notice::Refused(error) => error,
        };
        let text = match error.code {
            ErrorCode::InvalidCode => {
                "This code is not right, or it was used. Look for the newest mail, or ask for a new one."
            }
            ErrorCode::ExpiredCode => "This code is too old. Ask for a new mail.",
            ErrorCode::TokenRevoked => {
                "This link was used already, or a newer mail has replaced it. Use the code of the newest mail, or ask for a new one."
            }
            ErrorCode::TokenExpired => "This link is too old. Ask for a new mail.",
            ErrorCode::RequestExceed | ErrorCode::LimitExceeded => {
                "Too many tries. Please wait a little, then try again."
            }
            ErrorCode::Overloaded => "The server is busy. Please try again in a moment.",
            ErrorCode::InvalidParameter => error.detail.as_deref().unwrap_or("Something is missing."),
            ErrorCode::NotFound | ErrorCode::PasswordRejected => {
                error.detail.as_deref().unwrap_or(error.code.message())
            }
            _ => "That did not work. Please try again.",
        };
        let field = match error.code {
            ErrorCode::InvalidCode | ErrorCode::ExpiredCode => "code",
            _ => error.field.as_deref().filter(|field| *field != "token").unwrap_or(""),
        };
        (field, text.into())
    }
}

fn page(
    app: &AppState,
    template: &str,
    title: &str,
    form: &Form,
    notice: Notice,
) -> Result<Response, ApiError> {
    let (field, words) = notice.words();
    let at = |name: &str| if name == field { words.as_ref() } else { "" };
    let (email, code, new_password) = (at("email"), at("code"), at("new_password"));
    // A rejected token cannot be used again: then the page shows the form for the code.
    let token = if new_password.is_empty() { "" } else { form.text("token") };
    let values = context! {
        title,
        token,
        email => form.text("email"),
        errors => context! { email, code, new_password },
        notice => if field.is_empty() { words.as_ref() } else { "" },
        sent => matches!(notice, Notice::Sent),
        password_min => app.platform.config.password.min_length,
    };
    let mut response = app.pages.show(&app.platform.world, template, values)?;
    if let Notice::Refused(error) = notice {
        refuse(&mut response, error);
    }
    Ok(response)
}

/// A page that continues with the proof of a form.
fn proof_page(
    app: &AppState,
    template: &str,
    form: &Form,
    error: Option<ApiError>,
) -> Result<Response, ApiError> {
    let notice = match error {
        Some(error) if error.code != ErrorCode::PasswordRequired => Notice::Refused(error),
        _ => Notice::Nothing,
    };
    let (field, words) = notice.words();
    let at = |name: &str| if name == field { words.as_ref() } else { "" };
    let (password, new_password) = (at("password"), at("new_password"));
    let values = context! {
        title => "Confirm your address",
        token => form.text("token"),
        email => form.text("email"),
        code => form.text("code"),
        errors => context! { password, new_password },
        notice => if password.is_empty() && new_password.is_empty() { words.as_ref() } else { "" },
        password_min => app.platform.config.password.min_length,
    };
    let mut response = app.pages.show(&app.platform.world, template, values)?;
    match notice {
        Notice::Refused(error) => refuse(&mut response, error),
        Notice::Nothing | Notice::Sent if template == "claim.html" => {
            refuse(&mut response, ErrorCode::PasswordRequired.into())
        }
        Notice::Nothing | Notice::Sent => {}
    }
    Ok(response)
}

/// Sets the status of an error that the page shows as text.
fn refuse(response: &mut Response, error: ApiError) {
    *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(Shown(error));
}

/// The request of a form.
enum PageRequest {
    /// A new mail to this address.
    Mail(String),
    /// The action of the page, with its proof.
    Act(MailProof),
}

/// The fields of a posted form.
#[derive(Default)]
struct Form(Vec<(String, String)>);

impl Form {
    async fn read(request: HttpRequest) -> Result<Form, ApiError> {
        if !is_form(request.headers()) {
            return Err(ApiError::request(415, "Send the form of this page."));
        }
        let bytes = read(request.into_body()).await?;
        Ok(Form(form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Checks the fields by the tables of the API requests: `M` for a new mail, `A` for the action.
    fn check<M: Request, A: Request>(&self, app: &AppState) -> Result<PageRequest, ApiError> {
        if self.text("action") == "send" {
            M::check(&Fields(self, &["email"]), app.platform.policy())?;
            return Ok(PageRequest::Mail(self.text("email").to_owned()));
        }
        A::check(
            &Fields(self, &["email", "code", "token", "password", "new_password"]),
            app.platform.policy(),
        )?;
        let code = self.given("code").map(GivenCode::Text);
        let email = self.given("email").map(|text| Contact::email(&text, "email")).transpose()?;
        let (email, token) = (email.map(|contact| contact.value), self.given("token"));
        Ok(PageRequest::Act(MailProof::of(email.as_deref(), code.as_ref(), token.as_deref())?))
    }

    fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The fields of a form that a table checks.
struct Fields<'a>(&'a Form, &'a [&'a str]);

impl Source for Fields<'_> {
    fn get(&self, name: &str) -> Given<'_> {
        match self.0.text(name) {
            "" => Given::Absent,
            text if name == "new_password" => canonical::given(Rule::NewPassword, text),
            text => Given::Text(text.into()),
        }
    }

    fn nested(&self, _: &str) -> Option<Self> {
        None
    }

    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String> {
        let given = |name: &&&str| !self.0.text(name).is_empty();
        self.1.iter().filter(given).find(|name| !known(name)).map(|name| (*name).to_owned())
    }
}
