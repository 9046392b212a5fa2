//! The strings that methods of the SDK resolve with. They are part of the API, word for word (seeds 003 and 004).

/// `signup`, when the address must be confirmed first.
pub const SIGNUP_CONFIRMATION_REQUIRED: &str =
    "SUCCESS: The account has been created. User's signup confirmation is required.";
/// `signup`
pub const SIGNED_UP: &str = "SUCCESS: The account has been created.";
/// `resendSignupConfirmation`
pub const CONFIRMATION_SENT: &str = "SUCCESS: Signup confirmation E-Mail has been sent.";
/// `resendSignupConfirmation` without a login attempt before it: `INVALID_REQUEST`.
pub const LOGIN_ATTEMPT_REQUIRED: &str = "Least one login attempt is required.";
/// `logout`
pub const LOGGED_OUT: &str = "SUCCESS: The user has been logged out.";
/// `forgotPassword`, `sendSmsCode`
pub const CODE_SENT: &str = "SUCCESS: Verification code has been sent.";
/// `sendEmail`
pub const EMAIL_SENT: &str = "SUCCESS: Verification E-Mail has been sent.";
/// `resetPassword`, `updatePassword`
pub const PASSWORD_SET: &str = "SUCCESS: New password has been set.";
/// `deleteAccount`
pub const ACCOUNT_DELETED: &str = "SUCCESS: The account has been deleted.";
/// `resendVerification`
pub const PLEASE_CONFIRM: &str = "Please confirm your email";
/// `checkEmail`
pub const EMAIL_AVAILABLE: &str = "Email available";
/// `checkEmail`
pub const EMAIL_IN_USE: &str = "Email already in use";
/// `login` with the provider `local` (seed 003).
pub const LOGGED_IN: &str = "You have been logged in";
/// `login` with a provider identity that has no account (seed 003).
pub const REGISTER_OR_LINK: &str = "Please register or link to an existing user";
