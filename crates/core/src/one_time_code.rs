//! One-time codes and the tokens of mailed links: their scenes, how they are made, and how they are hashed.

use std::iter;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::World;
use crate::message::Message;
use crate::secret::Secret;
use crate::secret_keys::{KeyId, Purpose, SecretKeys};

/// The purpose of a code or link, which is valid for nothing else (D-21). The message that carries it has the same
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Verifying an e-mail address.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Signing in or up.
    Login,
    /// Signing in, signing up or setting a new password: the scene of an SMS code that was requested without a
    /// scene and without a session (D-40). No request names it; see [`Scene::accepted`].
    Access,
    /// Changing the e-mail address of an account: verifies the new and the old address.
    ChangeEmail,
    /// Setting or changing the phone number of an account: verifies the new and the old number.
    BindPhone,
    /// Deleting the account.
    DeleteAccount,
}

impl Scene {
    /// The message that carries its code and link.
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

    /// The scene of the code and link in a message. `None` for messages without a code.
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

    /// True if its mail contains a link besides the code.
    pub const fn has_link(self) -> bool {
        matches!(self, Scene::VerifyEmail | Scene::ResetPassword)
    }

    /// True if its codes belong to one signed-in account, and not to the account that has the address.
    pub const fn is_bound(self) -> bool {
        matches!(self, Scene::ChangeEmail | Scene::BindPhone | Scene::DeleteAccount)
    }

    /// The scenes of the codes that a request for this scene accepts, in the order in which they are tried.
    ///
    /// A code of the scene [`Scene::Access`] has one count of tries for all requests that accept it. So it allows
    /// five tries in total, and its first use consumes it for all of them.
    pub fn accepted(self) -> impl Iterator<Item = Scene> {
        let is_wide = matches!(self, Scene::Login | Scene::ResetPassword);
        iter::once(self).chain(is_wide.then_some(Scene::Access))
    }

    /// The scenes of the codes that a new code of this scene voids. One request accepts both codes, so together
    /// they would double the number of tries.
    pub const fn rivals(self) -> &'static [Scene] {
        match self {
            Scene::Login | Scene::ResetPassword => &[Scene::Access],
            Scene::Access => &[Scene::Login, Scene::ResetPassword],
            Scene::VerifyEmail | Scene::ChangeEmail | Scene::BindPhone | Scene::DeleteAccount => &[],
        }
    }

    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        self.message().as_str()
    }
}

/// A code in plain text, as it is sent.
pub struct PlainCode(Secret);

impl PlainCode {
    /// A new code of six digits, uniformly distributed.
    pub fn mint(world: &World) -> PlainCode {
        const LIMIT: u32 = 4_294_000_000;
        loop {
            let number = u32::from_be_bytes(world.bytes());
            // Rejects numbers above the last full million, which would make low codes more likely.
            if number < LIMIT {
                return PlainCode(Secret::from(format!("{:06}", number % 1_000_000)));
            }
        }
    }

    /// A code that a user entered, as six digits.
    pub fn given(digits: String) -> PlainCode {
        PlainCode(Secret::from(digits))
    }

    /// The digits, for the message.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The hash that is stored, a MAC over scene, address and code. Its key is not in the database: without a key,
    /// a million codes can be tried at once. `None` if the key file does not contain the key.
    pub fn hash(&self, keys: &SecretKeys, key: KeyId, scene: Scene, address: &str) -> Option<Vec<u8>> {
        let parts = [scene.as_str().as_bytes(), b"\n", address.as_bytes(), b"\n", self.expose().as_bytes()];
        keys.mac(key, Purpose::Code, &parts).map(Vec::from)
    }
}

/// The token of a link in plain text, as it is sent: 256 bits.
pub struct PlainToken(Secret);

impl PlainToken {
    /// A new random token.
    pub fn mint(world: &World) -> PlainToken {
        PlainToken(Secret::from(URL_SAFE_NO_PAD.encode(world.bytes::<32>())))
    }

    /// A token that a client sent.
    pub fn given(text: String) -> PlainToken {
        PlainToken(Secret::from(text))
    }

    /// The text, for the link.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The hash that is stored. 256 random bits need no key.
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
