//! The options of a client: read, checked, and with what stands in for those that are not there. Reading them never throws:
//! what is wrong is told by the first call. And the options of a call.

use doorward_protocol::{Field, Rule, optional};
use wasm_bindgen::prelude::*;

use crate::{
    browser::{Value, fields, http::Limits, location, page, storage},
    error::{Error, error},
    fields::Tree,
};

/// Milliseconds before a request is given up.
const TIMEOUT: f64 = 10_000.0;
/// The greatest that timers take.
const LONGEST: f64 = 2_147_483_647.0;
/// Longest language tag that is sent.
const LONGEST_LOCALE: usize = 35;

/// The options of a client.
#[wasm_bindgen]
pub struct Settings {
    pub(crate) base: String,
    pub(crate) place: &'static str,
    pub(crate) key: String,
    pub(crate) outside: Value,
    pub(crate) timeout: f64,
    pub(crate) locale: Option<String>,
    pub(crate) navigate: Value,
    pub(crate) fetch: Value,
    pub(crate) binds: bool,
    pub(crate) refreshes_ahead: bool,
    origins: Vec<String>,
    pub(crate) fault: Option<Error>,
}

#[wasm_bindgen]
impl Settings {
    /// Reads what a page gives to `new AuthClient(…)`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Settings {
        let options = Value::from(options);
        let mut fault = None;
        let mut refuse = |field: &'static str, message: &'static str| {
            fault.get_or_insert_with(|| Error::parameter(field, message));
        };

        let storage = options.get("storage");
        let place = match storage.text().as_deref() {
            None if storage.is_absent() => "local",
            Some("local") => "local",
            Some("session") => "session",
            Some("memory") => "memory",
            _ if storage.has_method("getItem") => "custom",
            _ => {
                let known =
                    r#"Give "local", "session", "memory" or an object with getItem, setItem, removeItem."#;
                refuse("storage", known);
                "memory"
            }
        };
        let fetch = options.get("fetch");
        if !fetch.is_absent() && !fetch.is_function() {
            refuse("fetch", "This must be a function.");
        }
        let base = base(&options.get("url"));
        if base.is_none() {
            refuse("url", "Give the server's address, like https://auth.example.com.");
        }
        let mut origins: Vec<String> = base.iter().filter_map(|base| origin(base)).collect();
        for api in options.get("apis").items() {
            match api.text_of("origin").and_then(|address| origin(&address)) {
                Some(origin) => origins.push(origin),
                None => refuse("apis", "Give objects with an origin, like https://api.example.com."),
            }
        }
        let timeout = timeout(&options.get("timeout")).unwrap_or_else(|| {
            refuse("timeout", "This must be a number of milliseconds.");
            None
        });
        let binds = options.get("dpop").flag() != Some(false);
        if binds && Value::global("crypto").get("subtle").is_absent() {
            fault = Some(error!(InsecureContext));
        }

        let key = options.text_of("storageKey").unwrap_or_else(|| "doorward".into());
        let outside = match place {
            "custom" => storage,
            "memory" => Value::UNDEFINED,
            place => storage::of_browser(place, &key),
        };
        let locale = options.text_of("locale").or_else(page::language);
        Settings {
            base: base.unwrap_or_default(),
            place,
            key,
            outside,
            timeout: timeout.unwrap_or(TIMEOUT),
            locale: locale.filter(|locale| is_plain(locale)),
            navigate: options.get("navigate"),
            fetch: if fetch.is_function() { fetch } else { Value::UNDEFINED },
            binds,
            refreshes_ahead: options.get("autoRefresh").flag() != Some(false),
            origins,
            fault,
        }
    }

    /// The server's address, without a slash at its end.
    #[wasm_bindgen(getter)]
    pub fn base(&self) -> String {
        self.base.clone()
    }

    /// Where the session is kept: `local`, `session`, `memory` or `custom`.
    #[wasm_bindgen(getter)]
    pub fn place(&self) -> String {
        self.place.into()
    }

    /// What names of stored entries begin with.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> String {
        self.key.clone()
    }

    /// The storage of that place, if it can be used.
    #[wasm_bindgen(getter)]
    pub fn outside(&self) -> JsValue {
        self.outside.clone().into()
    }

    /// Is a session bound to a key?
    #[wasm_bindgen(getter)]
    pub fn binds(&self) -> bool {
        self.binds
    }

    /// The page's own `fetch`, if it gave one.
    #[wasm_bindgen(getter)]
    pub fn fetch(&self) -> JsValue {
        self.fetch.clone().into()
    }
}

impl Settings {
    /// Tokens go to the origins of the options and to no other: the address in full, if it is of one.
    pub(crate) fn reach(&self, address: &str) -> Option<String> {
        let url = location::resolve(address)?;
        self.origins.contains(&url.origin()).then(|| url.href())
    }
}

/// The server's address without a slash at its end, or the page's own origin.
fn base(given: &Value) -> Option<String> {
    if given.is_absent() {
        return location::origin().filter(|origin| origin.starts_with("http"));
    }
    // A `URL` is good, too.
    let url = location::resolve(&given.text().or_else(|| given.text_of("href"))?)?;
    let mut base = url.origin();
    base.push_str(url.pathname().trim_end_matches('/'));
    Some(base)
}

fn origin(address: &str) -> Option<String> {
    location::resolve(address).map(|url| url.origin())
}

/// A header with it is sent without a preflight only when it is plain.
fn is_plain(locale: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LONGEST_LOCALE).contains(&locale.len()) && locale.bytes().all(is_plain)
}

/// Nothing when there is none; no value when it is no duration.
fn timeout(value: &Value) -> Option<Option<f64>> {
    if value.is_absent() {
        return Some(None);
    }
    value.number().filter(|number| (0.0..=LONGEST).contains(number)).map(Some)
}

/// Characters in the answer to a captcha: what the widget of a service gives is long.
const LONGEST_CODE: u32 = 8192;

/// Those of every call that are no limits.
pub(crate) const CAPTCHA: &[Field] =
    &[optional("captcha_id", Rule::Line(1024)), optional("captcha_code", Rule::Line(LONGEST_CODE))];

/// The options of one call: `RequestOptions` over the client's limits, and the call's own as its table says.
pub(crate) fn of_call(
    given: &Value,
    own: &'static [Field],
    limits: &Limits,
) -> Result<(Limits, Tree), Error> {
    // Handlers get called with an index or an event as their second argument: no options then.
    if !given.is_object() || given.has_method("preventDefault") {
        return Ok((limits.clone(), Tree::default()));
    }
    let signal = given.get("signal");
    if !signal.is_absent() {
        if signal.get("aborted").flag().is_none() {
            return Err(Error::parameter("signal", "This must be an AbortSignal."));
        }
        if signal.is_true("aborted") {
            return Err(error!(Aborted));
        }
    }
    let timeout = timeout(&given.get("timeout"))
        .ok_or_else(|| Error::parameter("timeout", "This must be a number of milliseconds."))?;
    let limits = Limits::new(&limits.life(), &signal, timeout.unwrap_or_else(|| limits.timeout()));
    let tree = fields::read(&[own, CAPTCHA], &["signal", "timeout"], fields::How::Given, given)?;
    Ok((limits, tree))
}
