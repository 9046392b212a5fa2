//! Sessions bound to a key of this browser (RFC 9449): the proofs, and the life of the key.

use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

/// A server that binds sessions, plus the routes in `more`.
fn server(more: &str) -> String {
    format!(
        r#"{{
        "POST /v1/login": [200, {{ ...TOKENS, token_type: "DPoP" }}],
        "GET /v1/profile": [200, {{ user_id: "u1", email: "ada@example.com" }}],
        "POST /v1/logout": [200, {{}}],
        "POST /v1/token": [200, {{ ...TOKENS, token_type: "DPoP", access_token: "access-2", refresh_token: "refresh-2" }}],
        {more} }}"#
    )
}

const ADA: &str = "{ email: 'ada@example.com', password: 'secret' }";

/// A client of such a server, without data of earlier tests.
async fn bound(more: &str, options: &str) -> World {
    // Clients of earlier tests would react to changes of the storage.
    js("window.lives?.forEach((life) => life.abort())");
    clear().await;
    world_with(&server(more), &format!("{{ dpop: undefined, storage: 'local', {options} }}"))
}

async fn clear() {
    js("localStorage.clear()");
    let deleted = "new Promise((done) => { const request = indexedDB.deleteDatabase('doorward.keys'); request.onsuccess = request.onerror = done; })";
    JsFuture::from(js_sys::Promise::from(js(deleted))).await.expect("the database is deleted");
}

/// The ids of the keys in the database.
async fn kept() -> String {
    let keys = "new Promise((done) => { const open = indexedDB.open('doorward.keys', 1);
        open.onupgradeneeded = () => open.result.createObjectStore('keys');
        open.onsuccess = () => { const all = open.result.transaction('keys').objectStore('keys').getAllKeys();
            all.onsuccess = () => { open.result.close(); done(all.result.join()); }; }; })";
    JsFuture::from(js_sys::Promise::from(js(keys))).await.expect("the database opens").as_string().unwrap()
}

