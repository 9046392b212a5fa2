//! Twitter/X, with OAuth 2 and with OAuth 1.0a. Both have the same user ids under one issuer, so an account
//! survives a switch between them.

use doorward_core::canonical;
use doorward_core::clock::World;
use doorward_core::secret::same;
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::call::{ProviderClient, Reply, SMALL};
use crate::endpoint::{endpoint, is_from};
use crate::flow::{Begun, FlowParameters, Memory};
use crate::oauth::oauth1::{Consumer, Token};
use crate::oauth::oauth2::{self, Client, Code};
use crate::outcome::{Person, Refusal, Wrong};
use crate::person::claims;

const ISSUER: &str = "https://x.com";

/// The client for OAuth 2.
pub(crate) struct Twitter {
    caller: ProviderClient,
    client: Client,
    authorize: Url,
    token: Url,
    me: Url,
}

impl Twitter {
    pub(crate) fn open(
        settings: &doorward_config::Provider,
        caller: ProviderClient,
    ) -> Result<Twitter, Wrong> {
        let mut client = Client::of(settings, &["users.read", "tweet.read", "users.email"]);
        client.refusal = refusal;
        let mut me =
            endpoint("userinfo_endpoint", &settings.userinfo_endpoint, "https://api.x.com/2/users/me")?;
        me.query_pairs_mut().append_pair("user.fields", "confirmed_email,name,profile_image_url,username");
        Ok(Twitter {
            caller,
            client,
            authorize: endpoint(
                "authorization_endpoint",
                &settings.authorization_endpoint,
                "https://x.com/i/oauth2/authorize",
            )?,
            token: endpoint("token_endpoint", &settings.token_endpoint, "https://api.x.com/2/oauth2/token")?,
            me,
        })
    }

    /// Begins a flow. Twitter shows its consent screen each time.
    pub(crate) fn begin(&self, world: &World, asked: &FlowParameters<'_>, redirect_uri: String) -> Begun {
        self.client.begin(world, &self.authorize, redirect_uri, asked, None)
    }

    pub(crate) async fn finish(
        &self,
        world: &World,
        code: Code<'_>,
        iss: Option<&str>,
        profile: &doorward_config::Profile,
    ) -> Result<Person, Refusal> {
        is_from(ISSUER, iss)?;
        let tokens = self.client.exchange(&self.caller, &self.token, &code, false, world.now()).await?;
        let bearer = format!("Bearer {}", tokens.access_token()?.expose());
        let json = self.caller.get(&self.me, Some(&bearer), SMALL).await?.ok("the user data")?;
        let data = &json["data"];
        let known = Known {
            id: &data["id"],
            name: &data["name"],
            username: &data["username"],
            picture: &data["profile_image_url"],
            email: &data["confirmed_email"],
        };
        known.person(profile)
    }
}

/// The client for OAuth 1.0a.
pub(crate) struct TwitterOauth1 {
    caller: ProviderClient,
    consumer: Consumer,
    request_token: Url,
    authenticate: Url,
    access_token: Url,
    verify_credentials: Url,
    /// Additional parameters of the authorization request, from the operator.
    parameters: doorward_config::Declared<String>,
}

impl TwitterOauth1 {
    pub(crate) fn open(
        settings: &doorward_config::Provider,
        caller: ProviderClient,
    ) -> Result<TwitterOauth1, Wrong> {
        let mut verify_credentials = endpoint(
            "userinfo_endpoint",
            &settings.userinfo_endpoint,
            "https://api.x.com/1.1/account/verify_credentials.json",
        )?;
        verify_credentials.query_pairs_mut().extend_pairs([
            ("include_email", "true"),
            ("include_entities", "false"),
            ("skip_status", "true"),
        ]);
        Ok(TwitterOauth1 {
            caller,
            consumer: Consumer { key: settings.client_id.clone(), secret: settings.client_secret.clone() },
            request_token: endpoint(
                "request_token_endpoint",
                &settings.request_token_endpoint,
                "https://api.x.com/oauth/request_token",
            )?,
            authenticate: endpoint(
                "authorization_endpoint",
                &settings.authorization_endpoint,
                "https://api.x.com/oauth/authenticate",
            )?,
            access_token: endpoint(
                "token_endpoint",
                &settings.token_endpoint,
                "https://api.x.com/oauth/access_token",
            )?,
            verify_credentials,
            parameters: settings.parameters.clone(),
        })
    }

