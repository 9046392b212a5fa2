//! Renders mails and SMS from templates. Files in the operator's folder (`mail.templates`) replace the built-in ones.
//!
//! A language is a folder: `en/verify_email.subject`, `.txt`, `.html` and so on for every message. All templates are
//! rendered once at start with example values, so that a broken template stops the start and not the first mail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use doorward_core::message::{Channel, Message};
use minijinja::{Environment, UndefinedBehavior, context};

/// The language of a message if no language of its recipient has templates.
pub const LAST_LANGUAGE: &str = "en";

const PARTS: [&str; 4] = ["subject", "txt", "html", "sms"];

macro_rules! built_in {
    ($($path:expr),* $(,)?) => {
        &[ $( ($path, include_str!(concat!("../../templates/", $path))), )* ]
    };
}

/// The files of a language.
macro_rules! language {
    ($language:literal) => {
        built_in![
            concat!($language, "/words.jinja"),
            concat!($language, "/verify_email.subject"),
            concat!($language, "/verify_email.txt"),
            concat!($language, "/verify_email.html"),
            concat!($language, "/reset_password.subject"),
            concat!($language, "/reset_password.txt"),
            concat!($language, "/reset_password.html"),
            concat!($language, "/reset_password.sms"),
            concat!($language, "/login_code.subject"),
            concat!($language, "/login_code.txt"),
            concat!($language, "/login_code.html"),
            concat!($language, "/login_code.sms"),
            concat!($language, "/access_code.sms"),
            concat!($language, "/change_email.subject"),
            concat!($language, "/change_email.txt"),
            concat!($language, "/change_email.html"),
            concat!($language, "/bind_phone.sms"),
            concat!($language, "/delete_account.subject"),
            concat!($language, "/delete_account.txt"),
            concat!($language, "/delete_account.html"),
            concat!($language, "/delete_account.sms"),
            concat!($language, "/password_changed.subject"),
            concat!($language, "/password_changed.txt"),
            concat!($language, "/password_changed.html"),
            concat!($language, "/password_changed.sms"),
            concat!($language, "/account_exists.subject"),
            concat!($language, "/account_exists.txt"),
            concat!($language, "/account_exists.html"),
            concat!($language, "/address_changed.subject"),
            concat!($language, "/address_changed.txt"),
            concat!($language, "/address_changed.html"),
            concat!($language, "/address_changed.sms"),
            concat!($language, "/identities_changed.subject"),
            concat!($language, "/identities_changed.txt"),
            concat!($language, "/identities_changed.html"),
            concat!($language, "/identities_changed.sms"),
            concat!($language, "/account_deleted.subject"),
            concat!($language, "/account_deleted.txt"),
            concat!($language, "/account_deleted.html"),
        ]
    };
}

const BUILT_IN: &[&[(&str, &str)]] = &[
    built_in!["layout.html", "parts.html"],
    language!("en"),
    language!("de"),
    language!("id"),
    language!("zh"),
];

/// The values that a template can use. All of them exist for every message; those that do not apply are empty.
#[derive(Clone, Default)]
pub struct Values {
    /// The operator's name for the service.
    pub product: String,
    /// The URL of the service.
    pub public_url: String,
    /// The recipient's address.
    pub address: String,
    /// The user's name. Set only if the address is proven: otherwise an attacker could have the server mail their own
    /// words to a stranger.
    pub name: String,
    /// Six digits.
    pub code: String,
    /// The link with the token.
    pub link: String,
    /// How long the code is valid.
    pub code_minutes: u32,
    /// How long the link is valid.
    pub link_minutes: u32,
    /// The page on which a user asks for a new password.
    pub reset_page: String,
    /// When the event happened, in UTC.
    pub happened_at: String,
}

/// Subject, text and HTML of a mail.
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// A template that cannot be used, with its name and the reason.
#[derive(Debug)]
pub struct TemplateError(String);

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TemplateError {}

/// All templates, compiled.
#[derive(Clone, Debug)]
pub struct Templates {
    environment: Environment<'static>,
    languages: BTreeSet<String>,
}

