//! The account of the signed-in user: profile, addresses, password, data and deletion; and public profiles.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

/// Every path returns the profile, with the fields of the body in it.
const ACCOUNT: &str = r#"new Proxy({ "POST /v1/login": [200, TOKENS] }, {
    get: (routes, name) => routes[name] ?? ((call) => [200, { user_id: "u1", email: "ada@example.com", ...call.body }]),
})"#;

async fn ada() -> World {
    server_of(ACCOUNT).signed_in().await
}

impl World {
    fn ask(&self, name: &str, first: &str) -> Promise {
        self.core.ask(name, js(first), NONE)
    }

    /// `METHOD /path body` of the last call, with its token.
    fn asked(&self) -> String {
        self.run(
            "(({ name, body, headers }) => [headers.Authorization, name, JSON.stringify(body)].join(' '))(world.calls.at(-1))",
        )
    }
}

#[wasm_bindgen_test]
async fn seed_a38_a_profile_update_changes_the_stored_user_with_one_event() {
    let world = ada().await;
    let user = ok(world.ask("updateProfile", "{ nickname: 'Ada', emailSubscription: true }")).await;
    assert_eq!(
        world.asked(),
        r#"Bearer access-1 PATCH /v1/profile {"nickname":"Ada","email_subscription":true}"#
    );
    assert_eq!(json(&world.core.user()), user);
    ok(world.ask("updateProfile", "{ nickname: 'Ada', emailSubscription: true }")).await;
    assert_eq!(world.events(), "USER_UPDATED");
}

#[wasm_bindgen_test]
async fn an_older_profile_that_comes_late_changes_nothing() {
    // The longer the name, the later the response.
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS], "PATCH /v1/profile": ({ body: { nickname } }) =>
            [200, { user_id: "u1", email: "ada@example.com", nickname, updated_at: `2026-01-01T00:00:0${nickname.length}Z` }] }"#,
    );
    let world = world.signed_in().await;
    for (given, kept) in [("bb", "bb"), ("a", "bb"), ("ccc", "ccc")] {
        ok(world.ask("updateProfile", &format!("{{ nickname: '{given}' }}"))).await;
        assert_eq!(json(&get(&world.core.user(), "nickname")), format!("{kept:?}"), "{given}");
    }
}

