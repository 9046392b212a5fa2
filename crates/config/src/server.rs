//! Every setting of the core. Defaults suit production; what `--dev` changes is said there.

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
    /// Everything an operator can set.
    pub struct Config {
        /// Where people and apps reach this server, like `https://auth.example.com`. With a path, like `https://www.example.com/auth`, the proxy in front must take that path away. Names the issuer of tokens and the host of mail links. Required and https, except with --dev.
        public_url: String = String::new(),
        /// Address and port to listen on. Port 0 is a free port that the system chooses; the line on standard output names it.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
        /// Addresses and networks of the proxies in front of this server, like `10.1.2.0/24`: whom they say that they speak for is believed. Without any, everybody behind a proxy is one source for limits, and one address in the audit log.
        trusted_proxies: Vec<Network> = Vec::new(),
        /// Where such a proxy says it: `x-forwarded-for` or `forwarded` (RFC 7239).
        proxy_header: ProxyHeader = ProxyHeader::XForwardedFor,
        /// Connections of clients.
        http: Http = Http::default(),
        /// Folder of the database, unless that is PostgreSQL.
        data: PathBuf = PathBuf::from("data"),
        /// Where accounts and sessions are kept.
        database: Database = Database::default(),
        /// File with the secret keys, or its content. `doorward keys generate` makes one; --dev makes its own in the data folder.
        secret_keys: Secret = Secret::default(),
        /// Does `POST /v1/email/check` tell whether an address is taken? On with --dev.
        check_email: bool = false,
        /// Pages of other origins that may call this server.
        cors: Cors = Cors::default(),
        /// Creating accounts.
        signup: Signup = Signup::default(),
        /// Does a first sign-in make the account?
        auto_register: AutoRegister = AutoRegister::default(),
        /// What has to be solved after failures, before a call goes on.
        captcha: Captcha = Captcha::default(),
        /// Providers that people sign in with: `[providers.NAME]`.
        providers: Named<Provider> = Named::default(),
        /// What a new account begins with: `[defaults.METHOD]`, the method being `password`, `email_code`, `phone_code`, `device`, `custom` or the name of a provider.
        defaults: Named<Beginning> = Named::default(),
        /// E-mail addresses.
        email: Email = Email::default(),
        /// Phone numbers.
        phone: Phone = Phone::default(),
        /// Ids that an app makes for its device.
        device_id: DeviceId = DeviceId::default(),
        /// Ids that another system of yours has for a person.
        custom_id: CustomId = CustomId::default(),
        /// What a person says of themself.
        profile: Profile = Profile::default(),
        /// User-defined data: `[user_data.NAME]` with `type`.
        user_data: Declared<Datum> = Declared::default(),
        /// What answers tell about accounts.
        disclosure: Disclosure = Disclosure::default(),
        /// Passwords and their hashes.
        password: Password = Password::default(),
        /// Access tokens.
        token: Token = Token::default(),
        /// Sessions and their refresh tokens.
        session: Session = Session::default(),
        /// Sign-ins with a provider.
        flows: Flows = Flows::default(),
        /// Back ends that ask whether a token is good.
        introspection: Introspection = Introspection::default(),
        /// Functions of yours that the server calls before and after what it does.
        hooks: Hooks = Hooks::default(),
        /// Administration over HTTP: `/v1/admin`, for service keys of the scope `admin`.
        admin: Admin = Admin::default(),
        /// Roles.
        roles: Roles = Roles::default(),
        /// Addresses in mails and redirects.
        links: Links = Links::default(),
        /// The server that takes our mails.
        smtp: Smtp = Smtp::default(),
        /// The gateway that takes our SMS, and what may be spent on it.
        sms: Sms = Sms::default(),
        /// What mails look like.
        mail: Mail = Mail::default(),
        /// One-time codes and mailed links.
        codes: Codes = Codes::default(),
        /// Services of yours that are told what people do, and may be asked before it: `[webhooks.NAME]`.
        webhooks: Named<Webhook> = Named::default(),
        /// Calls of other servers: webhooks, SMS gateways, providers.
        outbound: Outbound = Outbound::default(),
        /// How often what costs or guesses may happen.
        limits: Limits = Limits::default(),
        /// Surfaces that programs know from other systems.
        compat: Compat = Compat::default(),
        /// Folders that are served beside the API: `[[site]]` with `path` and `dir`.
        site: Vec<Site> = Vec::new(),
        /// Logging.
        log: Log = Log::default(),
        /// Deleting what is over.
        prune: Prune = Prune::default(),
    }

    /// Pages of other origins that may call this server.
    pub struct Cors {
        /// Exact origins, like `https://www.example.com`; of apps and extensions like `capacitor://localhost` and `chrome-extension://ID`. With --dev any localhost origin is allowed too, and `null`, which `file:` pages have, if it stands here.
        origins: Vec<String> = Vec::new(),
    }

    /// Creating accounts.
    pub struct Signup {
        /// May anybody sign up?
        open: bool = true,
        /// `required`: the address must be confirmed before the first login. `optional`: as the page asks.
        confirmation: Confirmation = Confirmation::Optional,
        /// What the link or code of a confirmation mail is enough for. `careful`: for an account that the same person has made, which takes evidence the first time. `trusting`: for every account with the address.
        confirmation_click: ConfirmationClick = ConfirmationClick::Careful,
        /// May a page ask to be signed in by the signup itself (`login`, `generate_token`)?
        auto_login: bool = true,
        /// Domains like `example.com`: people give themselves addresses of these and of no others. Empty: of any. Keeps others out only with `confirmation = "required"`.
        domains: Vec<String> = Vec::new(),
        /// Domains of which, and below which, nobody takes an address.
        blocked_domains: Vec<String> = Vec::new(),
    }

    /// What answers tell about accounts.
    pub struct Disclosure {
        /// `exists`: a signup with a taken address says so. `quiet`: every signup answers that confirmation is required.
        signup: SignupDisclosure = SignupDisclosure::Exists,
        /// `compatible`: `check_email` tells dates and whether an address is verified, and asking for a mail or an SMS to an address or number that no account has is refused. `strict`: neither.
        account: AccountDisclosure = AccountDisclosure::Strict,
    }

    /// Passwords and their hashes.
    pub struct Password {
        /// Least number of characters in a new password.
        min_length: u32 = 6,
        /// Greatest number of characters in a new password.
        max_length: u32 = 60,
        /// New passwords that are refused: `common` for the 20,000 most frequent ones, or a file with one a line; with them those that are made of the person's names and addresses, of `mail.product` and of the host. Empty: none.
        blocked: String = String::new(),
        /// File of stolen passwords that are refused, made by `doorward passwords filter`.
        breach_filter: Option<PathBuf> = None,
        /// Service that knows stolen passwords by the first five digits of their SHA-1, like `https://pwned.example.com/range/`. It is asked for one second at most; no answer refuses nobody.
        breach_service: String = String::new(),
        /// Argon2id: memory of one hash in KiB.
        hash_memory: u32 = 19_456,
        /// Argon2id: passes over the memory.
        hash_passes: u32 = 2,
        /// Argon2id: lanes.
        hash_lanes: u32 = 1,
        /// Hashes computed at the same time; 0 means one per core.
        hash_threads: u32 = 0,
        /// Hashes that may wait; more are refused at once with 503 and Retry-After.
        hash_queue: u32 = 256,
    }

    /// Access tokens.
    pub struct Token {
        /// How long an access token lives.
        lifetime: Span = Span::minutes(10),
        /// Its `aud`; empty means `public_url`.
        audience: String = String::new(),
        /// A new key signs after this long.
        rotate_keys: Span = Span::days(30),
        /// A new key is published this long before it signs: longer than anybody keeps a copy of the JWKS document.
        publish_keys: Span = Span::days(1),
    }

    /// Sessions and their refresh tokens.
    pub struct Session {
        /// A session ends this long after the sign-in, however much it is used.
        absolute: Span = Span::days(90),
        /// A session ends when it was not refreshed for this long.
        idle: Span = Span::days(30),
        /// For this long after a refresh the token before still gets the same successor.
        grace: Span = Span::seconds(30),
        /// A token this young is not replaced by a refresh: the answer carries it again.
        repeat: Span = Span::seconds(10),
        /// A sign-in this young allows to change password, addresses and links, and to delete the account.
        fresh: Span = Span::minutes(10),
        /// Must every new session be bound to a key of the browser (DPoP)? Sign-ins without a proof are refused then.
        require_proof: bool = false,
    }

    /// Sign-ins with a provider.
    pub struct Flows {
        /// How long a person has at the provider, and then again to register with what it says.
        lifetime: Span = Span::minutes(10),
        /// For this long the same answer of a provider gets the same answer of ours: after a reload, or when the page asks twice.
        grace: Span = Span::minutes(2),
    }

    /// Back ends that ask whether a token is good.
    pub struct Introspection {
        /// Who may call `POST /v1/introspect`: each `id:secret`, the secret at least 32 characters long.
        clients: Vec<Secret> = Vec::new(),
    }

    /// Administration over HTTP: `/v1/admin`, for service keys of the scope `admin`.
    pub struct Admin {
        /// Address and port of a listener that serves it and nothing else, like `127.0.0.1:8091`. Without this setting there is no such listener.
        listen: Option<SocketAddr> = None,
        /// Is it served where `listen` says, too, to whoever reaches this server?
        public: bool = false,
    }

    /// Roles.
    pub struct Roles {
        /// Roles of a new account. They stand in the `roles` claim of its access tokens.
        default: Vec<String> = vec!["user".to_owned()],
    }

    /// Addresses in mails and redirects.
    pub struct Links {
        /// Exact addresses that a confirmation may end at: of pages, or of an app like `com.example.app://welcome`. With --dev any localhost address is allowed too.
        redirects: Vec<String> = Vec::new(),
        /// Address in the verification mail, with `{public_url}` and `{token}`.
        verify: String = "{public_url}/account/verify#token={token}".to_owned(),
        /// Address in the password mail, with `{public_url}` and `{token}`.
        reset: String = "{public_url}/account/reset#token={token}".to_owned(),
        /// The page where a new password can be asked for, with `{public_url}`; named in mails without a token.
        forgot: String = "{public_url}/account/reset".to_owned(),
    }

    /// Logging.
    pub struct Log {
        /// What is logged: `error`, `warn`, `info`, `debug`, or a filter like `info,doorward=debug`.
        level: String = "info".to_owned(),
    }

    /// Deleting what is over.
    pub struct Prune {
        /// How often to look.
        every: Span = Span::minutes(10),
        /// How long the audit log is kept.
        audit: Span = Span::days(365),
        /// How long a challenge is remembered, used or not: until then an old link is told to be old.
        challenges: Span = Span::days(7),
        /// How long a mail that was given up is kept for you to see.
        dead_letters: Span = Span::days(30),
    }
}

/// `proxy_header`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// What most proxies send.
    XForwardedFor,
    /// As RFC 7239 has it.
    Forwarded,
}

impl ProxyHeader {
    /// Its name in a request.
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
    /// As the page asks.
    Optional,
    /// Always.
    Required,
}

/// `signup.confirmation_click`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfirmationClick {
    /// The first proof of an address asks for evidence that the same person made the account (D-39).
    Careful,
    /// It asks for none.
    Trusting,
}

/// `disclosure.signup`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignupDisclosure {
    /// A taken address is said to be taken.
    Exists,
    /// Taken or not, the answer is that confirmation is required.
    Quiet,
}

/// `disclosure.account`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountDisclosure {
    /// Nothing about an account to anybody but its owner.
    Strict,
    /// As the seeds' systems did.
    Compatible,
}
