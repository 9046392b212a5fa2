//! A webhook's answer to a `pre_` event. The server does not guess: an answer that it does not understand is a failure.

use doorward_core::operation::{FieldSpec, Kind, Operation};
use doorward_core::strict_json::Strict;
use doorward_outbound::HttpResponse;
use doorward_protocol::error::ErrorCode;
use doorward_request::event::{HookAnswer, HookRefusal};
use serde_json::{Map, Value};

/// Most characters of a refusal's message.
const LONGEST: usize = 500;

/// Why a webhook has no valid answer. The cause is for the log. It quotes nothing from the answer except the names of
/// known fields.
#[derive(Debug)]
pub(super) enum AnswerError {
    /// The service is faulty: the breaker counts it.
    Ill(String),
    /// The service works, but its answer is not valid. A user may be able to cause that with certain input, so that the
    /// breaker does not count it: otherwise that user could affect the others.
    Wrong(String),
}

impl AnswerError {
    pub(super) fn cause(self) -> String {
        match self {
            AnswerError::Ill(cause) | AnswerError::Wrong(cause) => cause,
        }
    }
}

/// Reads an answer.
pub(super) fn read(answer: &HttpResponse, operation: Operation) -> Result<HookAnswer, AnswerError> {
    match answer.status {
        200..=299 => {}
        500.. => return Err(AnswerError::Ill(format!("it answered {}", answer.status))),
        _ => return Err(AnswerError::Wrong(format!("it answered {}", answer.status))),
    }
    if !answer.whole {
        return Err(AnswerError::Wrong("its answer was too long".into()));
    }
    if answer.body.trim_ascii().is_empty() {
        return Ok(HookAnswer::GoOn(Map::new()));
    }
    let Ok(Strict(said)) = serde_json::from_slice(&answer.body) else {
        return Err(AnswerError::Ill("its answer was not JSON".into()));
    };
    word(said, operation).map_err(AnswerError::Wrong)
}

fn word(said: Value, operation: Operation) -> Result<HookAnswer, String> {
    let Value::Object(mut said) = said else { return Err("its answer was not a JSON object".into()) };
    let (set, reject) = (said.remove("set"), said.remove("reject"));
    match (set, reject, said.is_empty()) {
        (None, None, true) => Ok(HookAnswer::GoOn(Map::new())),
        (Some(Value::Object(set)), None, true) => {
            for (name, value) in &set {
                check(operation, name, value)?;
            }
            Ok(HookAnswer::GoOn(set))
        }
        (None, Some(Value::Object(reject)), true) => Ok(HookAnswer::Refuse(refusal(&reject))),
        _ => Err("its answer was neither {\"set\": {…}} nor {\"reject\": {…}}".into()),
    }
}

fn check(operation: Operation, name: &str, value: &Value) -> Result<(), String> {
    let field = operation.field(name).ok_or("it has set a field that does not exist")?;
    if !field.settable || field.secret {
        return Err(format!("it has set {}, which cannot be set", field.name));
    }
    match fits(field, value) {
        true => Ok(()),
        false => Err(format!("it has set {} to a value of the wrong type", field.name)),
    }
}

/// True if the value has the field's type. The request's own table checks the rest.
fn fits(field: FieldSpec, value: &Value) -> bool {
    match (field.kind(), value) {
        (_, Value::Null) | (Kind::Any, _) => true,
        (Kind::Text, value) => value.is_string(),
        (Kind::Flag, value) => value.is_boolean(),
        (Kind::Texts, Value::Array(list)) => list.iter().all(Value::is_string),
        (Kind::Object, value) => value.is_object(),
        (Kind::Texts, _) => false,
    }
}

