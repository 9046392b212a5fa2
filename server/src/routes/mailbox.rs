//! The development mailbox: a page with the sent mails and SMS, and the same as JSON for tests. Only with
//! `--dev`, which listens on the loopback address only (D-36).

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use doorward_core::canonical;
use doorward_core::clock::rfc3339;
use doorward_core::message::Channel;
use doorward_messages::mail::mailbox::{Mailbox, Received};
use doorward_messages::mail::transport::OutgoingMessage;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use minijinja::context;
use serde::Serialize;
use url::form_urlencoded;

use crate::app::{App, AppState};

/// For the HTML of a mail: no scripts and no external resources. Links open in a new tab.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox";

pub(super) fn router(app: &App) -> Router<AppState> {
    if !app.platform.dev {
        return Router::new();
    }
    Router::new()
        .route("/dev/mailbox", get(page))
        .route("/dev/mailbox.json", get(list).delete(clear))
        .route("/dev/mailbox/{id}", get(html))
}

/// A mail or SMS as JSON. An SMS has no subject, HTML and link.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    channel: &'static str,
    message: &'static str,
    to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    sent_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

impl<'a> From<&'a Received> for Entry<'a> {
    fn from(received: &'a Received) -> Entry<'a> {
        let sent_at = rfc3339(received.sent_at);
        match &received.parcel {
            OutgoingMessage::Mail(mail) => Entry {
                id: &mail.id,
                channel: Channel::Mail.as_str(),
                message: mail.message.as_str(),
                to: &mail.to,
                subject: Some(&mail.subject),
                text: &mail.text,
                html: Some(&mail.html),
                sent_at,
                code: mail.code.as_deref(),
                link: mail.link.as_deref(),
            },
            OutgoingMessage::Sms(sms) => Entry {
                id: &sms.id,
                channel: Channel::Sms.as_str(),
                message: sms.message.as_str(),
                to: &sms.to,
                subject: None,
                text: &sms.text,
                html: None,
                sent_at,
                code: Some(&sms.code),
                link: None,
            },
        }
    }
}

async fn page(State(app): State<AppState>) -> Result<Response, ApiError> {
    app.pages.show(&app.platform.world, "mailbox.html", context! {})
}

/// Lists the messages, newest first. `?to=` accepts an address in any spelling.
async fn list(State(app): State<AppState>, uri: Uri) -> Result<Response, ApiError> {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    // A space is an unencoded plus sign, because addresses contain no space.
    let to = query.find(|(name, _)| name == "to").map(|(_, to)| to.replace(' ', "+"));
    let to = to.map(|to| canonical::email(&to).unwrap_or(to));
    let mails = mailbox(&app)?.list(to.as_deref());
    Ok(Json(mails.iter().map(|mail| Entry::from(mail.as_ref())).collect::<Vec<_>>()).into_response())
}

async fn clear(State(app): State<AppState>) -> Result<StatusCode, ApiError> {
    mailbox(&app)?.clear();
    Ok(StatusCode::NO_CONTENT)
}

async fn html(State(app): State<AppState>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let mails = mailbox(&app)?.list(None);
    let found = mails.iter().find_map(|received| match &received.parcel {
        OutgoingMessage::Mail(mail) if mail.id == id => Some(&mail.html),
        _ => None,
    });
    let html = found.ok_or(ErrorCode::NotFound)?.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY)),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    ];
    Ok((headers, Html(html)).into_response())
}

fn mailbox(app: &App) -> Result<&Mailbox, ApiError> {
    app.outbox.transport.mailbox.as_deref().ok_or_else(|| ErrorCode::NotFound.into())
}
