//! The draft of a new account, which the hooks are asked about.

use std::sync::Arc;

use doorward_config::{Confirmation, SignupDisclosure};
use doorward_core::local_address::is_local;
use doorward_core::password_hash::PasswordHash;
use doorward_core::profile;
use doorward_core::secret::Secret;
use doorward_credentials::passwords::HashPriority;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::profile::ProfileInput;
use doorward_protocol::signup::{FirstSignIn, SignupConfirmation, SignupOptions};
use doorward_request::error::ApiError;
use doorward_request::event::Granted;
use doorward_request::platform::Platform;
use doorward_request::typed_values;
use doorward_store::accounts::Account;
use doorward_store::identities::{Identity, Kind};
use doorward_store::{StoreError, Tx};
use url::Url;

use crate::addresses::contacts::{self, Contact};
use crate::addresses::domains;
use crate::names::{exists, is_secret, is_taken};
use crate::screening;
use crate::service::Accounts;

/// The draft of a new account, which the hooks are asked about.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// The data that the account begins with.
    pub account: Account,
    /// The names of the account.
    pub names: Vec<Identity>,
    /// The first password.
    pub password: Option<Secret>,
    /// The session that begins with the sign-up, if any.
    pub session: Option<FirstSession>,
    /// The page that the browser is sent to after the confirmation.
    pub redirect: Option<Url>,
    /// True if the response must be the same for a taken address.
    pub quiet: bool,
    /// The method that creates the account.
    pub method: String,
    /// True if a first sign-in creates the account. The sign-up limits have not counted it yet.
    pub is_first: bool,
    /// True if a hook has set the roles.
    pub has_granted_roles: bool,
}

/// How the session of a sign-up is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSession {
    /// As a login (seed A06).
    Counted,
    /// Not as a login (seed A07).
    Uncounted,
}

impl SignUp {
    /// The account of a sign-up. The options of the page can only make the operator's settings stricter (D-20).
    pub fn of_signup(
        platform: &Platform,
        options: SignupOptions,
        profile: ProfileInput,
        names: Vec<Identity>,
        method: &str,
    ) -> Result<SignUp, ApiError> {
        let settings = &platform.config.signup;
        let quiet = platform.config.disclosure.signup == SignupDisclosure::Quiet;
        let asked = match &options.signup_confirmation {
            Some(SignupConfirmation::Flag(asked)) => *asked,
            Some(SignupConfirmation::Redirect(_)) => true,
            None => false,
        };
        if quiet && names.iter().any(is_secret) && names.iter().any(|name| name.kind == Kind::Username) {
            // A later lookup of the username would reveal whether the address was free.
            return Err(ApiError::field("username", "Choose a username after the address is confirmed."));
        }
        let demanded = asked || settings.confirmation == Confirmation::Required;
        let unproven = names.iter().any(|name| name.kind == Kind::Email && !name.proven);
        if demanded && !unproven && !names.iter().any(|name| name.proven) {
            return Err(ApiError::field(
                "email",
                "An e-mail address is required. It is then confirmed by mail.",
            ));
        }
        let confirmation_required = (demanded || quiet) && unproven;
        let session = match (options.login.unwrap_or(false), options.generate_token.unwrap_or(false)) {
            // With both options, the session counts as a login (seed A09).
            (true, _) => Some(("options.login", FirstSession::Counted)),
            (false, true) => Some(("options.generate_token", FirstSession::Uncounted)),
            (false, false) => None,
        };
        if let Some((field, _)) = session {
            if confirmation_required {
                return Err(ApiError::field(
                    field,
                    "The address must be confirmed before the first sign-in.",
                ));
            }
            if !settings.auto_login {
                return Err(ApiError::field(field, "This server does not sign users in at sign-up."));
            }
        }
        let redirect = match options.signup_confirmation {
            Some(SignupConfirmation::Redirect(text)) => Some(redirect(platform, &text)?),
            _ => None,
        };
        let mut draft = SignUp::of_sign_in(platform, names, method)?;
        draft.check_domains(platform)?;
        let (profile, extras) = profile.merged();
        profile::check(&profile, &platform.config.profile.genders)?;
        typed_values::take_over(&mut draft.account.extras, extras, &platform.config.profile)?;
        draft.account.profile = profile;
        draft.account.email_subscription = options.email_subscription.unwrap_or(false);
        draft.account.confirmation_required = confirmation_required;
        draft.session = session.map(|(_, session)| session);
        draft.redirect = redirect;
        draft.is_first = false;
        Ok(draft)
    }

    /// The account of a first sign-in, with the roles that a hook has granted.
    pub fn of_first(
        platform: &Platform,
        names: Vec<Identity>,
        method: &str,
        granted: Granted,
    ) -> Result<SignUp, ApiError> {
        Ok(SignUp::of_sign_in(platform, names, method)?.granted(granted))
    }

