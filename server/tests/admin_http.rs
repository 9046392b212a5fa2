//! `/v1/admin` over HTTP: the operator's calls, with service keys.

use axum::http::Method;
use doorward_accounts::admin::{By, Operator};
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use doorward_server::routes;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::binary::{Server, doorward, exchange, run};
use crate::support::{Answer, Call, MINUTE, TestApp};

/// A server with `/v1/admin` on its public router, and a service key for it.
struct World {
    app: TestApp,
    key: String,
    key_id: String,
}

impl World {
    async fn new() -> World {
        let app = TestApp::with("[admin]\npublic = true").await;
        let (key, key_id) = key(&app, Scope::Admin).await;
        World { app, key, key_id }
    }

    /// Advances the clock by a millisecond first, because audit records of the same time have no order.
    fn call(&self, method: &str, path: &str) -> Call {
        self.app.advance(1);
        let call = self.app.send(Method::from_bytes(method.as_bytes()).unwrap(), path, "", "");
        call.header("authorization", &format!("Bearer {}", self.key))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Call {
        self.app.advance(1);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let call = self.app.send(method, path, "application/json", body.to_string());
        call.header("authorization", &format!("Bearer {}", self.key))
    }

    async fn get(&self, path: &str) -> Value {
        self.call("GET", path).await.ok()
    }

    async fn id_of(&self, email: &str) -> String {
        let found = self.get(&format!("/v1/admin/users?email={email}")).await;
        found["users"][0]["user_id"].as_str().unwrap().to_owned()
    }

    /// The newest audit record.
    async fn last(&self) -> Value {
        self.get("/v1/admin/audit?limit=1").await["entries"][0].clone()
    }
}

async fn key(app: &TestApp, scope: Scope) -> (String, String) {
    let Platform { store, world, config, .. } = &*app.app.platform;
    let operator = Operator::new(store, world, config, By::CommandLine, Caller::default());
    let (plain, stored) = operator.create_key("test", Scopes::new(&[scope])).await.unwrap();
    (plain.write().expose().to_owned(), stored.id)
}

/// Method and path of every call below `/v1/admin` in the OpenAPI document.
fn calls(document: &Value) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|_| path.starts_with("/v1/admin/")) {
            let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000").replace("{session}", "x");
            calls.push((method.to_uppercase(), path));
        }
    }
    calls
}

#[tokio::test]
async fn sec_x05_every_admin_call_needs_a_key_with_the_admin_scope() {
    let w = World::new().await;
    let calls = calls(&w.app.get("/openapi.json").await.ok());
    assert!(calls.len() >= 14, "{calls:?}");
    let (trusted, _) = key(&w.app, Scope::Trusted).await;
    let tokens = w.app.somebody().await;
    let bearer = |token: &str| format!("Bearer {token}");
    for (method, path) in &calls {
        let ask = || w.app.send(Method::from_bytes(method.as_bytes()).unwrap(), path, "", "");
        ask().await.refused(401, "SESSION_REQUIRED");
        let token = bearer(tokens["access_token"].as_str().unwrap());
        ask().header("authorization", &token).await.refused(401, "SESSION_REQUIRED");
        ask().header("authorization", &bearer(&trusted)).await.refused(403, "FORBIDDEN");
        let bent = format!("{}{}", &w.key[..w.key.len() - 4], "AAAA");
        ask().header("authorization", &bearer(&bent)).await.refused(401, "SESSION_REQUIRED");
        let admitted = ask().header("authorization", &bearer(&w.key)).await;
        assert!(!matches!(admitted.status, 401 | 403 | 405 | 500), "{method} {path}: {}", admitted.text);
    }
}

#[tokio::test]
async fn sec_x05_no_page_of_any_origin_may_call_the_admin_api() {
    let w = World::new().await;
    let allowed = |answer: &Answer| answer.headers.contains_key("access-control-allow-origin");
    let origin = "http://localhost:3000";
    assert!(
        allowed(&w.app.get("/v1/profile").header("origin", origin).await),
        "the page may make other calls"
    );
    for (method, path) in calls(&w.app.get("/openapi.json").await.ok()) {
        assert!(!allowed(&w.call(&method, &path).header("origin", origin).await), "{path}");
        let preflight = w.app.send(Method::OPTIONS, &path, "", "").header("origin", origin);
        let preflight = preflight.header("access-control-request-method", &method);
        assert!(
            !allowed(&preflight.header("access-control-request-headers", "authorization").await),
            "{path}"
        );
    }
}

