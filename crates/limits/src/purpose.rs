//! The purpose and the subject of a call, which select its limits.

use doorward_config::{Limits, Rates};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::MailProof;
use doorward_store::accounts::Account;
use doorward_store::identities::Kind;

/// The purpose of a call: an expensive action or a guess.
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
    /// Starting a sign-in with a provider, linking its identity afterwards, or asking for a captcha in advance.
    Flow,
}

impl Purpose {
    /// First word of its budgets' names.
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

    /// The error when a budget is exhausted.
    pub(super) const fn exceeded(self) -> ErrorCode {
        match self {
            Purpose::Send => ErrorCode::LimitExceeded,
            _ => ErrorCode::RequestExceed,
        }
    }

    /// The rates for one source, and for all sources.
    pub(super) fn rates(self, limits: &Limits) -> (&Rates, Option<&Rates>) {
        match self {
            Purpose::SignIn => (&limits.sign_in, Some(&limits.sign_in_total)),
            Purpose::SignUp => (&limits.sign_up, Some(&limits.sign_up_total)),
            // The total of mails and SMS is counted when they are put into the outbox.
            Purpose::Send => (&limits.send, None),
            Purpose::Code => (&limits.code, None),
            Purpose::Check => (&limits.check, Some(&limits.check_total)),
            Purpose::Flow => (&limits.flow, None),
        }
    }
}

/// The account, name or address that a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// None: the call has an id or a link that cannot be guessed.
    Nobody,
    /// The password of the account with this name, in canonical form.
    Name(Kind, &'a str),
    /// The password of this account.
    Account(&'a Account),
    /// The same, together with a right code or link for its address. Counted apart from tries without one.
    Reader(&'a Account),
    /// A message to this address, or a code that was sent to it.
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
    /// The address that a code was sent to. A link has none.
    pub fn of(proof: &'a MailProof) -> Subject<'a> {
        match proof {
            MailProof::Code { email, .. } => Subject::Address(email),
            MailProof::Token(_) => Subject::Nobody,
        }
    }
}
