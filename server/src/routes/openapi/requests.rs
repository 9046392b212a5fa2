//! The JSON requests, for the OpenAPI document.

use doorward_protocol::Policy;
use doorward_protocol::account::DeleteAccountRequest;
use doorward_protocol::admin::{CreateUserRequest, RolesRequest, SetPasswordRequest};
use doorward_protocol::data::SetDataRequest;
use doorward_protocol::email::{
    BindEmailRequest, ChangeEmailRequest, CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest,
};
use doorward_protocol::logout::LogoutRequest;
use doorward_protocol::password::{ForgotPasswordRequest, ResetPasswordRequest, UpdatePasswordRequest};
use doorward_protocol::phone::{BindPhoneRequest, ChangePhoneRequest, UnbindRequest};
use doorward_protocol::profile::UpdateProfileRequest;
use doorward_protocol::session::SessionsRevokeRequest;
use serde_json::Value;

use crate::methods;
use crate::request_schema::Requests;

/// Adds the rules of the fields to the schemas. Every JSON request is listed here or by its sign-in method.
pub(super) fn describe(schemas: &mut Value, policy: Policy) {
    let mut requests = Requests::new(schemas, policy);
    methods::requests(&mut requests);
    requests.describe::<BindEmailRequest>();
    requests.describe::<BindPhoneRequest>();
    requests.describe::<ChangeEmailRequest>();
    requests.describe::<ChangePhoneRequest>();
    requests.describe::<CheckEmailRequest>();
    requests.describe::<CreateUserRequest>();
    requests.describe::<DeleteAccountRequest>();
    requests.describe::<ForgotPasswordRequest>();
    requests.describe::<LogoutRequest>();
    requests.describe::<ResendVerificationRequest>();
    requests.describe::<ResetPasswordRequest>();
    requests.describe::<SessionsRevokeRequest>();
    requests.describe::<SetPasswordRequest>();
    requests.describe::<RolesRequest>();
    requests.describe::<SetDataRequest>();
    requests.describe::<UnbindRequest>();
    requests.describe::<UpdatePasswordRequest>();
    requests.describe::<UpdateProfileRequest>();
    requests.describe::<VerifyEmailRequest>();
}