#[tokio::test]
async fn sec_x05_the_admin_api_is_public_only_if_the_operator_enables_it() {
    let app = TestApp::new().await;
    let (key, _) = key(&app, Scope::Admin).await;
    let bearer = format!("Bearer {key}");
    app.get("/v1/admin/users").header("authorization", &bearer).await.refused(404, "NOT_FOUND");
    assert_eq!(calls(&app.get("/openapi.json").await.ok()).len(), 0);
    let router = routes::admin_router(&app.app);
    let ask = async |path: &str| {
        let request = axum::http::Request::get(path).header("host", "localhost");
        let request = request.header("authorization", &bearer);
        let request =
            request.header("origin", "http://localhost:3000").body(axum::body::Body::empty()).unwrap();
        Answer::of(router.clone().oneshot(request).await.unwrap()).await
    };
    let users = ask("/v1/admin/users").await;
    assert!(!users.headers.contains_key("access-control-allow-origin"));
    assert_eq!(users.header("x-content-type-options"), "nosniff");
    assert_eq!(users.ok()["users"], json!([]));
    for path in ["/v1/profile", "/v1/login", "/dev/mailbox", "/"] {
        ask(path).await.refused(404, "NOT_FOUND");
    }
    let document = ask("/openapi.json").await.ok();
    assert!(calls(&document).len() >= 14);
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            if path.starts_with("/v1/admin/") {
                assert_eq!(call["security"], json!([{ "service_key": [] }]), "{method} {path}");
                assert!(call["responses"]["4XX"].is_object() && call["responses"]["5XX"].is_object());
            }
        }
    }
}

#[test]
fn sec_x05_admin_listen_opens_a_separate_listener() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = doorward(folder.path());
    command.env("DOORWARD_ADMIN__LISTEN", "127.0.0.1:0");
    let server = Server::start_by(folder.path(), command);
    let admin = server.admin.unwrap();
    let made = run(folder.path(), &["key", "create", "--json", "--scope", "admin"], "").document();
    let bearer = format!("authorization: Bearer {}\r\n", made["key"].as_str().unwrap());
    let ask = |at| exchange(at, "GET", "/v1/admin/users", &bearer, "").unwrap().0;
    assert_eq!((ask(admin), ask(server.at)), (200, 404));
    let at = server.at.to_string();
    let mut same = doorward(folder.path());
    same.args(["serve", "--dev", "--listen", &at]).env("DOORWARD_ADMIN__LISTEN", &at);
    let said = String::from_utf8(same.output().unwrap().stderr).unwrap();
    assert!(said.contains("admin.listen: must differ from listen"), "{said}");
}

#[tokio::test]
async fn sec_x05_a_list_accepts_only_the_cursors_that_it_returned() {
    let w = World::new().await;
    for n in 0..7 {
        w.app.advance(1);
        w.app.signup(&format!("user{n}@example.com"), "correct horse").await;
    }
    w.app.sql_do("update identities set verified_at = 1").await;
    w.app.sql_do("update accounts set email_subscription = 1").await;
    for (list, rows, id) in [
        ("/v1/admin/users", "users", "user_id"),
        ("/v1/admin/users?query=example", "users", "user_id"),
        ("/v1/admin/subscribers", "subscribers", "user_id"),
        ("/v1/admin/audit?event=signed_up", "entries", "id"),
    ] {
        let with = |more: &str| format!("{list}{}{more}", if list.contains('?') { "&" } else { "?" });
        let whole = w.get(list).await;
        let mut seen = Vec::new();
        let mut page = w.get(&with("limit=3")).await;
        loop {
            assert!(page[rows].as_array().unwrap().len() <= 3);
            seen.extend(page[rows].as_array().unwrap().iter().map(|row| row[id].clone()));
            let Some(next) = page["next"].as_str() else { break };
            page = w.get(&with(&format!("limit=3&cursor={next}"))).await;
        }
        let all: Vec<Value> = whole[rows].as_array().unwrap().iter().map(|row| row[id].clone()).collect();
        assert_eq!((seen.len(), &seen), (7, &all), "{list}");
    }
    let cursor = w.get("/v1/admin/users?limit=3").await["next"].as_str().unwrap().to_owned();
    // This server has random secret keys. The test servers in development mode all have the same keys.
    let other = TestApp::production("[admin]\npublic = true").await;
    let refused = async |path: String| {
        let problem = w.call("GET", &path).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], "cursor", "{path}");
    };
    for at in 0..cursor.len() {
        let mut bent = cursor.clone();
        bent.replace_range(at..=at, if &cursor[at..=at] == "A" { "B" } else { "A" });
        refused(format!("/v1/admin/users?cursor={bent}")).await;
    }
    for list in ["/v1/admin/users?query=example&", "/v1/admin/audit?", "/v1/admin/subscribers?"] {
        refused(format!("{list}cursor={cursor}")).await;
    }
    let id = w.id_of("user3@example.com").await;
    for forged in [id.as_str(), "x", &format!("{cursor}=")] {
        refused(format!("/v1/admin/users?cursor={forged}")).await;
    }
    // A cursor must be refused by a server with other keys.
    let (key, _) = key(&other, Scope::Admin).await;
    let path = format!("/v1/admin/users?cursor={cursor}");
    other
        .get(&path)
        .header("authorization", &format!("Bearer {key}"))
        .await
        .refused(400, "INVALID_PARAMETER");
}

