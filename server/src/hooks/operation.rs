//! What a hook can be about: each operation, and what its model has.

use doorward_protocol::Rule;
use doorward_protocol::profile::PROFILE;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name: `email` is read by `get_email()` and set by `set_email(…)`.
    pub name: &'static str,
    /// Where it stands in the request, with dots; empty for what no client can send.
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// May a hook set it?
    pub settable: bool,
    /// Does whoever knows it come in by it? Then it stays in this process: no webhook, no log and no `post_` hook has it.
    pub secret: bool,
}

const fn text(name: &'static str) -> FieldSpec {
    FieldSpec { name, path: name, kind: Kind::Text, settable: true, secret: false }
}

const fn secret(name: &'static str, path: &'static str) -> FieldSpec {
    FieldSpec { name, path, kind: Kind::Text, settable: true, secret: true }
}

const fn fixed(name: &'static str) -> FieldSpec {
    FieldSpec { name, path: name, kind: Kind::Text, settable: false, secret: false }
}

/// Is the account made, if there is none (seed H07)?
const CREATE: FieldSpec = FieldSpec {
    name: "create",
    path: "options.auto_register",
    kind: Kind::Flag,
    settable: true,
    secret: false,
};

/// The roles of the account, if it is made now.
const ROLES: FieldSpec =
    FieldSpec { name: "roles", path: "", kind: Kind::Texts, settable: true, secret: false };

/// Does the operator vouch for the id, though no service key came with it (D-23)?
const APPROVED: FieldSpec =
    FieldSpec { name: "approved", path: "", kind: Kind::Flag, settable: true, secret: false };

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
    EmailAuth = "email_auth": [text("email"), secret("password", "password"), CREATE, ROLES];
    /// Signing in with a username and a password.
    UsernameAuth = "username_auth": [text("username"), secret("password", "password"), CREATE, ROLES];
    /// Signing in with a phone number and a password.
    PhoneAuth = "phone_auth": [text("phone_number"), secret("password", "password")];
    /// Signing in with a one-time code.
    CodeAuth = "code_auth": [text("email"), text("phone_number"), CREATE, ROLES];
    /// Signing in with the id of a device (seed H11).
    DeviceidAuth = "deviceid_auth": [secret("id", "device_id"), CREATE, ROLES];
    /// Signing in with an id of another system (seed H17).
    CustomidAuth = "customid_auth": [secret("id", "custom_id"), APPROVED, CREATE, ROLES];
    /// Signing in with a provider.
    ProviderAuth = "provider_auth": [fixed("provider"), CREATE, ROLES];
    /// Making an account.
    Signup = "signup": [
        fixed("method"), text("email"), text("username"), text("phone_number"), secret("password", "password"), ROLES,
    ];
    /// Ending a session by its own browser (seed H23).
    Logout = "logout": [];
    /// Going on with a session by a token that was kept (seed H27).
    RestoreToken = "restore_token": [secret("token", "refresh_token")];
    /// Exchanging a refresh token (seed H33).
    RefreshToken = "refresh_token": [secret("token", "refresh_token")];
    /// Sending a one-time code.
    SendCode = "send_code": [text("email"), text("phone_number"), fixed("scene")];
    /// Asking for a mail or SMS to set a new password with.
    ForgotPassword = "forgot_password": [text("email"), text("phone_number")];
    /// Setting a new password with what was sent.
    ResetPassword = "reset_password": [fixed("email"), fixed("phone_number"), secret("password", "new_password")];
    /// Setting another password, signed in.
    ChangePassword = "change_password": [secret("password", "new_password")];
    /// Proving an e-mail address with what was sent.
    VerifyEmail = "verify_email": [fixed("email")];
    /// Giving an account another e-mail address or phone number, or taking it away (then both are empty).
    ChangeAddress = "change_address": [fixed("email"), fixed("phone_number")];
    /// Changing the profile.
    UpdateProfile = "update_profile": [text("username")];
    /// Linking an identity of a provider to an account.
    LinkIdentity = "link_identity": [fixed("provider")];
    /// Taking an identity from an account.
    UnlinkIdentity = "unlink_identity": [fixed("provider")];
    /// Closing an account.
    DeleteAccount = "delete_account": [];
}

impl Operation {
    /// What its model has.
    pub fn fields(self) -> Vec<FieldSpec> {
        let mut fields = self.own();
        if matches!(self, Operation::Signup | Operation::UpdateProfile) {
            fields
                .extend(PROFILE.iter().map(|field| FieldSpec { kind: kind(field.rule), ..text(field.name) }));
        }
        fields
    }

    /// Is a repetition with the same `Idempotency-Key` the same event? Else each call is one.
    pub(super) fn is_carried_out_once(self) -> bool {
        matches!(
            self,
            Operation::Signup
                | Operation::CodeAuth
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

fn kind(rule: Rule) -> Kind {
    match rule {
        Rule::Flag => Kind::Flag,
        Rule::Lines(..) => Kind::Texts,
        Rule::Object(_) | Rule::AnyObject => Kind::Object,
        Rule::TextOrObject(_) | Rule::Any | Rule::FlagOrLine(_) => Kind::Any,
        _ => Kind::Text,
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
