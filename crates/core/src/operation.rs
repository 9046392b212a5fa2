//! What a hook can be about: each operation, and what its model has.

use doorward_protocol::Rule;
use doorward_protocol::profile::PROFILE;

/// Who is told by a script, in the table of deliveries.
pub const SCRIPT: &str = "script";

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; an absent one reads as empty.
    Text,
    /// True or false; an absent one reads as false.
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
    /// Where it stands in the request, with dots; empty for what no client can send.
    pub path: &'static str,
    /// What a value of it must look like: one that a hook sets is checked by it, and brought into canonical form.
    pub rule: Rule,
    /// May a hook set it?
    pub settable: bool,
    /// Does whoever knows it come in by it? Then it stays in this process: no webhook, no log and no `post_` hook has it.
    pub secret: bool,
}

impl FieldSpec {
    /// What it holds.
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

/// A fact about the account, which no request has in it.
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

/// Is the account made, if there is none (seed H07)?
const CREATE: FieldSpec = FieldSpec { path: "options.auto_register", ..field("create", Rule::Flag) };

/// The roles of the account, if it is made now.
const ROLES: FieldSpec = FieldSpec { path: "", ..field("roles", Rule::Lines(64, 256)) };

/// Does the operator vouch for the id, though no service key came with it (D-23)?
const APPROVED: FieldSpec = FieldSpec { path: "", ..field("approved", Rule::Flag) };

/// Declares the operations: name, what it is called in a hook, and its fields.
macro_rules! operations {
    ($( $(#[$meta:meta])* $name:ident = $text:literal: [$($field:expr),* $(,)?]; )*) => {
        /// What somebody is about to do, or has done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $( $(#[$meta])* $name, )*
        }

        impl Operation {
            /// All there are.
            pub const ALL: &'static [Operation] = &[ $( Operation::$name, )* ];

            /// As hooks are named: `pre_` and `post_` stand before it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Operation::$name => $text, )* }
            }

            /// The hook that comes before it.
            pub const fn pre(self) -> &'static str {
                match self { $( Operation::$name => concat!("pre_", $text), )* }
            }

            /// The hook that comes after it.
            pub const fn post(self) -> &'static str {
                match self { $( Operation::$name => concat!("post_", $text), )* }
            }

            /// The fields beside those of the profile.
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
    /// Signing in with the id of a device (seed H11).
    DeviceidAuth = "deviceid_auth": [secret("id", "device_id", Rule::Id(16, 128)), CREATE, ROLES];
    /// Signing in with an id of another system (seed H17).
    CustomidAuth = "customid_auth": [secret("id", "custom_id", Rule::Id(6, 128)), APPROVED, CREATE, ROLES];
    /// Signing in with a provider.
    ProviderAuth = "provider_auth": [PROVIDER, CREATE, ROLES];
    /// Beginning a session, by any method: the person has proven which account is theirs.
    SignIn = "sign_in": [
        METHOD, fact("email", Rule::Email), fact("email_verified", Rule::Flag), fact("phone_number", Rule::Phone),
        fact("phone_verified", Rule::Flag), fact("username", Rule::Username), fact("roles", Rule::Lines(64, 256)),
        fact("created_at", Rule::Line(64)), fact("new", Rule::Flag),
    ];
    /// Making an account.
    Signup = "signup": [
        METHOD, EMAIL, USERNAME, PHONE, PASSWORD, ROLES,
    ];
    /// Ending a session by its own browser (seed H23).
    Logout = "logout": [];
    /// Going on with a session by a token that was kept (seed H27).
    RestoreToken = "restore_token": [TOKEN];
    /// Exchanging a refresh token (seed H33).
    RefreshToken = "refresh_token": [TOKEN];
    /// Sending a one-time code.
    SendCode = "send_code": [EMAIL, PHONE, fixed("scene", Rule::Line(64))];
    /// Asking for a mail or SMS to set a new password with.
    ForgotPassword = "forgot_password": [EMAIL, PHONE];
    /// Setting a new password with what was sent.
    ResetPassword = "reset_password": [FIXED_EMAIL, FIXED_PHONE, NEW_PASSWORD];
    /// Setting another password, signed in.
    ChangePassword = "change_password": [NEW_PASSWORD];
    /// Proving an e-mail address with what was sent.
    VerifyEmail = "verify_email": [FIXED_EMAIL];
    /// Giving an account another e-mail address or phone number, or taking it away (then both are empty).
    ChangeAddress = "change_address": [FIXED_EMAIL, FIXED_PHONE];
    /// Changing the profile.
    UpdateProfile = "update_profile": [USERNAME];
    /// Linking an identity of a provider to an account.
    LinkIdentity = "link_identity": [PROVIDER];
    /// Taking an identity from an account.
    UnlinkIdentity = "unlink_identity": [PROVIDER];
    /// Closing an account.
    DeleteAccount = "delete_account": [];
    /// Taking over an account that has no owner yet, by the first proof of its address (D-39). It happens within another
    /// operation, and hooks hear of it only afterwards.
    AccountClaimed = "account_claimed": [FIXED_EMAIL];
}

impl Operation {
    /// Its hooks.
    pub fn hooks(self) -> Vec<&'static str> {
        match self {
            Operation::AccountClaimed => vec![self.post()],
            _ => vec![self.pre(), self.post()],
        }
    }

    /// What its model has.
    pub fn fields(self) -> Vec<FieldSpec> {
        let mut fields = self.own();
        if matches!(self, Operation::Signup | Operation::UpdateProfile) {
            fields.extend(PROFILE.iter().map(|own| field(own.name, own.rule)));
        }
        fields
    }

    /// Does it begin a session?
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

    /// Is a repetition with the same `Idempotency-Key` the same event? Else each call is one.
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

    /// One of its fields.
    pub fn field(self, name: &str) -> Option<FieldSpec> {
        self.fields().into_iter().find(|field| field.name == name)
    }

    /// The operation of this name.
    pub fn named(name: &str) -> Option<Operation> {
        Operation::ALL.iter().copied().find(|operation| operation.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_model_has_one_meaning() {
        for operation in Operation::ALL {
            let mut names: Vec<_> = operation.fields().iter().map(|field| field.name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{operation:?}");
        }
    }
}
