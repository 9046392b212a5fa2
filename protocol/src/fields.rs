//! Checks requests against a table of fields.
//!
//! The SDK checks the fields of a form, the server the parsed body of a request. A request type is declared once, with
//! [`request!`]. The macro generates the struct that the server reads, and the table.

use std::borrow::Cow;

use crate::rules::Rule;

/// One field of a request: its name, its rule, and whether it may be absent.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON, in the `name` of a form control and in the `field` of an error.
    pub name: &'static str,
    /// The rule of its value.
    pub rule: Rule,
    /// True if the field is required. An empty text counts as absent.
    pub required: bool,
}

/// A required field.
pub const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: true }
}

/// An optional field.
pub const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, rule, required: false }
}

/// The value of a field before the check.
#[derive(Debug)]
pub enum Given<'a> {
    /// The field is missing, `null`, `undefined` or an empty text.
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// A non-negative whole number. Other numbers are `Other`.
    Number(u64),
    /// An object. `Source::nested` returns the source of its fields.
    Object,
    /// An array of texts.
    Texts {
        /// Number of texts.
        count: usize,
        /// Number of characters of the longest text.
        longest: usize,
    },
    /// Any other JSON value, which only the server examines.
    Any,
    /// A value that no rule accepts, for example a fraction or a function.
    Other,
}

/// A source of the fields of a request.
pub trait Source: Sized {
    /// The value of the field with this name.
    fn get(&self, name: &str) -> Given<'_>;
    /// The object in the field with this name. Only called if `get` returned [`Given::Object`].
    fn nested(&self, name: &str) -> Option<Self>;
    /// The first field name for which `known` returns false.
    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String>;
}

/// The rules that an operator can change. The SDK uses the defaults until it has those of `GET /v1/settings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Minimum number of characters (Unicode scalar values) in a new password.
    pub password_min: u32,
    /// Maximum number of characters in a new password.
    pub password_max: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { password_min: 6, password_max: 60 }
    }
}

/// An invalid field. The error is `INVALID_PARAMETER` with this field and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Name of the field, with dots for a nested one: `address.locality`.
    pub field: String,
    /// The problem and its solution, in English.
    pub message: Cow<'static, str>,
}

/// A request body: its table of fields. The implementing type is the struct that the server reads.
pub trait Request {
    /// Its fields, in the order in which they are checked.
    const FIELDS: &'static [Field];

    /// Fields of which exactly one is required. Empty if there is no such rule.
    const ONE_OF: &'static [&'static str] = &[];

    /// Checks every field, and that there are no other fields. Returns the first error.
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
            message: Cow::Borrowed("Give only one of these fields: each of them identifies the user."),
        }),
    }
}

/// The error for a missing required field.
pub(crate) fn missing(field: &str) -> Invalid {
    Invalid { field: field.into(), message: Cow::Borrowed("This field is required.") }
}

/// Finds a field by its name, its name in camelCase, or its name in another system (seed 001).
pub fn field_named<'a>(fields: &'a [Field], given: &str) -> Option<&'a Field> {
    let given = snake_case(given);
    let find = |name: &str| fields.iter().find(|field| field.name == name);
    find(&given).or_else(|| {
        let (_, ours) = ALIASES.iter().find(|(theirs, _)| *theirs == given)?;
        find(ours)
    })
}

/// Names in other systems (seeds 000 and 001), in snake_case, with the name of the field.
const ALIASES: &[(&str, &str)] = &[
    ("photo", "picture"),
    ("phone", "phone_number"),
    ("old_phone", "old_phone_number"),
    ("force_login", "login"),
    ("create", "auto_register"),
];

/// True if two names are the same in snake_case. `givenName` and `lastIP` are `given_name` and `last_ip`.
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

/// Checks the fields of a source against a table. `parent` is the dotted prefix of names in errors.
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

/// Concatenates two tables at compile time.
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

/// Declares a request: the struct that the server reads, and the table that both SDK and server check.
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
/// With `pub struct LoginRequest, one of "email", "username" { … }`, exactly one of these fields is required.
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
    fn seed_a88_a_field_is_found_in_both_spellings_and_by_its_name_in_other_systems() {
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
