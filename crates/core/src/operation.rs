//! The operations that hooks can receive, and the fields of their models.

use doorward_protocol::Rule;
use doorward_protocol::profile::PROFILE;

/// The target of deliveries to the hook script, in the table of deliveries.
pub const SCRIPT: &str = "script";

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text. An absent field reads as empty.
    Text,
    /// True or false. An absent field reads as false.
    Flag,
    /// A list of texts.
    Texts,
    /// An object.
    Object,
    /// Text or an object.
    Any,
}

/// One field of a model.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// Its name: `email` is read by `get_email()` and set by `set_email(…)`.
    pub name: &'static str,
    /// Its path in the request, with dots. Empty for a field that no client can send.
    pub path: &'static str,
    /// The rule for its value. A value that a hook sets is checked by it and converted to canonical form.
    pub rule: Rule,
    /// True if a hook can set it.
    pub settable: bool,
    /// True for a credential. It never leaves this process: no webhook, no log and no `post_` hook receives it.
    pub secret: bool,
}

impl FieldSpec {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self.rule {
            Rule::Flag => Kind::Flag,
            Rule::Lines(..) => Kind::Texts,
            Rule::Object(_) | Rule::AnyObject => Kind::Object,
            Rule::TextOrObject(_) | Rule::Any | Rule::FlagOrLine(_) => Kind::Any,
            _ => Kind::Text,
        }
    }
}

const fn field(name: &'static str, rule: Rule) -> FieldSpec {
    FieldSpec { name, path: name, rule, settable: true, secret: false }
}

const fn secret(name: &'static str, path: &'static str, rule: Rule) -> FieldSpec {
    FieldSpec { path, secret: true, ..field(name, rule) }
}

const fn fixed(name: &'static str, rule: Rule) -> FieldSpec {
    FieldSpec { settable: false, ..field(name, rule) }
}

/// A fact about the account, which is in no request.
const fn fact(name: &'static str, rule: Rule) -> FieldSpec {
    FieldSpec { path: "", ..fixed(name, rule) }
}

const EMAIL: FieldSpec = field("email", Rule::Email);
const USERNAME: FieldSpec = field("username", Rule::Username);
const PHONE: FieldSpec = field("phone_number", Rule::Phone);
const PASSWORD: FieldSpec = secret("password", "password", Rule::Password);
const NEW_PASSWORD: FieldSpec = secret("password", "new_password", Rule::NewPassword);
const TOKEN: FieldSpec = secret("token", "refresh_token", Rule::Line(1024));
const METHOD: FieldSpec = fixed("method", Rule::Line(64));
const PROVIDER: FieldSpec = fixed("provider", Rule::Line(64));
const FIXED_EMAIL: FieldSpec = fixed("email", Rule::Email);
const FIXED_PHONE: FieldSpec = fixed("phone_number", Rule::Phone);

/// Create the account if it does not exist (seed H07).
const CREATE: FieldSpec = FieldSpec { path: "options.auto_register", ..field("create", Rule::Flag) };

/// The roles of the account, if the operation creates it.
const ROLES: FieldSpec = FieldSpec { path: "", ..field("roles", Rule::Lines(64, 256)) };

/// The operator's hook vouches for the id, although the request has no service key (D-23).
const APPROVED: FieldSpec = FieldSpec { path: "", ..field("approved", Rule::Flag) };

/// Declares the operations: variant, name in hooks, and fields.
macro_rules! operations {
    ($( $(#[$meta:meta])* $name:ident = $text:literal: [$($field:expr),* $(,)?]; )*) => {
        /// An operation that a client requests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $( $(#[$meta])* $name, )*
        }

        impl Operation {
            /// All operations.
            pub const ALL: &'static [Operation] = &[ $( Operation::$name, )* ];

            /// Its name in hooks, after `pre_` or `post_`.
            pub const fn as_str(self) -> &'static str {
                match self { $( Operation::$name => $text, )* }
            }

            /// The name of the hook before the operation.
            pub const fn pre(self) -> &'static str {
                match self { $( Operation::$name => concat!("pre_", $text), )* }
            }

            /// The name of the hook after the operation.
            pub const fn post(self) -> &'static str {
                match self { $( Operation::$name => concat!("post_", $text), )* }
            }

            /// Its fields, without those of the profile.
            fn own(self) -> Vec<FieldSpec> {
                match self { $( Operation::$name => vec![ $($field),* ], )* }
            }
        }
    };
}

