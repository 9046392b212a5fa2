//! Makes untrusted text safe for a terminal and a log.

/// Escapes control and bidirectional characters, so that the text cannot move the cursor, start a line or reverse text.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if harms(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// True for control characters, line separators and marks that change the direction of text. All are below U+10000.
pub fn harms(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
