//! Signing in with a provider: the return with a response. The tests of the built package cover the way to
//! the provider, which leaves the page.

use js_sys::Promise;
use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

const CODE: &str = "{ callback: 'https://app.test/back', code: 'c1' }";

const EXISTING: &str =
    r#"{ type: "LoginExisting", data: { provider: "google", verified: true, id: "u1" }, message: "Hi" }"#;

fn login(world: &World, data: &str) -> Promise {
    world.core.ask("login", "google".into(), js(data))
}

/// Stores a flow that this tab has begun.
fn begun(flow: &str) {
    js(&format!(
        "sessionStorage.setItem('doorward.flow', JSON.stringify([{{ at: Date.now(), ...{flow} }}]))"
    ));
}

fn none_begun() {
    js("sessionStorage.removeItem('doorward.flow')");
}

#[wasm_bindgen_test]
async fn seed_m36_m43_a_user_with_a_linked_identity_is_signed_in_with_the_session_of_the_answer() {
    let routes =
        format!(r#"{{ "POST /v1/login/provider/google": [200, {{ ...{EXISTING}, session: TOKENS }}] }}"#);
    let world = server_of(&routes);
    let answer = ok(login(&world, CODE)).await;
    assert!(answer.contains(r#""type":"LoginExisting""#), "{answer}");
    assert_eq!(world.events(), "SIGNED_IN");
    assert_eq!(json(&world.core.user()), r#"{"user_id":"u1","email":"ada@example.com"}"#);
    assert_eq!(world.body(0), r#"{"callback":"https://app.test/back","code":"c1"}"#);
    assert_eq!(world.run("'Idempotency-Key' in world.calls[0].headers"), "true");
}

#[wasm_bindgen_test]
async fn seed_m44_a_user_without_an_account_is_not_signed_in() {
    let world = server_of(
        r#"{ "POST /v1/login/provider/google": [200, { type: "LoginOAuth", data: { provider: "google", id: "7", oauthKey: "k" }, message: "?" }] }"#,
    );
    let answer = ok(login(&world, CODE)).await;
    assert!(answer.contains(r#""oauthKey":"k""#), "{answer}");
    assert_eq!(world.events(), "");
    assert!(world.core.user().is_null());
}

#[wasm_bindgen_test]
async fn a_login_names_the_flow_that_this_tab_has_begun() {
    let answer = format!("[200, {EXISTING}]");
    let world = server_of(&format!(r#"{{ "POST /v1/login/provider/my%2Fown": {answer} }}"#));
    begun("{ provider: 'my/own', key: '', state: 's1', flow: 'f1', callback: 'https://app.test/back' }");
    ok(world.core.ask("login", "my/own".into(), js("{ callback: 'https://app.test/back' }"))).await;
    assert_eq!(world.body(0), r#"{"callback":"https://app.test/back","state":"s1","flow":"f1"}"#);
    ok(world.core.ask("login", "my/own".into(), js("{ callback: 'https://app.test/back?code=c1' }"))).await;
    none_begun();
    let given = r#"{"callback":"https://app.test/back?code=c1","flow":"f1"}"#;
    assert_eq!(world.body(1), given, "an answer without a state may be an attacker's");
}

#[wasm_bindgen_test]
async fn seed_m46_a_link_is_made_as_the_signed_in_user() {
    let linked = r#"[200, { type: "LoginLinked", data: { provider: "google", id: "u1" }, message: "" }]"#;
    let world = server_of(&format!(
        r#"{{ "POST /v1/login": [200, TOKENS], "POST /v1/identities/google": {linked} }}"#
    ));
    let link = |world: &World| world.core.call("login", &["google".into(), js(CODE), "link".into()]);
    assert_eq!(err(link(&world)).await, "SESSION_REQUIRED");
    assert_eq!(world.calls(), "");
    let world = world.signed_in().await;
    ok(link(&world)).await;
    assert_eq!(world.run("world.calls[0].headers.Authorization"), "Bearer access-1");
    assert_eq!(world.events(), "", "the session stays as it is");
}

#[wasm_bindgen_test]
async fn sec_d03_tokens_that_are_not_bound_to_the_flows_key_are_discarded() {
    let routes =
        format!(r#"{{ "POST /v1/login/provider/google": [200, {{ ...{EXISTING}, session: TOKENS }}] }}"#);
    let world = world_with(&routes, "{ dpop: true }");
    assert_eq!(err(login(&world, CODE)).await, "SERVER");
    assert_eq!(world.run("world.calls[0].isSigned"), "true");
    assert_eq!(world.events(), "");
}

#[wasm_bindgen_test]
async fn without_the_key_of_the_flow_no_request_is_sent() {
    let world = world_with("{}", "{ dpop: true }");
    begun("{ provider: 'google', key: 'gone', state: 's1' }");
    let error = rejection(login(&world, CODE)).await;
    none_begun();
    assert_eq!(json(&get(&error, "code")), r#""OAUTH_STATE_MISMATCH""#);
    assert_eq!(json(&get(&error, "status")), "0");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn seed_m38_m39_m40_exactly_one_answer_of_the_provider_is_accepted() {
    let world = server_of("{}");
    for (data, field) in [
        ("{}", "callback"),
        ("{ callback: 'https://a.test/', token: 't' }", "token"),
        ("{ callback: 7 }", "callback"),
        ("{ oauthToken: 5, oauthVerifier: 'v' }", "oauthToken"),
        ("{ oauthKey: 'k'.repeat(513) }", "oauthKey"),
        ("{ token: 't', nonce: {} }", "nonce"),
        ("{ token: 't', password: 'secret' }", "password"),
    ] {
        let call = login(&world, data);
        assert_eq!(err(call).await, format!("INVALID_PARAMETER {field}"), "{data}");
    }
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn seed_m48_m49_m50_the_servers_reasons_are_passed_on() {
    for (code, status) in [
        ("OAUTH_DENIED", 403),
        ("OAUTH_REUSED", 400),
        ("OAUTH_STATE_MISMATCH", 400),
        ("SOCIAL_ACCOUNT_IN_USE", 409),
        ("NETWORK", 502),
        ("NOT_FOUND", 404),
    ] {
        let world = server_of(&format!(
            r#"{{ "POST /v1/login/provider/google": [{status}, {{ code: "{code}", title: "T", detail: "D" }}] }}"#
        ));
        let error = rejection(login(&world, CODE)).await;
        assert_eq!(json(&error), format!(r#"{{"code":"{code}","message":"D","status":{status}}}"#));
        assert_eq!(world.run("world.calls.length"), "1");
    }
}

#[wasm_bindgen_test]
async fn seed_m11_m12_a_registration_takes_a_profile_and_the_operators_fields() {
    let world = server_of(
        r#"{ "POST /v1/signup/provider/google": [200, { data: { user_id: "u1" }, message: "" }] }"#,
    );
    let register = |data: &str| world.core.ask("register", "google".into(), js(data));
    ok(register("{ oauthKey: 'k', givenName: 'Ada', coins: 5 }")).await;
    assert_eq!(world.body(0), r#"{"oauth_key":"k","given_name":"Ada","extras":{"coins":5}}"#);
    assert_eq!(world.events(), "", "seed M18: a registration does not sign in");
    let fault = register("{ oauthKey: 'k', password: '12345' }");
    assert_eq!(err(fault).await, "INVALID_PARAMETER password");
}

#[wasm_bindgen_test]
async fn seed_m13_m14_a_local_registration_returns_the_account_or_the_given_address() {
    let world = server_of(
        r#"{ "POST /v1/signup": ({ body }) => [200, { confirmation_required: true, user: body.name && { user_id: "u1" } }] }"#,
    );
    let register = |name: &str| {
        let data = format!("{{ email: 'a@b.de', password: 'secret', name: '{name}' }}");
        world.core.call("register", &["local".into(), js(&data), js("{ emailSubscription: true }")])
    };
    assert_eq!(
        ok(register("Ada")).await,
        r#"{"data":{"user_id":"u1"},"message":"Please confirm your email"}"#
    );
    let unknown =
        r#"{"data":{"email":"a@b.de","email_verified":false},"message":"Please confirm your email"}"#;
    assert_eq!(ok(register("")).await, unknown);
    assert_eq!(
        world.body(1),
        r#"{"email":"a@b.de","password":"secret","options":{"email_subscription":true}}"#
    );
    let signs_in = world.core.call(
        "register",
        &["local".into(), js("{ email: 'a@b.de', password: 'secret' }"), js("{ login: true }")],
    );
    assert_eq!(err(signs_in).await, "INVALID_PARAMETER login");
}

#[wasm_bindgen_test]
async fn identities_are_listed_and_unlinked() {
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS],
             "GET /v1/identities": [200, { identities: [{ provider: "google", id: "7" }] }],
             "DELETE /v1/identities/google": [200, { identities: [] }] }"#,
    );
    assert_eq!(err(world.core.ask("listIdentities", NONE, NONE)).await, "SESSION_REQUIRED");
    let world = world.signed_in().await;
    assert_eq!(ok(world.core.ask("listIdentities", NONE, NONE)).await, r#"[{"provider":"google","id":"7"}]"#);
    assert_eq!(ok(world.core.ask("unlink", js("'google'"), NONE)).await, "[]");
    assert_eq!(err(world.core.ask("unlink", js("''"), NONE)).await, "INVALID_PARAMETER provider");
}
