//! The objects that all requests share.

use std::ops::Deref;
use std::sync::Arc;

use doorward_accounts::Accounts;
use doorward_accounts::flows::Waiting;
use doorward_accounts::screening::Screening;
use doorward_config::{Config, ConfigError, load_secret_keys};
use doorward_core::clock::World;
use doorward_core::tasks::Tasks;
use doorward_credentials::dpop::Seen;
use doorward_credentials::passwords::Hasher;
use doorward_credentials::signing::{SigningKeys, TokenIssuer};
use doorward_credentials::tokens::AccessTokens;
use doorward_hooks::{Hooks, Scripts, Webhooks, delivery};
use doorward_limits::captcha::Captcha;
use doorward_limits::{ExhaustedBudgets, Limits};
use doorward_messages::mail::render::Templates;
use doorward_messages::mail::transport::Transport;
use doorward_messages::outbox::{Outbox, WakeUp};
use doorward_outbound::HttpClient;
use doorward_providers::Providers;
use doorward_request::platform::Platform;
use doorward_store::Store;

use crate::http::static_sites::Sites;
use crate::pages::Pages;

/// The application: the platform, and the service of each crate.
#[derive(Debug)]
pub struct App {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// The panics of the tasks that run as long as the server.
    pub tasks: Tasks,
    /// Signs and verifies access tokens.
    pub issuer: Arc<TokenIssuer>,
    /// Limits and captcha.
    pub limits: Arc<Limits>,
    /// Mails and SMS.
    pub outbox: Arc<Outbox>,
    /// The operator's hooks.
    pub hooks: Arc<Hooks>,
    /// Sign-up, sign-in, and all other operations on accounts.
    pub accounts: Arc<Accounts>,
    /// The hosted pages.
    pub pages: Pages,
    /// Folders that are served next to the API.
    pub sites: Arc<Sites>,
    /// The used proofs of requests that only read, to detect replays.
    pub seen_proofs: Seen,
}

/// The application, as handlers receive it.
#[derive(Clone, Debug)]
pub struct AppState(Arc<App>);

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

/// The parts that the settings describe, except the database and the keys.
struct Prepared {
    http: HttpClient,
    templates: Templates,
    transport: Transport,
    pages: Pages,
    sites: Sites,
    providers: Providers,
    captcha: Captcha,
    scripts: Scripts,
    webhooks: Webhooks,
    screening: Screening,
}

impl Prepared {
    fn of(config: &Config, dev: bool, world: &World) -> Result<Prepared, Box<dyn std::error::Error>> {
        let templates = Templates::load(config.mail.templates.as_deref())?;
        if !templates.speaks(&config.mail.language) {
            return Err(ConfigError::about("mail.language", None, "has no folder in mail.templates").into());
        }
        let http = HttpClient::new(&config.outbound, dev)?;
        Ok(Prepared {
            templates,
            transport: Transport::open(config, &http, dev)?,
            pages: Pages::new(config, dev)?,
            sites: Sites::new(config)?,
            providers: Providers::open(config, &http, dev)?,
            captcha: Captcha::open(config, &http, dev)?,
            scripts: Scripts::new(&config.hooks, &world.program),
            webhooks: Webhooks::open(config, &http)?,
            screening: Screening::open(config, &http, dev)?,
            http,
        })
    }
}

impl App {
    /// Checks whether the server would start with these settings. Opens everything that [`App::open`] does except the
    /// database, and creates nothing.
    pub fn check(config: &Config, dev: bool, world: &World) -> Result<(), Box<dyn std::error::Error>> {
        // With --dev the first start creates the keys.
        if !dev || !config.secret_keys.expose().trim().is_empty() {
            load_secret_keys(config, dev, world)?;
        }
        Prepared::of(config, dev, world).map(drop)
    }

    /// Opens the database and reads the keys. All errors of the settings occur here, before the first request.
    pub async fn open(
        config: Config,
        dev: bool,
        world: World,
    ) -> Result<AppState, Box<dyn std::error::Error>> {
        let secret_keys = load_secret_keys(&config, dev, &world)?;
        let prepared = Prepared::of(&config, dev, &world)?;
        let Prepared { http, templates, transport, pages, sites, providers, .. } = prepared;
        prepared.scripts.begin().await?;
        let tasks = Tasks::default();
        let store = Store::open_with(&config.data, &config.database, world.durability, tasks.clone()).await?;
        let signing_keys = match SigningKeys::load(&store, &secret_keys, &world).await {
            Ok(signing_keys) => signing_keys,
            Err(error) => {
                // Otherwise the next start would assume a crash.
                store.close().await;
                return Err(error.into());
            }
        };
        let access_tokens = AccessTokens::new(&config.public_url, &config.token.audience);
        let hasher = Arc::new(Hasher::start(&config.password)?);
        let wake_up = delivery::WakeUp::of(&config);
        let platform = Arc::new(Platform { config, dev, world, secret_keys, store });
        let issuer = Arc::new(TokenIssuer { platform: platform.clone(), signing_keys, access_tokens });
        let limits = Arc::new(Limits {
            platform: platform.clone(),
            captcha: prepared.captcha,
            exhausted: ExhaustedBudgets::default(),
            hasher: hasher.clone(),
        });
        let outbox = Arc::new(Outbox {
            platform: platform.clone(),
            tasks: tasks.clone(),
            templates,
            transport,
            wake_up: WakeUp::default(),
        });
        let hooks = Arc::new(Hooks {
            platform: platform.clone(),
            tasks: tasks.clone(),
            scripts: prepared.scripts,
            webhooks: prepared.webhooks,
            wake_up,
            http,
        });
        let accounts = Arc::new(Accounts {
            platform: platform.clone(),
            issuer: issuer.clone(),
            limits: limits.clone(),
            outbox: outbox.clone(),
            hooks: hooks.clone(),
            providers,
            screening: prepared.screening,
            hasher,
            waiting: Waiting::default(),
        });
        let app = AppState(Arc::new(App {
            platform,
            tasks,
            issuer,
            limits,
            outbox,
            hooks,
            accounts,
            pages,
            sites: Arc::new(sites),
            seen_proofs: Seen::default(),
        }));
        if let Some(warning) = app.platform.clocks_disagree().await? {
            tracing::warn!("{warning}");
        }
        Ok(app)
    }
}
