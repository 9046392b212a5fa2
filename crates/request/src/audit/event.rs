//! The events of the audit.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An account was made.
    SignedUp,
    /// A signup met an account that has the address already.
    SignupRepeated,
    /// Someone signed in.
    SignedIn,
    /// Someone did not sign in.
    SignInFailed,
    /// Someone signed out.
    SignedOut,
    /// A refresh token that was used up long ago came again: the session was ended (D-2).
    TokenReused,
    /// A refresh token is ahead of its row: the database has lost a write (D-1).
    TokenAhead,
    /// A refresh token of a key-bound session that was used up came again: refused, the session goes on (D-1).
    TokenStale,
    /// A genuine refresh token came without the key that it is bound to: it was copied out of its browser (D-1).
    KeyMismatch,
    /// A session has outlived its time.
    SessionExpired,
    /// A session was ended from another of the same account, or several were.
    SessionRevoked,
    /// An address was proven.
    EmailVerified,
    /// A mail with a code was asked for.
    CodeRequested,
    /// The mail left, with a new code and link.
    CodeSent,
    /// A wrong, old or used code or link was given.
    CodeRefused,
    /// A forgotten password was replaced; all sessions were ended.
    PasswordReset,
    /// An operator made an account.
    UserCreated,
    /// An operator disabled an account; all sessions were ended.
    UserDisabled,
    /// An operator enabled an account again.
    UserEnabled,
    /// An operator deleted an account.
    UserDeleted,
    /// An operator set a password; all sessions were ended.
    PasswordSet,
    /// An operator gave an account other roles.
    RolesSet,
    /// An operator was given all that is stored of a person.
    UserExported,
    /// An operator made a service key.
    ServiceKeyCreated,
    /// An operator ended a service key.
    ServiceKeyRevoked,
    /// An operator had a delivery to a hook sent again.
    DeliveryResent,
    /// A password was changed, or the first one set; the other sessions were ended.
    PasswordChanged,
    /// The wrong password was given by somebody who is signed in.
    PasswordRefused,
    /// The first proof of its address took over an account that had no owner yet: what was prepared before is gone.
    AccountClaimed,
    /// An address was taken from an account that only claimed it: somebody else has proven it.
    ClaimReleased,
    /// An account got its first e-mail address.
    EmailBound,
    /// The e-mail address was changed for another.
    EmailChanged,
    /// The e-mail address was taken from the account.
    EmailUnbound,
    /// An account got its first phone number.
    PhoneBound,
    /// The phone number was changed for another.
    PhoneChanged,
    /// The phone number was taken from the account.
    PhoneUnbound,
    /// The name to sign in by was set, changed or removed.
    UsernameChanged,
    /// A provider's identity was linked to an account: by its owner, or on an address that both have proven.
    IdentityLinked,
    /// A provider's identity was taken from the account.
    IdentityUnlinked,
    /// An answer of a provider's was not taken, or it said no.
    FlowRefused,
    /// An account was deleted by its owner.
    AccountDeleted,
}

impl Event {
    /// Was something not done?
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

    /// As stored.
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
