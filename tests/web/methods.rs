//! The calls, with the messages and codes that the seeds document.

use js_sys::Promise;
use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

const ADA: &str = "{ email: 'ada@example.com', password: 'secret' }";

fn signup(world: &World, options: &str) -> Promise {
    world.core.signup(js(ADA), js(options))
}

#[wasm_bindgen_test]
async fn seed_k27_k28_a_signup_says_whether_it_must_be_confirmed() {
    let world = server_of(
        r#"{ "POST /v1/signup": (call) => [200, { confirmation_required: !!call.body.options?.signup_confirmation }] }"#,
    );
    assert_eq!(ok(signup(&world, "{}")).await, r#""SUCCESS: The account has been created.""#);
    assert_eq!(
        ok(signup(&world, "{ signup_confirmation: true }")).await,
        r#""SUCCESS: The account has been created. User's signup confirmation is required.""#
    );
    assert_eq!(world.events(), "");
    let key = "world.calls.map((call) => /^[0-9a-f]{8}-[0-9a-f]{4}-4/.test(call.headers['Idempotency-Key'])).join()";
    assert_eq!(world.run(key), "true,true");
}

#[wasm_bindgen_test]
async fn seed_k24_k26_a_signup_that_signs_in_returns_the_profile() {
    let world =
        server_of(r#"{ "POST /v1/signup": [200, { confirmation_required: false, session: TOKENS }] }"#);
    let user = ok(signup(&world, "{ login: true }")).await;
    assert_eq!(user, r#"{"user_id":"u1","email":"ada@example.com"}"#);
    assert_eq!(world.events(), "SIGNED_IN");
    assert_eq!(json(&world.core.user()), user);
}

#[wasm_bindgen_test]
async fn seed_k20_k21_a_path_for_the_confirmation_is_resolved_against_the_page() {
    let world = server_of(r#"{ "POST /v1/signup": [200, { confirmation_required: true }] }"#);
    ok(signup(&world, "{ signup_confirmation: '/welcome?x=1' }")).await;
    ok(signup(&world, "{ signup_confirmation: 'https://app.example.com/in' }")).await;
    let sent = "JSON.stringify(world.calls.map((call) => call.body.options.signup_confirmation)) === JSON.stringify([location.origin + '/welcome?x=1', 'https://app.example.com/in'])";
    assert_eq!(world.run(sent), "true");
    let fault = signup(&world, "{ signup_confirmation: 'javascript:alert(1)' }");
    assert_eq!(err(fault).await, "INVALID_PARAMETER signup_confirmation");
}

#[wasm_bindgen_test]
async fn seed_k25_login_and_confirmation_are_refused_together_before_any_request() {
    let world = server_of("{}");
    let fault = signup(&world, "{ login: true, signup_confirmation: '/x' }");
    assert_eq!(err(fault).await, "INVALID_PARAMETER login");
    let fault = signup(&world, "{ generate_token: true, signup_confirmation: true }");
    assert_eq!(err(fault).await, "INVALID_PARAMETER generate_token");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn seed_k03_to_k19_bad_fields_are_named_before_any_request() {
    let world = server_of("{}");
    for (fields, field) in [
        ("{ password: 'secret' }", "email"),
        ("{ email: 'nobody', password: 'secret' }", "email"),
        ("{ email: 'a@b.de' }", "password"),
        ("{ email: 'a@b.de', password: '12345' }", "password"),
        ("{ email: 'a@b.de', password: 'x'.repeat(61) }", "password"),
        ("{ email: 'a@b.de', password: 'secret', phone_number: '0123' }", "phone_number"),
        ("{ email: 'a@b.de', password: 'secret', birthdate: '1990-02-30' }", "birthdate"),
        ("{ email: 'a@b.de', password: 'secret', picture: 'javascript:1' }", "picture"),
        ("{ email: 'a@b.de', password: 'secret', email_public: 'yes' }", "email_public"),
        ("{ email: 'a@b.de', password: 'secret', address: { country: 7 } }", "address.country"),
        ("{ email: 'a@b.de', password: 'secret', name: () => {} }", "name"),
    ] {
        let expected = format!("INVALID_PARAMETER {field}");
        assert_eq!(err(world.core.signup(js(fields), NONE)).await, expected, "{fields}");
    }
    assert_eq!(err(world.core.signup(NONE, NONE)).await, "INVALID_PARAMETER email");
    assert_eq!(err(world.core.login(js("42"), NONE)).await, "INVALID_PARAMETER");
    assert_eq!(
        err(signup(&world, "{ signup_confirmation: 5 }")).await,
        "INVALID_PARAMETER signup_confirmation"
    );
    assert_eq!(err(signup(&world, "{ colour: 'red' }")).await, "INVALID_PARAMETER colour");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn seed_k07_k10_a_whole_profile_is_sent_as_given() {
    let world = server_of(r#"{ "POST /v1/signup": [200, { confirmation_required: false }] }"#);
    let profile = "{ email: 'a@b.de', password: 'secret', name: 'Ada', phone_number: '+0012341234', birthdate: '1990-01-31',
        address: { street_address: 'Street 1' }, gender: 'f', email_public: true, misc: 'm', website: 'https://x.de', nickname: undefined }";
    ok(world.core.signup(js(profile), NONE)).await;
    let body = world.body(0);
    for part in [
        r#""phone_number":"+0012341234""#,
        r#""birthdate":"1990-01-31""#,
        r#""address":{"street_address":"Street 1"}"#,
        r#""email_public":true"#,
        r#""website":"https://x.de""#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    assert!(!body.contains("nickname"));
}

#[wasm_bindgen_test]
async fn seed_k29_k33_k34_k35_the_servers_codes_are_passed_on() {
    let problem = |code: &str, status: u16| {
        let login = format!(
            r#"{{ "POST /v1/login": [{status}, {{ code: "{code}", title: "T", detail: "D", status: {status}, id: "r1", retry_after: 7, business_code: 2000 }}] }}"#
        );
        server_of(&login)
    };
    for (code, status) in [
        ("SIGNUP_CONFIRMATION_NEEDED", 403),
        ("USER_IS_DISABLED", 403),
        ("INCORRECT_USERNAME_OR_PASSWORD", 401),
        ("A_CODE_OF_A_NEWER_SERVER", 418),
    ] {
        let world = problem(code, status);
        let error = rejection(world.core.login(js(ADA), NONE)).await;
        let expected = format!(
            r#"{{"code":"{code}","message":"D","status":{status},"retry_after":7,"id":"r1","business_code":2000}}"#
        );
        assert_eq!(json(&error), expected);
        assert_eq!(world.calls(), "POST /v1/login", "a login is never repeated");
    }
}

#[wasm_bindgen_test]
async fn seed_k30_k31_a_confirmation_is_sent_again_after_a_refused_login() {
    let world = server_of(
        r#"{ "POST /v1/login": [403, { code: "SIGNUP_CONFIRMATION_NEEDED", title: "User's signup confirmation is required." }],
             "POST /v1/email/resend": (call) => [200, { email: call.body.email, message: "Please confirm your email" }] }"#,
    );
    let error = rejection(world.core.resend_signup_confirmation(NONE)).await;
    assert_eq!(json(&get(&error, "message")), r#""Least one login attempt is required.""#);
    assert_eq!(json(&get(&error, "code")), r#""INVALID_REQUEST""#);
    assert_eq!(err(world.core.login(js(ADA), NONE)).await, "SIGNUP_CONFIRMATION_NEEDED");
    let sent = ok(world.core.resend_signup_confirmation(NONE)).await;
    assert_eq!(sent, r#""SUCCESS: Signup confirmation E-Mail has been sent.""#);
    assert_eq!(world.body(1), r#"{"email":"ada@example.com"}"#);
}

#[wasm_bindgen_test]
async fn seed_k39_k41_k42_k46_a_password_is_reset_with_the_mailed_code() {
    let world =
        server_of(r#"{ "POST /v1/password/forgot": [200, {}], "POST /v1/password/reset": [200, {}] }"#);
    let sent = r#""SUCCESS: Verification code has been sent.""#;
    assert_eq!(ok(world.core.forgot_password(js("{ email: 'a@b.de' }"), NONE)).await, sent);
    assert_eq!(ok(world.core.forgot_password(js("'a@b.de'"), NONE)).await, sent);
    let set = r#""SUCCESS: New password has been set.""#;
    let by_number = js("{ email: 'a@b.de', code: 12345, new_password: 'secret2' }");
    assert_eq!(ok(world.core.reset_password(by_number, NONE, NONE)).await, set);
    assert_eq!(world.body(2), r#"{"email":"a@b.de","code":12345,"new_password":"secret2"}"#);
    let by_form = form(
        "<input name=email value=a@b.de><input name=code value=012345><input name=new_password value=secret2>",
    );
    assert_eq!(ok(world.core.reset_password(by_form, NONE, NONE)).await, set);
    assert_eq!(world.body(3), r#"{"email":"a@b.de","code":"012345","new_password":"secret2"}"#);
    let short = js("{ email: 'a@b.de', code: '1', new_password: '12345' }");
    assert_eq!(err(world.core.reset_password(short, NONE, NONE)).await, "INVALID_PARAMETER new_password");
    let neither = js("{ email: 'a@b.de', new_password: 'secret2' }");
    assert_eq!(err(world.core.reset_password(neither, NONE, NONE)).await, "INVALID_PARAMETER code");
}

#[wasm_bindgen_test]
async fn seed_m53_m55_a_password_is_reset_with_the_token_of_the_link() {
    let world = server_of(
        r#"{ "POST /v1/password/reset": (call, calls) => calls.length === 1 ? [200, {}]
              : [400, { code: "TOKEN_REVOKED", title: "The token has been revoked." }] }"#,
    );
    let token = || js("'abcdefghijklmnop'");
    let set = ok(world.core.reset_password(token(), js("'secret2'"), NONE)).await;
    assert_eq!(set, r#""SUCCESS: New password has been set.""#);
    assert_eq!(world.body(0), r#"{"token":"abcdefghijklmnop","new_password":"secret2"}"#);
    let again = rejection(world.core.reset_password(token(), js("'secret2'"), NONE)).await;
    assert_eq!(
        json(&again),
        r#"{"code":"TOKEN_REVOKED","message":"The token has been revoked.","status":400}"#
    );
    assert_eq!(err(world.core.reset_password(token(), NONE, NONE)).await, "INVALID_PARAMETER new_password");
}

#[wasm_bindgen_test]
async fn seed_m01_to_m05_an_address_is_checked() {
    let world = server_of(
        r#"{ "POST /v1/email/check": (call) => call.body.email === "a@b.de"
              ? [200, { data: { email: "a@b.de", registered: false, id: "a@b.de" }, message: "Email available" }]
              : [403, { code: "FORBIDDEN", title: "This is not allowed." }] }"#,
    );
    let free = r#"{"data":{"email":"a@b.de","registered":false,"id":"a@b.de"},"message":"Email available"}"#;
    assert_eq!(ok(world.core.check_email(js("'a@b.de'"), NONE)).await, free);
    assert_eq!(ok(world.core.check_email(form("<input name=email value=a@b.de>"), NONE)).await, free);
    assert_eq!(err(world.core.check_email(js("'c@d.de'"), NONE)).await, "FORBIDDEN");
    assert_eq!(err(world.core.check_email(js("'nobody'"), NONE)).await, "INVALID_PARAMETER email");
}

#[wasm_bindgen_test]
async fn seed_m19_a_verification_is_sent_again() {
    let world = server_of(
        r#"{ "POST /v1/email/resend": [200, { email: "a@b.de", message: "Please confirm your email" }] }"#,
    );
    let answer = ok(world.core.resend_verification(js("'a@b.de'"), NONE)).await;
    assert_eq!(answer, r#"{"email":"a@b.de","message":"Please confirm your email"}"#);
}

#[wasm_bindgen_test]
async fn an_address_is_verified_by_secret_or_code_and_the_stored_user_is_updated() {
    let world = server_of(
        r#"{ "POST /v1/login": [200, TOKENS],
             "POST /v1/email/verify": [200, { user_id: "u1", email: "ada@example.com", email_verified: true }] }"#,
    )
    .signed_in()
    .await;
    let user = r#"{"user_id":"u1","email":"ada@example.com","email_verified":true}"#;
    assert_eq!(ok(world.core.verify_account(js("'abcdefghijklmnop'"), NONE)).await, user);
    assert_eq!(world.body(0), r#"{"token":"abcdefghijklmnop"}"#);
    assert_eq!(ok(world.core.verify_email(js("{ email: 'ada@example.com', code: 7 }"), NONE)).await, user);
    assert_eq!(world.body(1), r#"{"email":"ada@example.com","code":7}"#);
    assert_eq!(world.events(), "USER_UPDATED");
    assert_eq!(json(&world.core.user()), user);
}

#[wasm_bindgen_test]
async fn settings_are_cached_and_their_password_rule_applies_to_forms() {
    let world = server_of(
        r#"{ "GET /v1/settings": [200, { methods: ["password"], providers: [], password: { min_length: 15, max_length: 128 },
             captcha: "none", signup: { open: true, confirmation: "optional" }, check_email: false }] }"#,
    );
    let first = ok(world.core.get_settings(NONE)).await;
    assert_eq!(ok(world.core.get_settings(NONE)).await, first);
    assert_eq!(world.calls(), "GET /v1/settings");
    let error = rejection(world.core.signup(js(ADA), NONE)).await;
    assert_eq!(json(&get(&error, "message")), r#""A password needs at least 15 characters.""#);
}

#[wasm_bindgen_test]
async fn an_option_among_the_fields_is_refused_as_an_option() {
    let world = server_of("{}");
    for (given, field) in [
        ("{ email: 'ada@example.com', password: 'correct horse', auto_register: true }", "auto_register"),
        ("{ email: 'ada@example.com', password: 'correct horse', autoRegister: true }", "autoRegister"),
        ("{ email: 'ada@example.com', password: 'correct horse', captcha_code: 'W3' }", "captcha_code"),
    ] {
        let error = rejection(world.core.login(js(given), NONE)).await;
        assert_eq!(json(&get(&error, "field")), format!("{field:?}"));
        assert!(json(&get(&error, "message")).contains("This is an option"), "{given}");
    }
    let signup = "{ email: 'ada@example.com', password: 'correct horse', signup_confirmation: true }";
    assert_eq!(err(world.core.signup(js(signup), NONE)).await, "INVALID_PARAMETER signup_confirmation");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn invalid_options_are_reported_by_the_first_call() {
    for (options, field) in [
        ("{ url: 'ftp://x' }", "url"),
        ("{ storage: 'cloud' }", "storage"),
        ("{ timeout: 'soon' }", "timeout"),
        ("{ fetch: 7 }", "fetch"),
        ("{ access_token: 'abc' }", "access_token"),
        ("{ accessToken: 'abc' }", "access_token"),
    ] {
        let world = world_with("{}", options);
        assert_eq!(err(world.core.login(js(ADA), NONE)).await, format!("INVALID_PARAMETER {field}"));
    }
    let world = world_with(
        r#"{ "GET /base/v1/settings": [500, "x"] }"#,
        "{ url: new URL('https://auth.test/base/?x#y') }",
    );
    assert_eq!(err(world.core.get_settings(NONE)).await, "SERVER");
}
