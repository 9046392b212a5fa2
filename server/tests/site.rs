//! `[[site]]`: folders that are served beside the API.

use axum::http::Method;
use tempfile::TempDir;

use crate::support::{Answer, TestApp};

/// A folder with pages, another folder mounted below it, and files that must not be served.
async fn site() -> (TestApp, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("www/index.html", "<h1>home</h1>");
    write("www/signup.html", "<h1>signup</h1>");
    write("www/docs/index.html", "<h1>docs</h1>");
    write("www/a b.css", "body {}");
    write("www/app.mjs", "export {}");
    write("www/mark.svg", "<svg/>");
    write("www/doorward.toml", "secret");
    write("www/.env.txt", "secret");
    write("www/v1/settings.html", "not the API");
    write("pkg/index.js", "export {}");
    write("pkg/slim.wasm", "\0asm");
    write("secret.txt", "secret");
    std::os::unix::fs::symlink(folder.path().join("secret.txt"), folder.path().join("www/link.txt")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("www/up")).unwrap();
    let dir = |name: &str| folder.path().join(name).display().to_string();
    let settings = format!(
        "[[site]]\npath = \"/\"\ndir = \"{}\"\n[[site]]\npath = \"/pkg\"\ndir = \"{}\"",
        dir("www"),
        dir("pkg")
    );
    (TestApp::with(&settings).await, folder)
}

async fn get(t: &TestApp, path: &str) -> Answer {
    t.get(path).await
}

#[tokio::test]
async fn a_file_is_served_with_its_type_and_a_page_also_without_its_extension() {
    let (t, _folder) = site().await;
    for (path, kind, text) in [
        ("/", "text/html; charset=utf-8", "<h1>home</h1>"),
        ("/index.html", "text/html; charset=utf-8", "<h1>home</h1>"),
        ("/signup", "text/html; charset=utf-8", "<h1>signup</h1>"),
        ("/signup.html?x=1", "text/html; charset=utf-8", "<h1>signup</h1>"),
        ("/docs/", "text/html; charset=utf-8", "<h1>docs</h1>"),
        ("/a%20b.css", "text/css; charset=utf-8", "body {}"),
        ("/app.mjs", "text/javascript; charset=utf-8", "export {}"),
        ("/mark.svg", "image/svg+xml", "<svg/>"),
        ("/pkg/index.js", "text/javascript; charset=utf-8", "export {}"),
        ("/pkg/slim.wasm", "application/wasm", "\0asm"),
    ] {
        let answer = get(&t, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{path}");
        assert_eq!(answer.text, text, "{path}");
    }
    let folder = get(&t, "/docs?x=1").await;
    assert_eq!((folder.status, folder.header("location")), (308, "/docs/?x=1"));
}

#[tokio::test]
async fn no_path_serves_a_file_outside_the_folder_or_a_file_that_is_not_public() {
    let (t, _folder) = site().await;
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2E%2Fsecret.txt",
        "/docs/../../secret.txt",
        "/..%5csecret.txt",
        "/..;/secret.txt",
        "//secret.txt",
        "/docs//index.html",
        "/./index.html",
        "/%00",
        "/index.html%00.txt",
        "/%zz",
        "/%ff",
        "/link.txt",
        "/up/secret.txt",
        "/up/",
        "/doorward.toml",
        "/.env.txt",
        "/pkg/",
        "/pkg",
        "/pkgx",
        "/pkg/../www/index.html",
        "/nothing",
    ] {
        let answer = get(&t, path).await;
        assert!(!answer.text.contains("secret\n") && answer.text != "secret", "{path}");
        answer.refused(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn the_api_takes_precedence_over_files() {
    let (t, _folder) = site().await;
    assert!(get(&t, "/v1/settings").await.ok()["methods"].is_array());
    t.send(Method::POST, "/index.html", "", "").await.refused(404, "NOT_FOUND");
    get(&t, "/v1/login").await.refused(405, "INVALID_REQUEST");
}

#[tokio::test]
async fn sec_b03_the_headers_keep_the_sessions_key_in_the_page() {
    let (t, _folder) = site().await;
    let page = get(&t, "/").await;
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' https: data:; \
         frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-cache"),
    ] {
        assert_eq!(page.header(name), value);
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again_until_it_changes() {
    let (t, folder) = site().await;
    let first = get(&t, "/signup").await;
    let (tag, date) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
    for (name, value) in [("if-none-match", &tag), ("if-modified-since", &date)] {
        let again = t.get("/signup").header(name, value).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{name}");
        assert_eq!(again.header("etag"), tag);
    }
    std::fs::write(folder.path().join("www/signup.html"), "<h1>SIGNUP</h1>").unwrap();
    assert_eq!(t.get("/signup").header("if-none-match", &tag).await.text, "<h1>SIGNUP</h1>");
    let head = t.send(Method::HEAD, "/signup", "", "").await;
    assert_eq!((head.status, head.text.as_str(), head.header("content-length")), (200, "", "15"));
}

#[tokio::test]
async fn folders_of_the_settings_file_are_relative_to_it() {
    use doorward_config::{Config, Layers};
    let mut layers = Layers::default();
    let text = "[[site]]\npath = \"/\"\ndir = \"../www-dir\"\n[mail]\ntemplates = \"mails\"";
    layers.file(std::path::Path::new("/etc/doorward/doorward.toml"), text).unwrap();
    layers.environment([("DOORWARD_SMTP__CA_FILE".to_owned(), "ca.pem".to_owned())].into_iter());
    let (config, _) = Config::load(&layers, true).unwrap();
    assert_eq!(config.site[0].dir, std::path::Path::new("/etc/doorward/../www-dir"));
    assert_eq!(config.mail.templates.as_deref(), Some(std::path::Path::new("/etc/doorward/mails")));
    assert_eq!(config.smtp.ca_file.as_deref(), Some(std::path::Path::new("ca.pem")));
}
