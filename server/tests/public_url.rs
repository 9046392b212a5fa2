//! A `public_url` with a path: the server is behind a proxy that removes `/auth` from the requests that it forwards.

use axum::http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::post;
use crate::support::browser::{Browser, PAGE};
use crate::support::issuer::Issuer;
use crate::support::proof::ProofKey;
use crate::support::{Answer, Call, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
const HERE: &str = "https://www.example.com/auth";

async fn behind_a_proxy(settings: &str) -> TestApp {
    TestApp::with(&format!("public_url = \"{HERE}/\"\n{settings}")).await
}

/// A request as the proxy forwards it. Panics for an address without the prefix, which would not reach the server.
fn pass_on(t: &TestApp, method: Method, address: &Url, form: &str) -> Call {
    assert_eq!(address.origin().ascii_serialization(), "https://www.example.com", "{address}");
    let path = address.path().strip_prefix("/auth").filter(|path| path.starts_with('/'));
    let path = path.unwrap_or_else(|| panic!("{address} is not an address of the server"));
    let path = path.to_owned() + &address.query().map(|query| format!("?{query}")).unwrap_or_default();
    let kind = if form.is_empty() { "" } else { "application/x-www-form-urlencoded" };
    t.send(method, &path, kind, form.to_owned()).header("host", "localhost")
}

async fn open(t: &TestApp, address: &Url) -> Answer {
    pass_on(t, Method::GET, address, "").await
}

/// Sends the form of a page and follows the redirect.
async fn submit(t: &TestApp, page: &Url, fields: &[(&str, &str)]) -> (Url, Answer) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let answer = pass_on(t, Method::POST, page, &form.finish()).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let to = page.join(answer.header("location")).unwrap();
    let answer = open(t, &to).await;
    (to, answer)
}

#[tokio::test]
async fn hosted_pages_lead_to_pages_below_the_path_of_public_url() {
    let t = behind_a_proxy("").await;
    t.signup(ADA, PASSWORD).await;
    let link = post::newest(&t, ADA).await.link;
    assert!(link.starts_with("https://www.example.com/auth/account/verify#token="), "{link}");
    let page: Url = link.parse().unwrap();
    let form = open(&t, &page).await.text;
    assert!(form.contains("<form") && !form.contains("action=\"/"), "forms go to their own page");
    let (to, _) = submit(&t, &page, &[("action", "send"), ("email", ADA)]).await;
    assert_eq!(to.as_str(), "https://www.example.com/auth/account/verify?sent");
    let link: Url = post::newest(&t, ADA).await.link.parse().unwrap();
    let (_, token) = link.fragment().unwrap().split_once("token=").unwrap();
    let (to, done) = submit(&t, &page, &[("token", token), ("password", PASSWORD)]).await;
    assert_eq!(to.as_str(), "https://www.example.com/auth/account/verify/done");
    assert!(done.text.contains("Address confirmed"), "{}", done.text);

    let page: Url = "https://www.example.com/auth/account/reset".parse().unwrap();
    let (to, sent) = submit(&t, &page, &[("action", "send"), ("email", ADA)]).await;
    assert_eq!(to.as_str(), "https://www.example.com/auth/account/reset?sent");
    assert!(sent.text.contains("a mail is on its way"));
    let mail = post::newest(&t, ADA).await;
    assert!(mail.link.starts_with("https://www.example.com/auth/account/reset#token="), "{}", mail.link);
    let (to, _) = submit(&t, &page, &[("token", mail.token()), ("new_password", "horse correct")]).await;
    assert_eq!(to.as_str(), "https://www.example.com/auth/account/reset/done");
    let told = post::newest(&t, ADA).await;
    assert!(told.text.contains("https://www.example.com/auth/account/reset"), "{}", told.text);

    t.signup("eve@example.com", PASSWORD).await;
    let mail = post::newest(&t, "eve@example.com").await;
    let page: Url = mail.link.parse().unwrap();
    let (to, _) = submit(&t, &page, &[("token", mail.token()), ("action", "disown_confirmed")]).await;
    assert_eq!(to.as_str(), "https://www.example.com/auth/account/verify/removed");
}

