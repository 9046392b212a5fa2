//! Signing in with an id that another system knows the person by.

use doorward_protocol::custom::CustomLoginRequest;

use super::Way;
use crate::api::Kind;

pub(super) const LOGIN: Way =
    Way { by: "custom_id", ..Way::of::<CustomLoginRequest>(Kind::Post, "/v1/login/custom") };
