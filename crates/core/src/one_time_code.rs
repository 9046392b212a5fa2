//! One-time codes and the tokens of mailed links: what they are good for, how they are made and hashed.

use std::iter;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::World;
use crate::message::Message;
use crate::secret::Secret;
use crate::secret_keys::{KeyId, Purpose, SecretKeys};

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
