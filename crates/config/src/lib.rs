//! Settings: defaults, then the file, then `DOORWARD_…` variables, then flags. The doc comment of a field is the
//! description of its setting, which `doorward config check` prints.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod address;
mod captcha;
mod compat;
mod database;
mod hooks;
mod http;
mod identifiers;
mod layers;
mod limits;
mod mail;
mod network;
mod origin;
mod outbound;
mod private;
mod problems;
mod providers;
mod rates;
mod secret_keys;
mod server;
mod site;
mod sms;

mod span;
mod webhooks;

pub use captcha::{Captcha, CaptchaKind, Unreached};
pub use compat::Compat;
pub use database::Database;
pub use hooks::Hooks;
pub use http::Http;
pub use identifiers::{AutoRegister, CustomId, Datum, Declared, DeviceId, Email, Extra, Phone, Profile};
pub use layers::{ConfigError, Layers};
pub use limits::Limits;
pub use mail::{Codes, DefaultScene, Mail, Security, Smtp};
pub use network::Network;
pub use origin::is_app;
pub use outbound::Outbound;
pub use problems::SettingProblem;
pub use providers::{ALGORITHMS, Beginning, ClientAuth, Named, Provider, ProviderKind, ResponseMode};
pub use rates::{Rate, Rates};
pub use secret_keys::{load_secret_keys, secret_keys_file};
pub use server::*;
pub use site::Site;
pub use sms::{Preset, Sms};
pub use span::{ShortSpan, Span};
pub use webhooks::{OnFailure, Webhook};

/// One setting as `doorward config check` prints it.
#[derive(Debug)]
pub struct Explained {
    /// Its full name, like `password.min_length`.
    pub key: String,
    /// Its value as JSON. Secrets are hidden.
    pub value: String,
    /// Its description.
    pub doc: &'static str,
}

/// A setting or a section of settings that can describe itself.
pub trait Explain {
    /// Appends its settings to the list. `doc` is the description of its field.
    fn explain(&self, key: &str, doc: &'static str, list: &mut Vec<Explained>);
}

/// Declares a section: each field with its description, type and default.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])* $field:ident : $type:ty = $default:expr ),* $(,)?
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $field: $default, )* }
            }
        }

        impl $crate::Explain for $name {
            fn explain(&self, key: &str, _: &'static str, list: &mut Vec<$crate::Explained>) {
                $(
                    let name = stringify!($field);
                    let full = if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
                    self.$field.explain(&full, concat!($($doc),*), list);
                )*
            }
        }
    )*};
}
pub(crate) use settings;

/// Implements `Explain` for settings with a single value.
macro_rules! plain {
    ($($type:ty),* $(,)?) => {$(
        impl Explain for $type {
            fn explain(&self, key: &str, doc: &'static str, list: &mut Vec<Explained>) {
                let value = serde_json::to_string(self).unwrap_or_default();
                list.push(Explained { key: key.to_owned(), value, doc });
            }
        }
    )*};
}
plain!(
    bool,
    u16,
    u32,
    String,
    Vec<String>,
    Option<String>,
    Option<bool>,
    Option<Vec<String>>,
    Option<std::path::PathBuf>,
    Vec<Site>,
    Vec<Network>,
    Option<Security>,
    Option<Preset>,
    Option<ProviderKind>,
    Option<ClientAuth>,
    Option<ResponseMode>,
    std::path::PathBuf,
    std::net::SocketAddr,
    Option<std::net::SocketAddr>,
    doorward_core::secret::Secret,
    Vec<doorward_core::secret::Secret>,
    Span,
    Rates,
    ShortSpan,
    ProxyHeader,
    Confirmation,
    ConfirmationClick,
    SignupDisclosure,
    AccountDisclosure,
    CaptchaKind,
    Unreached,
    DefaultScene,
    OnFailure,
);
