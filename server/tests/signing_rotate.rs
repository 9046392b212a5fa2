//! Rotation of the keys that sign access tokens. Services that check tokens always find the key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_credentials::rotation;
use serde_json::Value;

use crate::support::{DAY, MINUTE, SECOND, TestApp};

/// The ids of the published keys, the newest first.
async fn published(app: &TestApp) -> Vec<String> {
    let document = app.get("/.well-known/jwks.json").await.ok();
    let keys = document["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The id of the key that signed a token.
fn signed_by(tokens: &Value) -> String {
    let header = tokens["access_token"].as_str().unwrap().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sec_l05_a_key_is_published_before_it_signs_and_verifies_until_its_last_token_is_over() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    let login = || app.login("ada@example.com", "correct horse");
    let first = published(&app).await;
    assert_eq!(first.len(), 1);
    rotation::turn(&app.app.issuer).await.unwrap();
    assert_eq!(published(&app).await, first, "nothing is due yet");

    app.advance(29 * DAY);
    rotation::turn(&app.app.issuer).await.unwrap();
    rotation::turn(&app.app.issuer).await.unwrap();
    let both = published(&app).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]), "two turns create only one new key");
    assert_eq!(signed_by(&login().await), first[0], "the new key is published and does not sign yet");

    app.advance(DAY - SECOND);
    let last = login().await;
    assert_eq!(signed_by(&last), first[0]);
    app.advance(SECOND);
    let next = login().await;
    assert_eq!(signed_by(&next), both[0]);

    app.advance(9 * MINUTE);
    rotation::turn(&app.app.issuer).await.unwrap();
    assert_eq!(published(&app).await, both);
    for tokens in [&last, &next] {
        app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    }
    app.advance(7 * MINUTE);
    rotation::turn(&app.app.issuer).await.unwrap();
    assert_eq!(published(&app).await, both[..1], "no token of the old key is left");
}

#[tokio::test]
async fn a_server_that_was_off_for_long_still_publishes_its_next_key_a_day_ahead() {
    let app = TestApp::new().await;
    let first = published(&app).await;
    app.advance(100 * DAY);
    let app = app.restart().await;
    rotation::turn(&app.app.issuer).await.unwrap();
    app.signup("ada@example.com", "correct horse").await;
    assert_eq!(published(&app).await.len(), 2);
    app.advance(DAY - MINUTE);
    assert_eq!(signed_by(&app.login("ada@example.com", "correct horse").await), first[0]);
    app.advance(MINUTE);
    assert_ne!(signed_by(&app.login("ada@example.com", "correct horse").await), first[0]);
}

#[tokio::test]
async fn a_refresh_goes_on_over_any_number_of_rotations() {
    let app = TestApp::with("[session]\nabsolute = \"400d\"").await;
    let mut tokens = app.somebody().await;
    let mut kids = std::collections::BTreeSet::new();
    for _ in 0..100 {
        app.advance(DAY);
        rotation::turn(&app.app.issuer).await.unwrap();
        tokens = app.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok();
        app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
        kids.insert(signed_by(&tokens));
    }
    assert_eq!(kids.len(), 4);
    assert!(published(&app).await.len() <= 2);
}

#[tokio::test]
async fn a_key_created_by_another_node_is_adopted() {
    let app = TestApp::new().await;
    let other = app.node().await;
    app.advance(29 * DAY);
    rotation::turn(&app.app.issuer).await.unwrap();
    assert_eq!(published(&other).await.len(), 1);
    rotation::turn(&other.app.issuer).await.unwrap();
    assert_eq!(published(&other).await, published(&app).await);
    app.advance(DAY);
    app.signup("ada@example.com", "correct horse").await;
    let tokens = app.login("ada@example.com", "correct horse").await;
    assert_eq!(signed_by(&tokens), published(&app).await[0]);
    other.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
}
