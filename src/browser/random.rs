//! Random values.

/// Between 0 and 1; not secret.
pub(crate) fn fraction() -> f64 {
    js_sys::Math::random()
}

/// A random UUID. Also on pages that are not secure, where `crypto.randomUUID` is missing.
pub(crate) fn uuid() -> String {
    let mut text = uuid::Uuid::encode_buffer();
    uuid::Uuid::new_v4().hyphenated().encode_lower(&mut text).to_owned()
}
