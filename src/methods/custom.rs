//! Sign-in with the id of a user in another system.

use doorward_protocol::custom::CustomLoginRequest;

use super::method::Endpoint;
use crate::transport::Kind;

pub(super) const LOGIN: Endpoint =
    Endpoint { chosen_by: "custom_id", ..Endpoint::of::<CustomLoginRequest>(Kind::Post, "/v1/login/custom") };
