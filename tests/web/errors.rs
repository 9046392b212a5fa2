//! Every failure rejects with an error of the SDK.

use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

async fn settings_error(answer: &str) -> String {
    let world = server_of(&format!(r#"{{ "GET /v1/settings": {answer} }}"#));
    err(world.core.get_settings(NONE)).await
}

#[wasm_bindgen_test]
async fn an_invalid_answer_is_a_server_error() {
    for (answer, code) in [
        ("[200, '<!doctype html><title>Hotel Wi-Fi</title>']", "SERVER"),
        ("[200, '']", "SERVER"),
        ("[200, '{\"password\":']", "SERVER"),
        ("[200, []]", "SERVER"),
        ("[200, { password: 'six' }]", "SERVER"),
        ("[200, 'null']", "SERVER"),
        ("[500, 'oops']", "SERVER"),
        ("[404, { message: 'other server' }]", "SERVER"),
        ("[503, 'busy']", "OVERLOADED"),
        ("[400, { code: 7 }]", "SERVER"),
    ] {
        assert_eq!(settings_error(answer).await, code, "{answer}");
    }
}

#[wasm_bindgen_test]
async fn the_time_to_wait_comes_from_the_body_or_the_header() {
    let wait = async |answer: &str| {
        let world = server_of(&format!(r#"{{ "GET /v1/settings": () => {answer} }}"#));
        json(&get(&rejection(world.core.get_settings(NONE)).await, "retry_after"))
    };
    assert_eq!(wait("[503, '', { 'Retry-After': '17' }]").await, "17");
    assert_eq!(wait("[429, { code: 'REQUEST_EXCEED', retry_after: 5 }, { 'Retry-After': '17' }]").await, "5");
    assert_eq!(wait("[503, '', { 'Retry-After': 'soon' }]").await, "undefined");
    let date = wait("[503, '', { 'Retry-After': new Date(Date.now() + 20500).toUTCString() }]").await;
    assert!(["20", "21"].contains(&date.as_str()), "{date}");
}

#[wasm_bindgen_test]
async fn a_fetch_that_fails_in_any_way_is_a_network_error() {
    for answer in [
        "() => { throw new TypeError('Failed to fetch'); }",
        "() => { throw 'a string'; }",
        "() => { throw undefined; }",
        "() => { throw null; }",
    ] {
        assert_eq!(settings_error(answer).await, "NETWORK", "{answer}");
    }
    for fetch in [
        "() => { throw 'at once'; }",
        "() => Promise.reject(7)",
        "async () => Object.create(Response.prototype)",
        "async () => ({ status: 200, text: () => Promise.reject() })",
    ] {
        let world = world_with("{}", &format!("{{ fetch: {fetch} }}"));
        assert_eq!(err(world.core.get_settings(NONE)).await, "NETWORK", "{fetch}");
    }
    for fetch in [
        "() => undefined",
        "() => 7",
        "() => ({ status: 200 })",
        "async () => ({ status: 200, json: () => 5 })",
        "async () => ({ headers: { get() { throw 7; } }, get status() { throw 7; }, text: () => 7 })",
    ] {
        let world = world_with("{}", &format!("{{ fetch: {fetch} }}"));
        assert_eq!(err(world.core.get_settings(NONE)).await, "SERVER", "{fetch}");
    }
}

#[wasm_bindgen_test]
async fn a_policy_that_forbids_the_connection_is_a_network_error() {
    let world = world_with("{}", "{ fetch: undefined, url: 'http://127.0.0.1:1' }");
    assert_eq!(err(world.core.get_settings(NONE)).await, "NETWORK");
}

#[wasm_bindgen_test]
async fn only_repeatable_requests_are_repeated_and_only_once() {
    let dead = |route: &str| server_of(&format!(r#"{{ "{route}": () => {{ throw new TypeError(); }} }}"#));
    let ada = || js("{ email: 'a@b.de', password: 'secret' }");

    let world = dead("GET /v1/settings");
    assert_eq!(err(world.core.get_settings(NONE)).await, "NETWORK");
    assert_eq!(world.calls(), "GET /v1/settings, GET /v1/settings");

    let world = dead("POST /v1/signup");
    assert_eq!(err(world.core.signup(ada(), NONE)).await, "NETWORK");
    assert_eq!(world.calls(), "POST /v1/signup, POST /v1/signup");
    let keys = "new Set(world.calls.map((call) => call.headers['Idempotency-Key'])).size";
    assert_eq!(world.run(keys), "1", "the same key, so that there is one account");

    let world = dead("POST /v1/login");
    assert_eq!(err(world.core.login(ada(), NONE)).await, "NETWORK");
    assert_eq!(world.calls(), "POST /v1/login");
}

#[wasm_bindgen_test]
async fn a_server_that_is_silent_is_given_up_after_the_timeout() {
    let silent = r#"{ "GET /v1/settings": () => new Promise(() => {}) }"#;
    let world = world_with(silent, "{ timeout: 30 }");
    assert_eq!(err(world.core.get_settings(NONE)).await, "TIMEOUT");
    let world = world_with(silent, "{}");
    assert_eq!(err(world.core.get_settings(js("{ timeout: 30 }"))).await, "TIMEOUT");
    assert_eq!(err(world.core.get_settings(js("{ timeout: -1 }"))).await, "INVALID_PARAMETER timeout");
}

#[wasm_bindgen_test]
async fn a_body_that_never_ends_is_given_up_too() {
    let world = world_with(
        "{}",
        "{ timeout: 30, fetch: async () => new Response(new ReadableStream({ start(out) { out.enqueue(new TextEncoder().encode('{')); } })) }",
    );
    assert_eq!(err(world.core.get_settings(NONE)).await, "TIMEOUT");
}

#[wasm_bindgen_test]
async fn the_callers_signal_ends_a_call_at_once() {
    let world =
        server_of(r#"{ "GET /v1/settings": () => new Promise(() => {}), "POST /v1/login": [200, TOKENS] }"#);
    let options =
        js("(() => { window.ends = new AbortController(); return { signal: window.ends.signal }; })()");
    let call = world.core.get_settings(options.clone());
    pause(5).await;
    js("window.ends.abort()");
    assert_eq!(err(call).await, "ABORTED");
    assert_eq!(world.run("world.calls[0].signal.aborted"), "true", "the request is ended, not forgotten");
    let login = world.core.login(js("{ email: 'a@b.de', password: 'x' }"), options);
    assert_eq!(err(login).await, "ABORTED");
    assert_eq!(world.calls(), "GET /v1/settings", "nothing is sent for a signal that is aborted already");
    assert_eq!(err(world.core.get_settings(js("{ signal: 7 }"))).await, "INVALID_PARAMETER signal");
}

#[wasm_bindgen_test]
async fn after_any_error_the_client_goes_on_working() {
    let world = server_of(
        r#"{ "POST /v1/login": (call, calls) => { if (calls.length === 1) throw 'x'; return calls.length === 2 ? [200, 'no'] : [200, TOKENS]; } }"#,
    );
    let login = || world.core.login(js("{ email: 'a@b.de', password: 'x' }"), NONE);
    assert_eq!(err(login()).await, "NETWORK");
    assert_eq!(err(login()).await, "SERVER");
    ok(login()).await;
}
