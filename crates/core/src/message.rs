//! The messages that doorward sends, and the ways that they can go.

/// Declares the messages with their names, so that none can be forgotten.
macro_rules! messages {
    ($( $(#[$meta:meta])* $name:ident = $text:literal; )*) => {
        /// What a mail says. The name is also that of its template files.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Message {
            $( $(#[$meta])* $name, )*
        }

        impl Message {
            /// Every message.
            pub const ALL: &'static [Message] = &[ $( Message::$name, )* ];

            /// As in the outbox and in the names of template files.
            pub const fn as_str(self) -> &'static str {
                match self { $( Message::$name => $text, )* }
            }
        }
    };
}

messages! {
    /// Proves an address, also after a signup.
    VerifyEmail = "verify_email";
    /// Gets somebody back in who forgot the password.
    ResetPassword = "reset_password";
    /// Signs somebody in, or up.
    LoginCode = "login_code";
    /// Signs somebody in or up, or gets them back in who forgot the password.
    AccessCode = "access_code";
    /// Proves an address, the new one or the old one, when an account changes it.
    ChangeEmail = "change_email";
    /// Proves a phone number, the new one or the old one, when an account changes it.
    BindPhone = "bind_phone";
    /// Confirms that an account shall be deleted.
    DeleteAccount = "delete_account";
    /// Tells that the password was changed.
    PasswordChanged = "password_changed";
    /// Tells the owner of an address that somebody tried to sign up with it (`disclosure.signup = "quiet"`).
    AccountExists = "account_exists";
    /// Tells the old e-mail address that an account's e-mail address or phone number was changed or removed.
    AddressChanged = "address_changed";
    /// Tells that a provider was linked to the account, or unlinked.
    IdentitiesChanged = "identities_changed";
    /// Tells that the account was deleted.
    AccountDeleted = "account_deleted";
}

/// The ways that a message can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// By mail, to an e-mail address.
    Mail,
    /// By SMS, to a phone number.
    Sms,
}

impl Channel {
    /// The way to an address: a phone number begins with `+`, as also a mailbox may.
    pub fn of(address: &str) -> Channel {
        if address.starts_with('+') && !address.contains('@') { Channel::Sms } else { Channel::Mail }
    }

    /// As in the outbox.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Sms => "sms",
        }
    }

    /// In a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Channel::Mail => "a mail",
            Channel::Sms => "an SMS",
        }
    }
}

impl Message {
    /// Does it go this way? What is told by SMS is short, and paid for.
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

    /// The endings of its template files.
    pub fn parts(self) -> impl Iterator<Item = &'static str> {
        let mail: &[&str] = if self.goes_by(Channel::Mail) { &["subject", "txt", "html"] } else { &[] };
        let sms: &[&str] = if self.goes_by(Channel::Sms) { &["sms"] } else { &[] };
        mail.iter().chain(sms).copied()
    }

    /// The message of that name.
    pub fn named(name: &str) -> Option<Message> {
        Message::ALL.iter().copied().find(|message| message.as_str() == name)
    }
}
