//! Requests from templates: `{name}` becomes a value, escaped so that it cannot be anything but a value there.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The escaping of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// None.
    None,
    /// For a URL or a form.
    Percent,
    /// For the inside of a JSON string.
    Json,
    /// For XML.
    Xml,
}

impl Escape {
    /// The escaping for a body of this media type.
    pub(super) fn of(content_type: &str) -> Escape {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Escape::Percent,
            kind if kind.ends_with("/json") || kind.ends_with("+json") => Escape::Json,
            kind if kind.ends_with("/xml") || kind.ends_with("+xml") => Escape::Xml,
            _ => Escape::None,
        }
    }

    fn write(self, value: &str) -> String {
        match self {
            Escape::None => value.to_owned(),
            Escape::Percent => utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            Escape::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
            }
            Escape::Xml => value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&apos;"),
        }
    }
}

/// Fills a template in one pass: braces inside a value are not replaced. Braces without a known name stay, because JSON
/// has many of them.
pub(super) fn fill(template: &str, values: &[(&str, &str)], escape: Escape) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let named = values.iter().find_map(|(name, value)| {
            let behind = after.strip_prefix(name)?.strip_prefix('}')?;
            Some((escape.write(value), behind))
        });
        rest = match named {
            Some((value, behind)) => {
                text.push_str(&value);
                behind
            }
            None => {
                text.push('{');
                after
            }
        };
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_change_the_structure_of_a_request() {
        let values = [("to", "+49"), ("text", "a\"},{\"x\":1\n{to}&To=1<b>")];
        let json = fill(r#"{"to":"{to}","text":"{text}"}"#, &values, Escape::Json);
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(parsed, serde_json::json!({ "to": "+49", "text": values[1].1 }));
        let form = fill("To={to}&Body={text}", &values, Escape::Percent);
        let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        assert_eq!(pairs, [("To".into(), "+49".into()), ("Body".into(), values[1].1.into())]);
        assert!(fill("<t>{text}</t>", &values, Escape::Xml).ends_with("&amp;To=1&lt;b&gt;</t>"));
        assert_eq!(fill("{unknown} {to", &values, Escape::None), "{unknown} {to");
    }

    #[test]
    fn the_media_type_selects_the_escaping() {
        for (kind, escape) in [
            ("application/json; charset=utf-8", Escape::Json),
            ("application/x-www-form-urlencoded", Escape::Percent),
            ("text/xml", Escape::Xml),
            ("application/vnd.api+json", Escape::Json),
            ("text/plain", Escape::None),
        ] {
            assert_eq!(Escape::of(kind), escape, "{kind}");
        }
    }
}