#[tokio::test]
async fn invalid_query_parameters_and_unknown_ids_are_refused() {
    let w = World::new().await;
    for (path, field) in [
        ("users?limit=0", "limit"),
        ("users?limit=501", "limit"),
        ("users?limit=-1", "limit"),
        ("users?limit=x", "limit"),
        ("users?limit=1&limit=2", "limit"),
        ("users?order=email", "order"),
        ("users?email=a@b.example&query=a", "query"),
        ("users?query=nul%00", "query"),
        ("users?username=a%0Ab", "username"),
        ("subscribers?query=a", "query"),
        ("audit?user=ada", "user"),
        ("audit?since=yesterday", "since"),
        ("audit?event=%1b", "event"),
    ] {
        let problem = w.call("GET", &format!("/v1/admin/{path}")).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field, "{path}");
    }
    let nobody = "/v1/admin/users/00000000-0000-0000-0000-000000000000";
    for (method, path) in [
        ("GET", nobody.to_owned()),
        ("DELETE", nobody.to_owned()),
        ("POST", format!("{nobody}/disable")),
        ("POST", format!("{nobody}/enable")),
        ("GET", format!("{nobody}/sessions")),
        ("DELETE", format!("{nobody}/sessions")),
        ("GET", format!("{nobody}/export")),
        ("GET", "/v1/admin/users/ada@example.com".to_owned()),
        ("GET", "/v1/admin/users/%ff".to_owned()),
    ] {
        w.call(method, &path).await.refused(404, "NOT_FOUND");
    }
    w.send("PUT", &format!("{nobody}/roles"), &json!({ "roles": [] })).await.refused(404, "NOT_FOUND");
    let password = json!({ "new_password": "correct horse" });
    w.send("POST", &format!("{nobody}/password"), &password).await.refused(404, "NOT_FOUND");
    assert_eq!(w.app.sql("select count(*) from audit where event <> 'service_key_created'").await, "0");
}

