//! The options of a client and of a call: reads and checks them, and sets defaults. Reading never throws: the
//! first call reports an error in the client's options.

use doorward_protocol::{Field, Rule, optional};
use wasm_bindgen::prelude::*;

use crate::{
    browser::{
        events::Function,
        fields::{self, Empty},
        limits::Limits,
        location, object, page, storage,
    },
    document::Document,
    error::{Error, error},
};

/// The prefix of the names of stored entries.
pub(crate) const KEY: &str = "doorward";
/// The default timeout of a request, in milliseconds.
const TIMEOUT: f64 = 10_000.0;
/// The longest time of a timer, in milliseconds.
const LONGEST: f64 = 2_147_483_647.0;
/// The maximum length of a language tag that is sent.
const LONGEST_LOCALE: usize = 35;

/// The place of the session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// `localStorage`.
    Local,
    /// `sessionStorage`.
    Session,
    /// The memory of the page.
    Memory,
    /// A storage that the page supplies.
    Custom,
}

impl Place {
    /// The name, as in `AuthClient.persistence`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Local => "local",
            Place::Session => "session",
            Place::Memory => "memory",
            Place::Custom => "custom",
        }
    }
}

/// The options of a client.
pub(crate) struct Settings {
    /// The URL of the server, without a slash at its end.
    pub(crate) base: String,
    pub(crate) place: Place,
    /// The prefix of the names of stored entries.
    pub(crate) key: String,
    /// True if the prefix contains the server's URL: no `storageKey` was given, and the server has another
    /// origin than the page. So two projects on `http://localhost:5173` have separate sessions.
    pub(crate) is_key_of_server: bool,
    /// The storage of the place. `undefined` if it cannot be used.
    pub(crate) storage: JsValue,
    /// The timeout of each try of a request, in milliseconds.
    pub(crate) timeout: f64,
    pub(crate) locale: Option<String>,
    pub(crate) navigate: JsValue,
    /// The page's own `fetch`.
    pub(crate) fetch: Option<Function>,
    /// True if sessions are bound to a key.
    pub(crate) binds: bool,
    /// True if access tokens are refreshed before they expire.
    pub(crate) refreshes_ahead: bool,
    origins: Vec<String>,
    pub(crate) fault: Option<Error>,
}

impl Settings {
    /// Reads the argument of `new AuthClient(…)`.
    pub(crate) fn read(options: &JsValue) -> Settings {
        let mut fault = None;
        let mut refuse = |field: &'static str, message: &'static str| {
            fault.get_or_insert_with(|| Error::parameter(field, message));
        };

        let given = object::get(options, "storage");
        let place = match given.as_string().as_deref() {
            None if object::is_absent(&given) => Place::Local,
            Some("local") => Place::Local,
            Some("session") => Place::Session,
            Some("memory") => Place::Memory,
            _ if object::has_method(&given, "getItem") => Place::Custom,
            _ => {
                let known =
                    r#"Give "local", "session", "memory" or an object with getItem, setItem, removeItem."#;
                refuse("storage", known);
                Place::Memory
            }
        };
        let fetch = object::get(options, "fetch");
        if !object::is_absent(&fetch) && !fetch.is_function() {
            refuse("fetch", "This must be a function.");
        }
        if ["access_token", "accessToken"].iter().any(|name| !object::is_absent(&object::get(options, name)))
        {
            let instead = "An access token cannot start a session. Pass a refresh token to restoreToken(), or check this token with checkLoginStatus().";
            refuse("access_token", instead);
        }
        let base = base(&object::get(options, "url"));
        let mut origins = Vec::new();
        match base.as_deref().and_then(origin) {
            Some(origin) => origins.push(origin),
            None => refuse("url", "Give the server's address, like https://auth.example.com."),
        }
        for api in object::items(&object::get(options, "apis")) {
            match object::text(&api, "origin").and_then(|address| origin(&address)) {
                Some(origin) => origins.push(origin),
                None => refuse("apis", "Give objects with an origin, like https://api.example.com."),
            }
        }
        let timeout = timeout(&object::get(options, "timeout")).unwrap_or_else(|| {
            refuse("timeout", "This must be a number of milliseconds.");
            None
        });
        let binds = object::get(options, "dpop").as_bool() != Some(false);
        if binds && !page::is_secure() {
            fault = Some(error!(InsecureContext));
        }

        let own_key = object::text(options, "storageKey");
        let is_kept = matches!(place, Place::Local | Place::Session);
        let is_key_of_server = own_key.is_none() && is_kept && base != location::origin();
        let key = own_key.unwrap_or_else(|| match &base {
            Some(base) if is_key_of_server => [KEY, ".", base].concat(),
            _ => KEY.into(),
        });
        let storage = match place {
            Place::Custom => given,
            Place::Memory => JsValue::UNDEFINED,
            Place::Local | Place::Session => storage::of_browser(place.name(), &key),
        };
        let locale = object::text(options, "locale").or_else(page::language);
        Settings {
            base: base.unwrap_or_default(),
            place,
            key,
            is_key_of_server,
            storage,
            timeout: timeout.unwrap_or(TIMEOUT),
            locale: locale.filter(|locale| is_plain(locale)),
            navigate: object::get(options, "navigate"),
            fetch: fetch.dyn_into().ok(),
            binds,
            refreshes_ahead: object::get(options, "autoRefresh").as_bool() != Some(false),
            origins,
            fault,
        }
    }

