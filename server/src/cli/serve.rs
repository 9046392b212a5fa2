//! `doorward serve`: reads the settings, starts the log, and runs the server until a signal stops it.

use doorward_config::Config;
use doorward_core::clock::World;

use super::operator::tell;
use super::{Settings, wait};
use crate::app::App;
use crate::serve::{self, Listeners};
use crate::{connections, log};

pub(super) fn run(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let mut layers = settings.layers()?;
    let dev = settings.dev;
    let (mut config, warnings) = Config::load(&layers, dev)?;
    let _log = log::start(&config.log.level, dev)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    connections::raise_limit_of_files();
    wait(async move {
        // From here on, because the check of a large database may take long.
        let mut stop = std::pin::pin!(serve::stop_signal()?);
        tokio::spawn(serve::ignored_signals()?);
        let listeners = Listeners::bind(&config).await?;
        if config.listen.port() == 0 {
            // Other settings are derived from the port, so they are read again with the one that the system chose.
            layers.text("listen", listeners.public()?.to_string(), "the system");
            (config, _) = Config::load(&layers, dev)?;
        }
        let world = if dev { World::for_development() } else { World::default() };
        let app = tokio::select! {
            app = App::open(config, dev, world) => app?,
            () = &mut stop => return Ok(()),
        };
        let mut addresses = format!("listening on {}", listeners.public()?);
        if let Some(admin) = listeners.admin() {
            addresses += &format!(", /v1/admin on {}", admin?);
        }
        // The server also runs without a reader of standard output.
        let _ = tell(format_args!("doorward is ready: {}, {addresses}", app.platform.config.public_url));
        serve::run(app, listeners, stop).await;
        Ok(())
    })
}
