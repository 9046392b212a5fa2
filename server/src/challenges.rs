//! One-time codes and the tokens of mailed links: how they are made, hashed and named. Rows are `store::challenges`.

use std::iter;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::MailProof;
use serde::{Deserialize, Serialize};

use crate::audit::{Event, Record};
use crate::clock::World;
use crate::error::ApiError;
use crate::extract::Caller;
use crate::first_proof;
use crate::keys::{KeyId, Purpose, SecretKeys};
use crate::limits;
use crate::mail::Message;
use crate::secret::Secret;
use crate::state::App;
use crate::store::challenges::{self, Consumed};
use crate::store::identities::{self, Kind};
use crate::store::{StoreError, Tx};

/// All that a code or link is good for (D-21). The name is also that of the mail which carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Proving an address.
    VerifyEmail,
    /// Choosing a new password.
    ResetPassword,
    /// Signing in, or up.
    Login,
    /// Signing in, signing up or choosing a new password: an SMS code that was asked for without a scene and without a
    /// session (D-40). No call asks for it by name; see [`Scene::accepted`].
    Access,
    /// Giving an account another e-mail address: the new one and the old one are proven.
    ChangeEmail,
    /// Giving an account a phone number, or another one: the new one and the old one are proven.
    BindPhone,
    /// Deleting the account.
    DeleteAccount,
}

impl Scene {
    /// The mail that carries its code and link.
    pub const fn message(self) -> Message {
        match self {
            Scene::VerifyEmail => Message::VerifyEmail,
            Scene::ResetPassword => Message::ResetPassword,
            Scene::Login => Message::LoginCode,
            Scene::Access => Message::AccessCode,
            Scene::ChangeEmail => Message::ChangeEmail,
            Scene::BindPhone => Message::BindPhone,
            Scene::DeleteAccount => Message::DeleteAccount,
        }
    }

    /// What the code and link of a mail are good for.
    pub fn of(message: Message) -> Option<Scene> {
        match message {
            Message::VerifyEmail => Some(Scene::VerifyEmail),
            Message::ResetPassword => Some(Scene::ResetPassword),
            Message::LoginCode => Some(Scene::Login),
            Message::AccessCode => Some(Scene::Access),
            Message::ChangeEmail => Some(Scene::ChangeEmail),
            Message::BindPhone => Some(Scene::BindPhone),
            Message::DeleteAccount => Some(Scene::DeleteAccount),
            Message::PasswordChanged
            | Message::AccountExists
            | Message::AddressChanged
            | Message::IdentitiesChanged
            | Message::AccountDeleted => None,
        }
    }

    /// Does its mail carry a link beside the code?
    pub const fn has_link(self) -> bool {
        matches!(self, Scene::VerifyEmail | Scene::ResetPassword)
    }

    /// Is it opened for one account, whoever the address belongs to?
    pub const fn is_bound(self) -> bool {
        matches!(self, Scene::ChangeEmail | Scene::BindPhone | Scene::DeleteAccount)
    }

    /// The scenes of the codes that a call for this scene takes, in the order in which they are tried.
    ///
    /// A code without a scene is one challenge with one count of tries, whichever call it is given to: so it takes five
    /// tries in all, and its first use ends everything that it opens.
    pub fn accepted(self) -> impl Iterator<Item = Scene> {
        let is_wide = matches!(self, Scene::Login | Scene::ResetPassword);
        iter::once(self).chain(is_wide.then_some(Scene::Access))
    }

    /// The scenes of the codes that a new code of this one voids: one call takes both, and side by side they would double its
    /// tries.
    pub const fn rivals(self) -> &'static [Scene] {
        match self {
            Scene::Login | Scene::ResetPassword => &[Scene::Access],
            Scene::Access => &[Scene::Login, Scene::ResetPassword],
            Scene::VerifyEmail | Scene::ChangeEmail | Scene::BindPhone | Scene::DeleteAccount => &[],
        }
    }

    /// As in the database.
    pub const fn as_str(self) -> &'static str {
        self.message().as_str()
    }
}

/// A code as it is sent: six digits.
pub struct PlainCode(Secret);

impl PlainCode {
    /// Six digits, each of the million equally likely.
    pub fn mint(world: &World) -> PlainCode {
        const LIMIT: u32 = 4_294_000_000;
        loop {
            let number = u32::from_be_bytes(world.bytes());
            // What lies above the last whole million would make the lowest codes more likely.
            if number < LIMIT {
                return PlainCode(Secret::from(format!("{:06}", number % 1_000_000)));
            }
        }
    }

    /// A code as somebody gave it, six digits.
    pub fn given(digits: String) -> PlainCode {
        PlainCode(Secret::from(digits))
    }

    /// For the mail.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// As it is stored: bound to scene and address, and with a key that is not in the database, because a million
    /// codes are tried in no time. `None` when the key is not in the file any more.
    pub fn hash(&self, keys: &SecretKeys, key: KeyId, scene: Scene, address: &str) -> Option<Vec<u8>> {
        let parts = [scene.as_str().as_bytes(), b"\n", address.as_bytes(), b"\n", self.expose().as_bytes()];
        keys.mac(key, Purpose::Code, &parts).map(Vec::from)
    }
}

/// The token of a link as it is sent: 256 bits.
pub struct PlainToken(Secret);

impl PlainToken {
    /// A new one.
    pub fn mint(world: &World) -> PlainToken {
        PlainToken(Secret::from(URL_SAFE_NO_PAD.encode(world.bytes::<32>())))
    }

