//! What is limited: what a call is for, and who or what it is about.

use doorward_config::{Limits, Rates};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::MailProof;
use doorward_store::accounts::Account;
use doorward_store::identities::Kind;

/// What a call costs or guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing in.
    SignIn,
    /// Creating an account.
    SignUp,
    /// Sending a code or a mail.
    Send,
    /// Using a code.
    Code,
    /// Asking whether an address or a username is taken.
    Check,
    /// Going to a provider, or coming back to link; and asking for a captcha beforehand.
    Flow,
}

impl Purpose {
    /// What its budgets are called.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Purpose::SignIn => "sign_in",
            Purpose::SignUp => "sign_up",
            Purpose::Send => "send",
            Purpose::Code => "code",
            Purpose::Check => "check",
            Purpose::Flow => "flow",
        }
    }

    /// What is said where there is no more.
    pub(super) const fn exceeded(self) -> ErrorCode {
        match self {
            Purpose::Send => ErrorCode::LimitExceeded,
            _ => ErrorCode::RequestExceed,
        }
    }

    /// How often for one source, and for all.
    pub(super) fn rates(self, limits: &Limits) -> (&Rates, Option<&Rates>) {
        match self {
            Purpose::SignIn => (&limits.sign_in, Some(&limits.sign_in_total)),
            Purpose::SignUp => (&limits.sign_up, Some(&limits.sign_up_total)),
            // In all, mails and SMS are counted when they are put into the outbox.
            Purpose::Send => (&limits.send, None),
            Purpose::Code => (&limits.code, None),
            Purpose::Check => (&limits.check, Some(&limits.check_total)),
            Purpose::Flow => (&limits.flow, None),
        }
    }
}

/// Whom or what a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Nobody whom it could harm: an id or a link that nobody guesses.
    Nobody,
    /// The password of whoever is known by this name, in canonical form.
    Name(Kind, &'a str),
    /// The password of this account.
    Account(&'a Account),
    /// The same, together with a right code or link of its address. Tries without one do not count there.
    Reader(&'a Account),
    /// What is sent to this address, or was.
    Address(&'a str),
}

impl PartialEq for Subject<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Subject::Nobody, Subject::Nobody) => true,
            (Subject::Name(kind, name), Subject::Name(other_kind, other)) => {
                kind == other_kind && name == other
            }
            (Subject::Account(account), Subject::Account(other))
            | (Subject::Reader(account), Subject::Reader(other)) => account.id == other.id,
            (Subject::Address(address), Subject::Address(other)) => address == other,
            _ => false,
        }
    }
}

impl<'a> Subject<'a> {
    /// The address that a code was sent to; a link is nobody's.
    pub fn of(proof: &'a MailProof) -> Subject<'a> {
        match proof {
            MailProof::Code { email, .. } => Subject::Address(email),
            MailProof::Token(_) => Subject::Nobody,
        }
    }
}
