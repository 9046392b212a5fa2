//! A session from sign-in to sign-out: refreshed on use, ended only by an explicit rejection, visible in
//! every tab.

use js_sys::Promise;
use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

/// A server whose access tokens live for ten minutes, plus the routes in `more`.
fn server(more: &str) -> String {
    format!(
        r#"{{
        "POST /v1/login": [200, TOKENS],
        "GET /v1/profile": [200, {{ user_id: "u1", email: "ada@example.com", name: "Ada" }}],
        "POST /v1/logout": [200, {{}}],
        "POST /v1/token": async (call) => {{
            await (window.held ?? new Promise((resolve) => setTimeout(resolve, 20)));
            const next = Number(new URLSearchParams(call.body).get("refresh_token").slice(8)) + 1;
            return [200, {{ access_token: "access-" + next, token_type: "Bearer", expires_in: 600,
                refresh_token: "refresh-" + next, revoke_token: "revoke-1", server_time: 2000 }}];
        }},
        {more} }}"#
    )
}

/// Starts a refresh that the server does not answer until `release`.
async fn held_refresh(world: &World) -> Promise {
    js("window.held = new Promise((resolve) => (window.answer = resolve))");
    let refresh = world.core.get_access_token(NONE);
    until(async || world.calls() == "POST /v1/token").await;
    refresh
}

fn release() {
    js("(window.answer(), delete window.held)");
}

