//! Random values.

/// A number from 0 to 1. Not secret.
pub(crate) fn fraction() -> f64 {
    js_sys::Math::random()
}

/// A random UUID. Also works on insecure pages, which have no `crypto.randomUUID`.
pub(crate) fn uuid() -> String {
    let mut text = uuid::Uuid::encode_buffer();
    uuid::Uuid::new_v4().hyphenated().encode_lower(&mut text).to_owned()
}