#[tokio::test]
async fn every_address_in_a_document_is_below_the_path_of_public_url_and_answers() {
    let t = behind_a_proxy("").await;
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/auth"] {
        let document = t.get(path).header("origin", "https://any.example").await;
        assert_eq!(document.header("access-control-allow-origin"), "https://any.example");
        let document = document.ok();
        assert_eq!(document["issuer"], HERE);
        for (name, value) in document.as_object().unwrap() {
            let Some(address) = value.as_str().filter(|_| name != "issuer") else { continue };
            let method = if name == "jwks_uri" { Method::GET } else { Method::POST };
            let status = pass_on(&t, method, &address.parse().unwrap(), "x=y").await.status;
            assert!(![404, 405].contains(&status), "{name} {address}: {status}");
        }
    }
    let document = t.get("/openapi.json").await.ok();
    assert_eq!(document["servers"], json!([{ "url": HERE }]));
    let own = TestApp::production("").await;
    assert_eq!(
        own.get("/openapi.json").await.ok()["servers"],
        json!([{ "url": "https://auth.example.com" }])
    );
    own.get("/.well-known/oauth-authorization-server/auth").await.refused(404, "NOT_FOUND");
    let mailbox = t.get("/dev/mailbox").await.text;
    assert!(
        !mailbox.contains("\"/dev") && !mailbox.contains("`/dev"),
        "its addresses are relative to the page"
    );
}

#[tokio::test]
async fn a_provider_returns_the_browser_below_the_path_of_public_url() {
    let op = Issuer::start().await;
    op.person("ada", json!({ "name": "Ada" }));
    let settings = op.settings("acme");
    let t = behind_a_proxy(&format!("{settings}response_mode = \"form_post\"\n")).await;
    let begun = Browser::new(&t).begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    assert!(back.as_str().starts_with("https://www.example.com/auth/v1/callback/acme?"), "{back}");
    let mut address = back.clone();
    address.set_query(None);
    let answer = pass_on(&t, Method::POST, &address, back.query().unwrap()).await;
    assert!(answer.status == 303 && answer.header("location").starts_with(PAGE), "{}", answer.text);
}

#[tokio::test]
async fn a_folder_of_a_site_is_found_without_the_slash_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(folder.path().join("docs/index.html"), "<h1>docs</h1>").unwrap();
    let dir = folder.path().display();
    let t = behind_a_proxy(&format!("[[site]]\npath = \"/\"\ndir = \"{dir}\"")).await;
    let address: Url = "https://www.example.com/auth/docs?x=1".parse().unwrap();
    let answer = open(&t, &address).await;
    assert_eq!(answer.status, 308);
    let to = address.join(answer.header("location")).unwrap();
    assert_eq!(to.as_str(), "https://www.example.com/auth/docs/?x=1");
    assert_eq!(open(&t, &to).await.text, "<h1>docs</h1>");
}

#[tokio::test]
async fn a_proof_names_the_address_with_the_path_of_public_url() {
    let t = behind_a_proxy("").await;
    t.signup(ADA, PASSWORD).await;
    let key = ProofKey::new();
    let body = json!({ "email": ADA, "password": PASSWORD });
    let nonce = t.get("/v1/nonce").await.header("dpop-nonce").to_owned();
    let signed_in = async |address: &str| -> Answer {
        let proof = key.proof("POST", address, &nonce, None);
        t.post("/v1/login", body.clone()).header("dpop", &proof).await
    };
    let session: Value = signed_in("https://www.example.com/auth/v1/login").await.ok();
    assert_eq!(session["token_type"], "DPoP");
    signed_in("https://www.example.com/v1/login").await.refused(401, "INVALID_PROOF");
}
