//! The storage of the session, and its failures: denied, full or damaged.

use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

const LOGIN: &str = r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/logout": [200, {}] }"#;

async fn sign_in(world: &World) {
    ok(world.core.login(js("{ email: 'ada@example.com', password: 'secret' }"), NONE)).await;
}

#[wasm_bindgen_test]
async fn a_session_is_there_again_after_a_reload() {
    for storage in ["local", "session"] {
        js("(localStorage.clear(), sessionStorage.clear())");
        let world = world_with(LOGIN, &format!("{{ storage: '{storage}', storageKey: 'app' }}"));
        assert_eq!(json(&world.core.persistence()), format!("{storage:?}"));
        sign_in(&world).await;
        let reloaded = world.again();
        assert_eq!(json(&reloaded.user()), r#"{"user_id":"u1","email":"ada@example.com"}"#);
        assert!(ok(reloaded.get_session(NONE)).await.contains(r#""access_token":"access-1""#));
        let keys = format!("Object.keys({storage}Storage).join()");
        assert_eq!(world.run(&keys), "app.session");
    }
}

#[wasm_bindgen_test]
async fn clients_with_another_key_do_not_see_the_session() {
    js("localStorage.clear()");
    let world = world_with(LOGIN, "{ storage: 'local' }");
    sign_in(&world).await;
    let other = world_with(LOGIN, "{ storage: 'local', storageKey: 'other' }");
    assert!(other.core.user().is_null());
}

#[wasm_bindgen_test]
async fn a_denied_storage_is_reported_and_replaced_by_memory() {
    js(
        "(window.real = Object.getOwnPropertyDescriptor(window, 'localStorage'), Object.defineProperty(window, 'localStorage', { configurable: true, get() { throw new DOMException('denied', 'SecurityError'); } }))",
    );
    let world = world_with(LOGIN, "{ storage: 'local' }");
    assert_eq!(json(&world.core.persistence()), r#""memory""#);
    pause(1).await;
    assert_eq!(world.events(), "WARNING storage_in_memory");
    sign_in(&world).await;
    assert_eq!(json(&world.core.user()), r#"{"user_id":"u1","email":"ada@example.com"}"#);
    let again = world.again().user();
    js("Object.defineProperty(window, 'localStorage', window.real)");
    assert!(again.is_object(), "the session outlives the wasm instance, as after a trap");
}

#[wasm_bindgen_test]
async fn a_storage_without_space_keeps_no_partial_write() {
    let full = "{ storage: { kept: { 'doorward.session': 'old' }, getItem(key) { return this.kept[key] ?? null; },
        setItem() { throw new DOMException('full', 'QuotaExceededError'); }, removeItem(key) { delete this.kept[key]; } } }";
    let world = world_with(LOGIN, full);
    assert_eq!(json(&world.core.persistence()), r#""custom""#);
    sign_in(&world).await;
    assert_eq!(json(&world.core.persistence()), r#""memory""#);
    assert_eq!(world.events(), "WARNING storage_in_memory, SIGNED_IN");
    assert_eq!(world.run("JSON.stringify(world.options.storage.kept)"), "{}");
    assert!(world.core.user().is_object());
}

/// Makes the storage reject texts longer than this, until `setItem` is restored.
fn fill_storage(longest: u32) {
    js(&format!(
        "Object.defineProperty(Storage.prototype, 'setItem', {{ configurable: true, value(key, text) {{
            if (text.length > {longest}) throw new DOMException('full', 'QuotaExceededError');
            window.setItem.call(this, key, text);
        }} }})"
    ));
}

