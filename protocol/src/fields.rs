//! How a request is checked: by a table of fields, and a source of their values.
//!
//! The SDK walks it over the fields of a form, the server over the parsed body of a request. A request type
//! is declared once, with [`request!`]: the macro makes the struct that the server reads and the table.

use std::borrow::Cow;

use crate::rules::Rule;

/// One field of a request: its name, its rule, and whether it may be absent.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// As in JSON, in a form control's `name` and in an error's `field`.
    pub name: &'static str,
    /// The rule of its value.
    pub rule: Rule,
    /// Must it be there? An empty text counts as absent.
    pub required: bool,
}

/// A field that must be there.
pub const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true }
}

/// A field that may be absent.
pub const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false }
}

/// A value as it was given, before it is checked.
#[derive(Debug)]
pub enum Given<'a> {
    /// No such field, `null`, `undefined`, or an empty text.
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// A whole number that is not negative. Other numbers of JSON are `Other`.
    Number(u64),
    /// An object: its fields are in the source that `Source::nested` gives.
    Object,
    /// An array of texts: how many, and how many characters the longest has.
    Texts {
        /// How many.
        count: usize,
        /// Characters of the longest.
        longest: usize,
    },
    /// Anything that can be written as JSON and that only the server looks into.
    Any,
    /// A value that no rule accepts: a fraction where a whole number belongs, a function, …
    Other,
}

/// Something that holds the fields of a request.
pub trait Source: Sized {
    /// The value under a name.
    fn get(&self, name: &str) -> Given<'_>;
    /// The object under a name; only asked for where `get` answered [`Given::Object`].
    fn nested(&self, name: &str) -> Option<Self>;
    /// The first name for which `known` is false.
    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String>;
}

/// The rules that an operator can change. The SDK takes them from `GET /v1/settings` once it has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least number of characters (Unicode scalar values) in a new password.
    pub password_min: u32,
    /// Greatest number of characters in a new password.
    pub password_max: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { password_min: 6, password_max: 60 }
    }
}

/// A field that a rule refused. Becomes `INVALID_PARAMETER` with this field and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Name of the field; a nested one is `address.locality`.
    pub field: String,
    /// The fault and its remedy, one sentence in English.
    pub message: Cow<'static, str>,
}

/// A request body: a table of fields, and the struct that they become.
pub trait Request {
    /// Its fields, in the order in which errors are looked for.
    const FIELDS: &'static [Field];

    /// Names of which exactly one must be there.
    const ONE_OF: &'static [&'static str] = &[];

    /// Checks every field, and that there is no other. The first fault is returned.
    fn check(source: &impl Source, policy: Policy) -> Result<(), Invalid> {
        no_other(Self::FIELDS, source, "")?;
        one_of(Self::ONE_OF, source)?;
        check(Self::FIELDS, source, policy, "")
    }
}

fn one_of(names: &[&str], source: &impl Source) -> Result<(), Invalid> {
    let Some(first) = names.first() else { return Ok(()) };
    let mut given = names.iter().filter(|name| !matches!(source.get(name), Given::Absent));
    match (given.next(), given.next()) {
        (None, _) => Err(missing(first)),
        (Some(_), None) => Ok(()),
        (Some(_), Some(second)) => Err(Invalid {
            field: String::from(*second),
            message: Cow::Borrowed("Give only one of these: they say who it is."),
        }),
    }
}

/// A field that must be there is not.
pub(crate) fn missing(field: &str) -> Invalid {
    Invalid { field: field.into(), message: Cow::Borrowed("This field is required.") }
}

/// The field of a table that a name stands for: its own name, that in camelCase, or what another system calls it
/// (seed 001).
pub fn field_named<'a>(fields: &'a [Field], given: &str) -> Option<&'a Field> {
    let given = snake_case(given);
    let find = |name: &str| fields.iter().find(|field| field.name == name);
    find(&given).or_else(|| {
        let (_, ours) = ALIASES.iter().find(|(theirs, _)| *theirs == given)?;
        find(ours)
    })
}

/// Names of other systems for our fields (seeds 000 and 001), in our spelling.
const ALIASES: &[(&str, &str)] = &[
    ("photo", "picture"),
    ("phone", "phone_number"),
    ("old_phone", "old_phone_number"),
    ("force_login", "login"),
    ("create", "auto_register"),
];

