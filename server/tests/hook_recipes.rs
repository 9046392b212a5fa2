//! What a stranger would write into a `hooks.star`, and what the file does when it is written.

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
    // A Thursday.
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
async fn a_changed_file_counts_from_then_on_and_a_broken_one_leaves_what_was() {
    let log = Log::listen();
    let t = Hooked::new("def pre_email_auth(model):\n    reject('one')\n").await;
    let detail = async || {
        let call = t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD }));
        call.await.json["detail"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(detail().await, "one");
    std::fs::write(&t.script, "def pre_email_auth(model):\n    reject('two')\n").unwrap();
    t.app.hooks.scripts.look().await;
    assert_eq!(detail().await, "one", "who writes it may be in the middle of it");
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
    assert!(!ready.to_string().contains("Parse"), "what is in the file is no business of whoever asks");
    std::fs::remove_file(&t.script).unwrap();
    t.look().await;
    assert_eq!(detail().await, "two", "a file that is gone is no word of anybody");
    t.rewrite("").await;
    assert_eq!(detail().await, "two", "a file without any hook is the half of one, unless it says so");
    assert!(log.text().contains("has no hooks any more"), "{}", log.text());
    t.rewrite("# no hooks\n").await;
    assert_eq!(detail().await, "");
    // The clock of a database may be another matter.
    let ready = t.get("/health/ready").await.ok();
    assert!(!ready.to_string().contains("hooks.star"), "{ready}");
}

#[tokio::test]
async fn hooks_that_a_changed_file_has_no_more_are_named_in_the_log() {
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
fn a_script_that_is_named_must_be_there() {
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
async fn a_server_does_not_start_with_a_broken_script_and_says_where_it_is() {
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
async fn a_hook_that_is_wrong_lets_nobody_in() {
    let t = Hooked::new("def pre_email_auth(model):\n    {}['missing']\n").await;
    let call = t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD }));
    let problem = call.await.refused(500, "INTERNAL");
    assert!(!problem.to_string().contains("missing"), "the cause is for the log");
}

#[tokio::test]
async fn a_hook_that_was_misspelt_is_told_with_the_nearest_name() {
    let log = Log::listen();
    Hooked::new("def pre_emial_auth(model):\n    pass\n").await;
    assert!(log.text().contains("Did you mean pre_email_auth?"), "{}", log.text());
}