operations! {
    /// Signing in with an e-mail address and a password (seed H01).
    EmailAuth = "email_auth": [EMAIL, PASSWORD, CREATE, ROLES];
    /// Signing in with a username and a password.
    UsernameAuth = "username_auth": [USERNAME, PASSWORD, CREATE, ROLES];
    /// Signing in with a phone number and a password.
    PhoneAuth = "phone_auth": [PHONE, PASSWORD];
    /// Signing in with a one-time code.
    CodeAuth = "code_auth": [EMAIL, PHONE, CREATE, ROLES];
    /// Signing in with a device id (seed H11).
    DeviceidAuth = "deviceid_auth": [secret("id", "device_id", Rule::Id(16, 128)), CREATE, ROLES];
    /// Signing in with an id of another system (seed H17).
    CustomidAuth = "customid_auth": [secret("id", "custom_id", Rule::Id(6, 128)), APPROVED, CREATE, ROLES];
    /// Signing in with a provider.
    ProviderAuth = "provider_auth": [PROVIDER, CREATE, ROLES];
    /// Beginning a session, with any method, after the user has authenticated.
    SignIn = "sign_in": [
        METHOD, fact("email", Rule::Email), fact("email_verified", Rule::Flag), fact("phone_number", Rule::Phone),
        fact("phone_verified", Rule::Flag), fact("username", Rule::Username), fact("roles", Rule::Lines(64, 256)),
        fact("created_at", Rule::Line(64)), fact("new", Rule::Flag),
    ];
    /// Creating an account.
    Signup = "signup": [
        METHOD, EMAIL, USERNAME, PHONE, PASSWORD, ROLES,
    ];
    /// Signing out: a browser ends its own session (seed H23).
    Logout = "logout": [];
    /// Restoring a session with a stored refresh token (seed H27).
    RestoreToken = "restore_token": [TOKEN];
    /// Exchanging a refresh token (seed H33).
    RefreshToken = "refresh_token": [TOKEN];
    /// Sending a one-time code.
    SendCode = "send_code": [EMAIL, PHONE, fixed("scene", Rule::Line(64))];
    /// Requesting a mail or SMS for a new password.
    ForgotPassword = "forgot_password": [EMAIL, PHONE];
    /// Setting a new password with the code or reset link.
    ResetPassword = "reset_password": [FIXED_EMAIL, FIXED_PHONE, NEW_PASSWORD];
    /// Changing the password of the signed-in account.
    ChangePassword = "change_password": [NEW_PASSWORD];
    /// Verifying an e-mail address with the code or link.
    VerifyEmail = "verify_email": [FIXED_EMAIL];
    /// Setting, changing or removing an e-mail address or phone number of an account. Both fields are empty for a
    /// removal.
    ChangeAddress = "change_address": [FIXED_EMAIL, FIXED_PHONE];
    /// Changing the profile.
    UpdateProfile = "update_profile": [USERNAME];
    /// Linking an identity of a provider to an account.
    LinkIdentity = "link_identity": [PROVIDER];
    /// Unlinking an identity from an account.
    UnlinkIdentity = "unlink_identity": [PROVIDER];
    /// Deleting an account.
    DeleteAccount = "delete_account": [];
    /// Taking over an account without an owner, by the first proof of its address (D-39). It is part of another
    /// operation, and has no `pre_` hook.
    AccountClaimed = "account_claimed": [FIXED_EMAIL];
}

impl Operation {
    /// The names of its hooks.
    pub fn hooks(self) -> Vec<&'static str> {
        match self {
            Operation::AccountClaimed => vec![self.post()],
            _ => vec![self.pre(), self.post()],
        }
    }

    /// The fields of its model.
    pub fn fields(self) -> Vec<FieldSpec> {
        let mut fields = self.own();
        if matches!(self, Operation::Signup | Operation::UpdateProfile) {
            fields.extend(PROFILE.iter().map(|own| field(own.name, own.rule)));
        }
        fields
    }

    /// True if the operation signs a user in.
    pub fn is_sign_in(self) -> bool {
        matches!(
            self,
            Operation::EmailAuth
                | Operation::UsernameAuth
                | Operation::PhoneAuth
                | Operation::CodeAuth
                | Operation::DeviceidAuth
                | Operation::CustomidAuth
                | Operation::ProviderAuth
                | Operation::SignIn
        )
    }

    /// True if a repetition with the same `Idempotency-Key` is the same event. Otherwise each request is an event.
    pub fn is_carried_out_once(self) -> bool {
        matches!(
            self,
            Operation::Signup
                | Operation::CodeAuth
                | Operation::SignIn
                | Operation::ResetPassword
                | Operation::VerifyEmail
                | Operation::ChangeAddress
        )
    }

    /// Its field with this name.
    pub fn field(self, name: &str) -> Option<FieldSpec> {
        self.fields().into_iter().find(|field| field.name == name)
    }

    /// The operation with this name.
    pub fn named(name: &str) -> Option<Operation> {
        Operation::ALL.iter().copied().find(|operation| operation.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_of_a_model_are_unique() {
        for operation in Operation::ALL {
            let mut names: Vec<_> = operation.fields().iter().map(|field| field.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{operation:?}");
        }
    }
}