impl Templates {
    /// Compiles the built-in templates and, over them, those of the operator's folder.
    pub fn load(folder: Option<&Path>) -> Result<Templates, TemplateError> {
        // Compiling and trying them takes most of a server's start. Tests start many servers in one process.
        static BUILT_IN_ALONE: OnceLock<Templates> = OnceLock::new();
        match (folder, BUILT_IN_ALONE.get()) {
            (None, Some(templates)) => Ok(templates.clone()),
            (None, None) => Templates::compile(None).map(|new| BUILT_IN_ALONE.get_or_init(|| new).clone()),
            (Some(folder), _) => Templates::compile(Some(folder)),
        }
    }

    fn compile(folder: Option<&Path>) -> Result<Templates, TemplateError> {
        let mut sources: BTreeMap<String, String> = BUILT_IN
            .iter()
            .copied()
            .flatten()
            .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
            .collect();
        if let Some(folder) = folder {
            sources.extend(read_folder(folder)?);
        }
        let languages = languages(&sources)?;
        let mut environment = Environment::new();
        // A misspelt name in a template is an error, not an empty place in a mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in sources {
            environment
                .add_template_owned(name.clone(), source)
                .map_err(|error| TemplateError(format!("mail template {name}: {error:#}")))?;
        }
        let templates = Templates { environment, languages };
        templates.try_all()?;
        Ok(templates)
    }

    /// True if there is a folder for this language.
    pub fn speaks(&self, language: &str) -> bool {
        self.languages.contains(language)
    }

    /// Renders a message in the language that fits best.
    pub fn render(
        &self,
        message: Message,
        language: &str,
        values: &Values,
    ) -> Result<Rendered, TemplateError> {
        let language = self.choose([language]);
        let subject = one_line(&self.render_part(message, language, "subject", "", values)?);
        let text = self.render_part(message, language, "txt", &subject, values)?;
        let html = self.render_part(message, language, "html", &subject, values)?;
        Ok(Rendered { subject, text, html })
    }

    /// The first of the BCP 47 tags for which there is a language, or English.
    pub fn choose<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> &str {
        tags.into_iter().find_map(|tag| self.nearest(tag)).unwrap_or(LAST_LANGUAGE)
    }

    /// The available language that is nearest to a BCP 47 tag: the tag itself, or its first part.
    fn nearest(&self, tag: &str) -> Option<&str> {
        let wanted = tag.split(['-', '_']).next().unwrap_or_default();
        [tag, wanted]
            .into_iter()
            .find_map(|one| self.languages.iter().find(|has| has.eq_ignore_ascii_case(one)))
            .map(String::as_str)
    }

    /// Renders the SMS of a message.
    pub fn render_sms(
        &self,
        message: Message,
        language: &str,
        values: &Values,
    ) -> Result<String, TemplateError> {
        self.render_part(message, self.choose([language]), "sms", "", values).map(|text| one_line(&text))
    }

    fn render_part(
        &self,
        message: Message,
        language: &str,
        part: &str,
        subject: &str,
        values: &Values,
    ) -> Result<String, TemplateError> {
        let name = format!("{language}/{}.{part}", message.as_str());
        let context = context! {
            language,
            subject,
            product => values.product.as_str(),
            public_url => values.public_url.as_str(),
            address => values.address.as_str(),
            name => values.name.as_str(),
            code => values.code.as_str(),
            link => values.link.as_str(),
            code_minutes => values.code_minutes,
            link_minutes => values.link_minutes,
            reset_page => values.reset_page.as_str(),
            happened_at => values.happened_at.as_str(),
        };
        self.environment
            .get_template(&name)
            .and_then(|template| template.render(context))
            .map_err(|error| TemplateError(format!("mail template {name}: {error:#}")))
    }

    fn try_all(&self) -> Result<(), TemplateError> {
        let mut example = Values {
            product: "Example".into(),
            public_url: "https://auth.example.com".into(),
            address: "ada@example.com".into(),
            code: "012345".into(),
            link: "https://auth.example.com/account/verify#token=example".into(),
            code_minutes: 10,
            link_minutes: 1440,
            reset_page: "https://auth.example.com/account/reset".into(),
            happened_at: "2026-01-31 12:00 UTC".into(),
            ..Values::default()
        };
        for name in ["", "Ada"] {
            example.name = name.into();
            for language in &self.languages {
                for message in Message::ALL {
                    if message.goes_by(Channel::Mail) {
                        self.render(*message, language, &example)?;
                    }
                    if message.goes_by(Channel::Sms) {
                        self.render_sms(*message, language, &example)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// One line: a subject must not be able to end its header, and an SMS has no line breaks.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Checks that every folder is a language and has every message. Returns the languages.
fn languages(sources: &BTreeMap<String, String>) -> Result<BTreeSet<String>, TemplateError> {
    let mut languages = BTreeSet::new();
    for path in sources.keys() {
        let Some((language, file)) = path.split_once('/') else {
            if path
                .rsplit_once('.')
                .is_some_and(|(stem, part)| PARTS.contains(&part) && Message::named(stem).is_some())
            {
                return Err(TemplateError(format!(
                    "mail template {path}: belongs into the folder of its language, like en/{path}"
                )));
            }
            continue;
        };
        languages.insert(language.to_owned());
        let (stem, part) = file.rsplit_once('.').unwrap_or((file, ""));
        if !PARTS.contains(&part) {
            continue;
        }
        match Message::named(stem) {
            None => {
                let known: Vec<_> = Message::ALL.iter().map(|message| message.as_str()).collect();
                return Err(TemplateError(format!(
                    "mail template {path}: there is no such message; there are {}",
                    known.join(", ")
                )));
            }
            Some(message) if !message.parts().any(|one| one == part) => {
                let known: Vec<_> = message.parts().collect();
                return Err(TemplateError(format!(
                    "mail template {path}: this message has no such part; it has {}",
                    known.join(", ")
                )));
            }
            Some(_) => {}
        }
    }
    for language in &languages {
        for message in Message::ALL {
            for part in message.parts() {
                let path = format!("{language}/{}.{part}", message.as_str());
                if !sources.contains_key(&path) {
                    return Err(TemplateError(format!(
                        "mail template {path} is missing: a language needs every message"
                    )));
                }
            }
        }
    }
    Ok(languages)
}

/// The templates in a folder and its subfolders, by their relative path.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut sources = BTreeMap::new();
    for path in entries(folder)? {
        let name = file_name(&path);
        if path.is_dir() {
            for inner in entries(&path)? {
                sources.insert(format!("{name}/{}", file_name(&inner)), read(&inner)?);
            }
        } else {
            sources.insert(name, read(&path)?);
        }
    }
    Ok(sources)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TemplateError> {
    let unreadable =
        |error: std::io::Error| TemplateError(format!("mail.templates: {}: {error}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let template = path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|extension| PARTS.contains(&extension) || extension == "jinja");
        if template || (path.is_dir() && !file_name(&path).starts_with('.')) {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn read(path: &Path) -> Result<String, TemplateError> {
    std::fs::read_to_string(path)
        .map_err(|error| TemplateError(format!("mail.templates: {}: {error}", path.display())))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            product: "Example".into(),
            public_url: "https://auth.example.com".into(),
            address: "ada@example.com".into(),
            code: "012345".into(),
            link: "https://auth.example.com/account/verify#token=abc".into(),
            code_minutes: 10,
            link_minutes: 1440,
            ..Values::default()
        }
    }

    fn built_in() -> Templates {
        Templates::load(None).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_mail_has_the_code_the_link_and_their_lifetimes() {
        let mail = built_in().render(Message::VerifyEmail, "en", &values()).unwrap();
        assert_eq!(mail.subject, "Confirm your address at Example");
        for part in [&mail.text, &mail.html] {
            for word in ["012345", "#token=abc", "10 minutes", "24 hours"] {
                assert!(part.contains(word), "{word} in {part}");
            }
        }
        assert!(!mail.html.contains("Hello"), "no greeting without a name");
    }

    #[test]
    fn sec_x04_a_name_with_html_is_text_in_the_mail() {
        let name = "<img src=x onerror=alert(1)> \"'&".to_owned();
        let mail = built_in().render(Message::ResetPassword, "en", &Values { name, ..values() }).unwrap();
        assert!(mail.html.contains("&lt;img src=x onerror=alert(1)&gt;"), "{}", mail.html);
        assert!(!mail.html.contains("<img"));
        assert!(mail.text.contains("<img"), "plain text stays as it is");
    }

    #[test]
    fn a_product_name_with_line_breaks_cannot_add_a_header() {
        let product = "Ex\r\nBcc: all@example.org".to_owned();
        let mail = built_in().render(Message::AccountExists, "en", &Values { product, ..values() }).unwrap();
        assert_eq!(mail.subject, "You already have an account at Ex Bcc: all@example.org");
    }

    #[test]
    fn nothing_in_a_mail_is_fetched_from_elsewhere() {
        for message in Message::ALL.iter().filter(|message| message.goes_by(Channel::Mail)) {
            let mail = built_in().render(*message, "en", &values()).unwrap();
            for word in ["<img", "<script", "url(", "@import", "<link"] {
                assert!(!mail.html.contains(word), "{word} in {message:?}");
            }
        }
    }

    #[test]
    fn an_unknown_language_gets_english_and_a_region_its_language() {
        let templates = built_in();
        for tag in ["tlh-AQ", "en-GB", ""] {
            assert_eq!(templates.choose([tag]), "en");
        }
    }

    #[test]
    fn each_language_has_the_values_of_english_in_its_own_words() {
        let templates = built_in();
        let values = Values {
            name: "Ada Lovelace".into(),
            code_minutes: 7,
            link_minutes: 180,
            reset_page: "https://auth.example.com/account/reset".into(),
            happened_at: "2026-01-31 12:00 UTC".into(),
            ..values()
        };
        let parts = |message: &Message, language: &str| {
            let mut parts = Vec::new();
            if message.goes_by(Channel::Mail) {
                let Rendered { subject, text, html } = templates.render(*message, language, &values).unwrap();
                parts.extend([subject, text, html]);
            }
            if message.goes_by(Channel::Sms) {
                parts.push(templates.render_sms(*message, language, &values).unwrap());
            }
            parts
        };
        assert_eq!(templates.languages.len(), 4);
        for message in Message::ALL {
            for language in ["de", "id", "zh"] {
                for (english, other) in parts(message, "en").iter().zip(parts(message, language)) {
                    assert_ne!(*english, other, "{message:?} in {language}");
                    for value in
                        ["Example", "ada@", "Ada Lovelace", "012345", "#token=", "/reset", "UTC", "7 ", "3 "]
                    {
                        let (here, there) = (english.contains(value), other.contains(value));
                        assert_eq!(here, there, "{value} in {message:?} in {language}: {other}");
                    }
                }
            }
        }
    }

    #[test]
    fn each_text_fits_into_one_sms() {
        let templates = built_in();
        for message in Message::ALL.iter().filter(|message| message.goes_by(Channel::Sms)) {
            for language in &templates.languages {
                let text = templates.render_sms(*message, language, &values()).unwrap();
                // The GSM alphabet includes the umlauts. A text with any other letter may have 70 characters.
                let longest =
                    if text.chars().all(|c| c.is_ascii() || "äöüÄÖÜß".contains(c)) { 160 } else { 70 };
                assert!(text.chars().count() <= longest, "{text}");
            }
        }
    }

    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("doorward-{name}-{}", std::process::id()));
        for (path, source) in files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, source).unwrap();
        }
        folder
    }

    #[test]
    fn an_operator_replaces_one_file_and_keeps_the_rest() {
        let folder =
            folder("one", &[("en/verify_email.subject", "Welcome, {{ address }}\n"), ("README.md", "")]);
        let templates = Templates::load(Some(&folder)).unwrap_or_else(|error| panic!("{error}"));
        let mail = templates.render(Message::VerifyEmail, "en", &values()).unwrap();
        assert_eq!(mail.subject, "Welcome, ada@example.com");
        assert!(mail.html.contains("Confirm my address"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_template_that_cannot_work_is_refused_at_start_with_its_name() {
        for (files, said) in [
            ([("en/verify_email.txt", "{{ adress }}")], "en/verify_email.txt"),
            ([("en/verify_email.html", "{% if %}")], "en/verify_email.html"),
            ([("en/verify-email.html", "x")], "there is no such message"),
            ([("fr/verify_email.html", "x")], "fr/verify_email.subject is missing"),
        ] {
            let folder = folder("bad", &files);
            let error = Templates::load(Some(&folder)).err().unwrap().to_string();
            std::fs::remove_dir_all(folder).unwrap();
            assert!(error.contains(said), "{error}");
        }
    }
}
