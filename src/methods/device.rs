//! Signing in with an id that the app made for its device.

use doorward_protocol::device::DeviceLoginRequest;

use super::Way;
use crate::api::Kind;

pub(super) const LOGIN: Way =
    Way { by: "device_id", ..Way::of::<DeviceLoginRequest>(Kind::Post, "/v1/login/device") };
