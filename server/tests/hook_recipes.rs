//! Scripts that operators are likely to write, and how the server reacts when the file changes.

use serde_json::json;

use crate::support::hooks::{Hooked, Log};
use crate::support::{DAY, TestApp};

const PASSWORD: &str = "correct horse";

#[tokio::test]
async fn a_hook_blocks_a_domain() {
    let t = Hooked::new(
        r#"
BLOCKED = ["mailinator.com", "trash.example"]

def domain(email):
    return email.split("@")[-1].lower()

def pre_signup(model):
    if domain(model.get_email()) in BLOCKED:
        reject("Please take an address that you will keep.", code = "FORBIDDEN", field = "email")
"#,
    )
    .await;
    let signup = |email: &str| t.post("/v1/signup", json!({ "email": email, "password": PASSWORD }));
    let problem = signup("eve@Mailinator.com").await.refused(403, "FORBIDDEN");
    assert_eq!(problem["detail"], "Please take an address that you will keep.");
    assert_eq!(problem["field"], "email");
    signup("ada@example.com").await.ok();
}

#[tokio::test]
async fn a_hook_gives_a_new_account_a_role() {
    let t = Hooked::new(
        r#"
def pre_signup(model):
    if not model.get_email():
        model.set_roles(model.get_roles() + ["guest"])
"#,
    )
    .await;
    t.signup("ada@example.com", PASSWORD).await;
    t.post("/v1/signup", json!({ "username": "eve", "password": PASSWORD })).await.ok();
    let roles = t.sql("select count(*) from accounts where roles like '%guest%'").await;
    assert_eq!(roles, "1");
}

#[tokio::test]
async fn a_hook_closes_on_sundays() {
    let t = Hooked::new(
        r#"
def pre_email_auth(model):
    if model.get_weekday() == "sunday":
        reject("We are closed on Sundays (" + model.get_time()[:10] + ").")
"#,
    )
    .await;
    // The clock of the test starts on a Thursday.
    t.somebody().await;
    t.advance(3 * DAY);
    let call = t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD }));
    assert_eq!(call.await.refused(403, "HOOK_REJECTED")["detail"], "We are closed on Sundays (2026-01-04).");
    t.advance(DAY);
    t.login("ada@example.com", PASSWORD).await;
}

#[tokio::test]
async fn a_hook_takes_the_zero_out_of_a_phone_number() {
    let t = Hooked::new(
        r#"
def pre_send_code(model):
    number = model.get_phone_number()
    if number.startswith("+490"):
        model.set_phone_number("+49" + number[4:])
"#,
    )
    .await;
    t.post("/v1/code", json!({ "phone_number": "+4901512345678" })).await.ok();
    assert!(t.dump("challenges").await.contains("+491512345678"));
}

#[tokio::test]
async fn a_changed_script_is_loaded_and_a_broken_one_keeps_the_old_hooks() {
    let log = Log::listen();
    let t = Hooked::new("def pre_email_auth(model):\n    reject('one')\n").await;
    let detail = async || {
        let call = t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD }));
        call.await.json["detail"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(detail().await, "one");
    std::fs::write(&t.script, "def pre_email_auth(model):\n    reject('two')\n").unwrap();
    t.app.hooks.scripts.look().await;
    assert_eq!(detail().await, "one", "the file may be incomplete at the first look");
    t.app.hooks.scripts.look().await;
    assert_eq!(detail().await, "two");
    t.rewrite("def pre_email_auth(model):\n    reject('three'\n").await;
    t.look().await;
    assert_eq!(detail().await, "two");
    let said = log.text();
    assert_eq!(said.matches("hooks.star:3:1: Parse error").count(), 1, "{said}");
    let ready = t.get("/health/ready").await.ok();
    assert!(
        ready["warning"].as_str().unwrap().contains("hooks.star was changed and cannot be used"),
        "{ready}"
    );
    assert!(!ready.to_string().contains("Parse"), "the answer shows nothing of the content of the file");
    std::fs::remove_file(&t.script).unwrap();
    t.look().await;
    assert_eq!(detail().await, "two", "a missing file changes nothing");
    t.rewrite("").await;
    assert_eq!(detail().await, "two", "an empty file may be incomplete");
    assert!(log.text().contains("has no hooks any more"), "{}", log.text());
    t.rewrite("# no hooks\n").await;
    assert_eq!(detail().await, "");
    // The answer may contain another warning, about the clock of the database.
    let ready = t.get("/health/ready").await.ok();
    assert!(!ready.to_string().contains("hooks.star"), "{ready}");
}

#[tokio::test]
async fn the_log_names_the_hooks_that_a_changed_script_no_longer_has() {
    let log = Log::listen();
    let t = Hooked::new("def pre_signup(model):\n    pass\n\ndef pre_email_auth(model):\n    pass\n").await;
    t.rewrite("def pre_signup(model):\n    pass\n").await;
    let said = log.text();
    assert!(
        said.lines().any(|line| line.contains("WARN") && line.contains("removed=\"pre_email_auth\"")),
        "{said}"
    );
}

#[test]
fn a_script_named_in_the_settings_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let check = |settings: &str| {
        std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
        crate::support::binary::run(folder.path(), &["config", "check"], "")
    };
    for name in ["hooks.star", "other.star"] {
        let said = check(&format!("[hooks]\nscript = \"{name}\"\n"));
        assert!(said.refused().contains(&format!("hooks.script: {name} is not there")), "{}", said.stderr);
    }
    let said = check("[hooks]\nscript = \"\"\n");
    assert!(said.ok, "{}", said.stderr);
}

#[tokio::test]
async fn a_server_refuses_to_start_with_a_broken_script_and_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hooks.star"), "def pre_email_auth(model):\n    modle.get_email()\n")
        .unwrap();
    let said = crate::support::binary::run(folder.path(), &["serve"], "");
    assert!(said.refused().contains("hooks.star:2:5: Variable `modle` not found"), "{}", said.stderr);
}

#[tokio::test]
async fn without_a_script_there_are_no_hooks_and_no_workers() {
    let t = TestApp::new().await;
    assert!(t.app.hooks.scripts.is_empty());
    t.somebody().await;
}

#[tokio::test]
async fn a_failing_hook_refuses_the_sign_in() {
    let t = Hooked::new("def pre_email_auth(model):\n    {}['missing']\n").await;
    let call = t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD }));
    let problem = call.await.refused(500, "INTERNAL");
    assert!(!problem.to_string().contains("missing"), "only the log shows the cause");
}

#[tokio::test]
async fn the_log_suggests_the_nearest_name_for_a_misspelt_hook() {
    let log = Log::listen();
    Hooked::new("def pre_emial_auth(model):\n    pass\n").await;
    assert!(log.text().contains("Did you mean pre_email_auth?"), "{}", log.text());
}