#[wasm_bindgen_test]
async fn sec_d01_every_call_of_a_bound_session_has_a_proof_of_the_key() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    world.seconds_later(600);
    ok(world.core.get_profile(NONE)).await;
    assert_eq!(world.calls(), "POST /v1/login, POST /v1/token, GET /v1/profile");
    assert_eq!(world.run("world.calls.map((call) => call.isSigned).join()"), "true,true,true");
    assert_eq!(world.run("JSON.stringify(world.calls[0].head)"), r#"{"typ":"dpop+jwt","alg":"ES256"}"#);
    assert_eq!(world.run("Object.keys(world.calls[0].jwk).sort().join()"), "crv,kty,x,y");
    assert_eq!(world.run("new Set(world.calls.map((call) => call.jwk.x)).size"), "1");
    assert_eq!(world.run("new Set(world.calls.map((call) => call.claims.jti)).size"), "3");
    let requests = "world.calls.map((call) => call.claims.htm + ' ' + call.claims.htu).join()";
    assert_eq!(
        world.run(requests),
        "POST https://auth.test/v1/login,POST https://auth.test/v1/token,GET https://auth.test/v1/profile"
    );
    assert_eq!(world.run("world.calls[2].headers.Authorization"), "DPoP access-2");
    // The SHA-256 of "access-2".
    assert_eq!(world.run("world.calls.map((call) => call.claims.ath ?? '').join()"), format!(",,{}", ath()));
    assert!(ok(world.core.get_session(NONE)).await.contains(r#""token_type":"DPoP""#));
}

fn ath() -> &'static str {
    "Z2L2VFXbhes5zm7QQ1XXEL0DtdAxau-S3AhGzV3XK1Y"
}

#[wasm_bindgen_test]
async fn sec_d07_a_nonce_that_is_missing_is_taken_from_the_answer_once() {
    let nonces = r#"
        "POST /v1/login": (call) => call.claims.nonce === "n1" ? [200, { ...TOKENS, token_type: "DPoP" }, { "DPoP-Nonce": "n2" }]
            : [401, { code: "USE_DPOP_NONCE", title: "x" }, { "DPoP-Nonce": "n1" }],
        "POST /v1/token": (call) => call.claims.nonce === "n3"
            ? [200, { ...TOKENS, token_type: "DPoP", access_token: "access-2", refresh_token: "refresh-2" }]
            : [400, { error: "use_dpop_nonce" }, { "DPoP-Nonce": "n3" }],
        "GET /v1/profile": [401, { code: "USE_DPOP_NONCE", title: "x" }, { "DPoP-Nonce": "again" }],"#;
    let world = bound(nonces, "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    world.seconds_later(600);
    ok(world.core.get_access_token(NONE)).await;
    assert_eq!(world.calls(), "POST /v1/login, POST /v1/login, POST /v1/token, POST /v1/token");
    assert_eq!(world.run("world.calls.map((call) => call.claims.nonce).join()"), ",n1,n2,n3");
    assert_eq!(world.run("new Set(world.calls.map((call) => call.claims.jti)).size"), "4");
    assert_eq!(err(world.core.get_profile(NONE)).await, "USE_DPOP_NONCE");
    assert_eq!(world.run("world.calls.length"), "6", "a second request for a nonce is not answered");
}

#[wasm_bindgen_test]
async fn sec_d03_a_bearer_answer_to_a_proof_is_discarded() {
    let downgrade = r#""POST /v1/login": [200, TOKENS],"#;
    let world = bound(downgrade, "").await;
    assert_eq!(err(world.core.login(js(ADA), NONE)).await, "SERVER");
    assert_eq!(world.run("localStorage.length"), "0");
    let world = bound(r#""POST /v1/token": [200, TOKENS],"#, "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    world.seconds_later(600);
    assert_eq!(err(world.core.get_access_token(NONE)).await, "SERVER");
    assert!(world.core.user().is_object(), "this does not end the session");
}

#[wasm_bindgen_test]
async fn a_proof_is_dated_by_the_servers_clock() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    ok(world.core.get_profile(NONE)).await;
    let at: u32 = world.run("world.calls[1].claims.iat").parse().unwrap();
    assert!((1000..1010).contains(&at), "TOKENS came at 1000 by the server's clock: {at}");
}

#[wasm_bindgen_test]
async fn a_key_outlives_the_page_and_ends_with_its_session() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    let id = world.run("JSON.parse(localStorage.getItem('doorward.session')).key");
    assert_eq!(kept().await, id);
    let reloaded = world.reloaded();
    ok(reloaded.get_profile(NONE)).await;
    assert_eq!(world.run("world.calls[0].jwk.x === world.calls[1].jwk.x"), "true");
    // Another user signs in, so the key of the first user is no longer needed.
    ok(reloaded.login(js(ADA), NONE)).await;
    let next = world.run("JSON.parse(localStorage.getItem('doorward.session')).key");
    assert_ne!(next, id);
    until(async || kept().await == next).await;
    assert_eq!(kept().await, next);
    ok(reloaded.logout(NONE, NONE)).await;
    until(async || kept().await.is_empty()).await;
    assert_eq!(kept().await, "");
}

#[wasm_bindgen_test]
async fn an_old_key_without_a_session_is_removed_at_a_sign_in() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    let lost = kept().await;
    js("localStorage.clear()");
    for (days, stays) in [(399, true), (2, false)] {
        world.seconds_later(days * 86_400);
        ok(world.reloaded().login(js(ADA), NONE)).await;
        pause(50).await;
        until(async || kept().await.contains(&lost) == stays).await;
        assert_eq!(kept().await.contains(&lost), stays);
        js("localStorage.clear()");
    }
}

#[wasm_bindgen_test]
async fn a_proof_that_never_completes_ends_with_the_timeout_or_the_signal_of_the_call() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    js("(window.sign = crypto.subtle.sign, crypto.subtle.sign = () => new Promise(() => {}))");
    assert_eq!(err(world.core.get_profile(js("{ timeout: 10 }"))).await, "TIMEOUT");
    assert_eq!(err(world.core.get_profile(js("{ signal: AbortSignal.timeout(10) }"))).await, "ABORTED");
    js("delete crypto.subtle.sign");
    assert!(world.core.user().is_object());
}

#[wasm_bindgen_test]
async fn a_stale_copy_of_a_session_leaves_the_key_to_the_current_copy() {
    for (verdict, stays) in [("stale_token", true), ("invalid_grant", false)] {
        let route = format!(r#""POST /v1/token": [400, {{ error: "{verdict}" }}],"#);
        let world = bound(&route, "").await;
        ok(world.core.login(js(ADA), NONE)).await;
        world.seconds_later(600);
        assert_eq!(ok(world.core.get_access_token(NONE)).await, "null");
        assert_eq!(world.events(), "SIGNED_IN, SESSION_EXPIRED");
        pause(50).await;
        until(async || kept().await.is_empty() != stays).await;
        assert_eq!(!kept().await.is_empty(), stays, "{verdict}");
    }
}

#[wasm_bindgen_test]
async fn the_private_key_is_not_extractable() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    let stored = "new Promise((done) => { const open = indexedDB.open('doorward.keys', 1); open.onsuccess = () => {
        const all = open.result.transaction('keys').objectStore('keys').getAll();
        all.onsuccess = () => { open.result.close(); done(all.result[0].secret.extractable + ' ' + Object.keys(all.result[0]).sort()); }; }; })";
    let stored = JsFuture::from(js_sys::Promise::from(js(stored))).await.unwrap();
    assert_eq!(stored.as_string().unwrap(), "false at,id,kept,secret,x,y");
}

