//! How a request is checked: a table of fields, walked over whatever holds the values.
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
    /// What its value must look like.
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

/// A value as it was given, before any rule has looked at it.
#[derive(Debug)]
pub enum Given<'a> {
    /// No such field, `null`, `undefined`, or an empty text.
    Absent,
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// A whole number that is not negative; what else JSON calls a number is `Other`.
    Number(u64),
    /// An object: its fields are in the source that `Source::nested` gives.
    Object,
    /// An array, a fraction, a function, …: no rule takes it.
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
    /// What is wrong and what to do, one sentence in English.
    pub message: Cow<'static, str>,
}

/// A request body: a table of fields, and the struct that they become.
pub trait Request {
    /// Its fields, in the order in which errors are looked for.
    const FIELDS: &'static [Field];

    /// Checks every field, and that there is no other. The first fault is returned.
    fn check(source: &impl Source, policy: Policy) -> Result<(), Invalid> {
        check(Self::FIELDS, source, policy, "")
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
    if let Some(name) = source.unknown(&|name| fields.iter().any(|field| field.name == name)) {
        return Err(Invalid { field: full(&name), message: Cow::Borrowed("There is no such field.") });
    }
    for field in fields {
        match (source.get(field.name), field.rule) {
            (Given::Absent, _) if field.required => {
                return Err(Invalid {
                    field: full(field.name),
                    message: Cow::Borrowed("This field is required."),
                });
            }
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
macro_rules! request {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
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
        }
    };
}
pub(crate) use request;
