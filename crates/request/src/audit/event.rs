//! The events of the audit log.

/// A security-relevant event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An account was created.
    SignedUp,
    /// A sign-up used an address that already has an account.
    SignupRepeated,
    /// A user signed in.
    SignedIn,
    /// A sign-in failed.
    SignInFailed,
    /// A user signed out.
    SignedOut,
    /// A refresh token that was used up long ago was used again: the session was ended (D-2).
    TokenReused,
    /// A refresh token is ahead of its row: the database has lost a write (D-1).
    TokenAhead,
    /// A refresh token of a key-bound session was used again: refused, and the session continues (D-1).
    TokenStale,
    /// A genuine refresh token was used without its key: it was copied out of its browser (D-1).
    KeyMismatch,
    /// A session expired.
    SessionExpired,
    /// A user ended one or several sessions from another session of the same account.
    SessionRevoked,
    /// An address was proven.
    EmailVerified,
    /// A message with a code was requested.
    CodeRequested,
    /// A new code was created, and its message is about to be sent.
    CodeSent,
    /// A wrong, old or used code or link was presented.
    CodeRefused,
    /// A forgotten password was replaced; all sessions were ended.
    PasswordReset,
    /// An operator created an account.
    UserCreated,
    /// An operator disabled an account; all sessions were ended.
    UserDisabled,
    /// An operator enabled an account again.
    UserEnabled,
    /// An operator deleted an account.
    UserDeleted,
    /// An operator set a password; all sessions were ended.
    PasswordSet,
    /// An operator changed the roles of an account.
    RolesSet,
    /// An operator exported all stored data of a user.
    UserExported,
    /// An operator created a service key.
    ServiceKeyCreated,
    /// An operator revoked a service key.
    ServiceKeyRevoked,
    /// An operator had a delivery to a hook sent again.
    DeliveryResent,
    /// A password was changed, or the first one set; the other sessions were ended.
    PasswordChanged,
    /// A signed-in user entered a wrong password.
    PasswordRefused,
    /// The first proof of its address took over an account that had no owner yet. Everything that was prepared before
    /// was removed.
    AccountClaimed,
    /// An address was removed from an account that only claimed it, because another user has proven it.
    ClaimReleased,
    /// An account got its first e-mail address.
    EmailBound,
    /// The e-mail address was changed for another.
    EmailChanged,
    /// The e-mail address was removed from the account.
    EmailUnbound,
    /// An account got its first phone number.
    PhoneBound,
    /// The phone number was changed for another.
    PhoneChanged,
    /// The phone number was removed from the account.
    PhoneUnbound,
    /// The username was set, changed or removed.
    UsernameChanged,
    /// A provider's identity was linked to an account: by its owner, or on an address that both have proven.
    IdentityLinked,
    /// A provider's identity was removed from the account.
    IdentityUnlinked,
    /// A provider's answer was rejected, or was an error.
    FlowRefused,
    /// A user deleted their own account.
    AccountDeleted,
}

impl Event {
    /// True if the event is a refusal.
    pub(super) fn is_refusal(self) -> bool {
        matches!(
            self,
            Event::SignInFailed
                | Event::TokenReused
                | Event::TokenStale
                | Event::KeyMismatch
                | Event::SessionExpired
                | Event::CodeRefused
                | Event::PasswordRefused
                | Event::FlowRefused
        )
    }

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Event::SignedUp => "signed_up",
            Event::SignupRepeated => "signup_repeated",
            Event::SignedIn => "signed_in",
            Event::SignInFailed => "sign_in_failed",
            Event::SignedOut => "signed_out",
            Event::TokenReused => "token_reused",
            Event::TokenAhead => "token_ahead",
            Event::TokenStale => "token_stale",
            Event::KeyMismatch => "key_mismatch",
            Event::SessionExpired => "session_expired",
            Event::SessionRevoked => "session_revoked",
            Event::EmailVerified => "email_verified",
            Event::CodeRequested => "code_requested",
            Event::CodeSent => "code_sent",
            Event::CodeRefused => "code_refused",
            Event::PasswordReset => "password_reset",
            Event::UserCreated => "user_created",
            Event::UserDisabled => "user_disabled",
            Event::UserEnabled => "user_enabled",
            Event::UserDeleted => "user_deleted",
            Event::PasswordSet => "password_set",
            Event::RolesSet => "roles_set",
            Event::UserExported => "user_exported",
            Event::ServiceKeyCreated => "service_key_created",
            Event::ServiceKeyRevoked => "service_key_revoked",
            Event::DeliveryResent => "delivery_resent",
            Event::PasswordChanged => "password_changed",
            Event::PasswordRefused => "password_refused",
            Event::AccountClaimed => "account_claimed",
            Event::ClaimReleased => "claim_released",
            Event::EmailBound => "email_bound",
            Event::EmailChanged => "email_changed",
            Event::EmailUnbound => "email_unbound",
            Event::PhoneBound => "phone_bound",
            Event::PhoneChanged => "phone_changed",
            Event::PhoneUnbound => "phone_unbound",
            Event::UsernameChanged => "username_changed",
            Event::IdentityLinked => "identity_linked",
            Event::IdentityUnlinked => "identity_unlinked",
            Event::FlowRefused => "flow_refused",
            Event::AccountDeleted => "account_deleted",
        }
    }
}