    /// Resolves a URL that may get tokens: its origin must be in the options `url` and `apis`. `None` for any
    /// other.
    pub(crate) fn reach(&self, address: &str) -> Option<String> {
        let url = location::resolve(address)?;
        self.origins.contains(&url.origin()).then(|| url.href())
    }
}

/// The server's URL without a slash at its end. The default is the page's own origin.
fn base(given: &JsValue) -> Option<String> {
    if object::is_absent(given) {
        return location::origin().filter(|origin| origin.starts_with("http"));
    }
    // The page may pass a `URL`.
    let url = location::resolve(&given.as_string().or_else(|| object::text(given, "href"))?)?;
    let mut base = url.origin();
    base.push_str(url.pathname().trim_end_matches('/'));
    Some(base)
}

fn origin(address: &str) -> Option<String> {
    location::resolve(address).map(|url| url.origin())
}

/// True for a plain value: a header with another value would need a preflight.
fn is_plain(locale: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LONGEST_LOCALE).contains(&locale.len()) && locale.bytes().all(is_plain)
}

/// `Some(None)` for an absent value. `None` for a value that is not a duration.
fn timeout(value: &JsValue) -> Option<Option<f64>> {
    if object::is_absent(value) {
        return Some(None);
    }
    // Node does not accept fractions.
    value.as_f64().filter(|number| (0.0..=LONGEST).contains(number)).map(|number| Some(number.trunc()))
}

/// The maximum length of a captcha's solution in characters. The solutions of captcha services are long.
const LONGEST_CODE: u32 = 8192;

/// The options of every call, except for its limits.
pub(crate) const CAPTCHA: &[Field] =
    &[optional("captcha_id", Rule::Line(1024)), optional("captcha_code", Rule::Line(LONGEST_CODE))];

/// The options of a call: `RequestOptions` combined with the limits of the client, and the options in the
/// method's table.
pub(crate) fn of_call(
    given: &JsValue,
    own: &'static [Field],
    limits: &Limits,
) -> Result<(Limits, Document), Error> {
    // Event handlers get an index or an event as their second argument, which is not an object of options.
    if !object::is_object(given) || object::has_method(given, "preventDefault") {
        return Ok((limits.clone(), Document::default()));
    }
    let signal = object::get(given, "signal");
    let signal = if signal.is_null() { JsValue::UNDEFINED } else { signal };
    let timeout = timeout(&object::get(given, "timeout"))
        .ok_or_else(|| Error::parameter("timeout", "This must be a number of milliseconds."))?;
    let limits = limits
        .of_call(&signal, timeout)
        .ok_or_else(|| Error::parameter("signal", "This must be an AbortSignal."))?;
    if limits.is_over() {
        return Err(error!(Aborted));
    }
    let options = fields::of_object(&[own, CAPTCHA], &["signal", "timeout"], Empty::Absent, given)?;
    Ok((limits, options))
}
