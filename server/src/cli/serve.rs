//! `doorward serve`: settings, log, then the server until it is told to stop.

use tracing_subscriber::EnvFilter;

use super::{Settings, say};
use crate::clock::World;
use crate::config::Config;
use crate::serve::{self, Listeners};
use crate::state::App;

pub(super) fn run(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let mut layers = settings.layers()?;
    let dev = settings.dev;
    let (mut config, warnings) = Config::load(&layers, dev)?;
    log(&config, dev)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listeners = Listeners::bind(&config).await?;
        if config.listen.port() == 0 {
            // Other settings are derived from the port, so they are read again with the one that the system chose.
            layers.text("listen", listeners.public()?.to_string(), "the system");
            (config, _) = Config::load(&layers, dev)?;
        }
        let world = if dev { World::for_development() } else { World::default() };
        let app = App::open(config, dev, world).await?;
        let stop = serve::stop_signal()?;
        let mut addresses = format!("listening on {}", listeners.public()?);
        if let Some(admin) = listeners.admin() {
            addresses += &format!(", /v1/admin on {}", admin?);
        }
        say(format_args!("doorward is ready: {}, {addresses}", app.config.public_url));
        serve::run(app, listeners, stop).await;
        Ok(())
    })
}

/// Logs go to stderr: stdout is for the line that says the server is ready.
fn log(config: &Config, dev: bool) -> Result<(), Box<dyn std::error::Error>> {
    let filter = EnvFilter::try_new(&config.log.level).map_err(|error| format!("log.level: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if dev {
        builder.compact().with_target(false).init();
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    }
    Ok(())
}
