//! The captcha: whether a call must bring a solution, and whether the one that it brings is right.
//!
//! A solution comes in the header `Captcha-Response`, `id:code`, so that every call can carry one, and is good once, on
//! all nodes. A call without one is answered with `CAPTCHA_REQUIRED` and a challenge; its number is 2000 for who knows
//! it by that (seed A24). Nothing is stored for a challenge: what is in its id comes back with the solution.

mod picture;
mod proof_of_work;
mod service;

use aws_lc_rs::digest::{SHA256, digest};
use doorward_config::{CaptchaKind, Config, ConfigError};
use doorward_core::clock::Millis;
use doorward_outbound::HttpClient;
use doorward_protocol::captcha::Challenge;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::{StoreError, proofs, transaction};
use service::Service;

/// What the settings chose.
#[derive(Debug)]
pub enum Captcha {
    /// Nothing has to be solved.
    None,
    /// The browser computes; so many hashes, on average.
    ProofOfWork(u32),
    /// A person reads letters.
    Picture,
    /// The widget of a service gives the solution.
    Service(Service),
}

impl Captcha {
    /// Prepares it; nothing is connected yet.
    pub fn open(config: &Config, http: &HttpClient, dev: bool) -> Result<Captcha, ConfigError> {
        Ok(match config.captcha.kind {
            CaptchaKind::None => Captcha::None,
            CaptchaKind::ProofOfWork => Captcha::ProofOfWork(config.captcha.difficulty),
            CaptchaKind::Picture => Captcha::Picture,
            CaptchaKind::Turnstile | CaptchaKind::Hcaptcha | CaptchaKind::Recaptcha => {
                Captcha::Service(Service::open(config, http, dev)?)
            }
        })
    }
}

/// Lets a call pass that brings the solution of a captcha; that is used up by this. Any other is told what to solve.
/// [`crate`] knows when to ask.
pub async fn demand(captcha: &Captcha, platform: &Platform, caller: &Caller) -> Result<(), ApiError> {
    let now = platform.world.now();
    let solved = match (captcha, &caller.captcha) {
        (Captcha::None, _) => return Ok(()),
        (_, None) => false,
        (Captcha::ProofOfWork(_), Some(solution)) => {
            match proof_of_work::good_until(&platform.secret_keys, solution, now) {
                Some(until) => spend(platform, &solution.id, until).await?,
                None => false,
            }
        }
        // One try: a wrong one is used up, too, and answered with another picture.
        (Captcha::Picture, Some(solution)) => match picture::open(&platform.secret_keys, &solution.id, now) {
            Some(shown) => spend(platform, &solution.id, shown.until).await? && shown.reads(&solution.code),
            None => false,
        },
        (Captcha::Service(service), Some(solution)) => {
            service.verify(platform, caller, &solution.code).await?
        }
    };
    if solved {
        return Ok(());
    }
    let challenge = challenge(captcha, platform)?.map(Box::new);
    Err(ApiError { captcha: challenge, ..ErrorCode::CaptchaRequired.into() })
}

/// A new challenge; `None` where nothing has to be solved.
pub fn challenge(captcha: &Captcha, platform: &Platform) -> Result<Option<Challenge>, ApiError> {
    let lacks_key = || ApiError::internal("no active secret key");
    Ok(Some(match captcha {
        Captcha::None => return Ok(None),
        Captcha::ProofOfWork(difficulty) => {
            proof_of_work::challenge(&platform.secret_keys, &platform.world, *difficulty)
                .ok_or_else(lacks_key)?
        }
        Captcha::Picture => {
            picture::challenge(&platform.secret_keys, &platform.world).ok_or_else(lacks_key)?
        }
        Captcha::Service(service) => service.challenge(),
    }))
}

/// Uses a solution up; false when it was before, on whichever node. It stands among the used proofs, which are hashes as
/// well, until it is good no more.
async fn spend(platform: &Platform, solution: &str, until: Millis) -> Result<bool, ApiError> {
    let id = digest(&SHA256, ["captcha\n", solution].concat().as_bytes());
    let fresh =
        platform
            .store
            .write::<_, StoreError, _>(transaction!(|tx| proofs::insert(tx, id.as_ref(), until).await));
    Ok(fresh.await?)
}
