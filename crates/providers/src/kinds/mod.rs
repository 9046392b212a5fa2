//! The providers that need code of their own, one file each.

pub(super) mod apple;
pub(super) mod facebook;
pub(super) mod google;
pub(super) mod microsoft;
pub(super) mod twitter;
