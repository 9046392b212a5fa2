//! `Input<T>`: the values of a form, an event, a FormData or an object.

use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::world::*;

const SIGNUP: &str = r#"{ "POST /v1/signup": [200, { confirmation_required: false }] }"#;
const LOGIN: &str = r#"{ "POST /v1/login": [200, TOKENS] }"#;
const EMAIL_AND_PASSWORD: &str =
    "<input name=email value=ada@example.com><input name=password type=password value=secret>";

async fn signup_body(controls: &str) -> String {
    let world = server_of(SIGNUP);
    ok(world.core.signup(form(&format!("{EMAIL_AND_PASSWORD}{controls}")), NONE)).await;
    let body = world.body(0);
    let start = r#"{"email":"ada@example.com","password":"secret","#;
    body.strip_prefix(start).unwrap_or(&body).trim_end_matches('}').to_owned()
}

#[wasm_bindgen_test]
async fn seed_k32_a_login_form_is_a_login() {
    let world = server_of(LOGIN);
    let answer = ok(world.core.login(form(EMAIL_AND_PASSWORD), NONE)).await;
    assert_eq!(answer, r#"{"user_id":"u1","email":"ada@example.com"}"#);
    assert_eq!(world.body(0), r#"{"email":"ada@example.com","password":"secret"}"#);
}

#[wasm_bindgen_test]
async fn seed_k02_the_value_of_every_kind_of_control_is_read() {
    let body = signup_body(
        "<input type=checkbox name=email_public checked><input type=checkbox name=gender_public>
         <input type=radio name=gender value=f><input type=radio name=gender value=m checked>
         <select name=locale><option value=de>D<option value=fr selected>F</select>
         <textarea name=misc>two\nlines</textarea>
         <input name=nickname value=''>
         <input type=number name=address.postal_code value=01099>
         <input name=address.locality value=Köln>
         <input name=phone_number disabled value=+4912345>
         <fieldset disabled><input name=company value=x><input type=checkbox name=address_public checked></fieldset>",
    )
    .await;
    for part in [
        r#""gender":"m""#,
        r#""locale":"fr""#,
        r#""misc":"two\nlines""#,
        r#""email_public":true"#,
        r#""gender_public":false"#,
        r#""address":{"postal_code":"01099","locality":"Köln"}"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    for part in ["nickname", "phone_number", "company", "address_public", "birthdate"] {
        assert!(!body.contains(part), "{part} in {body}");
    }
}

#[wasm_bindgen_test]
async fn a_checkbox_for_a_text_field_is_read_as_its_value() {
    let gender = |is: &str| format!("<input type=checkbox name=gender value=f {is}>");
    assert_eq!(signup_body(&gender("checked")).await, r#""gender":"f""#);
    assert!(!signup_body(&gender("")).await.contains("gender"));
    let beside = "<input type=hidden name=email_public value=0><input type=checkbox name=email_public value=1 checked>";
    assert_eq!(signup_body(beside).await, r#""email_public":true"#);
    assert_eq!(signup_body("<input name=email_public value=0>").await, r#""email_public":false"#);
}

#[wasm_bindgen_test]
async fn seed_k20_signup_confirmation_can_be_a_checkbox_or_an_address_in_the_form() {
    for (control, sent) in [
        ("<input name=signup_confirmation value=https://a.de/in>", r#""https://a.de/in""#),
        ("<input name=signup_confirmation value=true>", "true"),
        ("<input type=checkbox name=signup_confirmation checked>", "true"),
        ("<input type=checkbox name=signup_confirmation>", "false"),
    ] {
        let body = signup_body(control).await;
        assert_eq!(body, format!(r#""options":{{"signup_confirmation":{sent}"#), "{control}");
    }
}

#[wasm_bindgen_test]
async fn seed_k42_a_number_input_is_a_number_for_a_code_and_text_for_a_field_of_text() {
    let world = server_of(r#"{ "POST /v1/password/reset": [200, {}] }"#);
    let controls = "<input name=email value=a@b.de><input type=number name=code value=012345><input type=number name=new_password value=0123456>";
    ok(world.core.reset_password(form(controls), NONE, NONE)).await;
    assert_eq!(world.body(0), r#"{"email":"a@b.de","code":12345,"new_password":"0123456"}"#);
}

#[wasm_bindgen_test]
async fn names_with_a_dot_nest_and_override_the_single_line() {
    let line = "<input name=address value='one line'><input name=address.locality value=";
    assert_eq!(signup_body(&format!("{line}Köln>")).await, r#""address":{"locality":"Köln""#);
    assert_eq!(signup_body(&format!("{line}''>")).await, r#""address":"one line""#);
}

#[wasm_bindgen_test]
async fn controls_outside_the_form_belong_to_it_by_their_form_attribute() {
    let world = server_of(LOGIN);
    let form = form(
        "<form id=far><input name=email value=a@b.de></form><input form=far name=password value=secret>",
    );
    ok(world.core.login(form, NONE)).await;
    assert_eq!(world.body(0), r#"{"email":"a@b.de","password":"secret"}"#);
}

#[wasm_bindgen_test]
async fn the_submit_button_adds_its_name_and_value() {
    let world = server_of(SIGNUP);
    let form = form(&format!(
        "{EMAIL_AND_PASSWORD}<button name=email_subscription value=true>Yes</button><button name=nickname value=no>No</button>"
    ));
    let event = |at: &str| {
        let make = js_sys::Function::new_with_args(
            "form",
            &format!(
                "return {{ nativeEvent: {{ preventDefault() {{}}, target: form, submitter: form.querySelectorAll('button')[{at}] }} }};"
            ),
        );
        make.call1(&JsValue::NULL, &form).expect("an event")
    };
    ok(world.core.signup(event("0"), NONE)).await;
    ok(world.core.signup(event("1"), NONE)).await;
    assert!(world.body(0).contains(r#""options":{"email_subscription":true}"#), "{}", world.body(0));
    assert!(!world.body(0).contains("nickname"));
    assert!(world.body(1).contains(r#""nickname":"no""#), "{}", world.body(1));
}

#[wasm_bindgen_test]
async fn options_may_be_controls_of_the_form_and_the_second_argument_overrides_them() {
    let world = server_of(SIGNUP);
    let controls = format!(
        "{EMAIL_AND_PASSWORD}<input type=checkbox name=email_subscription checked><input type=hidden name=signup_confirmation value=true>"
    );
    ok(world.core.signup(form(&controls), NONE)).await;
    assert!(
        world.body(0).contains(r#""options":{"email_subscription":true,"signup_confirmation":true}"#),
        "{}",
        world.body(0)
    );
    ok(world.core.signup(form(&controls), js("{ signup_confirmation: false }"))).await;
    assert!(world.body(1).contains(r#""signup_confirmation":false"#), "{}", world.body(1));
}

#[wasm_bindgen_test]
async fn unknown_controls_of_a_form_are_ignored_and_unknown_fields_of_an_object_are_refused() {
    assert!(
        !signup_body("<input name=password_repeat value=x><input name=terms type=checkbox>")
            .await
            .contains("terms")
    );
    let world = server_of("{}");
    let fault = world.core.login(js("{ email: 'a@b.de', password: 'x', terms: true }"), NONE);
    assert_eq!(err(fault).await, "INVALID_PARAMETER terms");
    let fault =
        world.core.signup(js("{ email: 'a@b.de', password: 'secret', address: { town: 'x' } }"), NONE);
    assert_eq!(err(fault).await, "INVALID_PARAMETER address.town");
    let fault =
        world.core.signup(js("{ email: 'a@b.de', password: 'secret', options: { login: true } }"), NONE);
    assert_eq!(err(fault).await, "INVALID_PARAMETER options");
    assert_eq!(world.calls(), "");
}

#[wasm_bindgen_test]
async fn no_name_reaches_a_prototype() {
    let body = signup_body(
        "<input name=__proto__.polluted value=1><input name=constructor.prototype.polluted value=1><input name=address.__proto__.polluted value=1>",
    )
    .await;
    assert!(!body.contains("polluted"), "{body}");
    let world = server_of("{}");
    let evil = js(r#"JSON.parse('{"email":"a@b.de","password":"secret","__proto__":{"polluted":1}}')"#);
    assert_eq!(err(world.core.login(evil, NONE)).await, "INVALID_PARAMETER __proto__");
    assert!(js("{}.polluted").is_undefined());
}

#[wasm_bindgen_test]
async fn controls_named_like_properties_of_the_form_do_no_harm() {
    let world = server_of(SIGNUP);
    let names = [
        "elements",
        "action",
        "submit",
        "target",
        "getAttribute",
        "nativeEvent",
        "matches",
        "tagName",
        "length",
        "getRootNode",
        "contains",
        "preventDefault",
    ];
    let extra: String = names.iter().map(|name| format!("<input name={name} value=x>")).collect();
    let controls = format!("{extra}{EMAIL_AND_PASSWORD}<input type=checkbox name=email_public>");
    ok(world.core.signup(form(&controls), NONE)).await;
    let expected = r#"{"email":"ada@example.com","password":"secret","email_public":false}"#;
    assert_eq!(world.body(0), expected);
    let wrong = form(&controls.replace("ada@example.com", "nobody"));
    assert_eq!(err(world.core.signup(wrong, NONE)).await, "INVALID_PARAMETER email");
    let shown = js("document.querySelector('#under-test [name=email]').validity.customError");
    assert!(shown.is_truthy());
}

#[wasm_bindgen_test]
async fn the_fields_are_read_in_the_call() {
    let world = server_of(LOGIN);
    let form = form(EMAIL_AND_PASSWORD);
    let answer = world.core.login(form.clone(), NONE);
    js("document.querySelector('#under-test [name=password]').value = 'changed'");
    ok(answer).await;
    let object = js("window.params = { email: 'b@c.de', password: 'secret' }");
    let answer = world.core.login(object, NONE);
    js("window.params.password = 'changed'");
    ok(answer).await;
    assert_eq!(world.body(0), r#"{"email":"ada@example.com","password":"secret"}"#);
    assert_eq!(world.body(1), r#"{"email":"b@c.de","password":"secret"}"#);
}

#[wasm_bindgen_test]
async fn a_form_data_is_taken_as_it_is() {
    let world = server_of(SIGNUP);
    let data = js("(() => { const data = new FormData(); data.set('email', 'a@b.de'); data.set('password', 'secret');
        data.set('email_public', 'on'); data.set('address.country', 'DE'); data.set('other', 'x'); return data; })()");
    ok(world.core.signup(data, NONE)).await;
    let expected = r#"{"email":"a@b.de","password":"secret","email_public":true,"address":{"country":"DE"}}"#;
    assert_eq!(world.body(0), expected);
}

#[wasm_bindgen_test]
async fn several_values_and_files_are_refused_by_name() {
    let world = server_of("{}");
    let many = format!(
        "{EMAIL_AND_PASSWORD}<select multiple name=gender><option selected>a<option selected>b</select>"
    );
    assert_eq!(err(world.core.signup(form(&many), NONE)).await, "INVALID_PARAMETER gender");
    let data = js(
        "(() => { const data = new FormData(); data.set('picture', new Blob(['x']), 'me.png'); return data; })()",
    );
    assert_eq!(err(world.core.signup(data, NONE)).await, "INVALID_PARAMETER picture");
    let empty = form(&format!("{EMAIL_AND_PASSWORD}<input type=file name=picture>"));
    assert_eq!(err(world.core.signup(empty, NONE)).await, "NETWORK");
    assert!(!world.body(0).contains("picture"));
}

#[wasm_bindgen_test]
async fn an_error_about_a_field_is_shown_on_its_control_until_something_changes() {
    let world = server_of(
        r#"{ "POST /v1/signup": [409, { code: "EXISTS", title: "user already exists.", status: 409 }] }"#,
    );
    let message = || {
        let email = js("document.querySelector('#under-test [name=email]').validationMessage");
        email.as_string().expect("a message")
    };
    let page = format!(
        "<form id=f>{EMAIL_AND_PASSWORD}<button><b>Go</b></button></form><button form=f id=far>Go</button>"
    );
    let clearings = [
        "document.querySelector('#under-test [name=password]').dispatchEvent(new Event('input', { bubbles: true }))",
        "document.querySelector('#under-test [name=email]').dispatchEvent(new Event('change', { bubbles: true }))",
        "document.querySelector('#under-test b').dispatchEvent(new MouseEvent('click', { bubbles: true }))",
        "document.querySelector('#far').dispatchEvent(new MouseEvent('click', { bubbles: true }))",
        "document.querySelector('#under-test [name=email]').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))",
    ];
    for clearing in clearings {
        let form = form(&page);
        js(
            "document.querySelector('#under-test form').addEventListener('submit', (event) => event.preventDefault())",
        );
        assert_eq!(err(world.core.signup(form, NONE)).await, "EXISTS");
        assert_eq!(message(), "user already exists.");
        js(
            "document.querySelector('#under-test [name=email]').dispatchEvent(new MouseEvent('click', { bubbles: true }))",
        );
        assert_eq!(message(), "user already exists.", "a click on a control that submits nothing");
        js(clearing);
        assert_eq!(message(), "", "{clearing}");
    }
    let odd = form(&format!("{EMAIL_AND_PASSWORD}<input name=givenName value=A><input name=birthDate>"));
    js("document.querySelector('#under-test [name=givenName]').value = 'x'.repeat(129)");
    assert_eq!(err(world.core.signup(odd, NONE)).await, "INVALID_PARAMETER given_name");
    let shown = js("document.querySelector('#under-test [name=givenName]').validationMessage");
    assert_ne!(shown.as_string().as_deref(), Some(""), "also for the other spelling of the field");
    let bad = form("<input name=email value=nobody><input name=password value=secret>");
    assert_eq!(err(world.core.signup(bad, NONE)).await, "INVALID_PARAMETER email");
    assert_eq!(message(), "Enter an e-mail address, like name@example.com.");
}

#[wasm_bindgen_test]
async fn a_new_password_is_counted_and_sent_with_composed_letters_and_an_existing_one_as_typed() {
    let (five, six) = ("e\u{301}".repeat(5), "e\u{301}".repeat(6));
    let controls = |password: &str| {
        format!("<input name=email value=ada@example.com><input name=password value={password}>")
    };
    let object = |password: &str| js(&format!("({{ email: 'ada@example.com', password: '{password}' }})"));
    let world = server_of(SIGNUP);
    for input in [form(&controls(&five)), object(&five)] {
        assert_eq!(err(world.core.signup(input, NONE)).await, "INVALID_PARAMETER password");
    }
    assert_eq!(world.calls(), "");
    for (at, input) in [form(&controls(&six)), object(&six)].into_iter().enumerate() {
        ok(world.core.signup(input, NONE)).await;
        assert_eq!(
            world.body(at),
            format!(r#"{{"email":"ada@example.com","password":"{}"}}"#, "\u{e9}".repeat(6))
        );
    }
    let world = server_of(LOGIN);
    ok(world.core.login(object(&six), NONE)).await;
    assert_eq!(world.body(0), format!(r#"{{"email":"ada@example.com","password":"{six}"}}"#));
}

#[wasm_bindgen_test]
async fn an_address_of_an_internationalised_domain_and_a_code_with_spaces_are_sent() {
    let world = server_of(LOGIN);
    for email in
        ["joerg@m\u{fc}ller.example", "joerg@mu\u{308}ller.example", "\u{3000}joerg@xn--mller-kva.example"]
    {
        let controls = format!("<input name=email value={email}><input name=password value=secret>");
        ok(world.core.login(form(&controls), NONE)).await;
    }
    let world = server_of(r#"{ "POST /v1/login/code": [200, TOKENS] }"#);
    for code in ["123 456", "\u{661}\u{662}\u{663}-456"] {
        let controls = format!("<input name=email value=ada@example.com><input name=code value='{code}'>");
        ok(world.core.login(form(&controls), NONE)).await;
    }
}
