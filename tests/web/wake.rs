//! Refreshing in advance, waking up, and messages to other tabs by a channel.

use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

/// Access tokens live for two seconds here.
const BRIEF: &str = r#"{
    "POST /v1/login": [200, { ...TOKENS, expires_in: 2 }],
    "POST /v1/logout": [200, {}],
    "POST /v1/token": (call, calls) => MORE [200, { ...TOKENS, expires_in: 600, access_token: "access-2" + calls.length, refresh_token: "refresh-2" }],
}"#;

fn brief(more: &str, options: &str) -> World {
    world_with(&BRIEF.replace("MORE", more), options)
}

#[wasm_bindgen_test]
async fn a_token_is_refreshed_before_it_expires_while_the_page_is_visible() {
    let clock = Clock::stop();
    let world = brief("", "{}").signed_in().await;
    clock.advance(1400).await;
    assert_eq!(world.calls(), "");
    clock.advance(500).await;
    drop(clock);
    until(async || world.events() == "TOKEN_REFRESHED").await;
    assert_eq!(world.calls(), "POST /v1/token");
    assert_eq!(world.events(), "TOKEN_REFRESHED");
    world.run("world.life.abort()");
}

#[wasm_bindgen_test]
async fn a_token_is_not_refreshed_early_on_a_hidden_page_or_with_auto_refresh_off() {
    for (what, options) in [("hidden", "{}"), ("visible", "{ autoRefresh: false }")] {
        js(&format!(
            "Object.defineProperty(document, 'visibilityState', {{ configurable: true, value: '{what}' }})"
        ));
        let clock = Clock::stop();
        let world = brief("", options).signed_in().await;
        clock.advance(1900).await;
        assert_eq!(world.calls(), "", "{what}");
        js("delete document.visibilityState");
        if what == "hidden" {
            js("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))");
            clock.advance(500).await;
            drop(clock);
            until(async || !world.calls().is_empty()).await;
            assert_eq!(world.calls(), "POST /v1/token", "the page is shown again");
        }
        world.run("world.life.abort()");
    }
}

#[wasm_bindgen_test]
async fn a_client_that_is_disposed_of_refreshes_nothing() {
    let clock = Clock::stop();
    let world = brief("", "{}").signed_in().await;
    js(
        "(window.realTimeout = window.setTimeout, window.setTimeout = (...args) => { window.timers = [...(window.timers ?? []), typeof args[0]]; return realTimeout(...args); })",
    );
    world.run("world.life.abort()");
    // The call reads the session again, without a timer.
    assert_eq!(err(world.core.logout(NONE, NONE)).await, "ABORTED");
    js("window.setTimeout = window.realTimeout");
    assert_eq!(world.run("window.timers?.filter((kind) => kind !== 'function').length ?? 0"), "0");
    clock.advance(2000).await;
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn an_unreachable_server_is_reported_once_and_asked_less_and_less_often() {
    let dead = "(() => { throw new TypeError(); })() &&";
    let world = brief(dead, "{ autoRefresh: false }").signed_in().await;
    world.seconds_later(600);
    for _ in 0..20 {
        assert_eq!(err(world.core.get_access_token(NONE)).await, "NETWORK");
    }
    let asked: u32 = world.run("world.calls.length").parse().unwrap();
    // Each request is repeated once.
    assert!((2..=8).contains(&asked), "{asked} requests for 20 calls");
    assert_eq!(world.events(), "WARNING offline");
    assert!(world.core.user().is_object());
}

#[wasm_bindgen_test]
async fn the_online_event_ends_the_wait() {
    let dead = "window.isDown ? (() => { throw new TypeError(); })() :";
    js("window.isDown = true");
    let world = brief(dead, "{ autoRefresh: false }").signed_in().await;
    world.seconds_later(600);
    for _ in 0..4 {
        err(world.core.get_access_token(NONE)).await;
    }
    js("window.isDown = false");
    assert_eq!(err(world.core.get_access_token(NONE)).await, "NETWORK", "it is too early for another try");
    js("window.dispatchEvent(new Event('online'))");
    assert!(ok(world.core.get_access_token(NONE)).await.starts_with("\"access-"));
    world.run("world.life.abort()");
}

#[wasm_bindgen_test]
async fn tabs_with_a_custom_storage_notify_each_other() {
    let own = "{ storage: window.own ??= { kept: new Map(), async getItem(key) { return this.kept.get(key) ?? null; },
        async setItem(key, value) { this.kept.set(key, value); }, async removeItem(key) { this.kept.delete(key); } }, autoRefresh: false }";
    let (one, other) = (brief("", own), brief("", own));
    ok(other.core.get_session(NONE)).await;
    let one = one.signed_in().await;
    until(async || other.events() == "SIGNED_IN").await;
    assert_eq!(other.events(), "SIGNED_IN");
    ok(one.core.logout(NONE, NONE)).await;
    until(async || other.events() == "SIGNED_IN, SIGNED_OUT").await;
    assert_eq!(other.events(), "SIGNED_IN, SIGNED_OUT");
    for world in [one, other] {
        world.run("world.life.abort()");
    }
}