#[wasm_bindgen_test]
async fn a_full_storage_keeps_its_session_and_can_remove_it() {
    js("(window.setItem ??= Storage.prototype.setItem, localStorage.clear())");
    let world = world_with(LOGIN, "{ storage: 'local' }");
    sign_in(&world).await;
    fill_storage(0);
    let reloaded = world.reloaded();
    let (place, user) = (json(&reloaded.persistence()), reloaded.user());
    ok(reloaded.logout(NONE, NONE)).await;
    let left = world.run("localStorage.length");
    js("Storage.prototype.setItem = window.setItem");
    assert_eq!(place, r#""local""#);
    assert!(user.is_object());
    assert_eq!(left, "0");
}

#[wasm_bindgen_test]
async fn a_profile_too_long_for_the_storage_does_not_end_the_session() {
    js("(window.setItem ??= Storage.prototype.setItem, localStorage.clear())");
    let profile = r#"{ "POST /v1/login": [200, TOKENS],
        "GET /v1/profile": [200, { user_id: "u1", name: "Ada".repeat(999) }] }"#;
    let world = world_with(profile, "{ storage: 'local' }");
    sign_in(&world).await;
    fill_storage(999);
    assert!(ok(world.core.get_profile(NONE)).await.contains("AdaAda"));
    js("Storage.prototype.setItem = window.setItem");
    assert_eq!(json(&world.core.persistence()), r#""local""#);
    assert!(world.reloaded().user().is_object());
}

#[wasm_bindgen_test]
async fn a_logout_removes_the_session_also_from_a_storage_that_failed_meanwhile() {
    js("localStorage.clear()");
    let world = world_with(LOGIN, "{ storage: 'local' }");
    sign_in(&world).await;
    let reloaded = world.reloaded();
    assert!(reloaded.user().is_object());
    js("(window.getItem = Storage.prototype.getItem, Storage.prototype.getItem = () => { throw 1; })");
    let user = reloaded.user();
    js("Storage.prototype.getItem = window.getItem");
    assert!(user.is_object(), "the session is kept in memory");
    assert_eq!(json(&reloaded.persistence()), r#""memory""#);
    ok(reloaded.logout(NONE, NONE)).await;
    assert_eq!(world.run("localStorage.length"), "0");
}

#[wasm_bindgen_test]
async fn a_storage_of_the_page_may_be_asynchronous() {
    let later = "{ storage: { kept: new Map(), async getItem(key) { return this.kept.get(key) ?? null; },
        async setItem(key, value) { this.kept.set(key, value); }, async removeItem(key) { this.kept.delete(key); } } }";
    let world = world_with(LOGIN, later);
    sign_in(&world).await;
    let reloaded = world.reloaded();
    assert!(reloaded.user().is_null(), "not read yet");
    assert!(ok(reloaded.get_session(NONE)).await.contains("access-1"));
    assert!(reloaded.user().is_object());
    ok(world.core.logout(NONE, NONE)).await;
    assert_eq!(world.run("world.options.storage.kept.size"), "0");
    until(async || world.events().ends_with("SIGNED_OUT, SIGNED_OUT")).await;
    assert_eq!(world.events(), "SIGNED_IN, SIGNED_OUT, SIGNED_OUT", "both clients fire the event");
}

#[wasm_bindgen_test]
async fn an_asynchronous_storage_keeps_the_last_write() {
    let slow = "{ storage: { kept: new Map(), async getItem(key) { return this.kept.get(key) ?? null; },
        async setItem(key, value) {
            if (value === 'expired') await new Promise((resolve) => setTimeout(resolve, 30));
            this.kept.set(key, value);
        }, async removeItem(key) { this.kept.delete(key); } } }";
    let over = r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/token": [400, { error: "invalid_grant" }] }"#;
    let world = world_with(over, slow);
    sign_in(&world).await;
    world.seconds_later(600);
    assert_eq!(ok(world.core.get_access_token(NONE)).await, "null");
    pause(50).await;
    until(async || world.run("world.options.storage.kept.size") == "0").await;
    assert_eq!(world.run("world.options.storage.kept.size"), "0");
}

