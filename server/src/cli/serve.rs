//! `doorward serve`: settings, log, then the server until it is told to stop.

use tracing_subscriber::EnvFilter;

use super::{Settings, say};
use crate::clock::World;
use crate::config::Config;
use crate::serve;
use crate::state::App;

pub(super) fn run(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let layers = settings.layers()?;
    let (config, warnings) = Config::load(&layers, settings.dev)?;
    log(&config, settings.dev)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let dev = settings.dev;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let app = App::open(config, dev, World::default()).await?;
        let listeners = serve::bind(&app).await?;
        let stop = serve::stop_signal()?;
        say(format_args!("doorward is ready: {}", app.config.public_url));
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
