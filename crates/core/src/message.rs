//! The messages that doorward sends, and their channels.

/// Declares the messages with their names and the list of all.
macro_rules! messages {
    ($( $(#[$meta:meta])* $name:ident = $text:literal; )*) => {
        /// A kind of mail or SMS. Its template files have the same name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Message {
            $( $(#[$meta])* $name, )*
        }

        impl Message {
            /// Every message.
            pub const ALL: &'static [Message] = &[ $( Message::$name, )* ];

            /// Its name in the outbox and in the names of template files.
            pub const fn as_str(self) -> &'static str {
                match self { $( Message::$name => $text, )* }
            }
        }
    };
}

messages! {
    /// Verifies an e-mail address, also after a sign-up.
    VerifyEmail = "verify_email";
    /// Lets a user set a new password.
    ResetPassword = "reset_password";
    /// Signs a user in or up.
    LoginCode = "login_code";
    /// Signs a user in or up, or lets a user set a new password.
    AccessCode = "access_code";
    /// Verifies the new or the old e-mail address when an account changes it.
    ChangeEmail = "change_email";
    /// Verifies the new or the old phone number when an account changes it.
    BindPhone = "bind_phone";
    /// Confirms the deletion of an account.
    DeleteAccount = "delete_account";
    /// Notice that the password was changed.
    PasswordChanged = "password_changed";
    /// Notice to the owner of an address that a sign-up with it was tried (`disclosure.signup = "quiet"`).
    AccountExists = "account_exists";
    /// Notice that the e-mail address or phone number of the account was changed or removed.
    AddressChanged = "address_changed";
    /// Notice that a provider identity was linked to the account, or unlinked.
    IdentitiesChanged = "identities_changed";
    /// Notice that the account was deleted.
    AccountDeleted = "account_deleted";
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By mail, to an e-mail address.
    Mail,
    /// By SMS, to a phone number.
    Sms,
}

impl Channel {
    /// The channel for an address. Only a phone number begins with `+` and has no `@`.
    pub fn of(address: &str) -> Channel {
        if address.starts_with('+') && !address.contains('@') { Channel::Sms } else { Channel::Mail }
    }

    /// Its name in the outbox.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Sms => "sms",
        }
    }

    /// Its name in a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Channel::Mail => "a mail",
            Channel::Sms => "an SMS",
        }
    }
}

impl Message {
    /// True if the message can be sent over this channel. SMS cost money, so fewer messages use them.
    pub const fn goes_by(self, channel: Channel) -> bool {
        match channel {
            Channel::Mail => !matches!(self, Message::AccessCode | Message::BindPhone),
            Channel::Sms => matches!(
                self,
                Message::LoginCode
                    | Message::AccessCode
                    | Message::ResetPassword
                    | Message::BindPhone
                    | Message::DeleteAccount
                    | Message::PasswordChanged
                    | Message::AddressChanged
                    | Message::IdentitiesChanged
            ),
        }
    }

    /// The extensions of its template files.
    pub fn parts(self) -> impl Iterator<Item = &'static str> {
        let mail: &[&str] = if self.goes_by(Channel::Mail) { &["subject", "txt", "html"] } else { &[] };
        let sms: &[&str] = if self.goes_by(Channel::Sms) { &["sms"] } else { &[] };
        mail.iter().chain(sms).copied()
    }

    /// The message with this name.
    pub fn named(name: &str) -> Option<Message> {
        Message::ALL.iter().copied().find(|message| message.as_str() == name)
    }
}
