//! The caller of a request: data alone; the server reads it from the connection and the headers.

use std::net::IpAddr;

use doorward_core::clock::Millis;
use doorward_core::secret::Secret;

use crate::captcha_solution::Solution;
use crate::event::{About, Pending, Principal};
use crate::known_device::KnownDevice;

/// The id of the request, in the log and in the answer.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Who asks, as far as the connection and the headers tell.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Id of the request.
    pub request_id: String,
    /// The address of who asks: the other end of the connection, or whom that speaks for and is trusted in.
    pub ip: Option<IpAddr>,
    /// `Accept-Language`: the first language, a tag like `de-CH`.
    pub locale: Option<String>,
    /// `User-Agent`, as far as it is text and not longer than a person would read.
    pub user_agent: Option<String>,
    /// The solution of a captcha.
    pub captcha: Option<Solution>,
    /// What hooks are told of the outcome.
    pub outcome: Pending,
    /// Devices that accounts know.
    pub devices: Vec<KnownDevice>,
    /// A text that has the form of a service key. It is not verified yet.
    pub service_key: Option<Secret>,
    /// A program of the operator's that asks for itself: it signs in and up as many as it says.
    pub is_operators: bool,
}

impl Caller {
    /// The address as text.
    pub fn address(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }

    /// What hooks are told of the caller and the request.
    pub fn about(&self, who: Principal, now: Millis) -> About {
        About {
            user_id: who.user_id,
            session_id: who.session_id,
            request_id: self.request_id.clone(),
            ip: self.address().unwrap_or_default(),
            locale: self.locale.clone().unwrap_or_default(),
            user_agent: self.user_agent.clone().unwrap_or_default(),
            time: now,
        }
    }
}