    pub(crate) async fn begin(
        &self,
        world: &World,
        asked: &FlowParameters<'_>,
        callback: String,
    ) -> Result<Begun, Refusal> {
        let own = [("oauth_callback", callback.as_str())];
        let header = self.consumer.authorize(world, "POST", &self.request_token, Token::default(), &own, &[]);
        let reply = self.caller.post(&self.request_token, &[], Some(&header)).await?;
        let [token, secret, confirmed] = match reply.status {
            200 => fields(&reply, ["oauth_token", "oauth_token_secret", "oauth_callback_confirmed"]),
            429 | 500..=599 => return Err(unreachable(&reply)),
            status => return Err(Refusal::Setup(format!("request_token was refused with status {status}"))),
        };
        if token.is_empty() || secret.is_empty() || confirmed != "true" {
            // RFC 5849 §2.1: without the confirmation, the flow has the flaw that OAuth 1.0a fixed.
            return Err(Refusal::Setup("request_token did not confirm the callback".into()));
        }
        let mut url = self.authenticate.clone();
        url.query_pairs_mut().append_pair("oauth_token", &token);
        if !asked.again && !self.parameters.contains_key("force_login") {
            url.query_pairs_mut().append_pair("force_login", "true");
        }
        for (name, value) in self.parameters.iter().filter(|(_, value)| !value.is_empty()) {
            url.query_pairs_mut().append_pair(name, value);
        }
        Ok(Begun { url, handle: token.clone(), memory: Memory::RequestToken { token, secret } })
    }

    pub(crate) async fn finish(
        &self,
        world: &World,
        request: Token<'_>,
        token: &str,
        verifier: &str,
        profile: &doorward_config::Profile,
    ) -> Result<Person, Refusal> {
        if !same(request.token.as_bytes(), token.as_bytes()) {
            return Err(Refusal::Mismatch("This answer does not belong to this sign-in.".into()));
        }
        let form = [("oauth_verifier", verifier)];
        let header = self.consumer.authorize(world, "POST", &self.access_token, request, &[], &form);
        let reply = self.caller.post(&self.access_token, &form, Some(&header)).await?;
        let [token, secret, user] = match (reply.status, error_code(&reply)) {
            (200, _) => fields(&reply, ["oauth_token", "oauth_token_secret", "user_id"]),
            (429 | 500..=599, _) => return Err(unreachable(&reply)),
            // The signature or the clock of this server is wrong.
            (_, Some(code @ (32 | 135))) => {
                return Err(Refusal::Setup(format!("access_token was refused with error {code}")));
            }
            // Seed M49: Twitter does not recognise a request token that was used before.
            (400 | 401 | 403, _) => return Err(Refusal::Reused),
            (status, _) => return Err(Refusal::Denied(format!("The provider answered {status}."))),
        };
        let access = Token { token: &token, secret: &secret };
        let url = &self.verify_credentials;
        let header = self.consumer.authorize(world, "GET", url, access, &[], &[]);
        let json = self.caller.get(url, Some(&header), SMALL).await?.ok("the user data")?;
        if user.is_empty() || json["id_str"].as_str() != Some(&user) {
            return Err(Refusal::Untrusted("The provider's data is about another user.".into()));
        }
        let known = Known {
            id: &json["id_str"],
            name: &json["name"],
            username: &json["screen_name"],
            picture: &json["profile_image_url_https"],
            email: &json["email"],
        };
        known.person(profile)
    }
}

/// Twitter's data about a user, from either protocol.
struct Known<'a> {
    id: &'a Value,
    name: &'a Value,
    username: &'a Value,
    picture: &'a Value,
    /// Twitter sends only confirmed addresses.
    email: &'a Value,
}

impl Known<'_> {
    fn person(&self, profile: &doorward_config::Profile) -> Result<Person, Refusal> {
        let is_id = |id: &&str| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
        let Some(id) = self.id.as_str().filter(is_id) else {
            return Err(Refusal::Untrusted("The provider's data does not name a user.".into()));
        };
        let claims = claims([
            ("name", self.name),
            ("nickname", self.username),
            ("preferred_username", self.username),
            ("picture", self.picture),
        ]);
        let email = self.email.as_str().and_then(canonical::email);
        Ok(Person { vouched: email.is_some(), email, ..Person::of(ISSUER, id, &claims, profile) })
    }
}

/// Interprets a refusal. Twitter answers `invalid_request` for a code that was used before.
fn refusal(reply: &Reply) -> Refusal {
    match oauth2::error_word(&reply.json()) {
        Some("invalid_request") => Refusal::Reused,
        _ => oauth2::refusal(reply),
    }
}

fn unreachable(reply: &Reply) -> Refusal {
    Refusal::Unreachable(format!("the provider answered {}", reply.status))
}

/// Fields of a form-encoded response. Missing fields are empty.
fn fields<const N: usize>(reply: &Reply, names: [&str; N]) -> [String; N] {
    names.map(|name| {
        let mut pairs = form_urlencoded::parse(&reply.body);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    })
}

/// The code of the first error in Twitter's own format.
fn error_code(reply: &Reply) -> Option<i64> {
    reply.json()["errors"][0]["code"].as_i64()
}
