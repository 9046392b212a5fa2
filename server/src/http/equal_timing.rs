//! Hides in the answer's time whether an account exists (D-19). Both cases do the same work, but a row that exists
//! takes some microseconds more than a row that does not. So these answers are sent only at fixed intervals.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use doorward_config::SignupDisclosure;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::{ApiError, Shown};
use tokio::time::{Instant, sleep_until};

use crate::app::AppState;

/// Routes that send a message to the owner of an address, if it has one.
const SENDS: [&str; 6] = [
    "/v1/code",
    "/v1/password/forgot",
    "/v1/email/resend",
    "/account/verify",
    "/account/reset",
    "/api/v1/auth/resendEmail",
];

pub(super) async fn keep(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let signs_up = path.starts_with("/v1/signup") || path == "/api/v1/auth/register";
    let is_quiet = signs_up && app.platform.config.disclosure.signup == SignupDisclosure::Quiet;
    let signs_in = matches!(path, "/v1/login" | "/api/v1/auth/login");
    // The worker starts while the answer is being sent, and has more to do if the message has a reader.
    let sends = SENDS.contains(&path);
    let response = next.run(request).await;
    let parts = response.extensions();
    let error = parts.get::<ApiError>().or_else(|| parts.get::<Shown>().map(|Shown(error)| error));
    if is_quiet || sends || error.is_some_and(|error| could_tell(error, signs_in)) {
        sleep_until(begun + beats(begun.elapsed(), app.platform.world.beat)).await;
    }
    response
}

/// `signs_in`: on these routes, errors before the password check also depend on the account.
fn could_tell(error: &ApiError, signs_in: bool) -> bool {
    match error.code {
        ErrorCode::IncorrectUsernameOrPassword | ErrorCode::InvalidCode => true,
        ErrorCode::RequestExceed | ErrorCode::CaptchaRequired => signs_in,
        _ => false,
    }
}

/// The passed time, rounded up to the next beat.
fn beats(passed: Duration, beat: Duration) -> Duration {
    let Some(count) = passed.as_millis().checked_div(beat.as_millis()) else { return passed };
    beat.saturating_mul(u32::try_from(count + 1).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_core::clock::World;

    #[test]
    fn answers_that_take_a_little_longer_leave_at_the_same_time() {
        let beat = World::default().beat;
        let millis = |millis| beats(Duration::from_millis(millis), beat).as_millis();
        assert_eq!((millis(0), millis(43), millis(49)), (50, 50, 50));
        assert_eq!((millis(50), millis(51)), (100, 100));
    }
}
