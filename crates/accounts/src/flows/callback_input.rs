//! The provider's answer as the page sends it: in separate fields, or as the full URL that the browser returned
//! to.

use doorward_core::secret::Secret;
use doorward_protocol::provider::ProviderLoginRequest;
use doorward_request::error::ApiError;
use url::Url;

/// The input that ends a flow: the provider's answer, its key, or a token.
#[derive(Debug)]
pub enum CallbackInput {
    /// An answer that the provider sent to the page.
    Here {
        /// The value that identifies the flow: `state`, or the request token of OAuth 1.0a.
        handle: Option<String>,
        /// The full URL that the browser returned to.
        callback: Option<Url>,
        /// The answer.
        answer: Returned,
    },
    /// The key (`oauthKey`) of an answer that the provider sent to the server.
    There(String),
    /// A token that an app got from the provider.
    Token {
        /// The token.
        token: Secret,
        /// The nonce that the token must contain.
        nonce: Option<String>,
    },
}

/// An answer of a provider.
#[derive(Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Returned {
    /// An answer of OAuth 2.
    Code {
        /// The code.
        code: String,
        /// The issuer that the answer names (RFC 9207).
        iss: Option<String>,
        /// Apple's description of the user, which it sends only once.
        user: Option<String>,
    },
    /// An answer of OAuth 1.0a.
    Verifier {
        /// The request token.
        token: String,
        /// The verifier.
        verifier: String,
    },
    /// The user or the provider refused. The text is the reason, and is safe to show to the user.
    Refusal(String),
}

impl Returned {
    /// A text that identifies the answer: its code, its token and verifier, or its refusal. Two requests with the
    /// same text repeat each other.
    pub fn as_text(&self) -> String {
        match self {
            Returned::Code { code, .. } => format!("code {code}"),
            Returned::Verifier { token, verifier } => format!("verifier {token} {verifier}"),
            Returned::Refusal(why) => format!("refusal {why}"),
        }
    }

    /// A refusal with the provider's error code.
    pub fn refusal(error: &str) -> Returned {
        let is_word = error.len() <= 40 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        Returned::Refusal(match error {
            "access_denied" | "user_cancelled_authorize" | "user_denied" => {
                "The sign-in was cancelled at the provider.".to_owned()
            }
            word if is_word && !word.is_empty() => format!("The provider answered {word}."),
            _ => "The provider did not allow the sign-in.".to_owned(),
        })
    }
}

impl CallbackInput {
    /// Reads the answer from a request.
    pub fn of(mut given: ProviderLoginRequest) -> Result<CallbackInput, ApiError> {
        let callback = match &given.callback {
            Some(text) => {
                let url =
                    Url::parse(text).map_err(|_| ApiError::field("callback", "This is not a valid URL."))?;
                fill_from_callback(&mut given, &url);
                Some(url)
            }
            None => None,
        };
        if let Some(token) = given.token {
            return Ok(CallbackInput::Token { token: token.into(), nonce: given.nonce });
        }
        if let Some(key) = given.oauth_key {
            return Ok(CallbackInput::There(key));
        }
        if let Some(error) = given.error {
            let handle = given.state.or(given.oauth_token);
            return Ok(CallbackInput::Here { handle, callback, answer: Returned::refusal(&error) });
        }
        if let Some(token) = given.oauth_token {
            let Some(verifier) = given.oauth_verifier else {
                return Err(ApiError::field("oauth_verifier", "This field is required."));
            };
            let handle = Some(token.clone());
            return Ok(CallbackInput::Here {
                handle,
                callback,
                answer: Returned::Verifier { token, verifier },
            });
        }
        let Some(code) = given.code else {
            return Err(ApiError::field(
                "code",
                "Pass the code that the provider added to the callback URL.",
            ));
        };
        let answer = Returned::Code { code, iss: given.iss, user: None };
        Ok(CallbackInput::Here { handle: given.state, callback, answer })
    }
}

/// Fills missing fields from the query of the callback URL. Separate fields take precedence.
fn fill_from_callback(given: &mut ProviderLoginRequest, callback: &Url) {
    let mut denied = None;
    for (name, value) in callback.query_pairs() {
        let field = match &*name {
            "code" => &mut given.code,
            "state" => &mut given.state,
            "iss" => &mut given.iss,
            "error" => &mut given.error,
            "oauth_token" => &mut given.oauth_token,
            "oauth_verifier" => &mut given.oauth_verifier,
            "oauthKey" => &mut given.oauth_key,
            // OAuth 1.0a: the request token that the user refused.
            "denied" => &mut denied,
            _ => continue,
        };
        if field.is_none() {
            *field = Some(value.into_owned());
        }
    }
    if denied.is_some() {
        given.error.get_or_insert_with(|| "access_denied".to_owned());
        given.oauth_token = given.oauth_token.take().or(denied);
    }
}

/// True if the browser returned to the page that the flow was begun for. The provider may add query parameters,
/// but the original ones must remain.
pub(super) fn is_page(returned_to: &Url, begun_for: &str) -> bool {
    let Ok(begun_for) = Url::parse(begun_for) else { return false };
    let without_query = |url: &Url| {
        (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port(), url.path().to_owned())
    };
    let has = |pair| returned_to.query_pairs().any(|other| other == pair);
    without_query(returned_to) == without_query(&begun_for)
        && returned_to.username().is_empty()
        && begun_for.query_pairs().all(has)
}
