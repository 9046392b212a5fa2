//! The options of a client and of a call, taken out of their JavaScript objects.

use doorward_protocol::{Field, Rule, optional};

use crate::{
    browser::{Value, crypto, fields, http::Limits, location},
    error::{Error, error},
    fields::Tree,
};

/// Milliseconds before a request is given up.
const TIMEOUT: f64 = 10_000.0;
/// The greatest that timers take.
const LONGEST: f64 = 2_147_483_647.0;

/// `AuthClientOptions`. What is wrong with them is told by the first call: the constructor never throws.
pub(crate) struct Options {
    /// Without a slash at its end.
    pub(crate) base: String,
    pub(crate) storage: Place,
    /// Prefix of the storage keys.
    pub(crate) key: String,
    pub(crate) timeout: f64,
    pub(crate) locale: Option<String>,
    /// `false`, a function, or anything else for the default.
    pub(crate) navigate: Value,
    /// A function, or absent.
    pub(crate) fetch: Value,
    /// Are new sessions bound to a key of this browser?
    pub(crate) binds: bool,
    /// Refresh access tokens ahead?
    pub(crate) refreshes_ahead: bool,
    /// Origins that take our access tokens: the server's, and those of `apis`.
    pub(crate) origins: Vec<String>,
}

/// Where tokens are to live.
pub(crate) enum Place {
    Local,
    Session,
    Memory,
    Custom(Value),
}

impl Options {
    /// Reads them, and tells of the first that is wrong; its default stands in for it.
    pub(crate) fn read(given: &Value) -> (Options, Option<Error>) {
        let mut wrong = None;
        let mut refuse = |field: &'static str, message: &'static str| {
            wrong.get_or_insert(Error::parameter(field, message));
        };
        let storage = given.get("storage");
        let storage = match storage.text().as_deref() {
            Some("local") => Place::Local,
            Some("session") => Place::Session,
            Some("memory") => Place::Memory,
            None if storage.is_absent() => Place::Local,
            None if storage.has_method("getItem") => Place::Custom(storage),
            _ => {
                refuse(
                    "storage",
                    "Give \"local\", \"session\", \"memory\" or an object with getItem, setItem, removeItem.",
                );
                Place::Memory
            }
        };
        let fetch = given.get("fetch");
        if !fetch.is_absent() && !fetch.is_function() {
            refuse("fetch", "This must be a function.");
        }
        let base = base(&given.get("url")).unwrap_or_else(|| {
            refuse("url", "Give the server's address, like https://auth.example.com.");
            String::new()
        });
        let mut origins = Vec::new();
        origins.extend(location::origin_of(&base));
        for api in given.get("apis").items() {
            match api.text_of("origin").and_then(|text| location::origin_of(&text)) {
                Some(origin) => origins.push(origin),
                None => refuse("apis", "Give objects with an origin, like https://api.example.com."),
            }
        }
        let timeout = timeout(&given.get("timeout")).unwrap_or_else(|| {
            refuse("timeout", "This must be a number of milliseconds.");
            None
        });
        let binds = given.get("dpop").flag() != Some(false);
        if binds && !crypto::is_available() {
            wrong = Some(error!(InsecureContext));
        }
        let locale = given.text_of("locale").or_else(location::language);
        let options = Options {
            base,
            storage,
            key: given.text_of("storageKey").unwrap_or_else(|| "doorward".into()),
            timeout: timeout.unwrap_or(TIMEOUT),
            locale: locale.filter(|tag| is_language_tag(tag)),
            navigate: given.get("navigate"),
            fetch,
            binds,
            refreshes_ahead: given.get("autoRefresh").flag() != Some(false),
            origins,
        };
        (options, wrong)
    }
}

/// The server's base URL, or the page's own origin.
fn base(url: &Value) -> Option<String> {
    let text = match url.text_of("href") {
        Some(href) => href,
        None if url.is_absent() => return location::origin(),
        None => url.text()?,
    };
    let url = location::resolve(&text)?;
    let mut base = url.text_of("origin")?;
    base.push_str(url.text_of("pathname")?.trim_end_matches('/'));
    Some(base)
}

/// Nothing when there is none; no value when it is no duration.
fn timeout(value: &Value) -> Option<Option<f64>> {
    if value.is_absent() {
        return Some(None);
    }
    value.number().filter(|number| (0.0..=LONGEST).contains(number)).map(Some)
}

/// Goes into a header that is sent without a preflight only when it is plain.
fn is_language_tag(tag: &str) -> bool {
    (1..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Those of every call that are no limits.
pub(crate) const CAPTCHA: &[Field] =
    &[optional("captcha_id", Rule::Line(1024)), optional("captcha_code", Rule::Line(1024))];

/// The options of one call: `RequestOptions` over the client's limits, and the call's own as its table says.
pub(crate) fn of_call(
    given: &Value,
    own: &'static [Field],
    mut limits: Limits,
) -> Result<(Limits, Tree), Error> {
    // Handlers get called with an index or an event as their second argument: no options then.
    if !given.is_object() || given.has_method("preventDefault") {
        return Ok((limits, Tree::default()));
    }
    let signal = given.get("signal");
    if !signal.is_absent() {
        if signal.get("aborted").flag().is_none() {
            return Err(Error::parameter("signal", "This must be an AbortSignal."));
        }
        if signal.is_true("aborted") {
            return Err(error!(Aborted));
        }
        limits.caller = signal;
    }
    match timeout(&given.get("timeout")) {
        Some(Some(timeout)) => limits.timeout = timeout,
        Some(None) => {}
        None => return Err(Error::parameter("timeout", "This must be a number of milliseconds.")),
    }
    let tree = fields::read(&[own, CAPTCHA], &["signal", "timeout"], false, given)?;
    Ok((limits, tree))
}

#[cfg(test)]
mod tests {
    use super::is_language_tag;

    #[test]
    fn a_language_goes_into_a_header_only_as_a_plain_tag() {
        for (tag, good) in
            [("de-DE", true), ("zh-Hant-TW", true), ("", false), ("de\r\nX: y", false), ("*", false)]
        {
            assert_eq!(is_language_tag(tag), good, "{tag:?}");
        }
    }
}
