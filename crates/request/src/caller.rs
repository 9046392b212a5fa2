//! The caller of a request, as plain data. The server reads it from the connection and the headers.

use std::net::IpAddr;

use doorward_core::clock::Millis;
use doorward_core::secret::Secret;

use crate::captcha_solution::Solution;
use crate::event::{About, Pending, Principal};
use crate::known_device::KnownDevice;

/// The id of the request, in the log and in the answer.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The caller, as far as the connection and the headers describe it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Id of the request.
    pub request_id: String,
    /// The client's IP address: the other end of the connection, or the address that a trusted proxy or service key
    /// names.
    pub ip: Option<IpAddr>,
    /// `Accept-Language`: the first language, a tag like `de-CH`.
    pub locale: Option<String>,
    /// `User-Agent`, if it is text, cut to a readable length.
    pub user_agent: Option<String>,
    /// The solution of a captcha.
    pub captcha: Option<Solution>,
    /// The events that hooks receive about the outcome.
    pub outcome: Pending,
    /// Tokens of known devices.
    pub devices: Vec<KnownDevice>,
    /// A text that has the form of a service key. It is not verified yet.
    pub service_key: Option<Secret>,
    /// True for a sign-in by the operator's own program that names no client address. Limits do not apply to it.
    pub is_operators: bool,
}

impl Caller {
    /// The address as text.
    pub fn address(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }

    /// The data about the caller and the request that hooks receive.
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
