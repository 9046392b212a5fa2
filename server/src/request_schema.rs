//! The JSON Schema of a request, from the table of fields that the server checks it with.

use doorward_protocol::{Field, Policy, Request, Rule};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// The schemas of JSON requests, and the rules that they get.
pub(crate) struct Requests<'a> {
    schemas: &'a mut Value,
    policy: Policy,
}

impl<'a> Requests<'a> {
    /// For these schemas, with the operator's rules.
    pub(crate) fn new(schemas: &'a mut Value, policy: Policy) -> Requests<'a> {
        Requests { schemas, policy }
    }

    /// Adds the rules of a request to its schema.
    pub(crate) fn describe<T: Request + ToSchema>(&mut self) {
        put::<T>(self.schemas, self.policy);
    }
}

/// The descriptions are from the struct's own schema; the allowed values are from the table.
fn put<T: Request + ToSchema>(schemas: &mut Value, policy: Policy) {
    let name = T::name();
    let Some(derived) = schemas.get(name.as_ref()) else { return };
    let mut described = object(T::FIELDS, policy, &|field| words(schemas, derived, field));
    let description = derived["description"].clone();
    if !T::ONE_OF.is_empty() {
        let only = |name: &&str| json!({ "required": [name], "properties": { *name: { "type": "string", "minLength": 1 } } });
        described["oneOf"] = T::ONE_OF.iter().map(only).collect();
    }
    schemas[name.as_ref()] = described;
    schemas[name.as_ref()]["description"] = description;
}

fn object(fields: &[Field], policy: Policy, words: &dyn Fn(&str) -> Option<Value>) -> Value {
    let property = |field: &Field| {
        let mut schema = schema(field.rule, policy);
        if !field.required {
            // The values of `Given::Absent`.
            schema = json!({ "anyOf": [schema, { "enum": ["", null] }] });
        }
        if let Some(words) = words(field.name) {
            schema["description"] = words;
        }
        (field.name.to_owned(), schema)
    };
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({
        "type": "object",
        "properties": fields.iter().map(property).collect::<Map<String, Value>>(),
        "required": required,
        "additionalProperties": false,
    })
}

/// The description of a field in the struct, or in a flattened part of it.
fn words(schemas: &Value, schema: &Value, field: &str) -> Option<Value> {
    let own = schema["properties"].get(field).and_then(|field| field.get("description"));
    let referred = schema["$ref"].as_str().and_then(|path| schemas.get(path.rsplit('/').next()?));
    let parts = schema["allOf"].as_array().into_iter().flatten().chain(referred);
    own.cloned().or_else(|| parts.filter_map(|part| words(schemas, part, field)).next())
}

/// The spaces and dashes that a code may contain. Its digits may also be those of other scripts. A pattern cannot
/// express that, because engines disagree about `\d`.
const BETWEEN_DIGITS: &str = r"[ \t\u00a0\u2009\u202f\u3000\u2010-\u2015\u2212-]";

/// A rule as JSON Schema. It cannot express lengths in bytes. Patterns are for rules that have no `format`.
fn schema(rule: Rule, policy: Policy) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match rule {
        Rule::Flag => json!({ "type": "boolean" }),
        Rule::Line(max) => {
            json!({ "type": "string", "maxLength": max, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$" })
        }
        Rule::Text(max) => {
            json!({ "type": "string", "maxLength": max, "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$" })
        }
        Rule::Email => json!({ "type": "string", "format": "email", "maxLength": 254 }),
        Rule::Password => json!({ "type": "string", "minLength": 1, "maxLength": 1024 }),
        Rule::NewPassword => json!({
            "type": "string",
            "minLength": policy.password_min,
            "maxLength": policy.password_max,
            "pattern": r"^[^\x00]*$",
        }),
        // In any usual spelling, with or without country code. The server's region decides which number it is.
        Rule::Phone => text(r"^ *\+?[- ./()\u00a0]*([0-9][- ./()\u00a0]*){5,15} *$"),
        Rule::Username => {
            json!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^ *[^\x00-\x20\x7f-\xa0@+/\\]* *$" })
        }
        Rule::Id(least, most) => {
            json!({ "type": "string", "minLength": least, "maxLength": most, "pattern": "^[!-~]*$" })
        }
        Rule::Lines(most, max) => {
            json!({ "type": "array", "maxItems": most, "items": { "type": "string", "maxLength": max } })
        }
        Rule::Any => json!({}),
        Rule::AnyObject => json!({ "type": "object" }),
        Rule::Date => json!({ "type": "string", "format": "date" }),
        Rule::Url => {
            let part = r#"[^\s@/?#\\<>"`\x00-\x1f\x7f-\x9f]"#;
            let rest = r#"[^\s\\<>"`\x00-\x1f\x7f-\x9f]"#;
            json!({
                "type": "string",
                "maxLength": 2048,
                "pattern": format!("^https?://(?!:){part}+([/?#]{rest}*)?$"),
            })
        }
        Rule::Address => {
            let rest = r#"[^\s\\<>"`\x00-\x1f\x7f-\x9f]"#;
            json!({ "type": "string", "maxLength": 2048, "pattern": format!("^[A-Za-z][A-Za-z0-9+.-]*:{rest}*$") })
        }
        Rule::Code => json!({ "anyOf": [
            text(&format!("^{BETWEEN_DIGITS}*([0-9]{BETWEEN_DIGITS}*){{1,6}}$")),
            { "type": "integer", "minimum": 0, "maximum": 999_999 },
        ] }),
        Rule::Token | Rule::RevokeToken => text("^[A-Za-z0-9._-]{16,512}$"),
        Rule::OneOf(allowed) => json!({ "enum": allowed }),
        Rule::Object(fields) => object(fields, policy, &|_| None),
        Rule::TextOrObject(fields) => {
            json!({ "anyOf": [schema(Rule::Text(512), policy), object(fields, policy, &|_| None)] })
        }
        Rule::FlagOrLine(max) => json!({ "anyOf": [{ "type": "boolean" }, schema(Rule::Line(max), policy)] }),
    }
}