#[wasm_bindgen_test]
async fn seed_a30_k37_the_profile_is_requested_with_the_access_token() {
    let world = server_of(&server("")).signed_in().await;
    let profile = ok(world.core.get_profile(NONE)).await;
    assert_eq!(profile, r#"{"user_id":"u1","email":"ada@example.com","name":"Ada"}"#);
    assert_eq!(world.calls(), "GET /v1/profile");
    assert_eq!(world.run("world.calls[0].headers.Authorization"), "Bearer access-1");
    assert_eq!(world.events(), "USER_UPDATED");
    ok(world.core.get_profile(NONE)).await;
    assert_eq!(world.events(), "USER_UPDATED", "only a real change is an event");
    ok(world.core.get_profile(js("{ refreshToken: true }"))).await;
    assert_eq!(world.calls(), "GET /v1/profile, GET /v1/profile, POST /v1/token, GET /v1/profile");
    assert_eq!(
        world.run("world.calls[2].body"),
        "grant_type=refresh_token&client_id=doorward&refresh_token=refresh-1"
    );
}

#[wasm_bindgen_test]
async fn a_signed_out_client_sends_no_request() {
    let world = server_of("{}");
    assert_eq!(ok(world.core.get_profile(NONE)).await, "null");
    assert_eq!(ok(world.core.get_session(NONE)).await, "null");
    assert_eq!(ok(world.core.get_access_token(NONE)).await, "null");
    assert_eq!(err(world.core.refresh_token(NONE)).await, "SESSION_REQUIRED");
    assert!(world.core.user().is_null());
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn a_session_is_shown_without_its_refresh_token_unless_the_page_asked_for_it() {
    let shown = |kind: &str| {
        format!(
            r#""access_token":"access-1","token_type":"{kind}","expires_at":1600,"user":{{"user_id":"u1","email":"ada@example.com"}}}}"#
        )
    };
    let bound = r#""POST /v1/login": [200, { ...TOKENS, token_type: "DPoP" }],"#;
    let world = world_with(&server(bound), "{ dpop: undefined }").signed_in().await;
    assert_eq!(ok(world.core.get_session(NONE)).await, format!("{{{}", shown("DPoP")));
    let world = world_with(&server(""), "{ dpop: false }").signed_in().await;
    let with = format!(r#"{{"refresh_token":"refresh-1",{}"#, shown("Bearer"));
    assert_eq!(ok(world.core.get_session(NONE)).await, with);
}

#[wasm_bindgen_test]
async fn an_old_token_is_refreshed_by_one_request_however_many_calls_ask() {
    let world = server_of(&server("")).signed_in().await;
    world.seconds_later(600);
    let tokens: Vec<_> = (0..20).map(|_| world.core.get_access_token(NONE)).collect();
    let profile = world.core.get_profile(NONE);
    for token in tokens {
        assert_eq!(ok(token).await, r#""access-2""#);
    }
    ok(profile).await;
    assert_eq!(world.calls(), "POST /v1/token, GET /v1/profile");
    assert_eq!(world.events(), "TOKEN_REFRESHED, USER_UPDATED");
}

#[wasm_bindgen_test]
async fn seed_a29_concurrent_forced_refreshes_are_one_request() {
    let world = server_of(&server("")).signed_in().await;
    let sessions: Vec<_> = (0..5).map(|_| world.core.refresh_token(NONE)).collect();
    for session in sessions {
        assert!(ok(session).await.contains(r#""access_token":"access-2""#));
    }
    assert_eq!(world.calls(), "POST /v1/token");
    assert!(ok(world.core.refresh_token(NONE)).await.contains("access-3"));
}

#[wasm_bindgen_test]
async fn a_sign_out_during_a_refresh_wins() {
    let world = server_of(&server("")).signed_in().await;
    world.seconds_later(600);
    let refresh = held_refresh(&world).await;
    ok(world.core.logout(NONE, NONE)).await;
    release();
    assert_eq!(ok(refresh).await, "null");
    assert_eq!(ok(world.core.get_session(NONE)).await, "null");
    assert_eq!(world.events(), "SIGNED_OUT");
}

#[wasm_bindgen_test]
async fn another_user_who_signs_in_during_a_refresh_is_not_mixed_with_the_first() {
    let other = r#""POST /v1/login": (call, calls) => [200, { ...TOKENS, ...(call.body.email === "bob@example.com" && { access_token: "bob-1", refresh_token: "bob-r", revoke_token: "bob-v", user: { user_id: "u2" } }) }],"#;
    let world = server_of(&server(other)).signed_in().await;
    world.seconds_later(600);
    let refresh = held_refresh(&world).await;
    ok(world.core.login(js("{ email: 'bob@example.com', password: 'x' }"), NONE)).await;
    release();
    assert_eq!(ok(refresh).await, r#""bob-1""#);
    assert_eq!(json(&world.core.user()), r#"{"user_id":"u2"}"#);
    assert_eq!(world.events(), "SIGNED_IN");
}

#[wasm_bindgen_test]
async fn only_the_listed_rejections_end_a_session() {
    for (answer, ends) in [
        (r#"[400, { error: "invalid_grant" }]"#, true),
        (r#"[400, { error: "invalid_request" }]"#, false),
        (r#"[400, { error: "stale_token" }]"#, true),
        (r#"[401, { code: "SESSION_REQUIRED" }]"#, false),
        (r#"[200, { error: "invalid_grant" }]"#, false),
        (r#"[429, { error: "slow_down" }]"#, false),
        (r#"[500, "invalid_grant"]"#, false),
        (r#"[200, "<html>"]"#, false),
        (
            r#"[200, { access_token: "x", token_type: "mac", expires_in: 5, refresh_token: "y", revoke_token: "z" }]"#,
            false,
        ),
        ("(() => { throw new TypeError(); })()", false),
    ] {
        let world = server_of(&server(&format!(r#""POST /v1/token": () => {answer},"#))).signed_in().await;
        world.seconds_later(600);
        let outcome = world.core.get_access_token(NONE);
        if ends {
            assert_eq!(ok(outcome).await, "null", "{answer}");
            assert_eq!(world.events(), "SESSION_EXPIRED");
            assert_eq!(world.calls(), "POST /v1/token");
        } else {
            err(outcome).await;
            let events = if answer.contains("throw") { "WARNING offline" } else { "" };
            assert_eq!(world.events(), events, "{answer}");
            assert!(world.core.user().is_object(), "{answer}");
        }
    }
}

#[wasm_bindgen_test]
async fn a_rejection_of_a_token_that_another_tab_has_replaced_is_ignored() {
    js("localStorage.clear()");
    let route = r#""POST /v1/token": (call) => {
        if (call.body.endsWith("refresh-1")) {
            localStorage.setItem("doorward.session", localStorage.getItem("doorward.session").replaceAll("ss-1", "ss-7").replaceAll("sh-1", "sh-7"));
            return [400, { error: "invalid_grant" }];
        }
        return [200, { ...TOKENS, access_token: "access-8", refresh_token: "refresh-8" }];
    },"#;
    let world = world_with(&server(route), "{ storage: 'local' }").signed_in().await;
    world.seconds_later(600);
    assert_eq!(ok(world.core.get_access_token(NONE)).await, r#""access-8""#);
    assert_eq!(world.calls(), "POST /v1/token, POST /v1/token");
}

#[wasm_bindgen_test]
async fn the_retry_after_of_the_server_is_respected() {
    let busy = r#""POST /v1/token": [503, { error: "temporarily_unavailable" }, { "Retry-After": "30" }],"#;
    let world = server_of(&server(busy)).signed_in().await;
    world.seconds_later(600);
    for _ in 0..3 {
        assert_eq!(err(world.core.get_access_token(NONE)).await, "OVERLOADED");
    }
    assert_eq!(err(world.core.refresh_token(NONE)).await, "OVERLOADED");
    assert_eq!(world.calls(), "POST /v1/token");
}

#[wasm_bindgen_test]
async fn a_token_that_has_not_expired_is_used_if_the_refresh_fails() {
    let dead = r#""POST /v1/token": [500, "x"],"#;
    let world = server_of(&server(dead)).signed_in().await;
    world.seconds_later(590);
    assert!(ok(world.core.get_profile(NONE)).await.contains("Ada"));
    assert_eq!(world.calls(), "POST /v1/token, GET /v1/profile");
}

#[wasm_bindgen_test]
async fn a_refused_token_is_refreshed_and_the_call_repeated_once() {
    let refusal = r#""GET /v1/profile": (call) => call.headers.Authorization === "Bearer access-2"
        ? [200, { user_id: "u1", name: "Ada" }] : [401, { code: "SESSION_REQUIRED", title: "Please sign in." }],"#;
    let world = server_of(&server(refusal)).signed_in().await;
    assert!(ok(world.core.get_profile(NONE)).await.contains("Ada"));
    assert_eq!(world.calls(), "GET /v1/profile, POST /v1/token, GET /v1/profile");

    let never = r#""GET /v1/profile": [401, { code: "SESSION_REQUIRED", title: "Please sign in." }],"#;
    let world = server_of(&server(never)).signed_in().await;
    assert_eq!(err(world.core.get_profile(NONE)).await, "SESSION_REQUIRED");
    assert_eq!(world.calls(), "GET /v1/profile, POST /v1/token, GET /v1/profile");
    assert!(world.core.user().is_object(), "this does not end the session");
}

#[wasm_bindgen_test]
async fn calls_whose_token_was_refused_one_after_another_make_one_refresh() {
    let refusal = r#""GET /v1/profile": async (call, calls) => {
        const at = calls.length;
        if (call.headers.Authorization === "Bearer access-2") return [200, { user_id: "u1", name: "Ada" }];
        await new Promise((resolve) => setTimeout(resolve, at * 20));
        return [401, { code: "SESSION_REQUIRED", title: "Please sign in." }];
    },"#;
    let world = server_of(&server(refusal)).signed_in().await;
    let profiles: Vec<_> = (0..5).map(|_| world.core.get_profile(NONE)).collect();
    for profile in profiles {
        assert!(ok(profile).await.contains("Ada"));
    }
    assert_eq!(world.calls().matches("POST /v1/token").count(), 1);
    assert_eq!(world.events(), "TOKEN_REFRESHED, USER_UPDATED");
}

#[wasm_bindgen_test]
async fn the_profile_of_another_user_never_enters_a_session() {
    let bob = r#""POST /v1/email/verify": [200, { user_id: "u2", email: "bob@example.com" }],"#;
    let world = server_of(&server(bob)).signed_in().await;
    assert!(ok(world.core.verify_account(js("'abcdefghijklmnop'"), NONE)).await.contains("bob@example.com"));
    assert_eq!(json(&world.core.user()), r#"{"user_id":"u1","email":"ada@example.com"}"#);
    assert_eq!(world.events(), "");
}

#[wasm_bindgen_test]
async fn one_callers_timeout_ends_its_own_wait_for_a_refresh_only() {
    let slow = r#""POST /v1/token": async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return [200, { ...TOKENS, access_token: "access-2", refresh_token: "refresh-2" }];
    },"#;
    let world = server_of(&server(slow)).signed_in().await;
    world.seconds_later(600);
    let first = world.core.get_access_token(js("{ timeout: 5 }"));
    let second = world.core.get_access_token(NONE);
    assert_eq!(err(first).await, "TIMEOUT");
    assert_eq!(ok(second).await, r#""access-2""#);
    assert_eq!(world.calls(), "POST /v1/token");
}

#[wasm_bindgen_test]
async fn one_callers_signal_ends_its_own_wait_for_a_refresh_only() {
    let world = server_of(&server("")).signed_in().await;
    world.seconds_later(600);
    let options =
        js("(() => { window.ends = new AbortController(); return { signal: window.ends.signal }; })()");
    let (first, second) = (world.core.get_access_token(options), world.core.get_access_token(NONE));
    pause(5).await;
    js("window.ends.abort()");
    assert_eq!(err(first).await, "ABORTED");
    assert_eq!(ok(second).await, r#""access-2""#);
}

#[wasm_bindgen_test]
async fn seed_a31_k38_a_logout_clears_first_and_informs_the_server_when_it_can() {
    js("localStorage.clear()");
    let offline = r#""POST /v1/logout": (call, calls) => { if (calls.length <= 2) throw new TypeError(); return [200, {}]; },"#;
    let world = world_with(&server(offline), "{ storage: 'local' }").signed_in().await;
    let logout = world.core.logout(NONE, NONE);
    pause(1).await;
    assert_eq!(world.run("localStorage.getItem('doorward.session')"), "null");
    assert_eq!(ok(logout).await, r#""SUCCESS: The user has been logged out.""#);
    assert_eq!(world.events(), "SIGNED_OUT");
    assert_eq!(world.run("localStorage.getItem('doorward.ended')"), "revoke-1");
    assert_eq!(ok(world.core.logout(NONE, NONE)).await, r#""SUCCESS: The user has been logged out.""#);
    assert_eq!(world.body(2), r#"{"revoke_token":"revoke-1"}"#);
    assert_eq!(world.run("Object.keys(localStorage).length"), "0");
    assert_eq!(world.events(), "SIGNED_OUT", "signed out already");
}

#[wasm_bindgen_test]
async fn a_pending_logout_is_sent_after_a_reload_and_when_the_network_is_back() {
    js("localStorage.clear()");
    let world = world_with(&server(""), "{ storage: 'local' }");
    js("localStorage.setItem('doorward.ended', 'revoke-5 revoke-6')");
    let reloaded = world.again();
    let told = "[...new Set(world.calls.map((call) => call.body.revoke_token))].sort().join()";
    until(async || world.run(told) == "revoke-5,revoke-6").await;
    assert_eq!(world.run(told), "revoke-5,revoke-6");
    js("localStorage.setItem('doorward.ended', 'revoke-7')");
    js("window.dispatchEvent(new Event('online'))");
    until(async || world.run("localStorage.getItem('doorward.ended')") == "null").await;
    assert_eq!(world.run(told), "revoke-5,revoke-6,revoke-7");
    assert_eq!(world.run("localStorage.getItem('doorward.ended')"), "null");
    drop(reloaded);
    world.run("world.life.abort()");
}

#[wasm_bindgen_test]
async fn only_an_answer_of_the_server_itself_completes_a_pending_logout() {
    for (answer, left) in [
        (r#"[200, "<html>Please pay"]"#, "revoke-1"),
        (r#"[403, { message: "blocked" }]"#, "revoke-1"),
        (r#"[400, { message: "blocked" }]"#, "revoke-1"),
        (r#"[400, { code: "INVALID_PARAMETER" }]"#, "null"),
    ] {
        js("localStorage.clear()");
        let route = format!(r#""POST /v1/logout": {answer},"#);
        let world = world_with(&server(&route), "{ storage: 'local' }").signed_in().await;
        // The call rejects with a refusal of the server itself.
        match left {
            "null" => assert_eq!(err(world.core.logout(NONE, NONE)).await, "INVALID_PARAMETER"),
            _ => drop(ok(world.core.logout(NONE, NONE)).await),
        }
        assert_eq!(world.run("localStorage.getItem('doorward.ended')"), left, "{answer}");
        world.run("world.life.abort()");
    }
}

#[wasm_bindgen_test]
async fn only_the_latest_pending_logouts_are_kept() {
    js("localStorage.clear()");
    let world =
        world_with(&server(r#""POST /v1/logout": [503, {}],"#), "{ storage: 'local' }").signed_in().await;
    js("localStorage.setItem('doorward.ended', Array.from({ length: 50 }, (_, i) => 'old-' + i).join(' '))");
    ok(world.core.logout(NONE, NONE)).await;
    let ended = "localStorage.getItem('doorward.ended').split(' ')";
    assert_eq!(world.run(&format!("{ended}.length")), "20");
    assert_eq!(world.run(&format!("{ended}.at(-1)")), "revoke-1");
    world.run("world.life.abort()");
}

#[wasm_bindgen_test]
async fn a_logout_accepts_any_event_and_only_known_scopes() {
    let world = server_of(&server("")).signed_in().await;
    assert_eq!(err(world.core.logout(js("{ scope: 'all' }"), NONE)).await, "INVALID_PARAMETER scope");
    ok(world.core.logout(js("new MouseEvent('click')"), NONE)).await;
    assert!(world.core.user().is_null());
}

#[wasm_bindgen_test]
async fn changes_by_other_tabs_are_events_in_this_tab() {
    js("localStorage.clear()");
    let world = world_with(&server(""), "{ storage: 'local' }").signed_in().await;
    js("window.before = localStorage.getItem('doorward.session')");
    let change = |script: &str| {
        js(&format!(
            "(() => {{ const key = 'doorward.session'; const old = localStorage.getItem(key); {script};
               window.dispatchEvent(new StorageEvent('storage', {{ key, newValue: window.said ?? localStorage.getItem(key) }})); }})()"
        ));
    };
    change("localStorage.setItem(key, old.replace('access-1', 'access-9'))");
    pause(1).await;
    change("localStorage.setItem(key, old.replace('ada@', 'eva@'))");
    pause(1).await;
    change("localStorage.removeItem(key)");
    pause(1).await;
    change("localStorage.removeItem(key)");
    pause(1).await;
    assert_eq!(world.events(), "TOKEN_REFRESHED, USER_UPDATED, SIGNED_OUT");
    js(
        "(localStorage.setItem('doorward.session', window.before), window.dispatchEvent(new Event('pageshow')))",
    );
    pause(1).await;
    assert!(world.events().ends_with("SIGNED_OUT, SIGNED_IN"), "a page shown again reads the storage");
    let world = world.signed_in().await;
    change("localStorage.removeItem(key); window.said = 'expired'");
    js("delete window.said");
    change("");
    pause(1).await;
    assert_eq!(world.events(), "SESSION_EXPIRED");
    world.run("world.life.abort()");
}
