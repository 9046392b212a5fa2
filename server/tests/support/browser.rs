//! A browser that signs in with a provider. It proves possession of its key with each request.

use serde_json::{Value, json};
use url::Url;

use super::proof::ProofKey;
use super::{Answer, Call, TestApp};

/// The page to which providers send the browser.
pub const PAGE: &str = "https://app.example.com/signin";

/// The page of a provider. A second provider has its own page, because otherwise the code of one provider
/// could be sent to the other (SECURITY O03).
pub fn page_of(provider: &str) -> String {
    let is_second = matches!(provider, "other" | "twitter_oauth1");
    if is_second { format!("{PAGE}?provider={provider}") } else { PAGE.to_owned() }
}

/// The URL to which the browser returns: the provider's page with this query.
pub fn back_at(provider: &str, query: &[(&str, &str)]) -> Url {
    let mut page: Url = page_of(provider).parse().unwrap();
    page.query_pairs_mut().extend_pairs(query);
    page
}

/// A browser with its own key, or without a key (`dpop: false`).
pub struct Browser<'a> {
    pub app: &'a TestApp,
    pub key: Option<ProofKey>,
}

/// A flow that was begun.
#[derive(Debug)]
pub struct Begun {
    pub url: Url,
    pub state: String,
    /// Set for a browser without a key.
    pub secret: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Browser<'a> {
        Browser { app, key: Some(ProofKey::new()) }
    }

    pub fn without_key(app: &'a TestApp) -> Browser<'a> {
        Browser { app, key: None }
    }

    /// A request while signed out.
    pub fn post(&self, path: &str, body: Value) -> Call {
        self.show(self.app.post(path, body))
    }

    fn show(&self, call: Call) -> Call {
        match &self.key {
            Some(key) => call.proven(key, self.app),
            None => call,
        }
    }

    /// A request of a user who is signed in with this browser.
    pub fn post_as(&self, who: &Value, path: &str, body: Value) -> Call {
        self.sign(who, self.app.post(path, body))
    }

    pub fn sign(&self, who: &Value, call: Call) -> Call {
        match &self.key {
            Some(key) => call.bound(key, self.app, &who["access_token"]),
            None => call.bearer(&who["access_token"]),
        }
    }

    /// Begins a flow with the provider.
    pub async fn begin(&self, provider: &str) -> Begun {
        let call = self.post(&format!("/v1/flows/{provider}"), json!({ "callback": page_of(provider) }));
        Begun::of(call.await.ok())
    }

    /// The same for a signed-in user.
    pub async fn begin_as(&self, who: &Value, provider: &str) -> Begun {
        let call = self.post_as(who, &format!("/v1/flows/{provider}"), json!({ "callback": PAGE }));
        Begun::of(call.await.ok())
    }

    /// Finishes the flow with a sign-in.
    pub async fn login(&self, provider: &str, begun: &Begun, back: &Url) -> Answer {
        self.come(provider, begun, back).await
    }

    pub fn come(&self, provider: &str, begun: &Begun, back: &Url) -> Call {
        self.post(&format!("/v1/login/provider/{provider}"), begun.body(back))
    }

    /// Finishes the flow by linking the identity.
    pub async fn link(&self, who: &Value, provider: &str, begun: &Begun, back: &Url) -> Answer {
        self.post_as(who, &format!("/v1/identities/{provider}"), begun.body(back)).await
    }

    /// Registers with the `oauthKey` that a sign-in offered.
    pub async fn register(&self, provider: &str, offered: &Value, more: Value) -> Answer {
        let mut body = json!({ "oauth_key": offered["data"]["oauthKey"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&format!("/v1/signup/provider/{provider}"), body).await
    }
}

impl Begun {
    pub fn of(answer: Value) -> Begun {
        Begun {
            url: answer["data"]["url"].as_str().unwrap().parse().unwrap(),
            state: answer["state"].as_str().unwrap().to_owned(),
            secret: answer["flow"].as_str().map(str::to_owned),
        }
    }

    /// The body that the page sends: the URL with which it was opened and, without a key, the flow's secret.
    pub fn body(&self, back: &Url) -> Value {
        let mut body = json!({ "callback": back.as_str() });
        if let Some(secret) = &self.secret {
            body["flow"] = secret.as_str().into();
        }
        body
    }
}
