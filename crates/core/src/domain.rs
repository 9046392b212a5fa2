//! Domains in ASCII, the form in which browsers and mail servers compare them.

use url::Url;

/// Normalises a domain to lower-case ASCII (IDNA). `None` if it is not a valid domain.
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-')) || text.ends_with('.') {
        return None;
    }
    Url::parse(&format!("http://{text}/")).ok()?.domain().map(str::to_owned)
}

/// A URL or origin with its host in ASCII, as browsers send it. `None` if the host is ASCII, or is not a domain.
pub fn with_ascii_host(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = authority.split_at(authority.rfind(':').unwrap_or(authority.len()));
    if host.is_ascii() {
        return None;
    }
    Some(format!("{scheme}://{}{port}{path}", canonical(host)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_one_canonical_form() {
        for (text, domain) in [
            ("Example.COM", Some("example.com")),
            (" bücher.example ", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("*.example.com", None),
            ("example.com/", None),
            ("example.com.", None),
            ("example.com:25", None),
            ("ada@example.com", None),
            ("@example.com", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(canonical(text).as_deref(), domain, "{text}");
        }
    }

    #[test]
    fn the_host_of_a_url_is_converted_to_ascii() {
        for (text, ascii) in [
            ("https://www.Müller.example", Some("https://www.xn--mller-kva.example")),
            ("https://müller.example:8443/ä?ö", Some("https://xn--mller-kva.example:8443/ä?ö")),
            ("https://xn--mller-kva.example", None),
            ("https://example.com/ä", None),
            ("https://ada@müller.example", None),
            ("müller.example", None),
            ("", None),
        ] {
            assert_eq!(with_ascii_host(text).as_deref(), ascii, "{text}");
        }
    }
}
