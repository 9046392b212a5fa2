//! `doorward config check`: every setting, its value, its origin and what it does.

use doorward_config::{Config, Explain};
use doorward_core::clock::World;

use super::Settings;
use super::operator::tell;
use crate::app::App;

pub(super) fn run(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let layers = settings.layers()?;
    let (config, warnings) = Config::load(&layers, settings.dev)?;
    let mut list = Vec::new();
    config.explain("", "", &mut list);
    for setting in list {
        let origin = layers.origin(&setting.key).unwrap_or("default");
        tell(format_args!("{} = {}    [{origin}]", setting.key, setting.value))?;
        tell(format_args!("    {}", setting.doc.trim()))?;
    }
    let place = config.database.place();
    tell(format_args!("The database is {place}."))?;
    for warning in warnings {
        tell(format_args!("warning: {warning}"))?;
    }
    App::check(&config, settings.dev, &World::default())?;
    super::hooks::would_load(&config.hooks)?;
    tell("The settings are good.")?;
    Ok(())
}
