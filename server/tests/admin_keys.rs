//! Service keys: `doorward key`, and requests with a service key.

use axum::Router;
use axum::routing::get;
use doorward_accounts::admin::{By, Operator};
use doorward_accounts::service_keys::ServiceKey;
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_server::http;
use doorward_store::transaction;
use serde_json::{Value, json};

use crate::support::binary::{Server, doorward, run};
use crate::support::{Answer, MINUTE, NEW_YEAR, SECOND, TestApp, database};

#[test]
fn a_key_is_shown_once_and_stored_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let said = run(folder.path(), &["key", "create", "--name", "back office", "--scope", "admin"], "");
    assert!(said.ok, "{}", said.stderr);
    let key = said.stdout.strip_suffix('\n').unwrap();
    assert!(key.starts_with("dw_sk_") && key.len() == 70, "stdout contains only the key: {key}");
    let made = run(
        folder.path(),
        &["key", "create", "--json", "--scope", "trusted", "--scope", "admin", "--scope", "admin"],
        "",
    )
    .document();
    assert_eq!(made["scopes"], json!(["admin", "trusted"]));
    assert_eq!(made["key"].as_str().unwrap().len(), 70);
    let list = run(folder.path(), &["key", "list", "--json"], "").lines();
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["name"], &list[0]["scopes"]), (&json!("back office"), &json!(["admin"])));
    assert_eq!(list[1]["id"], made["id"]);
    for one in &list {
        assert!(
            one["key"].is_null() && one["last_used_at"].is_null() && one["revoked_at"].is_null(),
            "{one}"
        );
    }
    let shown = run(folder.path(), &["key", "list"], "").stdout;
    assert!(
        shown.contains("back office") && shown.contains("never used") && !shown.contains("dw_sk_"),
        "{shown}"
    );
    drop(server);
}

#[test]
fn a_key_is_revoked_only_with_the_option_yes_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path()));
    let made = run(folder.path(), &["key", "create", "--json", "--scope", "trusted"], "").document();
    let id = made["id"].as_str().unwrap();
    let said = run(folder.path(), &["key", "revoke", id], "yes\n");
    assert!(said.refused().contains("--yes"), "without a terminal the command does not ask: {}", said.stderr);
    let list = || run(folder.path(), &["key", "list", "--json"], "").lines();
    assert!(list()[0]["revoked_at"].is_null());
    assert!(run(folder.path(), &["key", "revoke", id, "--yes"], "").ok);
    assert!(list()[0]["revoked_at"].is_string());
    for id in [id, "00000000-0000-0000-0000-000000000000", "x\u{1b}[2J"] {
        let said = run(folder.path(), &["key", "revoke", id, "--yes"], "");
        assert!(said.refused().contains("no such service key") && !said.stderr.contains('\u{1b}'));
    }
    for args in [&["key", "create"][..], &["key", "create", "--scope", "root"]] {
        assert!(run(folder.path(), args, "").refused().contains("--scope"));
    }
}

#[test]
fn a_command_creates_no_database_and_refuses_one_of_another_version() {
    let folder = tempfile::tempdir().unwrap();
    if !database::is_sqlite() {
        let url = database::empty(folder.path()).url;
        let mut command = doorward(folder.path());
        command.args(["key", "list", "--dev"]).env("DOORWARD_DATABASE__URL", url.expose());
        let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(said.contains("no tables yet") && said.contains("doorward serve"), "{said}");
        return;
    }
    let said = run(folder.path(), &["key", "list"], "");
    assert!(said.refused().contains("doorward serve"), "{}", said.stderr);
    assert!(!folder.path().join("data").exists());
    drop(Server::start(folder.path()));
    let change = |sql: &'static str| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store =
                doorward_store::Store::attach(&folder.path().join("data"), &database::of(folder.path()))
                    .await;
            let store = store.unwrap();
            let done = store.write(transaction!(|tx| {
                Ok::<_, doorward_store::StoreError>(sqlx::raw_sql(sql).execute(tx).await.map(drop)?)
            }));
            done.await.unwrap();
            store.close().await;
        });
    };
    change("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)");
    for verb in [&["key", "list"][..], &["keys", "list"]] {
        let said = run(folder.path(), verb, "");
        assert!(said.stderr.contains("older doorward") && !said.ok, "{}", said.stderr);
    }
}

#[test]
fn the_server_and_commands_refuse_a_database_older_than_the_first_release() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = database::of(folder.path());
        let store = doorward_store::Store::open(&folder.path().join("data"), &settings).await.unwrap();
        let done = store.write(|tx| {
            Box::pin(async move {
                let sql = "create table migrations (number bigint not null primary key)";
                Ok::<_, doorward_store::StoreError>(sqlx::raw_sql(sql).execute(tx).await.map(drop)?)
            })
        });
        done.await.unwrap();
        store.close().await;
    });
    for verb in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "list"], &["keys", "list"]] {
        let said = run(folder.path(), verb, "");
        assert!(!said.ok && said.stderr.contains("before 0.1.0"), "{verb:?}: {}", said.stderr);
    }
}

/// Routes that return the id of the service key: `/trusted` requires a trusted key, `/perhaps` also accepts a
/// request without a key.
fn router(app: &TestApp) -> Router {
    async fn trusted(key: ServiceKey) -> Result<String, ApiError> {
        key.require(Scope::Trusted)?;
        Ok(key.id)
    }
    async fn perhaps(key: Option<ServiceKey>) -> String {
        key.map(|key| key.id).unwrap_or_default()
    }
    let routes = Router::new().route("/trusted", get(trusted)).route("/perhaps", get(perhaps));
    http::surround(routes.with_state(app.app.clone()), &app.app)
}

