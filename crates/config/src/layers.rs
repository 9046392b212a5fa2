//! Merges the sources of settings, remembers the origin of each value, and deserialises the result into a struct.
//! Every error names the setting and its origin.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

/// An invalid setting.
#[derive(Debug)]
pub struct ConfigError {
    key: Option<String>,
    origin: Option<String>,
    message: String,
}

impl ConfigError {
    /// An error about one setting.
    pub fn about(key: &str, origin: Option<&str>, message: impl fmt::Display) -> ConfigError {
        ConfigError {
            key: Some(key.to_owned()),
            origin: origin.map(str::to_owned),
            message: message.to_string(),
        }
    }

    fn at(self, key: &str, origin: &str) -> ConfigError {
        match self.key {
            Some(_) => self,
            None => ConfigError { key: Some(key.into()), origin: Some(origin.into()), ..self },
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigError {}

impl de::Error for ConfigError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ConfigError { key: None, origin: None, message: message.to_string() }
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        de::Error::custom(format_args!("there is no such setting; valid names are: {}", expected.join(", ")))
    }
}

/// A value and its origin.
#[derive(Debug)]
enum Node {
    Section(BTreeMap<String, Node>),
    Value(toml::Value, String),
    /// Text from the environment or a flag. It is parsed as the type of the setting.
    Text(String, String),
}

/// The merged sources of settings.
#[derive(Debug)]
pub struct Layers {
    root: Node,
    /// The settings file: its name in errors, and its path. Paths in the file are relative to its folder.
    file: Option<(String, PathBuf)>,
    /// Names of ignored variables: Kubernetes or Docker set them to describe a service.
    service_links: BTreeSet<String>,
}

impl Default for Layers {
    fn default() -> Self {
        Layers { root: Node::Section(BTreeMap::new()), file: None, service_links: BTreeSet::new() }
    }
}

impl Layers {
    /// Adds the settings of a TOML text.
    pub fn toml(&mut self, text: &str, origin: &str) -> Result<(), ConfigError> {
        let table: toml::Table = text.parse().map_err(|error| ConfigError {
            key: None,
            origin: Some(origin.into()),
            message: format!("{error}"),
        })?;
        self.table(&mut Vec::new(), table, origin);
        Ok(())
    }

    /// Adds the settings of a file. `text` is its content.
    pub fn file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let origin = file.display().to_string();
        self.toml(text, &origin)?;
        self.file = Some((origin, file.to_owned()));
        Ok(())
    }

    /// The settings file, if there is one.
    pub fn settings_file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(_, file)| file.as_path())
    }

    /// True if the value of the setting comes from the settings file.
    pub fn is_from_file(&self, key: &str) -> bool {
        self.file.as_ref().is_some_and(|(origin, _)| self.origin(key) == Some(origin))
    }

    fn folder(&self) -> &Path {
        self.settings_file().and_then(Path::parent).unwrap_or(Path::new(""))
    }

    /// Resolves a path: one from the settings file is relative to the folder of that file.
    pub fn placed(&self, key: &str, path: &Path) -> PathBuf {
        if self.is_from_file(key) { self.folder().join(path) } else { path.to_owned() }
    }

    /// A path in the folder of the settings file. Without such a file, a path in the working directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn table(&mut self, path: &mut Vec<String>, table: toml::Table, origin: &str) {
        for (key, value) in table {
            path.push(key);
            match value {
                toml::Value::Table(table) => self.table(path, table, origin),
                value => self.put(path, Node::Value(value, origin.to_owned())),
            }
            path.pop();
        }
    }

    /// Adds environment variables: `DOORWARD_PASSWORD__MIN_LENGTH` sets `password.min_length`.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (name, value) in variables {
            if is_service_link(&name, &value) {
                self.service_links.insert(name);
            } else if let Some(path) = name.strip_prefix("DOORWARD_") {
                let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
                self.put(&path, Node::Text(value, format!("the variable {name}")));
            }
        }
    }

    /// A warning that lists the ignored variables, if there are any.
    pub fn service_links_warning(&self) -> Option<String> {
        let names: Vec<&str> = self.service_links.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| {
            format!(
                "these variables describe a Kubernetes service and are ignored: {}; to remove them, set \
                 `enableServiceLinks: false` in the pod's spec",
                names.join(", ")
            )
        })
    }

    /// Adds one setting, given as text.
    pub fn text(&mut self, key: &str, value: impl Into<String>, origin: &str) {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        self.put(&path, Node::Text(value.into(), origin.to_owned()));
    }

    fn put(&mut self, path: &[String], value: Node) {
        let mut at = &mut self.root;
        for part in path {
            // A section replaces a value of the same name. Reading then reports the wrong type.
            if !matches!(at, Node::Section(_)) {
                *at = Node::Section(BTreeMap::new());
            }
            let Node::Section(section) = at else { return };
            at = section.entry(part.clone()).or_insert_with(|| Node::Section(BTreeMap::new()));
        }
        *at = value;
    }

    /// The origin of a setting's value. `None` for the default value.
    pub fn origin(&self, key: &str) -> Option<&str> {
        let mut at = &self.root;
        for part in key.split('.') {
            let Node::Section(section) = at else { break };
            at = section.get(part)?;
        }
        at.origin()
    }

    /// Deserialises the merged settings.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(Reader { node: &self.root, path: String::new() })
    }
}

