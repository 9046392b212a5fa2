//! Origins and addresses that operators list: of web pages, and of pages and links of apps.

use doorward_core::local_address::is_local;
use url::Url;

/// Schemes that no app has pages of its own at.
const NO_APP: &[&str] = &[
    "http",
    "https",
    "ws",
    "wss",
    "ftp",
    "file",
    "filesystem",
    "blob",
    "data",
    "about",
    "javascript",
    "vbscript",
    "view-source",
];

/// What is wrong with an origin of `cors.origins`, if anything is.
pub(super) fn fault(origin: &str, dev: bool) -> Option<String> {
    if origin == "null" {
        return (!dev).then(|| {
            "can have null, the origin of `file:` pages and of every frame in a sandbox, with --dev alone"
                .to_owned()
        });
    }
    let exact = if origin.contains('*') { None } else { Url::parse(origin).ok().as_ref().and_then(of) };
    match exact {
        Some(exact) if exact == origin => None,
        Some(exact) => Some(format!("must have origins as browsers send them: write {exact} instead of {origin}")),
        None if origin.starts_with("file:") => {
            Some("cannot have file: such pages have the origin null, which is allowed with --dev alone".to_owned())
        }
        None => Some(
            "each must be an exact origin like https://www.example.com or capacitor://localhost: no path, no slash at the \
             end, no *"
                .to_owned(),
        ),
    }
}

/// The origin of a page, as browsers and the web views of apps send it.
fn of(page: &Url) -> Option<String> {
    match page.scheme() {
        "http" | "https" => Some(page.origin().ascii_serialization()),
        scheme if NO_APP.contains(&scheme) => None,
        scheme => {
            let host = page.host_str().filter(|host| !host.is_empty())?;
            let port = page.port().map(|port| format!(":{port}")).unwrap_or_default();
            Some(format!("{scheme}://{host}{port}"))
        }
    }
}

/// Is it the address of an app: `capacitor://localhost/welcome`, or `com.example.app:/welcome` (RFC 8252 §7.1)?
pub fn is_app(url: &Url) -> bool {
    let scheme = url.scheme();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    !NO_APP.contains(&scheme) && (has_host || scheme.contains('.'))
}

/// May a person be sent there: to a web page, or to an app?
pub(super) fn is_target(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") || is_app(url)
}

/// The same for an answer of a provider, which has a code in it: http only on this machine.
pub(super) fn is_callback(url: &Url) -> bool {
    (url.scheme() == "https" || is_local(url) || is_app(url))
        && url.username().is_empty()
        && url.fragment().is_none()
}
