//! `/openapi.json` describes every route under /v1, and the answers match it.

use serde_json::Value;

use crate::support::TestApp;

#[tokio::test]
async fn every_call_of_the_contract_is_described() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for (path, method) in [
        ("/v1/signup", "post"),
        ("/v1/login", "post"),
        ("/v1/logout", "post"),
        ("/v1/password/forgot", "post"),
        ("/v1/password/reset", "post"),
        ("/v1/email/verify", "post"),
        ("/v1/email/resend", "post"),
        ("/v1/email/check", "post"),
        ("/v1/profile", "get"),
        ("/v1/token", "post"),
        ("/v1/session", "get"),
        ("/v1/sessions", "get"),
        ("/v1/sessions/{id}", "delete"),
        ("/v1/sessions/revoke", "post"),
        ("/v1/settings", "get"),
        ("/.well-known/jwks.json", "get"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
    ] {
        assert!(document["paths"][path][method]["responses"]["200"].is_object(), "{method} {path}");
    }
    assert_eq!(unresolved(&document, &document), Vec::<String>::new());
}

#[tokio::test]
async fn every_call_describes_its_4xx_and_5xx_answers() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json").await.ok();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            for status in ["4XX", "5XX"] {
                let reference = call["responses"][status]["$ref"].as_str().unwrap_or_default();
                let answer = document.pointer(reference.trim_start_matches('#'));
                assert!(
                    answer.is_some_and(|answer| answer["content"]["application/problem+json"].is_object()),
                    "{method} {path} does not describe {status}: name the error of the handler in responses(…)"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_request_is_described_by_the_rules_that_it_is_checked_with() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json").await.ok();
    let calls = document["paths"].as_object().unwrap().values().flat_map(|calls| calls.as_object().unwrap());
    for (_, call) in calls {
        let schema = &call["requestBody"]["content"]["application/json"]["schema"];
        let Some(reference) = schema["$ref"].as_str() else { continue };
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        assert_eq!(
            schema["additionalProperties"],
            Value::Bool(false),
            "{reference} is not named in routes/openapi/requests.rs"
        );
        assert!(schema["required"].is_array(), "{reference} is not named in routes/openapi/requests.rs");
    }
    let login = &document["components"]["schemas"]["LoginRequest"];
    assert_eq!(login["properties"]["email"]["anyOf"][0]["format"], "email");
    assert_eq!(login["properties"]["email"]["description"], "The e-mail address of the account.");
}

/// References that do not resolve.
fn unresolved(document: &Value, at: &Value) -> Vec<String> {
    match at {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| match value.as_str().filter(|_| name == "$ref") {
                Some(reference) => match document.pointer(reference.trim_start_matches('#')) {
                    Some(_) => Vec::new(),
                    None => vec![reference.to_owned()],
                },
                None => unresolved(document, value),
            })
            .collect(),
        Value::Array(array) => array.iter().flat_map(|value| unresolved(document, value)).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_member_of_a_profile_is_described() {
    let app = TestApp::new().await;
    let document = app.get("/openapi.json").await.ok();
    let tokens = app.somebody().await;
    let described = members(&document, &document["components"]["schemas"]["UserProfile"]);
    for name in tokens["user"].as_object().unwrap().keys() {
        assert!(described.contains(name), "{name} is not described");
    }
}

fn members(document: &Value, schema: &Value) -> Vec<String> {
    let own = schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned());
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| members(document, part));
    let reference = schema["$ref"].as_str().and_then(|text| document.pointer(text.trim_start_matches('#')));
    own.chain(parts).chain(reference.into_iter().flat_map(|schema| members(document, schema))).collect()
}
