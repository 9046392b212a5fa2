//! All sessions of a user: listing, ending, restoring and checking them.

use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

const SERVER: &str = r#"{
    "POST /v1/login": [200, TOKENS],
    "POST /v1/logout": [200, {}],
    "GET /v1/profile": [200, { user_id: "u1", email: "ada@example.com" }],
    "GET /v1/session": (call) => call.headers.Authorization === "Bearer access-1"
        ? [200, { user_id: "u1", session_id: "s1", iat: 1000, exp: 1600 }] : [401, { code: "SESSION_REQUIRED", title: "Please sign in." }],
    "GET /v1/sessions": [200, { sessions: [{ id: "s1", current: true }] }],
    "DELETE /v1/sessions/a%2Fb": [200, {}],
    "POST /v1/sessions/revoke": [200, {}],
    MORE }"#;

fn world(more: &str, options: &str) -> World {
    world_with(&SERVER.replace("MORE", more), options)
}

#[wasm_bindgen_test]
async fn sessions_are_listed_and_one_is_ended() {
    let world = world("", "{}");
    assert_eq!(err(world.core.list_sessions()).await, "SESSION_REQUIRED");
    let world = world.signed_in().await;
    assert_eq!(ok(world.core.list_sessions()).await, r#"[{"id":"s1","current":true}]"#);
    assert_eq!(ok(world.core.ask("revokeSession", "a/b".into(), NONE)).await, "undefined");
    assert_eq!(err(world.core.ask("revokeSession", "".into(), NONE)).await, "INVALID_PARAMETER id");
    assert_eq!(world.calls(), "GET /v1/sessions, DELETE /v1/sessions/a%2Fb");
}

#[wasm_bindgen_test]
async fn a_logout_of_the_others_keeps_this_session() {
    let world = world("", "{}").signed_in().await;
    ok(world.core.logout(js("{ scope: 'others' }"), NONE)).await;
    assert_eq!(world.body(0), r#"{"scope":"others"}"#);
    assert_eq!(world.events(), "");
    assert!(world.core.user().is_object());
}

#[wasm_bindgen_test]
async fn a_global_logout_ends_this_session_first() {
    js("localStorage.clear()");
    let slow = r#""POST /v1/sessions/revoke": async (call) => {
        window.then = localStorage.getItem("doorward.session");
        return [200, {}];
    },"#;
    let world = world(slow, "{ storage: 'local' }").signed_in().await;
    assert_eq!(
        ok(world.core.logout(js("{ scope: 'global' }"), NONE)).await,
        r#""SUCCESS: The user has been logged out.""#
    );
    assert_eq!(world.run("String(window.then)"), "null");
    assert_eq!(world.body(0), r#"{"scope":"global"}"#);
    assert_eq!(world.run("world.calls[0].headers.Authorization"), "Bearer access-1");
    assert_eq!(world.events(), "SIGNED_OUT");
    assert_eq!(world.run("localStorage.length"), "0");
    ok(world.core.logout(js("{ scope: 'global' }"), NONE)).await;
    assert_eq!(world.calls(), "POST /v1/sessions/revoke, POST /v1/logout", "the session has ended");
}

#[wasm_bindgen_test]
async fn a_global_logout_without_network_ends_this_session_and_rejects() {
    js("localStorage.clear()");
    let offline = r#""POST /v1/sessions/revoke": () => { throw new TypeError(); }, "POST /v1/logout": () => { throw new TypeError(); },"#;
    let world = world(offline, "{ storage: 'local' }").signed_in().await;
    assert_eq!(err(world.core.logout(js("{ scope: 'global' }"), NONE)).await, "NETWORK");
    assert_eq!(world.events(), "SIGNED_OUT");
    assert_eq!(world.run("localStorage.getItem('doorward.ended')"), "revoke-1");
    world.run("world.life.abort()");
}

#[wasm_bindgen_test]
async fn a_global_logout_with_an_old_token_uses_a_new_one_that_is_not_stored() {
    js("localStorage.clear()");
    let token =
        r#""POST /v1/token": [200, { ...TOKENS, access_token: "access-2", refresh_token: "refresh-2" }],"#;
    let world = world(token, "{ storage: 'local' }").signed_in().await;
    world.seconds_later(600);
    ok(world.core.logout(js("{ scope: 'global' }"), NONE)).await;
    assert_eq!(world.calls(), "POST /v1/token, POST /v1/sessions/revoke, POST /v1/logout");
    assert_eq!(world.run("world.calls[1].headers.Authorization"), "Bearer access-2");
    assert_eq!(world.events(), "SIGNED_OUT");
    assert_eq!(world.run("localStorage.length"), "0");
}

#[wasm_bindgen_test]
async fn seed_h43_a_session_is_restored_from_a_refresh_token_of_the_page() {
    let token = r#""POST /v1/token": (call) => call.body.endsWith("=kept&restore=true")
        ? [200, { ...TOKENS, access_token: "access-2", refresh_token: "refresh-2" }]
        : call.body.endsWith("=over&restore=true") ? [400, { error: "invalid_grant" }]
        : call.body.endsWith("=bound&restore=true") ? [400, { error: "invalid_dpop_proof" }] : [503, "x"],"#;
    let world = world(token, "{}");
    let restore = |token: &str| world.core.ask("restoreToken", token.into(), NONE);
    assert_eq!(ok(restore("kept")).await, r#"{"user_id":"u1","email":"ada@example.com"}"#);
    assert_eq!(world.events(), "SIGNED_IN");
    assert_eq!(world.calls(), "POST /v1/token");
    assert_eq!(err(restore("bound")).await, "TOKEN_BOUND");
    assert_eq!(err(restore("over")).await, "TOKEN_REVOKED");
    assert_eq!(err(restore("busy")).await, "OVERLOADED");
    assert!(world.core.user().is_object(), "the earlier session is kept");
}

#[wasm_bindgen_test]
async fn seed_a27_a28_a_token_can_be_checked() {
    let world = world("", "{}");
    let of = |token: &str| world.core.ask("checkLoginStatus", token.into(), NONE);
    let invalid = r#"{"status":false,"code":401,"message":"Please sign in."}"#;
    assert_eq!(ok(world.core.ask("checkLoginStatus", NONE, NONE)).await, invalid);
    let valid =
        r#"{"status":true,"code":200,"message":"Signed in.","exp":1600,"iat":1000,"data":{"id":"u1"}}"#;
    assert_eq!(ok(of("access-1")).await, valid);
    assert_eq!(ok(of("another")).await, invalid);
    assert_eq!(ok(of("no\nheader")).await, invalid);
    assert_eq!(world.calls(), "GET /v1/session, GET /v1/session");
    let world = world.signed_in().await;
    assert_eq!(ok(world.core.ask("checkLoginStatus", NONE, NONE)).await, valid);
}