#[wasm_bindgen_test]
async fn an_old_read_that_ends_after_a_write_does_not_undo_it() {
    let held = "{ storage: { kept: new Map(), held: null,
        getItem(key) {
            const value = this.kept.get(key) ?? null;
            return new Promise((resolve) => this.held ? this.held.push(() => resolve(value)) : resolve(value));
        },
        async setItem(key, value) { this.kept.set(key, value); }, async removeItem(key) { this.kept.delete(key); } } }";
    let world = world_with(LOGIN, held);
    sign_in(&world).await;
    world.run("(world.held = world.options.storage.held = [])");
    let session = world.core.get_session(NONE);
    pause(1).await;
    world.run("world.options.storage.held = null");
    ok(world.core.logout(NONE, NONE)).await;
    world.run("world.held.forEach((go) => go())");
    assert_eq!(ok(session).await, "null");
    assert_eq!(world.events(), "SIGNED_IN, SIGNED_OUT");
}

#[wasm_bindgen_test]
async fn a_storage_that_never_answers_is_replaced_by_memory_in_time() {
    for storage in [
        "{ getItem: () => new Promise(() => {}), setItem: async () => {}, removeItem: async () => {} }",
        "{ getItem: async () => null, setItem: () => new Promise(() => {}), removeItem: async () => {} }",
    ] {
        let world = world_with(LOGIN, &format!("{{ timeout: 50, storage: {storage} }}"));
        sign_in(&world).await;
        assert_eq!(json(&world.core.persistence()), r#""memory""#);
        assert!(world.events().contains("WARNING storage_in_memory"));
        assert!(ok(world.core.get_session(NONE)).await.contains("access-1"));
    }
}

#[wasm_bindgen_test]
async fn a_call_that_times_out_on_a_silent_storage_does_not_replace_the_storage() {
    let silent = "{ storage: { getItem: () => new Promise(() => {}), setItem() {}, removeItem() {} } }";
    let world = world_with(LOGIN, silent);
    assert_eq!(err(world.core.get_session(js("{ timeout: 10 }"))).await, "TIMEOUT");
    let aborted = js(
        "{ signal: (() => { const ends = new AbortController(); setTimeout(() => ends.abort()); return ends.signal; })() }",
    );
    assert_eq!(err(world.core.get_session(aborted)).await, "ABORTED");
    assert_eq!(json(&world.core.persistence()), r#""custom""#);
    world.run("world.life.abort()");
}

#[wasm_bindgen_test]
async fn an_asynchronous_storage_that_rejects_is_replaced_by_memory() {
    let broken = "{ storage: { getItem: () => Promise.reject('x'), setItem: () => Promise.reject('x'), removeItem: () => Promise.reject('x') } }";
    let world = world_with(LOGIN, broken);
    sign_in(&world).await;
    assert_eq!(json(&world.core.persistence()), r#""memory""#);
    assert!(ok(world.core.get_session(NONE)).await.contains("access-1"));
}

#[wasm_bindgen_test]
async fn damaged_or_foreign_data_counts_as_signed_out() {
    js("localStorage.clear()");
    let world = world_with(LOGIN, "{ storage: 'local' }");
    sign_in(&world).await;
    let good = "window.good ??= localStorage.getItem('doorward.session')";
    assert!(js(good).is_string());
    for damage in [
        "''",
        "'null'",
        "'[]'",
        "'{'",
        "window.good.slice(0, -5)",
        "window.good.replace('\"v\":1', '\"v\":2')",
        "window.good.replace('access-1', 'access-\\\\n1')",
        "window.good.replace('\"access-1\"', '7')",
        "window.good.replace('\"user\":{', '\"user\":null,\"x\":{')",
        "window.good.replace('\"user_id\"', '\"__proto__\"')",
        "window.good.replace('600', '\"soon\"')",
        "window.good.replace('refresh-1', '')",
    ] {
        js(&format!("localStorage.setItem('doorward.session', {damage})"));
        let client = world.again();
        assert!(client.user().is_null(), "{damage}");
        assert_eq!(ok(client.get_session(NONE)).await, "null", "{damage}");
        assert_eq!(ok(client.get_access_token(NONE)).await, "null", "{damage}");
    }
    js("localStorage.setItem('doorward.session', window.good)");
    assert!(world.again().user().is_object());
}