#[tokio::test]
async fn accounts_are_found_by_each_kind_of_name() {
    let w = World::new().await;
    w.app.signup("ada@example.com", "correct horse").await;
    w.app.signup("bob@example.com", "correct horse").await;
    let found = async |query: &str| -> Vec<String> {
        let list = w.get(&format!("/v1/admin/users?{query}")).await;
        list["users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["email"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(found("").await, ["bob@example.com", "ada@example.com"]);
    assert_eq!(found("email=ADA@example.com").await, ["ada@example.com"]);
    assert_eq!(found("query=da%40EX").await, ["ada@example.com"]);
    for none in
        ["email=nobody", "email=cleo@example.com", "phone_number=%2B12025550123", "username=ada", "query=%25"]
    {
        assert_eq!(found(none).await, Vec::<String>::new(), "{none}");
    }
    w.app
        .sql_do(
            "insert into identities (kind, value, account, created_at)
            select 'username', 'ada', account, 0 from identities where value = 'ada@example.com'",
        )
        .await;
    assert_eq!(found("username=ada").await, ["ada@example.com"]);
    assert_eq!(found("query=AD").await, ["ada@example.com"]);
}

#[tokio::test]
async fn an_account_is_made_shown_changed_and_deleted_and_the_log_names_the_key() {
    let w = World::new().await;
    let new = json!({ "email": "Ada@Example.com", "email_verified": true, "password": "correct horse", "name": "Ada" });
    let user = w.send("POST", "/v1/admin/users", &new).await.ok();
    let id = user["user_id"].as_str().unwrap();
    let at = format!("/v1/admin/users/{id}");
    assert_eq!((&user["email"], &user["email_verified"]), (&json!("ada@example.com"), &json!(true)));
    assert_eq!((&user["name"], &user["has_password"]), (&json!("Ada"), &json!(true)));
    let entry = w.last().await;
    assert_eq!((&entry["event"], &entry["detail"]), (&json!("user_created"), &json!(w.key_id)));
    assert!(entry["request"].is_string());
    w.send("POST", "/v1/admin/users", &new).await.refused(409, "EXISTS");
    for (field, bad) in [
        ("email", json!("nobody")),
        ("password", json!("12345")),
        ("roles", json!("admin")),
        ("roles", json!(["two words"])),
        ("username", json!("two words")),
        ("phone_number", json!("12")),
        ("email", json!(null)),
    ] {
        let mut body = json!({ "email": "bob@example.com" });
        body[field] = bad;
        let problem = w.send("POST", "/v1/admin/users", &body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field);
    }
    let tokens = w.app.login("ada@example.com", "correct horse").await;
    assert_eq!(w.get(&at).await["logins_count"], 1);

    let user = w.send("PUT", &format!("{at}/roles"), &json!({ "roles": ["editor", "user"] })).await.ok();
    assert_eq!(user["roles"], json!(["editor", "user"]));
    let detail = format!("{}: [editor, user] instead of [user]", w.key_id);
    assert_eq!(w.last().await["detail"], detail);
    for bad in
        [json!({}), json!({ "roles": "editor" }), json!({ "roles": ["two words"] }), json!({ "roles": [""] })]
    {
        let problem = w.send("PUT", &format!("{at}/roles"), &bad).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], "roles", "{bad}");
    }
    assert_eq!(w.send("PUT", &format!("{at}/roles"), &json!({ "roles": [7] })).await.status, 400);

    assert_eq!(w.call("POST", &format!("{at}/disable")).await.ok(), json!({ "ended": 1 }));
    w.app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
    w.app.refresh(tokens["refresh_token"].as_str().unwrap()).await.oauth_error("invalid_grant");
    let login = json!({ "email": "ada@example.com", "password": "correct horse" });
    w.app.post("/v1/login", login).await.refused(403, "USER_IS_DISABLED");
    assert_eq!(w.call("POST", &format!("{at}/enable")).await.ok(), json!({}));
    let tokens = w.app.login("ada@example.com", "correct horse").await;

    let password = json!({ "new_password": "battery staple" });
    assert_eq!(w.send("POST", &format!("{at}/password"), &password).await.ok(), json!({ "ended": 1 }));
    w.app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
    let problem = w.send("POST", &format!("{at}/password"), &json!({ "new_password": "12345" })).await;
    assert_eq!(problem.refused(400, "INVALID_PARAMETER")["field"], "new_password");
    w.app.login("ada@example.com", "battery staple").await;

    let export = w.get(&format!("{at}/export")).await;
    assert_eq!((&export["account"]["user_id"], &export["account"]["name"]), (&json!(id), &json!("Ada")));
    assert_eq!(export["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(w.last().await["event"], "user_exported");

    assert_eq!(w.call("DELETE", &at).await.ok(), json!({}));
    w.call("DELETE", &at).await.refused(404, "NOT_FOUND");
    assert_eq!(w.app.sql("select count(*) from accounts").await, "0");
    let log = w.get(&format!("/v1/admin/audit?user={id}")).await;
    let events: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    let operators =
        ["user_deleted", "user_exported", "password_set", "user_enabled", "user_disabled", "roles_set"];
    let done: Vec<&str> = events.iter().copied().filter(|event| operators.contains(event)).collect();
    assert_eq!(done, operators, "{events:?}");
    for entry in log["entries"].as_array().unwrap() {
        if operators.contains(&entry["event"].as_str().unwrap()) {
            assert!(entry["detail"].as_str().unwrap().starts_with(&w.key_id), "{entry}");
        }
    }
}

#[tokio::test]
async fn an_account_may_be_known_by_a_username_and_a_number_instead_of_an_address() {
    let w = World::new().await;
    let new = json!({ "username": "Bob", "phone_number": "+49 30 901820", "roles": ["editor"] });
    let user = w.send("POST", "/v1/admin/users", &new).await.ok();
    assert_eq!((&user["username"], &user["phone_number"]), (&json!("bob"), &json!("+4930901820")));
    assert_eq!((&user["phone_number_verified"], &user["roles"]), (&json!(true), &json!(["editor"])));
    for name in ["username=BOB", "phone_number=%2B49%20(30)%20901820", "query=3090"] {
        let found = w.get(&format!("/v1/admin/users?{name}")).await;
        assert_eq!(found["users"][0]["user_id"], user["user_id"], "{name}");
    }
    for (field, taken) in [("username", "bob"), ("username", "b0b"), ("phone_number", "+4930901820")] {
        let problem =
            w.send("POST", "/v1/admin/users", &json!({ field: taken })).await.refused(409, "EXISTS");
        assert_eq!(problem["field"], field, "{taken}");
    }
    assert_eq!(w.app.sql("select count(*) from accounts").await, "1", "refused calls create no account");
}

#[tokio::test]
async fn user_defined_data_is_exported_and_deleted_with_the_account() {
    let w = World::new().await;
    w.app.signup("ada@example.com", "correct horse").await;
    w.app
        .sql_do(
            "insert into user_data (account, key, value, updated_at)
            select id, 'color', '{\"of\":\"sky\"}', 0 from accounts",
        )
        .await;
    let at = format!("/v1/admin/users/{}", w.id_of("ada@example.com").await);
    assert_eq!(w.get(&format!("{at}/export")).await["data"], json!({ "color": { "of": "sky" } }));
    w.call("DELETE", &at).await.ok();
    assert_eq!(w.app.sql("select count(*) from user_data").await, "0");
}

#[tokio::test]
async fn sec_c07_a_password_set_by_the_operator_voids_older_reset_codes() {
    let w = World::new().await;
    w.app.signup("ada@example.com", "correct horse").await;
    w.app.post("/v1/password/forgot", json!({ "email": "ada@example.com" })).await.ok();
    while doorward_messages::outbox::send_due(&w.app.app.outbox).await {}
    let mails = w.app.get("/dev/mailbox.json").await.ok();
    let mails = mails.as_array().or_else(|| mails["mails"].as_array()).unwrap();
    let code = mails.iter().find_map(|mail| {
        let text = mail.to_string();
        let reset = text.contains("/account/reset#token=");
        reset.then(|| mail["code"].as_str().unwrap().to_owned())
    });
    let id = w.id_of("ada@example.com").await;
    let password = json!({ "new_password": "battery staple" });
    w.send("POST", &format!("/v1/admin/users/{id}/password"), &password).await.ok();
    let reset = json!({ "email": "ada@example.com", "code": code.unwrap(), "new_password": "of the thief" });
    w.app.post("/v1/password/reset", reset).await.refused(400, "INVALID_CODE");
    w.app.login("ada@example.com", "battery staple").await;
}

#[tokio::test]
async fn sec_t13_an_operator_sees_and_ends_sessions_of_one_account_only() {
    let w = World::new().await;
    let ada = w.app.somebody().await;
    w.app.advance(MINUTE);
    let again = w.app.login("ada@example.com", "correct horse").await;
    w.app.signup("bob@example.com", "correct horse").await;
    let bob = w.app.login("bob@example.com", "correct horse").await;
    let (id, of_bob) = (w.id_of("ada@example.com").await, w.id_of("bob@example.com").await);
    let at = format!("/v1/admin/users/{id}/sessions");
    let list = w.get(&at).await["sessions"].clone();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(list[0]["created_at"].as_str().unwrap().starts_with("2026-01-01T00:01:00."));
    let session = list[0]["id"].as_str().unwrap();
    w.call("DELETE", &format!("/v1/admin/users/{of_bob}/sessions/{session}")).await.refused(404, "NOT_FOUND");
    w.call("DELETE", &format!("{at}/{session}")).await.ok();
    w.call("DELETE", &format!("{at}/{session}")).await.refused(404, "NOT_FOUND");
    let alive =
        async |tokens: &Value| w.app.get("/v1/profile").bearer(&tokens["access_token"]).await.status == 200;
    assert!(alive(&ada).await && !alive(&again).await);
    assert_eq!(w.call("DELETE", &at).await.ok(), json!({ "ended": 1 }));
    assert!(!alive(&ada).await && alive(&bob).await);
    assert_eq!(w.get(&at).await["sessions"], json!([]));
}
