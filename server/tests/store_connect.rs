//! Connections to PostgreSQL: certificates, standby servers and error messages.

use std::path::Path;
use std::process::Command;

use doorward_store::Store;

use crate::support::cluster::Cluster;
use crate::support::database;

/// Writes a key and a self-signed certificate for `localhost`.
fn certificate(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-keyout", "key.pem", "-out", "certificate.pem"]).current_dir(folder);
    assert!(openssl.output().unwrap().status.success());
}

#[tokio::test]
async fn with_verify_full_the_certificate_of_the_database_is_checked() {
    if database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let mut cluster = Cluster::start(&std::env::temp_dir()).unwrap();
    let port = cluster.port;
    let connect = |host: &str, query: &str| {
        let settings = database::settings(&format!("postgres://app@{host}:{port}/postgres?{query}"));
        async move { Store::open(Path::new("."), &settings).await.map(drop).map_err(|error| error.to_string()) }
    };
    let trusting = format!("sslmode=verify-full&sslrootcert={}", certificate.display());
    let error = connect("localhost", &trusting).await.unwrap_err();
    assert!(error.contains("does not support TLS"), "{error}");
    cluster.secure(&key, &certificate).unwrap();
    connect("localhost", &trusting).await.unwrap();
    let error = connect("127.0.0.1", &trusting).await.unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    let error = connect("localhost", "sslmode=verify-full").await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
    connect("127.0.0.1", "sslmode=require").await.unwrap();
}

#[tokio::test]
async fn a_standby_is_not_ready_and_a_database_that_is_away_is_named_without_its_password() {
    if database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = database::of(folder.path());
    let store = Store::open(folder.path(), &settings).await.unwrap();
    store.ping().await.unwrap();
    store.close().await;
    let read_only = format!("{}?options[default_transaction_read_only]=on", settings.url.expose());
    let store = Store::open(folder.path(), &database::settings(&read_only)).await;
    let error = match store {
        Ok(store) => store.ping().await.unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("read-only"), "{error}");
    let away = database::settings("postgres://app:hunter2@127.0.0.1:1/auth");
    let error = Store::open(folder.path(), &away).await.unwrap_err().to_string();
    assert!(error.contains("PostgreSQL at 127.0.0.1:1/auth") && !error.contains("hunter2"), "{error}");
}