#[wasm_bindgen_test]
async fn null_and_empty_fields_are_cleared_and_absent_fields_stay() {
    let world = ada().await;
    ok(world.ask(
        "updateProfile",
        "{ name: null, nickname: '', gender: undefined, coins: null, motto: '', address: null }",
    ))
    .await;
    assert_eq!(
        world.body(0),
        r#"{"name":null,"nickname":null,"address":null,"extras":{"coins":null,"motto":""}}"#
    );
    let controls = "<input name=name><input name=nickname value=A><input name=gender disabled>
        <input name=address.locality value=Köln><input name=address.region><input type=file name=picture>
        <input type=radio name=zoneinfo value=x><input type=checkbox name=email_public><input name=extras.motto>
        <input type=number name=extras.coins><input name=email value=a@b.de><input name=birthdate type=date>";
    ok(world.core.ask("updateProfile", form(controls), NONE)).await;
    assert_eq!(
        world.body(1),
        r#"{"name":null,"nickname":"A","address":{"locality":"Köln","region":null},"birthdate":null,"email_public":false,"extras":{"motto":null,"coins":null}}"#
    );
    ok(world.core.ask(
        "updateProfile",
        form("<input name=address.locality><input name=address.region>"),
        NONE,
    ))
    .await;
    assert_eq!(world.body(2), r#"{"address":null}"#);
}

#[wasm_bindgen_test]
async fn seed_a39_fields_with_calls_of_their_own_are_sent_for_the_server_to_refuse() {
    let world = ada().await;
    ok(world.ask("updateProfile", "{ email: 'b@c.de', phone: '+12025550123' }")).await;
    assert_eq!(world.body(0), r#"{"extras":{"email":"b@c.de","phone":"+12025550123"}}"#);
}

#[wasm_bindgen_test]
async fn an_extra_field_cannot_pollute_a_prototype() {
    let world = ada().await;
    let polluting =
        r#"JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')"#;
    assert_eq!(err(world.ask("updateProfile", polluting)).await, "INVALID_PARAMETER __proto__");
    ok(world.ask("updateProfile", r#"{ constructor: { prototype: { polluted: 1 } } }"#)).await;
    assert!(js("({}).polluted").is_undefined());
    assert_eq!(world.body(0), r#"{"extras":{"constructor":{"prototype":{"polluted":1}}}}"#);
}

#[wasm_bindgen_test]
async fn seed_a42_to_a53_addresses_and_numbers_are_changed_with_their_codes() {
    let world = ada().await;
    for (name, fields, call, once) in [
        (
            "bindEmail",
            "{ email: 'a@b.de', emailCode: 1 }",
            r#"email/bind {"email":"a@b.de","email_code":1}"#,
            "true",
        ),
        (
            "updateEmail",
            "{ email: 'a@b.de', email_code: '1', old_email: 'b@c.de', oldEmailCode: 2 }",
            r#"email/change {"email":"a@b.de","email_code":"1","old_email":"b@c.de","old_email_code":2}"#,
            "true",
        ),
        ("unbindEmail", "undefined", "email/unbind {}", "false"),
        (
            "bindPhone",
            "{ phone: '+12025550123', phone_code: 1 }",
            r#"phone/bind {"phone_number":"+12025550123","phone_code":1}"#,
            "true",
        ),
        (
            "updatePhone",
            "{ phone_number: '+12025550123', phone_code: 1, oldPhone: '+12025550124', old_phone_code: 2 }",
            r#"phone/change {"phone_number":"+12025550123","phone_code":1,"old_phone_number":"+12025550124","old_phone_code":2}"#,
            "true",
        ),
        ("unbindPhone", "{ timeout: 500 }", "phone/unbind {}", "false"),
    ] {
        let user = ok(world.ask(name, fields)).await;
        assert_eq!(world.asked(), format!("Bearer access-1 POST /v1/{call}"));
        assert_eq!(world.run("'Idempotency-Key' in world.calls.at(-1).headers"), once, "{name}");
        assert_eq!(json(&world.core.user()), user, "{name}");
    }
    assert_eq!(err(world.ask("bindEmail", "{ email: 'a@b.de' }")).await, "INVALID_PARAMETER email_code");
    assert_eq!(err(world.ask("updatePhone", "{ phone_code: 1 }")).await, "INVALID_PARAMETER phone_number");
}

#[wasm_bindgen_test]
async fn seed_a40_a41_a_password_is_changed_or_set_for_the_first_time() {
    let world = ada().await;
    let set = r#""SUCCESS: New password has been set.""#;
    assert_eq!(ok(world.ask("updatePassword", "{ new_password: 'secret2', oldPassword: 'x' }")).await, set);
    assert_eq!(
        world.asked(),
        r#"Bearer access-1 POST /v1/password {"new_password":"secret2","old_password":"x"}"#
    );
    let controls = form("<input name=new_password value=secret2><input name=old_password>");
    assert_eq!(ok(world.core.ask("updatePassword", controls, NONE)).await, set);
    assert_eq!(world.body(1), r#"{"new_password":"secret2"}"#);
    assert_eq!(
        err(world.ask("updatePassword", "{ newPassword: '1' }")).await,
        "INVALID_PARAMETER new_password"
    );
    assert_eq!(world.events(), "");
}

#[wasm_bindgen_test]
async fn signed_out_calls_of_the_account_send_no_request() {
    let world = server_of("{}");
    for (name, first) in [
        ("updateProfile", "{ name: 'A' }"),
        ("updatePassword", "{ new_password: 'secret2' }"),
        ("updateEmail", "{ email: 'a@b.de', email_code: 1 }"),
        ("bindPhone", "{ phone_number: '+12025550123', phone_code: 1 }"),
        ("unbindEmail", "undefined"),
        ("unbindPhone", "undefined"),
        ("getUser", "'u2'"),
        ("listUdv", "undefined"),
        ("removeUdv", "'age'"),
        ("deleteAccount", "{ password: 'x' }"),
    ] {
        assert_eq!(err(world.ask(name, first)).await, "SESSION_REQUIRED", "{name}");
    }
    assert_eq!(err(world.core.ask("setUdv", js("'age'"), js("15"))).await, "SESSION_REQUIRED");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn reauth_required_does_not_refresh_the_tokens() {
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS],
             "POST /v1/email/unbind": [401, { code: "REAUTH_REQUIRED", title: "Please sign in again to do this." }] }"#,
    )
    .signed_in()
    .await;
    assert_eq!(err(world.ask("unbindEmail", "undefined")).await, "REAUTH_REQUIRED");
    assert_eq!(world.calls(), "POST /v1/email/unbind");
    assert_eq!(world.events(), "");
}

#[wasm_bindgen_test]
async fn seed_k10_another_users_public_profile_is_returned_or_null() {
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS],
             "GET /v1/users/u%2F2": [200, { user_id: "u/2", name: "Bob" }],
             "GET /v1/users/u3": [404, { code: "NOT_FOUND", title: "Not found." }] }"#,
    )
    .signed_in()
    .await;
    assert_eq!(ok(world.ask("getUser", "'u/2'")).await, r#"{"user_id":"u/2","name":"Bob"}"#);
    assert_eq!(ok(world.ask("getUser", "'u3'")).await, "null");
    assert_eq!(err(world.ask("getUser", "''")).await, "INVALID_PARAMETER user_id");
    assert_eq!(world.events(), "");
    assert_eq!(json(&world.core.user()), r#"{"user_id":"u1","email":"ada@example.com"}"#);
}

#[wasm_bindgen_test]
async fn seed_a56_to_a60_data_of_any_type_is_set_listed_and_removed() {
    let world = server_of(
        r#"new Proxy({ "POST /v1/login": [200, TOKENS], "GET /v1/data": [200, { data: [{ key: "age", value: 15, type: "number" }] }] },
             { get: (routes, name) => routes[name] ?? [200, {}] })"#,
    )
    .signed_in()
    .await;
    for (value, body) in [
        ("15", "15"),
        ("true", "true"),
        ("''", r#""""#),
        ("new Date(0)", r#""1970-01-01T00:00:00.000Z""#),
        ("{ a: [1, null] }", r#"{"a":[1,null]}"#),
        ("-1.5", "-1.5"),
    ] {
        let set = world.core.ask("setUdv", js("'is ok'"), js(value));
        assert_eq!(ok(set).await, "undefined");
        let expected = format!(r#"Bearer access-1 PUT /v1/data/is%20ok {{"value":{body}}}"#);
        assert_eq!(world.asked(), expected);
    }
    for value in
        ["undefined", "null", "() => {}", "1n", "NaN", "(() => { const a = []; a.push(a); return a; })()"]
    {
        let set = world.core.ask("setUdv", js("'age'"), js(value));
        assert_eq!(err(set).await, "INVALID_PARAMETER value", "{value}");
    }
    assert_eq!(ok(world.ask("listUdv", "undefined")).await, r#"[{"key":"age","value":15,"type":"number"}]"#);
    assert_eq!(ok(world.ask("removeUdv", "'age'")).await, "undefined");
    assert_eq!(world.run("world.calls.at(-1).name"), "DELETE /v1/data/age");
    assert_eq!(err(world.ask("removeUdv", "undefined")).await, "INVALID_PARAMETER key");
}

#[wasm_bindgen_test]
async fn deleting_the_account_signs_out_without_a_logout_request() {
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/account/delete": (call) => call.body.password === "secret"
              ? [200, {}] : [401, { code: "INCORRECT_USERNAME_OR_PASSWORD", title: "No." }] }"#,
    )
    .signed_in()
    .await;
    let wrong = world.ask("deleteAccount", "{ password: 'wrong' }");
    assert_eq!(err(wrong).await, "INCORRECT_USERNAME_OR_PASSWORD");
    assert_eq!(world.events(), "");
    let answer = ok(world.ask("deleteAccount", "{ password: 'secret' }")).await;
    assert_eq!(answer, r#""SUCCESS: The account has been deleted.""#);
    assert_eq!(world.events(), "SIGNED_OUT");
    assert_eq!(world.calls(), "POST /v1/account/delete, POST /v1/account/delete");
    assert_eq!(ok(world.core.get_session(NONE)).await, "null");
    assert_eq!(JsValue::NULL, world.core.user());
}
