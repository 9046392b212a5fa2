//! Says of each request what the server takes: the tables of fields that it checks them with, as JSON Schema.

use doorward_protocol::account::DeleteAccountRequest;
use doorward_protocol::admin::{CreateUserRequest, RolesRequest, SetPasswordRequest};
use doorward_protocol::code::{CodeLoginRequest, CodeSignupRequest, SendCodeRequest};
use doorward_protocol::custom::CustomLoginRequest;
use doorward_protocol::data::SetDataRequest;
use doorward_protocol::device::DeviceLoginRequest;
use doorward_protocol::email::{
    BindEmailRequest, ChangeEmailRequest, CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest,
};
use doorward_protocol::login::LoginRequest;
use doorward_protocol::logout::LogoutRequest;
use doorward_protocol::password::{ForgotPasswordRequest, ResetPasswordRequest, UpdatePasswordRequest};
use doorward_protocol::phone::{BindPhoneRequest, ChangePhoneRequest, UnbindRequest};
use doorward_protocol::profile::UpdateProfileRequest;
use doorward_protocol::provider::{FlowRequest, ProviderLoginRequest, ProviderSignupRequest};
use doorward_protocol::session::SessionsRevokeRequest;
use doorward_protocol::signup::SignupRequest;
use doorward_protocol::{Field, Policy, Request, Rule};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Puts the rules into the schemas. Every request that comes as JSON is named here.
pub(super) fn describe(schemas: &mut Value, policy: Policy) {
    put::<BindEmailRequest>(schemas, policy);
    put::<BindPhoneRequest>(schemas, policy);
    put::<ChangeEmailRequest>(schemas, policy);
    put::<ChangePhoneRequest>(schemas, policy);
    put::<CheckEmailRequest>(schemas, policy);
    put::<CreateUserRequest>(schemas, policy);
    put::<CodeLoginRequest>(schemas, policy);
    put::<CodeSignupRequest>(schemas, policy);
    put::<CustomLoginRequest>(schemas, policy);
    put::<DeleteAccountRequest>(schemas, policy);
    put::<DeviceLoginRequest>(schemas, policy);
    put::<FlowRequest>(schemas, policy);
    put::<ForgotPasswordRequest>(schemas, policy);
    put::<LoginRequest>(schemas, policy);
    put::<LogoutRequest>(schemas, policy);
    put::<ProviderLoginRequest>(schemas, policy);
    put::<ProviderSignupRequest>(schemas, policy);
    put::<ResendVerificationRequest>(schemas, policy);
    put::<ResetPasswordRequest>(schemas, policy);
    put::<SendCodeRequest>(schemas, policy);
    put::<SessionsRevokeRequest>(schemas, policy);
    put::<SetPasswordRequest>(schemas, policy);
    put::<RolesRequest>(schemas, policy);
    put::<SetDataRequest>(schemas, policy);
    put::<SignupRequest>(schemas, policy);
    put::<UnbindRequest>(schemas, policy);
    put::<UpdatePasswordRequest>(schemas, policy);
    put::<UpdateProfileRequest>(schemas, policy);
    put::<VerifyEmailRequest>(schemas, policy);
}

/// The struct's own schema has the words; what may stand there is in the table.
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
            // What `Given::Absent` is.
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

/// What the struct says of a field, its own or that of a flattened part.
fn words(schemas: &Value, schema: &Value, field: &str) -> Option<Value> {
    let own = schema["properties"].get(field).and_then(|field| field.get("description"));
    let referred = schema["$ref"].as_str().and_then(|path| schemas.get(path.rsplit('/').next()?));
    let parts = schema["allOf"].as_array().into_iter().flatten().chain(referred);
    own.cloned().or_else(|| parts.filter_map(|part| words(schemas, part, field)).next())
}

/// The spaces and dashes that may stand in a code. Its digits may also be those of other scripts, which a pattern cannot
/// say: engines disagree about `\d`.
const BETWEEN_DIGITS: &str = r"[ \t\u00a0\u2009\u202f\u3000\u2010-\u2015\u2212-]";

/// A rule as JSON Schema. Lengths in bytes cannot be said there; patterns are for what `format` does not know.
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
        // Written as people do, with or without the country's code: what the server makes of it depends on its region.
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