async fn ask(app: &TestApp, path: &str, authorization: &str) -> Answer {
    use tower::ServiceExt;
    let mut request = axum::http::Request::get(path).header("host", "localhost");
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    let request = request.body(axum::body::Body::empty()).unwrap();
    Answer::of(router(app).oneshot(request).await.unwrap()).await
}

fn operator(app: &TestApp) -> Operator {
    Operator::new(
        &app.app.platform.store,
        &app.app.platform.world,
        &app.app.platform.config,
        By::CommandLine,
        Caller::default(),
    )
}

async fn key(app: &TestApp, scopes: &[Scope]) -> (String, String) {
    let operator = operator(app);
    let (plain, stored) = operator.create_key("test", Scopes::new(scopes)).await.unwrap();
    (plain.write().expose().to_owned(), stored.id)
}

#[tokio::test]
async fn only_an_unaltered_key_is_accepted() {
    let app = TestApp::new().await;
    let (text, id) = key(&app, &[Scope::Trusted]).await;
    let (other, other_id) = key(&app, &[Scope::Trusted]).await;
    assert_eq!(ask(&app, "/trusted", &format!("Bearer {text}")).await.text, id);
    assert_eq!(ask(&app, "/perhaps", &format!("bearer {other}")).await.text, other_id);
    assert_eq!(ask(&app, "/perhaps", "").await.text, "");
    // The id and the first two secret bytes of one key, with the rest of the other key.
    let mixed = format!("{}{}", &text[..30], &other[30..]);
    let last = if text.ends_with('A') { "B" } else { "A" };
    let bent = format!("{}{last}", &text[..text.len() - 1]);
    let tokens = app.somebody().await;
    for wrong in [
        format!("Bearer {mixed}"),
        format!("Bearer {bent}"),
        format!("Bearer {text}="),
        format!("Bearer  {text}"),
        format!("DPoP {text}"),
        format!("Basic {text}"),
        text.clone(),
        "Bearer dw_sk_".to_owned(),
        format!("Bearer {}", tokens["access_token"].as_str().unwrap()),
    ] {
        for path in ["/trusted", "/perhaps"] {
            ask(&app, path, &wrong).await.refused(401, "SESSION_REQUIRED");
        }
    }
    ask(&app, "/trusted", "").await.refused(401, "SESSION_REQUIRED");
    // A service key is not accepted as an access token.
    app.get("/v1/profile").bearer(&Value::from(text)).await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn a_key_works_for_its_scopes_until_it_is_revoked() {
    let app = TestApp::new().await;
    let (text, id) = key(&app, &[Scope::Admin]).await;
    ask(&app, "/trusted", &format!("Bearer {text}")).await.refused(403, "FORBIDDEN");
    let (text, trusted) = key(&app, &[Scope::Trusted, Scope::Admin]).await;
    assert_eq!(ask(&app, "/trusted", &format!("Bearer {text}")).await.status, 200);
    operator(&app).revoke_key(&trusted).await.unwrap();
    for path in ["/trusted", "/perhaps"] {
        ask(&app, path, &format!("Bearer {text}")).await.refused(401, "SESSION_REQUIRED");
    }
    assert_eq!(app.audited("service_key_created").await, 2);
    assert_eq!(
        app.sql("select detail from audit where event = 'service_key_created' order by id").await,
        format!("cli: {id} with admin")
    );
    assert_eq!(
        app.sql("select detail from audit where event = 'service_key_revoked'").await,
        format!("cli: {trusted}")
    );
    assert_eq!(app.sql("select count(*) from audit where request is not null").await, "0");
}

#[tokio::test]
async fn the_last_use_of_a_key_is_written_at_most_once_a_minute() {
    let app = TestApp::new().await;
    let (text, _) = key(&app, &[Scope::Trusted]).await;
    app.advance(59 * SECOND);
    let used = "select last_used_at from service_keys";
    ask(&app, "/trusted", &format!("Bearer {text}")).await;
    assert_eq!(app.sql(used).await, NEW_YEAR.to_string());
    app.sql_do("update service_keys set last_used_at = last_used_at + 1").await;
    ask(&app, "/trusted", &format!("Bearer {text}")).await;
    assert_eq!(app.sql(used).await, (NEW_YEAR + 1).to_string(), "the second use is not written");
    app.advance(SECOND);
    ask(&app, "/trusted", &format!("Bearer {text}")).await;
    assert_eq!(app.sql(used).await, (NEW_YEAR + MINUTE).to_string());
}

#[tokio::test]
async fn sec_l04_the_database_holds_no_service_key() {
    use base64::Engine;
    let app = TestApp::new().await;
    let (text, _) = key(&app, &[Scope::Admin]).await;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text["dw_sk_".len()..]).unwrap();
    let content = if database::is_sqlite() {
        database::content(&app).await
    } else {
        app.sql("select string_agg(row_to_json(k)::text, '') from service_keys k").await.into_bytes()
    };
    let secret = &bytes[16..];
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    for needle in [text.as_bytes(), &text.as_bytes()[30..], secret, hex.as_bytes()] {
        assert!(!content.windows(needle.len()).any(|window| window == needle));
    }
}
