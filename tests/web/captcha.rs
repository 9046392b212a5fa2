//! Captchas: a proof of work, which the client solves, and a picture, which it leaves to the user.

use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::world::*;

/// A server that requires a proof of work and verifies it like the real server.
const WORK: &str = r#"{
    "POST /v1/login": async (call) => {
        const [id, code] = (call.headers["Captcha-Response"] ?? ":").split(":");
        const numbers = code ? code.split(".").map(Number) : [];
        const bytes = new DataView(new ArrayBuffer(32));
        for (let at = 0; at < 24; at++) bytes.setUint8(at, id.charCodeAt(id.length - 24 + at));
        let solved = numbers.length === 3 && id === "id-of-" + "s".repeat(24);
        for (const [puzzle, number] of numbers.entries()) {
            bytes.setUint32(24, puzzle);
            bytes.setUint32(28, number);
            const hash = new DataView(await crypto.subtle.digest("SHA-256", bytes));
            solved &&= hash.getUint32(0) * 1000 < 2 ** 32;
        }
        window.asked++;
        if (solved && window.asked > window.times) return [200, TOKENS];
        return [403, { code: "CAPTCHA_REQUIRED", title: "Please solve the captcha.", business_code: 2000,
            captcha: { kind: "proof_of_work", id: "id-of-" + "s".repeat(24), puzzles: 3, difficulty: 1000, ...window.change } }];
    }
}"#;

const ENDLESS: &str = "{ difficulty: 2e9 }";

/// A client of that server. The server asks `times` times, with `change` applied to the challenge.
fn asking(times: u32, change: &str) -> World {
    let world = server_of(WORK);
    world.run(&format!("(window.asked = 0, window.times = {times}, window.change = {change})"));
    world
}

fn ada() -> JsValue {
    js("{ email: 'ada@example.com', password: 'x' }")
}

#[wasm_bindgen_test]
async fn seed_a25_a_proof_of_work_is_solved_automatically_and_the_call_repeated() {
    let world = asking(1, "{}");
    ok(world.core.login(ada(), NONE)).await;
    assert_eq!(world.calls(), "POST /v1/login, POST /v1/login");
    assert_eq!(world.body(0), world.body(1));
}

#[wasm_bindgen_test]
async fn a_second_proof_of_work_is_solved_too_and_a_third_is_an_error() {
    let world = asking(2, "{}");
    ok(world.core.login(ada(), NONE)).await;
    let world = asking(3, "{}");
    let error = rejection(world.core.login(ada(), NONE)).await;
    assert_eq!(json(&get(&error, "code")), r#""CAPTCHA_REQUIRED""#);
    assert_eq!(world.run("world.calls.length"), "3");
}

#[wasm_bindgen_test]
async fn an_endless_proof_of_work_ends_with_the_timeout_or_the_callers_signal() {
    let world = asking(1, ENDLESS);
    assert_eq!(err(world.core.login(ada(), js("{ timeout: 50 }"))).await, "TIMEOUT");
    world.run("(window.ending = new AbortController())");
    let call = world.core.login(ada(), js("{ signal: ending.signal }"));
    world.run("setTimeout(() => ending.abort(), 50)");
    assert_eq!(err(call).await, "ABORTED");
}

#[wasm_bindgen_test]
async fn the_page_stays_usable_during_a_proof_of_work() {
    let world = asking(1, ENDLESS);
    world.run("(window.ticks = [0, 0])");
    let is_usable = "ticks[1] > ticks[0] / 10";
    // Alternate, because other programs slow down both; repeat if they slowed down only one of the two.
    for _ in 0..5 {
        world.run("(window.timer = setInterval(() => ticks[0]++, 10))");
        pause(200).await;
        world.run("(clearInterval(timer), window.timer = setInterval(() => ticks[1]++, 10))");
        assert_eq!(err(world.core.login(ada(), js("{ timeout: 200 }"))).await, "TIMEOUT");
        world.run("clearInterval(timer)");
        if world.run(is_usable) == "true" {
            break;
        }
    }
    assert_eq!(world.run(is_usable), "true", "without work, and with it: {}", world.run("ticks"));
}

#[wasm_bindgen_test]
async fn seed_a26_a_picture_is_left_to_the_user() {
    let world = server_of(
        r#"{ "POST /v1/login": (call) => call.headers["Captcha-Response"] === "c1:w3k" ? [200, TOKENS]
              : [403, { code: "CAPTCHA_REQUIRED", title: "Please solve the captcha.", business_code: 2000,
                  captcha: { kind: "picture", id: "c1", image: "data:image/png;base64," } }],
             "GET /v1/captcha": [200, { kind: "picture", id: "c2", image: "data:image/png;base64," }] }"#,
    );
    let error = rejection(world.core.login(ada(), NONE)).await;
    assert_eq!(
        json(&get(&error, "captcha")),
        r#"{"kind":"picture","id":"c1","image":"data:image/png;base64,"}"#
    );
    ok(world.core.login(ada(), js("{ captcha_id: 'c1', captcha_code: 'w3k' }"))).await;
    let picture = ok(world.core.ask("getCaptcha", NONE, NONE)).await;
    assert!(picture.contains(r#""id":"c2""#), "{picture}");
}

#[wasm_bindgen_test]
async fn sec_r04_known_device_tokens_survive_a_sign_out_and_are_not_sent_with_reads_or_sign_outs() {
    let world = server_of(
        r#"{ "POST /v1/login": (call, calls) => [200, { ...TOKENS, known_device: "d" + (calls.length % 6) }],
             "POST /v1/logout": [200, {}], "GET /v1/profile": [200, TOKENS.user],
             "POST /v1/password/forgot": [200, {}] }"#,
    );
    let sent = |at: &str| world.run(&format!("world.calls.at({at}).headers['Known-Device'] ?? 'none'"));
    ok(world.core.login(ada(), NONE)).await;
    assert_eq!(sent("-1"), "none");
    ok(world.core.get_profile(NONE)).await;
    assert_eq!(sent("-1"), "none");
    ok(world.core.logout(NONE, NONE)).await;
    assert_eq!(sent("-1"), "none");
    ok(world.core.login(ada(), NONE)).await;
    assert_eq!(sent("-1"), "d1");
    ok(world.core.forgot_password(js("'ada@example.com'"), NONE)).await;
    assert_eq!(sent("-1"), "d4,d1");
    for _ in 0..5 {
        ok(world.core.login(ada(), NONE)).await;
    }
    assert_eq!(sent("-1"), "d3,d2,d1,d0", "the newest first, without duplicates");
}
