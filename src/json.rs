//! Writes JSON objects. Reading is the browser's; serde_json would be heavier than the rest of the SDK.

/// An object that is being written.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Object {
        Object(String::from("{"))
    }

    /// One with a single text, as JSON.
    pub(crate) fn of(name: &str, value: &str) -> String {
        let mut object = Object::new();
        object.text(name, value);
        object.end()
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(&mut self.0, value);
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        decimal(&mut self.0, value);
    }

    pub(crate) fn texts(&mut self, name: &str, values: &[String]) {
        self.name(name);
        for (at, value) in values.iter().enumerate() {
            self.0.push(if at == 0 { '[' } else { ',' });
            quote(&mut self.0, value);
        }
        self.0.push_str(if values.is_empty() { "[]" } else { "]" });
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
    }
}

/// Appends a text in quotes.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '.. => out.push(c),
            _ => {
                let code = u32::from(c);
                out.push_str("\\u00");
                out.push(if code < 16 { '0' } else { '1' });
                out.push(char::from_digit(code & 15, 16).unwrap_or('0'));
            }
        }
    }
    out.push('"');
}

fn decimal(out: &mut String, number: u64) {
    let digit = number.checked_rem(10).and_then(|digit| u32::try_from(digit).ok()).unwrap_or(0);
    let rest = number.checked_div(10).unwrap_or(0);
    if rest > 0 {
        decimal(out, rest);
    }
    out.push(char::from_digit(digit, 10).unwrap_or('0'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_control_characters_are_written_as_json_wants_them() {
        let mut object = Object::new();
        object.number("zero", 0);
        object.number("large", 1_767_225_600_123);
        object.text("odd", "\0\t\u{1f}\u{7f}");
        assert_eq!(
            object.end(),
            "{\"zero\":0,\"large\":1767225600123,\"odd\":\"\\u0000\\u0009\\u001f\u{7f}\"}"
        );
    }
}