    /// The account that a first sign-in creates. Returns `FORBIDDEN` if the operator has closed sign-up.
    fn of_sign_in(platform: &Platform, names: Vec<Identity>, method: &str) -> Result<SignUp, ApiError> {
        if !platform.config.signup.open {
            return Err(ErrorCode::Forbidden.into());
        }
        let unproven = names.iter().any(|name| name.kind == Kind::Email && !name.proven);
        let now = platform.world.now();
        let beginning = platform.config.defaults.get(method);
        let roles = beginning
            .and_then(|beginning| beginning.roles.as_ref())
            .unwrap_or(&platform.config.roles.default);
        let mut account = Account::new(platform.world.id(), roles.clone(), now);
        account.extras = beginning.map(|beginning| beginning.extras.clone()).unwrap_or_default();
        account.confirmation_required =
            unproven && platform.config.signup.confirmation == Confirmation::Required;
        let quiet = platform.config.disclosure.signup == SignupDisclosure::Quiet;
        Ok(SignUp {
            account,
            names,
            password: None,
            session: Some(FirstSession::Counted),
            redirect: None,
            quiet,
            method: method.to_owned(),
            is_first: true,
            has_granted_roles: false,
        })
    }

    /// Replaces the default roles with those that a hook has granted.
    #[must_use]
    pub fn granted(mut self, granted: Granted) -> SignUp {
        if let Some(roles) = granted.roles {
            self.account.roles = roles;
            self.has_granted_roles = true;
        }
        self
    }

    /// Rejects addresses of domains that the operator does not allow.
    pub fn check_domains(&self, platform: &Platform) -> Result<(), ApiError> {
        let mut addresses = self.names.iter().filter(|name| name.kind == Kind::Email);
        addresses.try_for_each(|name| domains::admit(&platform.config.signup, &name.value))
    }

    /// Applies the changes of the sign-up hooks to the account of a first sign-in. Returns an error if a hook
    /// has changed a name that the user signs in with.
    pub fn complete(
        &mut self,
        platform: &Platform,
        given: FirstSignIn,
        granted: Granted,
    ) -> Result<(), ApiError> {
        let FirstSignIn { email, username, phone_number, password, profile } = given;
        let phone = phone_number.map(|value| Contact { kind: Kind::Phone, value }.identity(false));
        let email = email.map(|value| Contact { kind: Kind::Email, value }.identity(false));
        let username = username.as_deref().map(contacts::username).transpose()?;
        for (kind, given) in [(Kind::Email, email), (Kind::Username, username), (Kind::Phone, phone)] {
            let present = self.names.iter().find(|name| name.kind == kind);
            match (present, given) {
                (Some(present), Some(given)) if present.value == given.value => {}
                (Some(_), _) => {
                    let field = contacts::field(kind);
                    let cause = format!("pre_signup has changed {field}, which the user signs in with");
                    return Err(ApiError::internal(cause));
                }
                (None, Some(given)) if kind == Kind::Phone => self.account.phone_number = Some(given.value),
                (None, Some(given)) => self.names.push(given),
                (None, None) => {}
            }
        }
        self.check_domains(platform)?;
        let (profile, extras) = profile.merged();
        profile::check(&profile, &platform.config.profile.genders)?;
        self.account.extras.clear();
        typed_values::take_over(&mut self.account.extras, extras, &platform.config.profile)?;
        self.account.profile = profile;
        self.password = password.map(Secret::from);
        if let Some(roles) = granted.roles {
            self.account.roles = roles;
        }
        Ok(())
    }

    /// The account as it will be stored.
    pub fn as_account(&self) -> Account {
        let mut account = self.account.clone();
        for name in &self.names {
            match name.kind {
                Kind::Email => {
                    account.email = Some(name.value.clone());
                    account.email_verified_at = name.proven.then_some(account.created_at);
                }
                Kind::Phone => account.phone = Some(name.value.clone()),
                Kind::Username => account.username = Some(name.value.clone()),
                Kind::Device | Kind::Custom | Kind::Provider => {}
            }
        }
        account
    }

    /// Screens and hashes its first password, if it has one.
    pub async fn hash(&self, accounts: &Arc<Accounts>) -> Result<Option<PasswordHash>, ApiError> {
        let Some(password) = &self.password else { return Ok(None) };
        accounts.screening.admit(password, &self.known(), "password").await?;
        Ok(Some(accounts.hasher.hash(&accounts.platform.world, password, HashPriority::Last).await?))
    }

    /// Pieces of the user's own data, which a password must not be made of.
    fn known(&self) -> Vec<String> {
        screening::of_names(&self.names, &self.account.profile)
    }

    /// The error for a taken name. With a quiet sign-up, unproven addresses are not checked.
    pub async fn taken(&self, db: &mut Tx) -> Result<Option<ApiError>, StoreError> {
        for name in &self.names {
            if !(self.quiet && is_secret(name)) && is_taken(db, name).await? {
                return Ok(Some(exists(name)));
            }
        }
        Ok(None)
    }
}

/// Parses a redirect URL and checks that the setting `links.redirects` lists it. Both URLs are parsed by the
/// rules of browsers before they are compared (SECURITY O07). With `--dev`, URLs of this machine are allowed,
/// too.
fn redirect(platform: &Platform, text: &str) -> Result<Url, ApiError> {
    let listed = |url: &Url| {
        let same = |entry: &String| Url::parse(entry).is_ok_and(|entry| entry == *url);
        platform.config.links.redirects.iter().any(same) || (platform.dev && is_local(url))
    };
    Url::parse(text).ok().filter(listed).ok_or_else(|| {
        ApiError::field(
            "options.signup_confirmation",
            "This must be true, or a full address that is in the server's setting links.redirects.",
        )
    })
}
