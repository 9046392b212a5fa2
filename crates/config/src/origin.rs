//! Checks the origins and addresses in settings: of web pages, and of the pages and links of apps.

use doorward_core::local_address::is_local;
use url::Url;

/// Schemes that cannot belong to an app.
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

/// The error in an entry of `cors.origins`, if it has one.
pub(super) fn fault(origin: &str, dev: bool) -> Option<String> {
    if origin == "null" {
        return (!dev).then(|| {
            "can have null with --dev alone: it is the origin of `file:` pages and of every sandboxed frame"
                .to_owned()
        });
    }
    let exact = if origin.contains('*') { None } else { Url::parse(origin).ok().as_ref().and_then(of) };
    match exact {
        Some(exact) if exact == origin => None,
        Some(exact) => Some(format!("must list origins as browsers send them: write {exact} instead of {origin}")),
        None if origin.starts_with("file:") => {
            Some("cannot have file: the origin of such pages is null, which is allowed with --dev alone".to_owned())
        }
        None => Some(
            "each must be an exact origin like https://www.example.com or capacitor://localhost: no path, no slash \
             at the end, no *"
                .to_owned(),
        ),
    }
}

/// The origin of a page, as browsers and web views send it.
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

/// True for the address of an app: `capacitor://localhost/welcome`, or `com.example.app:/welcome` (RFC 8252 §7.1).
pub fn is_app(url: &Url) -> bool {
    let scheme = url.scheme();
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    !NO_APP.contains(&scheme) && (has_host || scheme.contains('.'))
}

/// True if the server may redirect a browser to this address: a web page or an app.
pub(super) fn is_target(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") || is_app(url)
}

/// True if the server may send a provider's answer, which contains a code, to this address: https or an app; http
/// only on this machine.
pub(super) fn is_callback(url: &Url) -> bool {
    (url.scheme() == "https" || is_local(url) || is_app(url))
        && url.username().is_empty()
        && url.fragment().is_none()
}