    /// A token as somebody gave it.
    pub fn given(text: String) -> PlainToken {
        PlainToken(Secret::from(text))
    }

    /// For the link.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// As it is stored. Nobody can go through 256 bits: no key is needed here.
    pub fn hash(&self) -> Vec<u8> {
        digest(&SHA256, self.expose().as_bytes()).as_ref().to_vec()
    }
}

/// Consumes a code or token in the transaction of its effect. A refusal is written down, and it counts: the caller
/// must let the transaction be committed. Not for bound scenes: those are [`consume_own`]'s.
pub async fn consume(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    scene: Scene,
    proof: MailProof,
) -> Result<Result<Consumed, ErrorCode>, StoreError> {
    let now = app.world.now();
    let by_code = matches!(proof, MailProof::Code { .. });
    let address = address_of(&proof);
    let tries = tries(tx, app, caller, address.as_deref().unwrap_or_default()).await?;
    let mut consumed = challenges::consume(tx, &app.secret_keys, (scene, None), proof, tries, now).await?;
    if let Ok(met) = &consumed {
        // It went to an address that is not the account's any more (A05).
        if !is_still_theirs(tx, met).await? {
            consumed = Err(if by_code { ErrorCode::InvalidCode } else { ErrorCode::TokenRevoked });
        }
    }
    if consumed.is_err() {
        let record = Record::of(Event::CodeRefused).detail(scene.as_str());
        record.write(tx, &app.world, caller, now).await?;
    }
    settle(tx, app, caller, address, consumed.is_ok()).await?;
    Ok(consumed)
}

/// How many wrong codes for this address there may have been before one of this caller is not looked at.
pub async fn tries(db: &mut Tx, app: &App, caller: &Caller, address: &str) -> Result<i64, StoreError> {
    Ok(match limits::is_at_home(db, app, caller, address).await? {
        true => challenges::TRIES_AT_HOME,
        false => challenges::TRIES,
    })
}

/// Consumes a code that was sent for this account, whoever has the address; answers why it is refused. Only who is signed
/// in to it can give one: there are no strangers to leave some tries from.
pub async fn consume_own(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    scene: Scene,
    account: &str,
    proof: MailProof,
) -> Result<Option<ErrorCode>, ApiError> {
    let now = app.world.now();
    let address = address_of(&proof);
    let own = (scene, Some(account));
    let consumed = challenges::consume(tx, &app.secret_keys, own, proof, challenges::TRIES, now).await?;
    if consumed.is_err() {
        let record = Record::of(Event::CodeRefused).account(account).detail(scene.as_str());
        record.write(tx, &app.world, caller, now).await?;
    }
    settle(tx, app, caller, address, consumed.is_ok()).await?;
    Ok(consumed.err())
}

/// The address that a code was sent to.
fn address_of(proof: &MailProof) -> Option<String> {
    match proof {
        MailProof::Code { email, .. } => Some(email.clone()),
        MailProof::Token(_) => None,
    }
}

/// Counts what was wrong, and forgets it with what is right.
async fn settle(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    address: Option<String>,
    met: bool,
) -> Result<(), StoreError> {
    match (met, address) {
        (false, address) => limits::failed(tx, app, caller, address.as_deref()).await,
        (true, Some(address)) => limits::code_met(tx, app, &address).await,
        (true, None) => Ok(()),
    }
}

/// The code of an error that an idempotency key remembers.
pub fn code_named(text: &str) -> ErrorCode {
    let code = ErrorCode::ALL.iter().find(|code| code.as_str() == text);
    code.copied().unwrap_or(ErrorCode::InvalidCode)
}

async fn is_still_theirs(tx: &mut Tx, met: &Consumed) -> Result<bool, StoreError> {
    // A code that signs somebody up is nobody's yet.
    let Some(account) = &met.account else { return Ok(true) };
    let owner = identities::owner(tx, Kind::of(&met.address), &met.address).await?;
    Ok(owner.as_ref() == Some(account))
}

/// What came of a code or token, as an idempotency key remembers it: a refusal too, so that a repetition is no
/// second try.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was right.
    Met {
        /// Whose it was.
        account: String,
        /// Where the browser goes afterwards.
        redirect: Option<String>,
    },
    /// It was right, and the account that has claimed the address has lost it: it was another person's.
    Left,
    /// It was not, and this is the error's code.
    Refused(String),
}

impl Verdict {
    /// Refused with this code.
    pub fn refused(code: ErrorCode) -> Verdict {
        Verdict::Refused(code.as_str().to_owned())
    }

    /// Account and redirect, or the error.
    pub fn met(self) -> Result<(String, Option<String>), ApiError> {
        match self {
            Verdict::Met { account, redirect } => Ok((account, redirect)),
            Verdict::Left => Err(first_proof::address_left()),
            Verdict::Refused(text) => Err(code_named(&text).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_c01_a_code_has_six_digits_and_a_token_256_bits() {
        let world = World::default();
        for _ in 0..1000 {
            let code = PlainCode::mint(&world);
            assert!(code.expose().len() == 6 && code.expose().bytes().all(|byte| byte.is_ascii_digit()));
        }
        let token = PlainToken::mint(&world);
        assert_eq!(token.expose().len(), 43);
        assert_ne!(token.expose(), PlainToken::mint(&world).expose());
    }
}