#[wasm_bindgen_test]
async fn a_session_without_its_key_ends_with_a_warning() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    let reloaded = world.reloaded();
    js(
        "localStorage.setItem('doorward.session', localStorage.getItem('doorward.session').replace(/\"key\":\"[^\"]*\"/, '\"key\":\"gone\"'))",
    );
    assert_eq!(ok(reloaded.get_profile(NONE)).await, "null");
    assert_eq!(world.events(), "SIGNED_IN, WARNING key_lost, SESSION_EXPIRED");
    assert_eq!(world.calls(), "POST /v1/login", "nothing is sent without a proof");
    assert_eq!(world.run("localStorage.length"), "0");
}

#[wasm_bindgen_test]
async fn a_copied_storage_is_useless_without_the_key() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    let copy = world.run("localStorage.getItem('doorward.session')");
    assert!(!copy.contains("secret") && !copy.contains("\"d\""));
    clear().await;
    js(&format!("localStorage.setItem('doorward.session', {copy:?})"));
    let thief = world.reloaded();
    assert_eq!(
        ok(thief.get_access_token(NONE)).await,
        r#""access-1""#,
        "the token can be read, but the server refuses it without a proof"
    );
    assert_eq!(ok(thief.get_profile(NONE)).await, "null");
    assert_eq!(world.calls(), "POST /v1/login");
}

#[wasm_bindgen_test]
async fn a_session_whose_key_cannot_be_stored_ends_with_the_page_after_a_warning() {
    let world = bound("", "").await;
    js(
        "(window.put = IDBObjectStore.prototype.put, IDBObjectStore.prototype.put = () => { throw new DOMException('denied', 'QuotaExceededError'); })",
    );
    ok(world.core.login(js(ADA), NONE)).await;
    js("(IDBObjectStore.prototype.put = window.put)");
    assert_eq!(world.events(), "WARNING key_in_memory, SIGNED_IN");
    assert_eq!(json(&world.core.persistence()), r#""memory""#);
    assert_eq!(world.run("localStorage.length"), "0", "other pages could not use it without the key");
    ok(world.core.get_profile(NONE)).await;
    assert_eq!(world.run("world.calls[1].isSigned"), "true");
}

#[wasm_bindgen_test]
async fn a_session_in_memory_leaves_no_key_behind() {
    let world = bound("", "storage: 'memory'").await;
    ok(world.core.login(js(ADA), NONE)).await;
    ok(world.core.get_profile(NONE)).await;
    assert_eq!(kept().await, "");
    assert_eq!(world.events(), "SIGNED_IN");
}

#[wasm_bindgen_test]
async fn a_database_whose_connection_was_lost_is_opened_again() {
    let world = bound("", "").await;
    ok(world.core.login(js(ADA), NONE)).await;
    let reloaded = world.reloaded();
    js("(window.open_ = IDBDatabase.prototype.transaction, IDBDatabase.prototype.transaction = function (...args) {
        IDBDatabase.prototype.transaction = window.open_; throw new DOMException('closing', 'InvalidStateError'); })");
    ok(reloaded.get_profile(NONE)).await;
    assert_eq!(world.run("world.calls[1].isSigned"), "true");
}

