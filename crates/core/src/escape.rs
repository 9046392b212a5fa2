//! Text that came from outside, made harmless for a terminal and a log.

/// What would move the cursor, begin a line or turn one around is spelled out.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if harms(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Control characters, and the marks that change the direction of what follows: all of them below U+10000.
pub fn harms(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
