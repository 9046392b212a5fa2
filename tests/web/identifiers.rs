//! All methods to sign up and in, their codes, and the spellings of fields.

use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

const WAYS: &str = r#"{
    "POST /v1/signup": [200, { confirmation_required: false }],
    "POST /v1/signup/code": [200, { confirmation_required: false, session: TOKENS }],
    "POST /v1/login": [200, TOKENS],
    "POST /v1/login/code": [200, TOKENS],
    "POST /v1/login/device": [200, TOKENS],
    "POST /v1/login/custom": [200, TOKENS],
}"#;
const DEVICE: &str = "b3c1e0c2-6d1b-4a53-9c7e-0123456789ab";

/// `METHOD /path body` of the last call.
fn asked(world: &World) -> String {
    world.run("world.calls.at(-1).name + ' ' + JSON.stringify(world.calls.at(-1).body)")
}

const IS_REPEATABLE: &str = "'Idempotency-Key' in world.calls.at(-1).headers";

#[wasm_bindgen_test]
async fn seed_a14_a15_a18_h40_h41_the_given_fields_select_the_sign_in_method() {
    let world = server_of(WAYS);
    let device = format!("{{ device_id: '{DEVICE}' }}");
    for (fields, call, once) in [
        ("{ email: 'a@b.de', password: 'x' }", r#"login {"email":"a@b.de","password":"x"}"#, "false"),
        ("{ username: 'bob', password: 'x' }", r#"login {"username":"bob","password":"x"}"#, "false"),
        (
            "{ phone_number: '+1 202-555-0123', password: 'x' }",
            r#"login {"phone_number":"+1 202-555-0123","password":"x"}"#,
            "false",
        ),
        (
            "{ phone_number: '+12025550123', code: '012345' }",
            r#"login/code {"phone_number":"+12025550123","code":"012345"}"#,
            "true",
        ),
        ("{ email: 'a@b.de', code: 12345 }", r#"login/code {"email":"a@b.de","code":12345}"#, "true"),
        (&device, &format!(r#"login/device {{"device_id":"{DEVICE}"}}"#), "false"),
        ("{ custom_id: 'their-7' }", r#"login/custom {"custom_id":"their-7"}"#, "false"),
    ] {
        let user = ok(world.core.login(js(fields), NONE)).await;
        assert_eq!(user, r#"{"user_id":"u1","email":"ada@example.com"}"#);
        assert_eq!(asked(&world), format!("POST /v1/{call}"), "{fields}");
        assert_eq!(world.run(IS_REPEATABLE), once, "{fields}");
    }
}

#[wasm_bindgen_test]
async fn seed_a01_a03_a04_the_given_fields_select_the_sign_up_method() {
    let world = server_of(WAYS);
    let signed_up = r#""SUCCESS: The account has been created.""#;
    let username = "{ username: 'bob', password: 'secret', nickname: 'B' }";
    assert_eq!(ok(world.core.signup(js(username), NONE)).await, signed_up);
    assert_eq!(asked(&world), r#"POST /v1/signup {"username":"bob","password":"secret","nickname":"B"}"#);
    let code = "{ phone_number: '+12025550123', code: 1, password: 'secret', nickname: 'B' }";
    let user = ok(world.core.signup(js(code), js("{ generateToken: true }"))).await;
    assert_eq!(user, r#"{"user_id":"u1","email":"ada@example.com"}"#);
    assert_eq!(
        asked(&world),
        r#"POST /v1/signup/code {"phone_number":"+12025550123","code":1,"password":"secret","nickname":"B","options":{"generate_token":true}}"#
    );
    assert_eq!(world.run(IS_REPEATABLE), "true");
}

#[wasm_bindgen_test]
async fn a_form_may_offer_several_methods_and_the_filled_in_fields_select_one() {
    let world = server_of(WAYS);
    let controls = |password: &str, code: &str| {
        form(&format!(
            "<input name=email value=a@b.de><input name=password value='{password}'><input name=code value='{code}'>"
        ))
    };
    ok(world.core.login(controls("secret", ""), NONE)).await;
    assert_eq!(asked(&world), r#"POST /v1/login {"email":"a@b.de","password":"secret"}"#);
    ok(world.core.login(controls("secret", "123456"), NONE)).await;
    assert_eq!(asked(&world), r#"POST /v1/login/code {"email":"a@b.de","code":"123456"}"#);
    assert_eq!(err(world.core.login(controls("", ""), NONE)).await, "INVALID_PARAMETER password");
}

#[wasm_bindgen_test]
async fn an_object_with_fields_of_two_methods_is_refused() {
    let world = server_of("{}");
    for (fields, field) in [
        ("{ email: 'a@b.de', password: 'x', code: 1 }".to_owned(), "password"),
        (format!("{{ device_id: '{DEVICE}', email: 'a@b.de' }}"), "email"),
        ("{ email: 'a@b.de', username: 'bob', password: 'x' }".to_owned(), "username"),
        ("{ device_id: 'too-short' }".to_owned(), "device_id"),
        ("{ custom_id: 'x' }".to_owned(), "custom_id"),
        ("{ username: 'two words', password: 'x' }".to_owned(), "username"),
    ] {
        let expected = format!("INVALID_PARAMETER {field}");
        assert_eq!(err(world.core.login(js(&fields), NONE)).await, expected, "{fields}");
    }
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn seed_a21_a_login_may_ask_to_create_the_account() {
    let world = server_of(WAYS);
    for option in ["auto_register", "autoRegister", "create"] {
        let options = js(&format!("{{ {option}: true }}"));
        ok(world.core.login(js("{ username: 'bob', password: 'x' }"), options)).await;
        assert_eq!(
            asked(&world),
            r#"POST /v1/login {"username":"bob","password":"x","options":{"auto_register":true}}"#
        );
    }
}

#[wasm_bindgen_test]
async fn seed_a19_a22_a24_a25_the_answer_to_a_captcha_goes_with_the_call() {
    let world = server_of(
        r#"{ "POST /v1/login": (call) => call.headers["Captcha-Response"] ? [200, TOKENS]
              : [403, { code: "CAPTCHA_REQUIRED", title: "Please solve the captcha.", business_code: 2000 }] }"#,
    );
    let bob = || js("{ username: 'bob', password: 'x' }");
    let error = rejection(world.core.login(bob(), NONE)).await;
    assert_eq!(json(&get(&error, "code")), r#""CAPTCHA_REQUIRED""#);
    assert_eq!(json(&get(&error, "business_code")), "2000");
    for options in ["{ captcha_id: 'a:b', captcha_code: 'é 1' }", "{ captchaId: 'a:b', captchaCode: 'é 1' }"]
    {
        ok(world.core.login(bob(), js(options))).await;
        let sent = world.run("world.calls.at(-1).headers['Captcha-Response']");
        assert_eq!(sent, "a%3Ab:%C3%A9%201");
    }
    let controls = "<input name=username value=bob><input name=password value=x>
        <input type=hidden name=captcha_id value=c1><input name=captchaCode value=W3>";
    ok(world.core.login(form(controls), NONE)).await;
    assert_eq!(world.run("world.calls.at(-1).headers['Captcha-Response']"), "c1:W3");
    assert_eq!(world.body(3), r#"{"username":"bob","password":"x"}"#);
    ok(world.core.login(bob(), js("{ captchaCode: 'W3' }"))).await;
    assert_eq!(
        world.run("world.calls.at(-1).headers['Captcha-Response']"),
        ":W3",
        "some captchas need only the code"
    );
    let fault = world.core.login(bob(), js("{ captcha_code: 7 }"));
    assert_eq!(err(fault).await, "CAPTCHA_REQUIRED");
}

#[wasm_bindgen_test]
async fn the_third_argument_is_the_options_even_without_a_scene() {
    let world = server_of(r#"{ "POST /v1/code": [200, {}] }"#);
    let to = js("{ phone_number: '+12025550123' }");
    ok(world.core.call("sendSmsCode", &[to, NONE, js("{ captchaCode: 'W3' }")])).await;
    assert_eq!(world.run("world.calls.at(-1).headers['Captcha-Response']"), ":W3");
}

#[wasm_bindgen_test]
async fn seed_a88_fields_are_known_by_both_spellings_and_by_their_names_in_other_systems() {
    let world = server_of(WAYS);
    let object = "{ username: 'bob', password: 'secret', givenName: 'Bob', photo: 'https://b.de/p', streetAddress: 'Way 1',
        city: 'Köln', address: { postalCode: '1' }, phone: '+12025550123', lastIP: '::1', emailPublic: true }";
    ok(world.core.signup(js(object), js("{ emailSubscription: true }"))).await;
    let body = world.body(0);
    for part in [
        r#""given_name":"Bob""#,
        r#""picture":"https://b.de/p""#,
        r#""street_address":"Way 1""#,
        r#""city":"Köln""#,
        r#""address":{"postal_code":"1"}"#,
        r#""phone_number":"+12025550123""#,
        r#""last_ip":"::1""#,
        r#""email_public":true"#,
        r#""options":{"email_subscription":true}"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    let controls = "<input name=username value=bob><input name=password value=secret><input name=givenName value=Bob>
        <input type=checkbox name=genderPublic><input name=address.postalCode value=1><input name=emailSubscription type=checkbox checked>";
    ok(world.core.signup(form(controls), NONE)).await;
    assert_eq!(
        world.body(1),
        r#"{"username":"bob","password":"secret","given_name":"Bob","address":{"postal_code":"1"},"gender_public":false,"options":{"email_subscription":true}}"#
    );
}

#[wasm_bindgen_test]
async fn seed_a88_a_field_that_is_given_under_two_names_is_refused() {
    let world = server_of("{}");
    let fault = |fields: &str| err(world.core.signup(js(fields), NONE));
    let twice = "{ email: 'a@b.de', password: 'secret', given_name: 'A', givenName: 'A' }";
    assert_eq!(fault(twice).await, "INVALID_PARAMETER givenName");
    let twice = "{ email: 'a@b.de', password: 'secret', phone: '+12345', phone_number: '+12345' }";
    assert_eq!(fault(twice).await, "INVALID_PARAMETER phone_number");
    let twice = "{ email: 'a@b.de', password: 'secret', coins: 1, extras: { coins: 1 } }";
    assert_eq!(fault(twice).await, "INVALID_PARAMETER extras.coins");
    let controls =
        form("<input name=email value=a@b.de><input name=givenName value=A><input name=given_name value=A>");
    assert_eq!(err(world.core.signup(controls, NONE)).await, "INVALID_PARAMETER given_name");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn seed_m12_the_operators_own_fields_are_sent_as_extras() {
    let world = server_of(WAYS);
    let object = "{ username: 'bob', password: 'secret', coins: 1.5, tags: ['a', 'b'], extras: { since: new Date(0), deep: { a: [null] } } }";
    ok(world.core.signup(js(object), NONE)).await;
    assert_eq!(
        world.body(0),
        r#"{"username":"bob","password":"secret","extras":{"coins":1.5,"tags":["a","b"],"since":"1970-01-01T00:00:00.000Z","deep":{"a":[null]}}}"#
    );
    let controls = "<input name=username value=bob><input name=password value=secret><input name=extras.motto value='be &quot;good&quot;'>
        <input name=extras.empty><input type=number step=any name=extras.coins value=1.50><input type=checkbox name=extras.member><input name=unknown value=x>";
    ok(world.core.signup(form(controls), NONE)).await;
    assert_eq!(
        world.body(1),
        r#"{"username":"bob","password":"secret","extras":{"motto":"be \"good\"","coins":1.5,"member":false}}"#
    );
    ok(world.core.signup(js("{ username: 'bob', password: 'secret', fcmTokens: ['t1', 't\"2'] }"), NONE))
        .await;
    assert_eq!(world.body(2), r#"{"username":"bob","password":"secret","fcm_tokens":["t1","t\"2"]}"#);
}

#[wasm_bindgen_test]
async fn a_value_that_json_cannot_represent_is_refused_by_its_name() {
    let world = server_of("{}");
    for (fields, field) in [
        ("(() => { const coins = {}; coins.coins = coins; return { coins }; })()", "coins"),
        ("{ coins: () => {} }", "coins"),
        ("{ coins: 1n }", "coins"),
        ("{ coins: NaN }", "coins"),
        ("{ coins: Symbol('x') }", "coins"),
        ("{ extras: { coins: 1n } }", "extras.coins"),
        ("{ extras: 'coins' }", "email"),
        ("{ email: 'a@b.de', password: 'secret', extras: 'coins' }", "extras"),
        ("{ email: 'a@b.de', password: 'secret', fcm_tokens: [1] }", "fcm_tokens"),
        ("{ email: 'a@b.de', password: 'secret', fcm_tokens: 'x' }", "fcm_tokens"),
    ] {
        let expected = format!("INVALID_PARAMETER {field}");
        assert_eq!(err(world.core.signup(js(fields), NONE)).await, expected, "{fields}");
    }
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn an_error_about_an_extra_field_is_shown_on_its_control() {
    let world = server_of(
        r#"{ "POST /v1/signup": [400, { code: "INVALID_PARAMETER", title: "No.", field: "coins" }] }"#,
    );
    let controls =
        "<input name=username value=bob><input name=password value=secret><input name=extras.coins value=x>";
    assert_eq!(err(world.core.signup(form(controls), NONE)).await, "INVALID_PARAMETER coins");
    let shown = js("document.querySelector('#under-test [name=\"extras.coins\"]').validationMessage");
    assert_eq!(json(&shown), r#""No.""#);
}

#[wasm_bindgen_test]
async fn seed_a11_a_code_is_requested_by_sms() {
    let world = server_of(r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/code": [200, {}] }"#);
    let sent = r#""SUCCESS: Verification code has been sent.""#;
    let send = |first: &str, second: &str| world.core.ask("sendSmsCode", js(first), js(second));
    assert_eq!(ok(send("'+1 202 555 0123'", "undefined")).await, sent);
    assert_eq!(asked(&world), r#"POST /v1/code {"phone_number":"+1 202 555 0123"}"#);
    assert_eq!(ok(send("{ phoneNumber: '+12025550123' }", "'RESET_PASSWORD'")).await, sent);
    assert_eq!(asked(&world), r#"POST /v1/code {"phone_number":"+12025550123","scene":"RESET_PASSWORD"}"#);
    let controls = form("<input name=phone_number value=+12025550123><input name=email value=a@b.de>");
    assert_eq!(ok(world.core.ask("sendSmsCode", controls, NONE)).await, sent);
    assert_eq!(asked(&world), r#"POST /v1/code {"phone_number":"+12025550123"}"#);
    assert_eq!(err(send("'ada'", "undefined")).await, "INVALID_PARAMETER phone_number");
    assert_eq!(err(send("'+12025550123'", "'login'")).await, "INVALID_PARAMETER scene");
    assert_eq!(err(send("{ email: 'a@b.de' }", "undefined")).await, "INVALID_PARAMETER email");
}

#[wasm_bindgen_test]
async fn seed_a32_to_a35_a_code_is_requested_by_mail_for_a_purpose() {
    let world = server_of(r#"{ "POST /v1/code": [200, {}] }"#);
    let send = |scene: &str| world.core.ask("sendEmail", js("'a@b.de'"), js(scene));
    for scene in ["LOGIN", "RESET_PASSWORD", "VERIFY_EMAIL", "VerifyEmail"] {
        let sent = ok(send(&format!("'{scene}'"))).await;
        assert_eq!(sent, r#""SUCCESS: Verification E-Mail has been sent.""#);
        assert_eq!(asked(&world), format!(r#"POST /v1/code {{"email":"a@b.de","scene":"{scene}"}}"#));
    }
    assert_eq!(err(send("undefined")).await, "INVALID_PARAMETER scene");
}

#[wasm_bindgen_test]
async fn a_code_for_the_account_is_requested_with_its_access_token() {
    let world = server_of(r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/code": [200, {}] }"#);
    let send = |scene: &str| world.core.ask("sendEmail", js("'a@b.de'"), js(&format!("'{scene}'")));
    for scene in ["CHANGE_EMAIL", "ChangeEmail", "BIND_PHONE", "DELETE_ACCOUNT"] {
        assert_eq!(err(send(scene)).await, "SESSION_REQUIRED");
    }
    assert_eq!(world.calls(), "");
    let world = world.signed_in().await;
    let send = |scene: &str| world.core.ask("sendEmail", js("'a@b.de'"), js(&format!("'{scene}'")));
    ok(send("CHANGE_EMAIL")).await;
    ok(send("LOGIN")).await;
    let tokens = world.run("world.calls.map((call) => call.headers.Authorization).join()");
    assert_eq!(tokens, "Bearer access-1,");
}

#[wasm_bindgen_test]
async fn seed_a42_a50_a_code_by_sms_without_a_scene_is_requested_with_the_access_token_if_signed_in() {
    let world = server_of(r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/code": [200, {}] }"#);
    let to = "'+12025550123'";
    ok(world.core.ask("sendSmsCode", js(to), NONE)).await;
    assert_eq!(world.run("String(world.calls.at(-1).headers.Authorization)"), "undefined");
    let world = world.signed_in().await;
    ok(world.core.ask("sendSmsCode", js(to), NONE)).await;
    ok(world.core.ask(
        "sendSmsCode",
        form("<input name=phone_number value=+12025550123><input name=scene>"),
        NONE,
    ))
    .await;
    for scene in ["LOGIN", "RESET_PASSWORD", "BIND_PHONE"] {
        ok(world.core.ask("sendSmsCode", js(to), js(&format!("'{scene}'")))).await;
    }
    let tokens = world.run("world.calls.map((call) => call.headers.Authorization).join()");
    assert_eq!(tokens, "Bearer access-1,Bearer access-1,,,Bearer access-1");
}

#[wasm_bindgen_test]
async fn seed_a08_a_page_cannot_send_options_that_require_a_service_key() {
    let world = server_of(r#"{ "POST /v1/password/forgot": [200, {}] }"#);
    let object = js("{ email: 'a@b.de', options: { client_ip: '203.0.113.1' } }");
    assert_eq!(err(world.core.forgot_password(object, NONE)).await, "INVALID_PARAMETER options");
    let controls = form("<input name=email value=a@b.de><input name=options value=x>");
    ok(world.core.forgot_password(controls, NONE)).await;
    assert_eq!(asked(&world), r#"POST /v1/password/forgot {"email":"a@b.de"}"#);
}

#[wasm_bindgen_test]
async fn a_code_is_requested_without_a_token_after_the_session_has_ended() {
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS], "POST /v1/token": [400, { error: "invalid_grant" }],
            "POST /v1/code": (call) => call.headers.Authorization
                ? [401, { code: "SESSION_REQUIRED", title: "Please sign in." }] : [200, {}] }"#,
    );
    let world = world.signed_in().await;
    ok(world.core.ask("sendSmsCode", js("'+12025550123'"), NONE)).await;
    assert_eq!(world.run("String(world.calls.at(-1).headers.Authorization)"), "undefined");
    assert_eq!(json(&world.core.user()), "null");
}

#[wasm_bindgen_test]
async fn seed_k39_a36_a_forgotten_password_is_reset_by_mail_or_by_sms() {
    let world =
        server_of(r#"{ "POST /v1/password/forgot": [200, {}], "POST /v1/password/reset": [200, {}] }"#);
    for (given, body) in [
        ("'a@b.de'", r#"{"email":"a@b.de"}"#),
        ("'+12025550123'", r#"{"phone_number":"+12025550123"}"#),
        ("'188 1234 5678'", r#"{"phone_number":"188 1234 5678"}"#),
        ("'1@b.de'", r#"{"email":"1@b.de"}"#),
        ("{ phone: '+12025550123' }", r#"{"phone_number":"+12025550123"}"#),
    ] {
        ok(world.core.forgot_password(js(given), NONE)).await;
        assert_eq!(asked(&world), format!("POST /v1/password/forgot {body}"));
    }
    let fault = world.core.forgot_password(js("{ email: 'a@b.de', phone_number: '+12025550123' }"), NONE);
    assert_eq!(err(fault).await, "INVALID_PARAMETER phone_number");
    let reset = js("{ phone_number: '+12025550123', code: 1, newPassword: 'secret2' }");
    ok(world.core.reset_password(reset, NONE, NONE)).await;
    assert_eq!(
        asked(&world),
        r#"POST /v1/password/reset {"phone_number":"+12025550123","code":1,"new_password":"secret2"}"#
    );
}
