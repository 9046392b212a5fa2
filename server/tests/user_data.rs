//! `/v1/data`: user-defined data, typed by configuration.

use serde_json::{Value, json};

use crate::support::TestApp;

const DECLARED: &str = "[user_data.age]\ntype = \"number\"\n[user_data.is_ok]\ntype = \"boolean\"\n\
    [user_data.note]\ntype = \"string\"\n[user_data.\"läst\"]\ntype = \"datetime\"\n[user_data.bag]\ntype = \"object\"\n";

async fn set(t: &TestApp, who: &Value, key: &str, value: Value) {
    t.send_as(who, "PUT", &format!("/v1/data/{key}"), json!({ "value": value })).await.ok();
}

async fn list(t: &TestApp, who: &Value) -> Value {
    t.get("/v1/data").bearer(&who["access_token"]).await.ok()["data"].clone()
}

#[tokio::test]
async fn seed_a56_a57_a59_values_are_set_listed_and_replaced() {
    let t = TestApp::with(DECLARED).await;
    let who = t.somebody().await;
    assert_eq!(list(&t, &who).await, json!([]));
    set(&t, &who, "age", json!(15)).await;
    set(&t, &who, "is_ok", json!(true)).await;
    set(&t, &who, "bag", json!({ "a": [1, { "b": null }], "__proto__": { "x": 1 } })).await;
    set(&t, &who, "l%C3%A4st", json!("2026-01-31T12:00:00Z")).await;
    set(&t, &who, "age", json!(16.5)).await;
    assert_eq!(
        list(&t, &who).await,
        json!([
            { "key": "age", "value": 16.5, "type": "number" },
            { "key": "bag", "value": { "a": [1, { "b": null }], "__proto__": { "x": 1 } }, "type": "object" },
            { "key": "is_ok", "value": true, "type": "boolean" },
            { "key": "läst", "value": "2026-01-31T12:00:00Z", "type": "datetime" },
        ])
    );
}

#[tokio::test]
async fn seed_a58_a_value_of_another_type_or_key_is_refused() {
    let t = TestApp::with(DECLARED).await;
    let who = t.somebody().await;
    for (key, value, field) in [
        ("age", json!("15"), "value"),
        ("is_ok", json!(1), "value"),
        ("note", json!(["x"]), "value"),
        ("note", json!(null), "value"),
        ("bag", json!("{}"), "value"),
        ("note", json!("x".repeat(17_000)), "value"),
        ("unknown", json!(1), "key"),
        ("__proto__", json!(1), "key"),
        ("%ff", json!(1), "key"),
    ] {
        let path = format!("/v1/data/{key}");
        let answer = t.send_as(&who, "PUT", &path, json!({ "value": value })).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], field, "{key}");
    }
    assert_eq!(list(&t, &who).await, json!([]));
}

#[tokio::test]
async fn seed_a60_a_value_is_removed_once() {
    let t = TestApp::with(DECLARED).await;
    let who = t.somebody().await;
    set(&t, &who, "note", json!("")).await;
    t.send_as(&who, "DELETE", "/v1/data/note", Value::Null).await.ok();
    t.send_as(&who, "DELETE", "/v1/data/note", Value::Null).await.refused(404, "NOT_FOUND");
    assert_eq!(list(&t, &who).await, json!([]));
}

#[tokio::test]
async fn sec_x01_an_account_sees_and_deletes_only_its_own_data() {
    let t = TestApp::with(DECLARED).await;
    let (ada, eve) = (t.somebody().await, t.device("the device of eve").await);
    set(&t, &ada, "age", json!(15)).await;
    assert_eq!(list(&t, &eve).await, json!([]));
    t.send_as(&eve, "DELETE", "/v1/data/age", Value::Null).await.refused(404, "NOT_FOUND");
    t.get("/v1/data").await.refused(401, "SESSION_REQUIRED");
    let t = t.restart().await;
    assert_eq!(list(&t, &ada).await[0]["value"], 15);
}
