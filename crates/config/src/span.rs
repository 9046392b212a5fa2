//! Durations in settings: `90s`, `10m`, `24h`, `30d`.

use std::fmt;
use std::time::Duration;

use doorward_core::clock::Millis;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    seconds: u32,
}

const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Span {
    /// A duration in seconds.
    pub const fn seconds(seconds: u32) -> Span {
        Span { seconds }
    }

    /// A duration in minutes.
    pub const fn minutes(minutes: u32) -> Span {
        Span { seconds: minutes * 60 }
    }

    /// A duration in hours.
    pub const fn hours(hours: u32) -> Span {
        Span { seconds: hours * 3_600 }
    }

    /// A duration in days of 24 hours.
    pub const fn days(days: u32) -> Span {
        Span { seconds: days * 86_400 }
    }

    /// In milliseconds, the unit of the clock.
    pub fn millis(self) -> Millis {
        Millis::from(self.seconds) * 1000
    }

    /// In whole seconds.
    pub fn as_seconds(self) -> u32 {
        self.seconds
    }

    /// Parses `90s`, `15m`, `2h` or `30d`.
    pub fn parse(text: &str) -> Option<Span> {
        let (at, unit) = text.char_indices().next_back()?;
        let (_, scale) = UNITS.into_iter().find(|(letter, _)| *letter == unit)?;
        let number: u32 = text.get(..at)?.trim().parse().ok()?;
        Some(Span { seconds: number.checked_mul(scale)? })
    }
}

/// A duration that may be shorter than a second: `100ms`, or written like a [`Span`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortSpan {
    millis: u32,
}

impl ShortSpan {
    /// A duration in milliseconds.
    pub const fn millis(millis: u32) -> ShortSpan {
        ShortSpan { millis }
    }

    /// In milliseconds, the unit of the clock.
    pub fn as_millis(self) -> Millis {
        self.millis.into()
    }

    /// Parses `250ms`, or text in the format of [`Span`].
    pub fn parse(text: &str) -> Option<ShortSpan> {
        let millis = match text.strip_suffix("ms") {
            Some(number) => number.trim().parse().ok()?,
            None => Span::parse(text)?.seconds.checked_mul(1000)?,
        };
        Some(ShortSpan { millis })
    }
}

impl From<ShortSpan> for Duration {
    fn from(span: ShortSpan) -> Duration {
        Duration::from_millis(span.millis.into())
    }
}

impl fmt::Display for ShortSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.millis.is_multiple_of(1000) {
            true => Span { seconds: self.millis / 1000 }.fmt(f),
            false => write!(f, "{}ms", self.millis),
        }
    }
}

impl fmt::Debug for ShortSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for ShortSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        ShortSpan::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!("{text:?} is not a duration: write it like 100ms or 2s"))
        })
    }
}

impl Serialize for ShortSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        Duration::from_secs(span.seconds.into())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.into_iter().find(|(_, scale)| self.seconds.is_multiple_of(*scale));
        let (unit, scale) = whole.unwrap_or(('s', 1));
        write!(f, "{}{unit}", self.seconds / scale)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!("{text:?} is not a duration: write it like 90s, 10m, 24h or 30d"))
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_parsed_and_written_with_its_unit() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(Span::parse(text), Some(Span { seconds }), "{text}");
        }
        assert_eq!(Span::hours(24).to_string(), "1d");
        assert_eq!(Span::seconds(90).to_string(), "90s");
        for (text, millis) in [("100ms", 100), ("2s", 2_000), ("1500ms", 1_500)] {
            assert_eq!(ShortSpan::parse(text), Some(ShortSpan { millis }), "{text}");
            assert_eq!(ShortSpan { millis }.to_string(), text);
        }
        assert_eq!(ShortSpan::parse("100"), None);
        for bad in ["", "10", "m", "-1m", "1.5h", "99999999d", "10 minutes"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }
}