impl Node {
    fn origin(&self) -> Option<&str> {
        match self {
            Node::Section(section) => section.values().find_map(Node::origin),
            Node::Value(_, origin) | Node::Text(_, origin) => Some(origin),
        }
    }
}

/// True if the variable describes a service with a name that begins with `doorward`. Kubernetes sets such variables in
/// every pod of the namespace: `DOORWARD_PORT`, `DOORWARD_PORT_80_TCP_ADDR`, `DOORWARD_ADMIN_SERVICE_HOST`.
fn is_service_link(name: &str, value: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let Some(rest) = name.strip_prefix("DOORWARD_").filter(|rest| !rest.contains("__")) else { return false };
    // The service name may be longer than `doorward`, so any part of `rest` after an underscore may be the end.
    let ends = rest.match_indices('_').filter_map(|(at, _)| rest.get(at + 1..)).chain([rest]);
    ends.into_iter().any(|end| {
        if end == "SERVICE_HOST" || end == "SERVICE_PORT" || end.starts_with("SERVICE_PORT_") {
            return true;
        }
        if end == "PORT" {
            // Only the value distinguishes it from a mistyped setting.
            return value.split_once("://").is_some_and(|(scheme, _)| {
                PROTOCOLS.iter().any(|protocol| protocol.eq_ignore_ascii_case(scheme))
            });
        }
        let Some((port, protocol)) = end.strip_prefix("PORT_").and_then(|end| end.split_once('_')) else {
            return false;
        };
        let (protocol, what) = protocol.split_once('_').unwrap_or((protocol, ""));
        port.parse::<u16>().is_ok()
            && PROTOCOLS.contains(&protocol)
            && matches!(what, "" | "PROTO" | "PORT" | "ADDR")
    })
}

struct Reader<'a> {
    node: &'a Node,
    path: String,
}

