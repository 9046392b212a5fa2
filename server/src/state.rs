//! What every request shares.

use std::ops::Deref;
use std::sync::Arc;

use doorward_request::platform::Platform;

use crate::captcha::Captcha;
use crate::dpop::Seen;
use crate::flows::Waiting;
use crate::hooks::Hooks;
use crate::limits::Over;
use crate::mail::render::Templates;
use crate::mail::transport::Transport;
use crate::outbox::Bell;
use crate::pages::Pages;
use crate::passwords::Hasher;
use crate::screening::Screening;
use crate::signing::SigningKeys;
use crate::site::Sites;
use crate::tokens::AccessTokens;
use doorward_config::{Config, ConfigError};
use doorward_core::clock::World;
use doorward_core::tasks::Tasks;
use doorward_outbound::HttpClient;
use doorward_providers::Providers;
use doorward_store::Store;

/// The application: what requests share.
#[derive(Debug)]
pub struct App {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// The panics of the tasks that run as long as the server.
    pub tasks: Tasks,
    /// What mails look like.
    pub templates: Templates,
    /// Calls other servers: the only way out.
    pub http: HttpClient,
    /// Where mails and SMS go.
    pub transport: Transport,
    /// Wakes the worker that sends mails: ring it after a commit that put one into the outbox.
    pub bell: Bell,
    /// Wakes those who wait for a sign-in with a provider to end.
    pub waiting: Waiting,
    /// The pages that the server shows itself.
    pub pages: Pages,
    /// Folders that are served beside the API.
    pub sites: Arc<Sites>,
    /// Providers that people sign in with.
    pub providers: Providers,
    /// The keys that sign access tokens.
    pub signing_keys: SigningKeys,
    /// Signs and verifies access tokens.
    pub access_tokens: AccessTokens,
    /// Proofs of keys that came with reads.
    pub seen_proofs: Seen,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// What has to be solved after failures.
    pub captcha: Captcha,
    /// What the operator adds to operations.
    pub hooks: Hooks,
    /// Limits that are known to be reached.
    pub over: Over,
    /// Refuses those that are guessed first.
    pub screening: Screening,
}

/// As handlers get it.
#[derive(Clone, Debug)]
pub struct AppState(Arc<App>);

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

/// What the settings name, besides the database and the keys.
struct Furniture {
    http: HttpClient,
    templates: Templates,
    transport: Transport,
    pages: Pages,
    sites: Sites,
    providers: Providers,
    captcha: Captcha,
    hooks: Hooks,
    screening: Screening,
}

impl Furniture {
    fn of(config: &Config, dev: bool, world: &World) -> Result<Furniture, Box<dyn std::error::Error>> {
        let templates = Templates::load(config.mail.templates.as_deref())?;
        if !templates.speaks(&config.mail.language) {
            return Err(ConfigError::about("mail.language", None, "has no folder in mail.templates").into());
        }
        let http = HttpClient::new(&config.outbound, dev)?;
        let transport = Transport::open(config, &http, dev)?;
        let pages = Pages::new(config, dev)?;
        let sites = Sites::new(config)?;
        let providers = Providers::open(config, &http, dev)?;
        let captcha = Captcha::open(config, &http, dev)?;
        let hooks = Hooks::open(config, &http, world)?;
        let screening = Screening::open(config, &http, dev)?;
        Ok(Furniture { http, templates, transport, pages, sites, providers, captcha, hooks, screening })
    }
}

impl App {
    /// Would the server start with these settings? Opens all that [`App::open`] does but the database, and makes nothing.
    pub fn check(config: &Config, dev: bool, world: &World) -> Result<(), Box<dyn std::error::Error>> {
        // With --dev the first start makes the keys.
        if !dev || !config.secret_keys.expose().trim().is_empty() {
            doorward_config::load_secret_keys(config, dev, world)?;
        }
        Furniture::of(config, dev, world).map(drop)
    }

    /// Opens the database, reads the keys: everything that can fail does so here, before the first request.
    pub async fn open(
        config: Config,
        dev: bool,
        world: World,
    ) -> Result<AppState, Box<dyn std::error::Error>> {
        let secret_keys = doorward_config::load_secret_keys(&config, dev, &world)?;
        let Furniture { http, templates, transport, pages, sites, providers, captcha, hooks, screening } =
            Furniture::of(&config, dev, &world)?;
        hooks.scripts.begin().await?;
        let tasks = Tasks::default();
        let store = Store::open_with(&config.data, &config.database, world.durability, tasks.clone()).await?;
        let signing_keys = match SigningKeys::load(&store, &secret_keys, &world).await {
            Ok(signing_keys) => signing_keys,
            Err(error) => {
                // Otherwise the next start would take it for a crash.
                store.close().await;
                return Err(error.into());
            }
        };
        let access_tokens = AccessTokens::new(&config.public_url, &config.token.audience);
        let hasher = Hasher::start(&config.password)?;
        let app = AppState(Arc::new(App {
            platform: Arc::new(Platform { config, dev, world, secret_keys, store }),
            tasks,
            signing_keys,
            access_tokens,
            seen_proofs: Seen::default(),
            hasher,
            over: Over::default(),
            screening,
            http,
            templates,
            transport,
            bell: Bell::default(),
            waiting: Waiting::default(),
            pages,
            sites: Arc::new(sites),
            providers,
            captcha,
            hooks,
        }));
        if let Some(warning) = app.platform.clocks_disagree().await? {
            tracing::warn!("{warning}");
        }
        Ok(app)
    }

    /// Can an SMS leave? With --dev it always can, into the mailbox.
    pub fn sms_configured(&self) -> bool {
        self.transport.has_sms()
    }
}
