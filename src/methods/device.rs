//! Sign-in with an id that the app has created for its device.

use doorward_protocol::device::DeviceLoginRequest;

use super::method::Endpoint;
use crate::transport::Kind;

pub(super) const LOGIN: Endpoint =
    Endpoint { chosen_by: "device_id", ..Endpoint::of::<DeviceLoginRequest>(Kind::Post, "/v1/login/device") };
