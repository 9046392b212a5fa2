//! The `Authorization` header of a request.

use axum::http::{HeaderMap, header};
use doorward_core::secret::Secret;
use doorward_core::service_key;

/// The scheme of a token.
pub(super) enum Scheme {
    Bearer,
    Dpop,
}

/// The scheme and token of the `Authorization` header. `None` if there are several.
pub(super) fn credentials(headers: &HeaderMap) -> Option<(Scheme, &str)> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some((Scheme::Bearer, token)),
        "dpop" => Some((Scheme::Dpop, token)),
        _ => None,
    }
}

/// A bearer token with the prefix of a service key. It is not verified here.
pub(super) fn presented(headers: &HeaderMap) -> Option<Secret> {
    match credentials(headers)? {
        (Scheme::Bearer, text) if text.starts_with(service_key::PREFIX) => {
            Some(Secret::from(text.to_owned()))
        }
        _ => None,
    }
}