/// Parses text as a number or a boolean where the setting has that type.
macro_rules! parsed {
    ($($method:ident $visit:ident $what:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
            match self.node {
                Node::Text(text, _) => match text.trim().parse() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(de::Error::custom(format_args!("{text:?} is not {}", $what))),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.node {
            Node::Section(section) => {
                visitor.visit_map(SectionReader { entries: section.iter(), value: None, path: self.path })
            }
            Node::Value(value, _) => {
                value.clone().deserialize_any(visitor).map_err(|error| de::Error::custom(error.message()))
            }
            Node::Text(text, _) => visitor.visit_string(text.clone()),
        }
    }

    parsed! {
        deserialize_bool visit_bool "true or false"
        deserialize_u8 visit_u8 "a whole number that fits"
        deserialize_u16 visit_u16 "a whole number that fits"
        deserialize_u32 visit_u32 "a whole number that fits"
        deserialize_u64 visit_u64 "a whole number that fits"
        deserialize_i32 visit_i32 "a whole number that fits"
        deserialize_i64 visit_i64 "a whole number that fits"
        deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.node {
            Node::Text(text, _) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
                visitor.visit_seq(de::value::SeqDeserializer::new(parts))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let text = match self.node {
            Node::Text(text, _) | Node::Value(toml::Value::String(text), _) => text,
            _ => return Err(de::Error::custom(format_args!("must be one of: {}", variants.join(", ")))),
        };
        if !variants.contains(&text.as_str()) {
            return Err(de::Error::custom(format_args!("must be one of: {}", variants.join(", "))));
        }
        visitor.visit_enum(de::value::StringDeserializer::new(text.clone()))
    }

    forward_to_deserialize_any! {
        i8 i16 u128 i128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct SectionReader<'a> {
    entries: std::collections::btree_map::Iter<'a, String, Node>,
    value: Option<(&'a str, &'a Node)>,
    path: String,
}

impl SectionReader<'_> {
    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'de> MapAccess<'de> for SectionReader<'_> {
    type Error = ConfigError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ConfigError> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        seed.deserialize(de::value::StrDeserializer::<ConfigError>::new(key))
            .map(Some)
            .map_err(|error| error.at(&self.full(key), node.origin().unwrap_or("nowhere")))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ConfigError> {
        let Some((key, node)) = self.value.take() else { return Err(de::Error::custom("no value")) };
        let path = self.full(key);
        seed.deserialize(Reader { node, path: path.clone() })
            .map_err(|error| error.at(&path, node.origin().unwrap_or("nowhere")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Span};

    fn layers(text: &str, variables: &[(&str, &str)]) -> Layers {
        let mut layers = Layers::default();
        layers.toml(text, "doorward.toml").unwrap();
        layers.environment(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        layers
    }

    fn fault(layers: &Layers) -> String {
        layers.read::<Config>().unwrap_err().to_string()
    }

    #[test]
    fn a_variable_overrides_the_file_and_the_file_overrides_the_default() {
        let text =
            "check_email = true\n[password]\nmin_length = 8\nmax_length = 90\n[token]\nlifetime = \"5m\"";
        let layers = layers(text, &[("DOORWARD_PASSWORD__MIN_LENGTH", "15"), ("PATH", "/bin")]);
        let config: Config = layers.read().unwrap();
        assert_eq!((config.password.min_length, config.password.max_length), (15, 90));
        assert_eq!(config.token.lifetime, Span::minutes(5));
        assert_eq!(config.session.idle, Span::days(30));
        assert!(config.check_email);
        assert_eq!(layers.origin("password.min_length"), Some("the variable DOORWARD_PASSWORD__MIN_LENGTH"));
        assert_eq!(layers.origin("password.max_length"), Some("doorward.toml"));
        assert_eq!(layers.origin("session.idle"), None);
    }

    #[test]
    fn a_list_in_a_variable_is_separated_by_commas() {
        let layers = layers("", &[("DOORWARD_CORS__ORIGINS", "https://a.example, https://b.example")]);
        let config: Config = layers.read().unwrap();
        assert_eq!(config.cors.origins, ["https://a.example", "https://b.example"]);
    }

    #[test]
    fn a_text_setting_takes_a_variable_that_looks_like_a_number() {
        let layers = layers("", &[("DOORWARD_TOKEN__AUDIENCE", "00123")]);
        assert_eq!(layers.read::<Config>().unwrap().token.audience, "00123");
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_origin() {
        let said = fault(&layers("[password]\nminimum = 8", &[]));
        assert!(said.starts_with("password.minimum: there is no such setting"), "{said}");
        assert!(said.ends_with("(from doorward.toml)"), "{said}");
        let said = fault(&layers("", &[("DOORWARD_PASWORD__MIN", "1")]));
        assert!(said.starts_with("pasword: there is no such setting"), "{said}");
        assert!(said.contains("DOORWARD_PASWORD__MIN"), "{said}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_origin() {
        for (text, variable, key) in [
            ("[password]\nmin_length = \"six\"", None, "password.min_length: "),
            ("password = 3", None, "password: "),
            ("listen = \"nowhere\"", None, "listen: "),
            ("[token]\nlifetime = \"10\"", None, "token.lifetime: "),
            (
                "[signup]\nconfirmation = \"never\"",
                None,
                "signup.confirmation: must be one of: optional, required",
            ),
            ("", Some(("DOORWARD_PASSWORD__MIN_LENGTH", "six")), "password.min_length: \"six\" is not"),
            ("", Some(("DOORWARD_CHECK_EMAIL", "yes")), "check_email: \"yes\" is not true or false"),
        ] {
            let said = fault(&layers(text, variable.as_slice()));
            assert!(said.starts_with(key), "{said}");
        }
    }
}
