//! Chance.

use wasm_bindgen::prelude::*;

use super::Value;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn fill(bytes: &mut [u8]) -> Result<(), JsValue>;
}

/// A random UUID (RFC 9562 version 4). `crypto.randomUUID` exists on https pages only, so it is made here.
pub(crate) fn uuid() -> Option<String> {
    let mut bytes = [0_u8; 16];
    fill(&mut bytes).ok()?;
    Some(format_uuid(bytes))
}

/// Between 0 and 1; no secret.
pub(crate) fn fraction() -> f64 {
    Value::global("Math").call("random", &[]).and_then(|number| number.number()).unwrap_or(0.5)
}

fn format_uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.into_iter().enumerate() {
        let byte = match at {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_idempotency_key_is_a_version_4_uuid() {
        assert_eq!(super::format_uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(super::format_uuid([0x00; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