#[wasm_bindgen_test]
async fn bearer_tokens_are_a_choice() {
    clear().await;
    let world =
        world_with(&server(r#""POST /v1/login": [200, TOKENS],"#), "{ dpop: false, storage: 'local' }");
    ok(world.core.login(js(ADA), NONE)).await;
    ok(world.core.get_profile(NONE)).await;
    assert_eq!(world.run("world.calls.map((call) => call.headers.DPoP ?? '').join()"), ",");
    assert_eq!(world.run("world.calls[1].headers.Authorization"), "Bearer access-1");
    assert_eq!(kept().await, "");
}

#[wasm_bindgen_test]
async fn headers_for_other_libraries_are_for_the_named_origins_only() {
    let world = bound("", "apis: [{ origin: 'https://api.test' }]").await;
    let headers = |method: &str, url: &str| world.core.ask("authHeaders", method.into(), url.into());
    assert_eq!(ok(headers("GET", "https://api.test/x")).await, "{}", "signed out");
    ok(world.core.login(js(ADA), NONE)).await;
    let shown = JsFuture::from(headers("get", "https://api.test/x?y=1#z")).await.unwrap();
    assert_eq!(get(&shown, "Authorization").as_string().unwrap(), "DPoP access-1");
    let claims = get(&shown, "DPoP").as_string().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims = world.run(&format!("atob({claims:?})"));
    assert!(claims.starts_with(r#"{"htm":"GET","htu":"https://api.test/x","#), "{claims}");
    for url in [
        "https://api.test.evil/",
        "http://api.test/",
        "https://api.test:444/",
        "javascript:1",
        "https://api.test@evil/",
    ] {
        assert_eq!(err(headers("GET", url)).await, "INVALID_PARAMETER url", "{url}");
    }
    ok(headers("GET", "https://auth.test/v1/profile")).await;
    for wrong in ["[1]", "[{}]", "[{ origin: 'ftp://x' }]"] {
        let world = bound("", &format!("apis: {wrong}")).await;
        assert_eq!(err(world.core.login(js(ADA), NONE)).await, "INVALID_PARAMETER apis");
    }
}

#[wasm_bindgen_test]
async fn every_call_rejects_on_an_insecure_page() {
    let without = |options: &str| {
        js("Object.defineProperty(crypto, 'subtle', { configurable: true, value: undefined })");
        let world = world_with(&server(r#""POST /v1/login": [200, TOKENS],"#), options);
        js("delete crypto.subtle");
        world
    };
    let world = without("{ dpop: undefined }");
    assert_eq!(err(world.core.login(js(ADA), NONE)).await, "INSECURE_CONTEXT");
    assert_eq!(err(world.core.get_session(NONE)).await, "INSECURE_CONTEXT");
    let world = without("{ dpop: false }");
    ok(world.core.login(js(ADA), NONE)).await;
}

/// The key and the access token of each call: the first key, another key, or none.
fn shown(world: &World) -> String {
    let first = "world.calls.find((call) => /signup/.test(call.name)).jwk.x";
    let key = format!("!call.jwk ? 'none' : call.jwk.x === {first} ? 'key' : 'other'");
    let call =
        format!("`${{call.name.split('/').at(-1)}} ${{{key}}} ${{call.headers.Authorization ?? ''}}`.trim()");
    world.run(&format!(
        "world.calls.filter((call) => /verify|reset|signup/.test(call.name)).map((call) => {call}).join()"
    ))
}

#[wasm_bindgen_test]
async fn sec_a03_the_key_of_a_signup_is_proven_until_the_address_is_verified_also_after_a_reload() {
    let more = r#""POST /v1/signup": [200, { confirmation_required: true }],
        "POST /v1/password/reset": [200, {}],
        "POST /v1/email/verify": [200, { user_id: "u1", email: "ada@example.com", email_verified: true }],"#;
    let world = bound(more, "").await;
    ok(world.core.signup(js(ADA), NONE)).await;
    let page = world.reloaded();
    ok(page.verify_account(js("'abcdefghijklmnop'"), NONE)).await;
    ok(page.verify_account(js("'abcdefghijklmnop'"), NONE)).await;
    ok(page.reset_password(js("'abcdefghijklmnop'"), js("'another secret'"), NONE)).await;
    assert_eq!(shown(&world), "signup key,verify key,verify none,reset none");
    assert_eq!(kept().await, "", "the key is not needed any more");
}

#[wasm_bindgen_test]
async fn sec_a03_the_session_is_sent_when_the_key_of_another_signup_is_not_enough() {
    let more = r#""POST /v1/signup": [200, { confirmation_required: true }],
        "POST /v1/email/verify": (call) => call.headers.Authorization
            ? [200, { user_id: "u1", email: "ada@example.com", email_verified: true }]
            : [403, { code: "PASSWORD_REQUIRED", title: "x", field: "password" }],"#;
    let world = bound(more, "").await.signed_in().await;
    ok(world.core.signup(js("{ email: 'bob@example.com', password: 'secret' }"), NONE)).await;
    ok(world.core.verify_account(js("'abcdefghijklmnop'"), NONE)).await;
    assert_eq!(shown(&world), "signup key,verify key,verify other DPoP access-1");
    // The key of the signup stays, because it belongs to another address.
    assert_ne!(world.run("localStorage.getItem('doorward.signup')"), "null");
}

#[wasm_bindgen_test]
async fn sec_a03_a_verification_without_the_key_of_the_signup_has_no_proof() {
    let more = r#""POST /v1/signup": [200, { confirmation_required: true }],
        "POST /v1/email/verify": [403, { code: "PASSWORD_REQUIRED", title: "x", field: "password" }],"#;
    let world = bound(more, "").await;
    ok(world.core.signup(js(ADA), NONE)).await;
    let page = world.reloaded();
    js("indexedDB.deleteDatabase('doorward.keys')");
    assert_eq!(err(page.verify_account(js("'abcdefghijklmnop'"), NONE)).await, "PASSWORD_REQUIRED password");
    assert_eq!(shown(&world), "signup key,verify none");
}
