//! Rate limits in settings: `20/1m`, `1/30s, 20/1d`, `off`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Span;

/// A number of requests in a time that starts with the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Maximum number of requests.
    pub count: u32,
    /// Length of the time.
    pub span: Span,
}

impl Rate {
    fn parse(text: &str) -> Option<Rate> {
        let (count, span) = text.split_once('/')?;
        let (count, span) = (count.trim().parse().ok()?, Span::parse(span.trim())?);
        (count > 0 && span.as_seconds() > 0).then_some(Rate { count, span })
    }
}

/// Several rates, which all apply. Without any there is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Vec<Rate>);

impl Rates {
    /// No limit.
    pub const OFF: Rates = Rates(Vec::new());

    /// These rates, each as a number and a time.
    pub fn of(rates: impl IntoIterator<Item = (u32, Span)>) -> Rates {
        Rates(rates.into_iter().map(|(count, span)| Rate { count, span }).collect())
    }

    /// The rates.
    pub fn iter(&self) -> impl Iterator<Item = Rate> {
        self.0.iter().copied()
    }

    fn parse(text: &str) -> Option<Rates> {
        if text.trim() == "off" {
            return Some(Rates::OFF);
        }
        let rates: Vec<Rate> = text.split(',').map(|rate| Rate::parse(rate.trim())).collect::<Option<_>>()?;
        // Rates with the same time would share one counter.
        let twice = |(at, rate): (usize, &Rate)| rates.iter().take(at).any(|other| other.span == rate.span);
        (!rates.iter().enumerate().any(twice)).then_some(Rates(rates))
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("off");
        }
        for (at, Rate { count, span }) in self.iter().enumerate() {
            let before = if at == 0 { "" } else { ", " };
            write!(f, "{before}{count}/{span}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Rates::parse(&text).ok_or_else(|| {
            de::Error::custom(format_args!(
                "{text:?} is not a rate limit: write it like 20/1m; several with different times like 1/30s, 20/1d; or off"
            ))
        })
    }
}

impl Serialize for Rates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_parsed_and_written_as_a_number_in_a_time() {
        for (text, rates) in [
            ("20/1m", vec![(20, Span::minutes(1))]),
            ("1/30s, 20/1d", vec![(1, Span::seconds(30)), (20, Span::days(1))]),
            ("off", vec![]),
        ] {
            assert_eq!(Rates::parse(text), Some(Rates::of(rates)), "{text}");
            assert_eq!(Rates::parse(text).unwrap().to_string(), text);
        }
        for bad in
            ["", "20", "20/m", "0/1m", "1/0s", "-1/1m", "20/1m,", "20 per minute", "none", "20/1m, 50/60s"]
        {
            assert_eq!(Rates::parse(bad), None, "{bad}");
        }
    }
}
