//! Facebook: calls of the Graph API find the user of a code or token. Facebook does not say whether an address
//! is proven.

use aws_lc_rs::hmac;
use doorward_core::canonical;
use doorward_core::clock::{Millis, World};
use serde_json::Value;
use url::Url;

use crate::call::{ProviderClient, Reply, SMALL};
use crate::endpoint::{endpoint, is_from};
use crate::flow::{Begun, FlowParameters};
use crate::oauth::oauth2::{self, Client, ClientSecret, Code};
use crate::outcome::{Person, Refusal, Wrong};
use crate::person::claims;

const ISSUER: &str = "https://www.facebook.com";
const FIELDS: &str = "id,name,first_name,middle_name,last_name,email,picture";

/// The client for Facebook.
pub(crate) struct Facebook {
    caller: ProviderClient,
    client: Client,
    dialog: Url,
    token: Url,
    me: Url,
    debug_token: Url,
}

impl Facebook {
    pub(crate) fn open(
        settings: &doorward_config::Provider,
        caller: ProviderClient,
    ) -> Result<Facebook, Wrong> {
        let mut client = Client::of(settings, &["public_profile", "email"]);
        client.refusal = |reply| refusal(reply).unwrap_or_else(|| oauth2::refusal(reply));
        Ok(Facebook {
            caller,
            client,
            dialog: endpoint(
                "authorization_endpoint",
                &settings.authorization_endpoint,
                "https://www.facebook.com/v23.0/dialog/oauth",
            )?,
            token: endpoint(
                "token_endpoint",
                &settings.token_endpoint,
                "https://graph.facebook.com/v23.0/oauth/access_token",
            )?,
            me: endpoint(
                "userinfo_endpoint",
                &settings.userinfo_endpoint,
                "https://graph.facebook.com/v23.0/me",
            )?,
            debug_token: endpoint(
                "tokeninfo_endpoint",
                &settings.tokeninfo_endpoint,
                "https://graph.facebook.com/debug_token",
            )?,
        })
    }

    pub(crate) fn begin(&self, world: &World, asked: &FlowParameters<'_>, redirect_uri: String) -> Begun {
        self.client.begin(world, &self.dialog, redirect_uri, asked, None)
    }

    pub(crate) async fn finish(
        &self,
        world: &World,
        code: Code<'_>,
        iss: Option<&str>,
        profile: &doorward_config::Profile,
    ) -> Result<Person, Refusal> {
        is_from(ISSUER, iss)?;
        let tokens = self.client.exchange(&self.caller, &self.token, &code, true, world.now()).await?;
        self.of_token(tokens.access_token()?.expose(), world.now(), profile).await
    }

    /// The user of an access token. The token must be for this app and valid now.
    pub(crate) async fn of_token(
        &self,
        token: &str,
        now: Millis,
        profile: &doorward_config::Profile,
    ) -> Result<Person, Refusal> {
        let ClientSecret::Text(secret) = &self.client.secret else {
            return Err(Refusal::Setup("there is no client_secret".into()));
        };
        let app = format!("{}|{}", self.client.id, secret.expose());
        let json = self.ask(&self.debug_token, &[("input_token", token), ("access_token", &app)]).await?;
        let user = self.inspect(&json["data"], now)?;
        let proof = proof(token, secret.expose());
        let me = [("fields", FIELDS), ("access_token", token), ("appsecret_proof", &proof)];
        let me = self.ask(&self.me, &me).await?;
        if me["id"].as_str() != Some(&user) {
            return Err(Refusal::Untrusted("The provider's data is about another user.".into()));
        }
        let claims = claims([
            ("name", &me["name"]),
            ("given_name", &me["first_name"]),
            ("middle_name", &me["middle_name"]),
            ("family_name", &me["last_name"]),
            ("picture", &me["picture"]["data"]["url"]),
        ]);
        let email = me["email"].as_str().and_then(canonical::email);
        Ok(Person { email, ..Person::of(ISSUER, &user, &claims, profile) })
    }

    /// Checks a token. Returns the id of its user.
    fn inspect(&self, data: &Value, now: Millis) -> Result<String, Refusal> {
        let no = |why: &str| Err(Refusal::Untrusted(why.into()));
        let text = |name: &str| match &data[name] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if data["is_valid"] != true {
            return no("The token is not valid any more.");
        }
        if text("app_id") != self.client.id {
            return no("The token is for another app.");
        }
        if !data["type"].is_null() && data["type"] != "USER" {
            return no("The token does not belong to a user.");
        }
        // 0 means that the token does not expire.
        let end = data["expires_at"].as_i64().unwrap_or_default();
        if end != 0 && end.saturating_mul(1000) <= now {
            return no("The token has expired.");
        }
        let user = text("user_id");
        let fits = (1..=64).contains(&user.len()) && user.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(user) } else { no("The token does not name a user.") }
    }

    async fn ask(&self, endpoint: &Url, query: &[(&str, &str)]) -> Result<Value, Refusal> {
        let mut url = endpoint.clone();
        url.query_pairs_mut().extend_pairs(query);
        let reply = self.caller.get(&url, None, SMALL).await?;
        match refusal(&reply) {
            Some(refusal) => Err(refusal),
            None => reply.ok("the Graph API"),
        }
    }
}

/// HMAC of the token with the app's secret, in hexadecimal: proves that the app's own server sends the request.
fn proof(token: &str, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, token.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Interprets an error of the Graph API by its code.
fn refusal(reply: &Reply) -> Option<Refusal> {
    let json = reply.json();
    let error = json.get("error").filter(|error| error.is_object())?;
    let code = |name: &str| error[name].as_i64().unwrap_or_default();
    Some(match (code("code"), code("error_subcode")) {
        // The code was used before or has expired.
        (100, 36_007 | 36_009) => Refusal::Reused,
        (190, _) => Refusal::Untrusted("The token is not valid any more.".into()),
        // Errors in the client secret, app id, redirect_uri or appsecret_proof.
        (code @ (1 | 101 | 191), _) if reply.status < 500 => {
            Refusal::Setup(format!("Facebook answered with error {code}"))
        }
        (code @ (1 | 2 | 4 | 17 | 341), _) => {
            Refusal::Unreachable(format!("Facebook answered with error {code}"))
        }
        (code, _) => Refusal::Denied(format!("Facebook answered with error {code}.")),
    })
}
