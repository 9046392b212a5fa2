//! The captcha: issues challenges and checks solutions.
//!
//! A solution is sent in the header `Captcha-Response` as `id:code`, so that every call can carry one. It is valid
//! once, on all nodes together. A call without one gets `CAPTCHA_REQUIRED` and a challenge; the business code of this
//! error is 2000 (seed A24). The server stores nothing for a challenge: its id contains the data and is part of the
//! solution.

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

/// The captcha that the settings choose.
#[derive(Debug)]
pub enum Captcha {
    /// No captcha.
    None,
    /// The browser computes this many hashes, on average.
    ProofOfWork(u32),
    /// A person reads letters from a picture.
    Picture,
    /// The widget of a service returns the solution.
    Service(Service),
}

impl Captcha {
    /// Prepares the captcha. Does not connect yet.
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

/// Admits a call with a valid solution, and uses the solution up. Refuses other calls with a new challenge. [`crate`]
/// decides when a captcha is needed.
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
        // One try: a wrong solution uses the picture up, too, and gets a new one.
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

/// A new challenge. `None` if no captcha is configured.
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

/// Uses a solution up. False if it was used before, on any node. Its hash is stored among those of the used DPoP proofs
/// until it expires.
async fn spend(platform: &Platform, solution: &str, until: Millis) -> Result<bool, ApiError> {
    let id = digest(&SHA256, ["captcha\n", solution].concat().as_bytes());
    let fresh =
        platform
            .store
            .write::<_, StoreError, _>(transaction!(|tx| proofs::insert(tx, id.as_ref(), until).await));
    Ok(fresh.await?)
}