/// Are two names the same in snake_case? `givenName` and `lastIP` are `given_name` and `last_ip`.
pub fn is_same_name(one: &str, other: &str) -> bool {
    snake_case(one) == snake_case(other)
}

#[inline(never)]
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_capital = false;
    for letter in name.chars() {
        let capital = letter.is_ascii_uppercase();
        if capital && !after_capital {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        after_capital = capital;
    }
    snake
}

fn no_other(fields: &[Field], source: &impl Source, parent: &str) -> Result<(), Invalid> {
    match source.unknown(&|name| fields.iter().any(|field| field.name == name)) {
        None => Ok(()),
        Some(name) => {
            let mut field = String::from(parent);
            field.push_str(&name);
            Err(Invalid { field, message: Cow::Borrowed("There is no such field.") })
        }
    }
}

/// Walks a table over a source; `parent` is the dotted prefix for names in errors.
pub(crate) fn check(
    fields: &[Field],
    source: &impl Source,
    policy: Policy,
    parent: &str,
) -> Result<(), Invalid> {
    let full = |name: &str| {
        let mut path = String::from(parent);
        path.push_str(name);
        path
    };
    no_other(fields, source, parent)?;
    for field in fields {
        match (source.get(field.name), field.rule) {
            (Given::Absent, _) if field.required => return Err(missing(&full(field.name))),
            (Given::Absent, _) => {}
            (Given::Object, Rule::Object(inner) | Rule::TextOrObject(inner)) => {
                let mut prefix = full(field.name);
                prefix.push('.');
                if let Some(nested) = source.nested(field.name) {
                    check(inner, &nested, policy, &prefix)?;
                }
            }
            (given, rule) => {
                rule.check(&given, policy).map_err(|message| Invalid { field: full(field.name), message })?
            }
        }
    }
    Ok(())
}

/// Two tables as one, at compile time.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler only"
)]
pub(crate) const fn join<const N: usize>(first: &[Field], second: &[Field]) -> [Field; N] {
    let mut all = [optional("", Rule::Flag); N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

/// Declares a request: the struct that the server reads, and the table that both sides check.
///
/// A field is `name: Type = rule` with `required(…)` or `optional(…)`:
/// ```text
/// request! {
///     /// `POST /v1/login`
///     pub struct LoginRequest {
///         /// The address of the account.
///         pub email: String = required(Rule::Email),
///     }
/// }
/// ```
/// `pub struct LoginRequest, one of "email", "username" { … }` needs exactly one of these.
macro_rules! request {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(, one of $($one:literal),+)? {
            $( $(#[$field_meta:meta])* pub $field:ident : $type:ty = $presence:ident($rule:expr) ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $( $(#[$field_meta])* #[serde(default)] pub $field: $type, )*
        }

        impl $crate::Request for $name {
            const FIELDS: &'static [$crate::Field] =
                &[ $( $crate::$presence(stringify!($field), $rule), )* ];
            $( const ONE_OF: &'static [&'static str] = &[ $($one),+ ]; )?
        }
    };
}
pub(crate) use request;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rule;

    const FIELDS: &[Field] = &[
        optional("given_name", Rule::Line(9)),
        optional("last_ip", Rule::Line(9)),
        optional("picture", Rule::Url),
        optional("phone_number", Rule::Phone),
    ];

    #[test]
    fn seed_a88_a_field_is_known_by_both_spellings_and_by_the_name_it_has_elsewhere() {
        for (given, ours) in [
            ("given_name", "given_name"),
            ("givenName", "given_name"),
            ("lastIP", "last_ip"),
            ("lastIp", "last_ip"),
            ("photo", "picture"),
            ("phone", "phone_number"),
            ("phoneNumber", "phone_number"),
        ] {
            assert_eq!(field_named(FIELDS, given).map(|field| field.name), Some(ours), "{given}");
        }
        for given in ["GivenName", "given-name", "givenname", "given_Name", "city", "", "_given_name"] {
            assert!(field_named(FIELDS, given).is_none(), "{given}");
        }
    }
}
