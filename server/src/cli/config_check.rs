//! `doorward config check`: every setting, its value, its origin and what it does.

use super::{Settings, say};
use crate::clock::World;
use crate::config::{Config, Explain};
use crate::state::App;

pub(super) fn run(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let layers = settings.layers()?;
    let (config, warnings) = Config::load(&layers, settings.dev)?;
    let mut list = Vec::new();
    config.explain("", "", &mut list);
    for setting in list {
        let origin = layers.origin(&setting.key).unwrap_or("default");
        say(format_args!("{} = {}    [{origin}]", setting.key, setting.value));
        say(format_args!("    {}", setting.doc.trim()));
    }
    let place = config.database.place();
    say(format_args!("The database is {place}."));
    for warning in warnings {
        say(format_args!("warning: {warning}"));
    }
    App::check(&config, settings.dev, &World::default())?;
    super::hooks::would_load(&config.hooks)?;
    say("The settings are good.");
    Ok(())
}