/// A malformed refusal still counts: an operation that a service refused must not go on.
fn refusal(said: &Map<String, Value>) -> HookRefusal {
    let text = |name: &str| said.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let clean = |text: &str| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    HookRefusal {
        message: text("message").map(clean),
        code: text("code").and_then(HookRefusal::code).unwrap_or(ErrorCode::HookRejected),
        field: text("field").map(clean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Result<HookAnswer, AnswerError> {
        let answer = HttpResponse { status: 200, body: body.as_bytes().to_vec(), whole: true };
        read(&answer, Operation::EmailAuth)
    }

    #[test]
    fn an_empty_answer_and_known_fields_are_accepted() {
        for nothing in ["", " \n", "{}", "{\"set\":{}}"] {
            assert!(matches!(said(nothing), Ok(HookAnswer::GoOn(set)) if set.is_empty()), "{nothing}");
        }
        let Ok(HookAnswer::GoOn(set)) = said("{\"set\":{\"email\":\"a@b.example\",\"create\":true}}") else {
            panic!()
        };
        assert_eq!((&set["email"], &set["create"]), (&"a@b.example".into(), &true.into()));
    }

    #[test]
    fn sec_h03_an_answer_that_is_not_understood_is_a_failure() {
        for garbage in [
            "OK",
            "null",
            "[]",
            "true",
            "<html>",
            "{\"set\":[]}",
            "{\"set\":{}, \"reject\":{}}",
            "{\"reject\":true}",
            "{\"rejected\":{}}",
            "{\"set\":{},\"set\":{}}",
            "{\"set\":{\"email\":7}}",
            "{\"set\":{\"create\":\"yes\"}}",
            "{\"set\":{\"roles\":[1]}}",
            "\u{fffd}",
        ] {
            assert!(said(garbage).is_err(), "{garbage}");
        }
        for status in [100, 301, 302, 304, 400, 410, 500] {
            let answer = HttpResponse { status, body: b"{}".to_vec(), whole: true };
            assert!(read(&answer, Operation::EmailAuth).is_err(), "{status}");
        }
        let cut = HttpResponse { status: 200, body: b"{}".to_vec(), whole: false };
        assert!(read(&cut, Operation::EmailAuth).is_err());
    }

    #[test]
    fn sec_s10_an_invalid_answer_does_not_count_as_a_faulty_service() {
        let is_ill = |status, body: &str| {
            let answer = HttpResponse { status, body: body.into(), whole: true };
            matches!(read(&answer, Operation::EmailAuth), Err(AnswerError::Ill(_)))
        };
        for (status, body) in
            [(400, "<html>"), (413, ""), (302, ""), (200, "[]"), (200, "{\"set\":{\"email\":7}}")]
        {
            assert!(!is_ill(status, body), "{status} {body}");
        }
        for (status, body) in [(500, "{}"), (503, ""), (200, "<html>")] {
            assert!(is_ill(status, body), "{status} {body}");
        }
    }

    #[test]
    fn sec_h03_protected_fields_and_secrets_cannot_be_set() {
        for (field, value) in [
            ("user_id", "\"x\""),
            ("session_id", "\"x\""),
            ("ip", "\"x\""),
            ("password", "\"x\""),
            ("admin", "true"),
        ] {
            let cause = said(&format!("{{\"set\":{{\"{field}\":{value}}}}}")).unwrap_err().cause();
            assert!(cause.starts_with("it has set "), "{cause}");
            assert!(
                field == "password" || !cause.contains(field),
                "names from the answer stay out of the log"
            );
        }
    }

    #[test]
    fn a_malformed_refusal_still_counts() {
        for (body, code, message, field) in [
            ("{}", ErrorCode::HookRejected, None, None),
            ("{\"message\":\"No.\"}", ErrorCode::HookRejected, Some("No."), None),
            ("{\"code\":\"EXISTS\",\"field\":\"email\"}", ErrorCode::Exists, None, Some("email")),
            ("{\"code\":\"INTERNAL\"}", ErrorCode::HookRejected, None, None),
            ("{\"code\":\"NO_SUCH_CODE\"}", ErrorCode::HookRejected, None, None),
            ("{\"code\":7,\"message\":[]}", ErrorCode::HookRejected, None, None),
            ("{\"message\":\"a\\u0000b\\r\\nc\"}", ErrorCode::HookRejected, Some("abc"), None),
        ] {
            let Ok(HookAnswer::Refuse(refusal)) = said(&format!("{{\"reject\":{body}}}")) else {
                panic!("{body}")
            };
            let expected =
                HookRefusal { message: message.map(Into::into), code, field: field.map(str::to_owned) };
            assert_eq!(refusal, expected);
        }
    }
}
