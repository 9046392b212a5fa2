//! The top-level settings and sections of the server. Defaults suit production; the description of a setting names what
//! `--dev` changes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use doorward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use super::identifiers::{Datum, Declared};
use super::{
    AutoRegister, Beginning, Captcha, Codes, Compat, CustomId, Database, DeviceId, Email, Hooks, Http,
    Limits, Mail, Named, Network, Outbound, Phone, Profile, Provider, Site, Sms, Smtp, Span, Webhook,
    settings,
};

settings! {
    /// All settings.
    pub struct Config {
        /// Public address of this server, like `https://auth.example.com`. If it has a path, like `https://www.example.com/auth`, the proxy in front must remove that path from requests. It is the issuer of tokens and the start of links in mails. Required, and must be https, except with --dev.
        public_url: String = String::new(),
        /// Address and port to listen on. With port 0 the system chooses a free port; the line on standard output names it.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
        /// Addresses and networks of the proxies in front of this server, like `10.1.2.0/24`. The client address is taken from the header that they set. For a proxy that is not listed, all clients behind it are one source for limits, and one address in the audit log.
        trusted_proxies: Vec<Network> = Vec::new(),
        /// Header in which these proxies send the client address: `x-forwarded-for` or `forwarded` (RFC 7239).
        proxy_header: ProxyHeader = ProxyHeader::XForwardedFor,
        /// Connections of clients.
        http: Http = Http::default(),
        /// Folder of the SQLite database.
        data: PathBuf = PathBuf::from("data"),
        /// The database of accounts and sessions.
        database: Database = Database::default(),
        /// Path of the file with the secret keys, or the content of such a file. `doorward keys generate` makes one. With --dev the server makes the file itself, in the data folder.
        secret_keys: Secret = Secret::default(),
        /// Lets `POST /v1/email/check` answer whether an address is taken. On with --dev.
        check_email: bool = false,
        /// Origins of the pages that may call this server.
        cors: Cors = Cors::default(),
        /// Creating accounts.
        signup: Signup = Signup::default(),
        /// Sign-in methods that create an account at a user's first sign-in.
        auto_register: AutoRegister = AutoRegister::default(),
        /// The captcha that a client must solve after failures, before its request is processed.
        captcha: Captcha = Captcha::default(),
        /// Identity providers: `[providers.NAME]`.
        providers: Named<Provider> = Named::default(),
        /// Initial roles and fields of a new account: `[defaults.METHOD]`. METHOD is `password`, `email_code`, `phone_code`, `device`, `custom` or the name of a provider.
        defaults: Named<Beginning> = Named::default(),
        /// E-mail addresses.
        email: Email = Email::default(),
        /// Phone numbers.
        phone: Phone = Phone::default(),
        /// Device ids, which an app generates.
        device_id: DeviceId = DeviceId::default(),
        /// User ids of another system of yours.
        custom_id: CustomId = CustomId::default(),
        /// The profile of a user.
        profile: Profile = Profile::default(),
        /// User-defined data: `[user_data.NAME]` with a `type`.
        user_data: Declared<Datum> = Declared::default(),
        /// How much answers reveal about accounts.
        disclosure: Disclosure = Disclosure::default(),
        /// Passwords and their hashes.
        password: Password = Password::default(),
        /// Access tokens.
        token: Token = Token::default(),
        /// Sessions and their refresh tokens.
        session: Session = Session::default(),
        /// Sign-ins with a provider.
        flows: Flows = Flows::default(),
        /// Token introspection for your back ends.
        introspection: Introspection = Introspection::default(),
        /// The hook script: functions of yours that the server calls before and after operations.
        hooks: Hooks = Hooks::default(),
        /// Administration over HTTP: `/v1/admin`, for service keys of the scope `admin`.
        admin: Admin = Admin::default(),
        /// Roles.
        roles: Roles = Roles::default(),
        /// Addresses in mails and redirects.
        links: Links = Links::default(),
        /// The SMTP server that mails are sent to.
        smtp: Smtp = Smtp::default(),
        /// The SMS gateway and its budgets.
        sms: Sms = Sms::default(),
        /// Sender, language and templates of mails.
        mail: Mail = Mail::default(),
        /// One-time codes and mailed links.
        codes: Codes = Codes::default(),
        /// Services of yours that this server calls before or after operations: `[webhooks.NAME]`.
        webhooks: Named<Webhook> = Named::default(),
        /// Requests to other servers: webhooks, SMS gateways, providers.
        outbound: Outbound = Outbound::default(),
        /// Rate limits of requests.
        limits: Limits = Limits::default(),
        /// APIs that are compatible with other systems.
        compat: Compat = Compat::default(),
        /// Folders that the server serves in addition to the API: `[[site]]` with `path` and `dir`.
        site: Vec<Site> = Vec::new(),
        /// Logging.
        log: Log = Log::default(),
        /// Deletion of expired rows.
        prune: Prune = Prune::default(),
    }

    /// Origins of the pages that may call this server.
    pub struct Cors {
        /// Exact origins, like `https://www.example.com`; for apps and extensions like `capacitor://localhost` and `chrome-extension://ID`. With --dev any localhost origin is allowed, too, and this list may contain `null`, the origin of `file:` pages.
        origins: Vec<String> = Vec::new(),
    }

    /// Creating accounts.
    pub struct Signup {
        /// Lets new users sign up.
        open: bool = true,
        /// `required`: the e-mail address must be confirmed before the first sign-in. `optional`: the page decides.
        confirmation: Confirmation = Confirmation::Optional,
        /// Evidence needed besides the link or code of a confirmation mail. `careful`: the first confirmation also needs evidence that the same person created the account. `trusting`: none.
        confirmation_click: ConfirmationClick = ConfirmationClick::Careful,
        /// Lets a page request a session with the sign-up itself (`login`, `generate_token`).
        auto_login: bool = true,
        /// Allowlist of e-mail domains like `example.com`: users can only set addresses of these domains. Empty: any domain. Restricts sign-ups only with `confirmation = "required"`.
        domains: Vec<String> = Vec::new(),
        /// Blocklist of e-mail domains: users cannot set addresses of these domains or of their subdomains.
        blocked_domains: Vec<String> = Vec::new(),
    }

    /// How much answers reveal about accounts.
    pub struct Disclosure {
        /// `exists`: the answer to a sign-up reveals that the address is taken. `quiet`: the answer to every sign-up is that confirmation is required.
        signup: SignupDisclosure = SignupDisclosure::Exists,
        /// `compatible`: `check_email` also returns dates and whether an address is verified, and a request for a mail or an SMS is refused if no account has the address or number. `strict`: neither.
        account: AccountDisclosure = AccountDisclosure::Strict,
    }

    /// Passwords and their hashes.
    pub struct Password {
        /// Minimum number of characters in a new password.
        min_length: u32 = 6,
        /// Maximum number of characters in a new password.
        max_length: u32 = 60,
        /// Blocklist for new passwords: `common` for the 20,000 most frequent ones, or a file with one password per line. Either also refuses passwords that are made of the user's names and addresses, of `mail.product` or of the host. Empty: no blocklist.
        blocked: String = String::new(),
        /// File with stolen passwords, which are refused. `doorward passwords filter` makes it.
        breach_filter: Option<PathBuf> = None,
        /// Service that looks up stolen passwords by the first five hex digits of their SHA-1, like `https://pwned.example.com/range/`. The server waits at most one second for its answer. Without an answer the password is accepted.
        breach_service: String = String::new(),
        /// Argon2id: memory of one hash, in KiB.
        hash_memory: u32 = 19_456,
        /// Argon2id: passes over the memory.
        hash_passes: u32 = 2,
        /// Argon2id: lanes.
        hash_lanes: u32 = 1,
        /// Number of hashes computed at the same time. 0: one per core.
        hash_threads: u32 = 0,
        /// Number of hashes that may wait. Further requests are refused at once with 503 and Retry-After.
        hash_queue: u32 = 256,
    }

    /// Access tokens.
    pub struct Token {
        /// Lifetime of an access token.
        lifetime: Span = Span::minutes(10),
        /// The `aud` claim of access tokens. Empty: `public_url`.
        audience: String = String::new(),
        /// Age at which a signing key is replaced by a new one.
        rotate_keys: Span = Span::days(30),
        /// Time between the publication of a new key and its first use. It must be longer than clients cache the JWKS document.
        publish_keys: Span = Span::days(1),
    }

    /// Sessions and their refresh tokens.
    pub struct Session {
        /// Maximum lifetime of a session after the sign-in, even if it is in use.
        absolute: Span = Span::days(90),
        /// A session ends if it is not refreshed for this long.
        idle: Span = Span::days(30),
        /// For this long after a refresh, the previous refresh token still gets the same successor.
        grace: Span = Span::seconds(30),
        /// A refresh token younger than this is not replaced: the answer to a refresh carries the same token.
        repeat: Span = Span::seconds(10),
        /// Maximum age of the sign-in for changes of password, addresses and linked identities, and for deletion of the account.
        fresh: Span = Span::minutes(10),
        /// Requires a key binding (DPoP) for every new session. Sign-ins without a DPoP proof are then refused.
        require_proof: bool = false,
    }

    /// Sign-ins with a provider.
    pub struct Flows {
        /// Time that a user has for the sign-in at the provider, and then again for the registration with the provider's answer.
        lifetime: Span = Span::minutes(10),
        /// For this long, the same provider answer gets the same result again: after a reload, or if the page sends it twice.
        grace: Span = Span::minutes(2),
    }

    /// Token introspection for your back ends.
    pub struct Introspection {
        /// Clients that may call `POST /v1/introspect`, each as `id:secret`. The secret has at least 32 characters.
        clients: Vec<Secret> = Vec::new(),
    }

    /// Administration over HTTP: `/v1/admin`, for service keys of the scope `admin`.
    pub struct Admin {
        /// Address and port of a separate listener for `/v1/admin` alone, like `127.0.0.1:8091`. Without this setting there is no such listener.
        listen: Option<SocketAddr> = None,
        /// Serves `/v1/admin` on the public listener (`listen`), too.
        public: bool = false,
    }

    /// Roles.
    pub struct Roles {
        /// Roles of a new account. The `roles` claim of its access tokens lists them.
        default: Vec<String> = vec!["user".to_owned()],
    }

    /// Addresses in mails and redirects.
    pub struct Links {
        /// Exact addresses that a confirmation may redirect to: of pages, or of an app like `com.example.app://welcome`. With --dev any localhost address is allowed, too.
        redirects: Vec<String> = Vec::new(),
        /// Link in the verification mail, with the placeholders `{public_url}` and `{token}`.
        verify: String = "{public_url}/account/verify#token={token}".to_owned(),
        /// Reset link in the password mail, with the placeholders `{public_url}` and `{token}`.
        reset: String = "{public_url}/account/reset#token={token}".to_owned(),
        /// Page where a user requests a reset link, with the placeholder `{public_url}`. Mails without a token link to it.
        forgot: String = "{public_url}/account/reset".to_owned(),
    }

    /// Logging.
    pub struct Log {
        /// Log level: `error`, `warn`, `info`, `debug`, or a filter like `info,doorward=debug`.
        level: String = "info".to_owned(),
    }

    /// Deletion of expired rows.
    pub struct Prune {
        /// Interval between two runs.
        every: Span = Span::minutes(10),
        /// How long entries of the audit log are kept.
        audit: Span = Span::days(365),
        /// How long codes and links are kept, used or not. Until then, an expired link is answered with `TOKEN_EXPIRED`, later with `TOKEN_REVOKED`.
        challenges: Span = Span::days(7),
        /// How long a mail, SMS or `post_` event that was given up is kept for you to inspect.
        dead_letters: Span = Span::days(30),
    }
}

/// `proxy_header`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// The header that most proxies send.
    XForwardedFor,
    /// The header of RFC 7239.
    Forwarded,
}

impl ProxyHeader {
    /// The name of the header.
    pub const fn name(self) -> &'static str {
        match self {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        }
    }
}

/// `signup.confirmation`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confirmation {
    /// The page decides.
    Optional,
    /// Every sign-up needs a confirmation.
    Required,
}

/// `signup.confirmation_click`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfirmationClick {
    /// The first proof of an address needs evidence that the same person created the account (D-39).
    Careful,
    /// The first proof of an address needs no such evidence.
    Trusting,
}

/// `disclosure.signup`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignupDisclosure {
    /// The answer reveals that an address is taken.
    Exists,
    /// The answer is always that confirmation is required.
    Quiet,
}

/// `disclosure.account`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountDisclosure {
    /// Answers reveal nothing about an account, except to its owner.
    Strict,
    /// Answers reveal as much as those of the systems in the seeds.
    Compatible,
}
