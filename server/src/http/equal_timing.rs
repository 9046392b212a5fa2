//! Prevents the time of an answer from revealing whether an account exists (D-19). Both cases do the same work, but a
//! query that finds a row takes some microseconds longer. So the answers that could reveal this are sent only at fixed
//! intervals after the start of the request.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use doorward_config::SignupDisclosure;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::{ApiError, Shown};
use tokio::time::{Instant, sleep_until};

use crate::app::AppState;

/// Routes that may send a message to an address. The account with the address, if any, decides whether they do.
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
    // The outbox worker starts while the answer is being sent, and has more work if the message has a recipient.
    let sends = SENDS.contains(&path);
    let response = next.run(request).await;
    let parts = response.extensions();
    let error = parts.get::<ApiError>().or_else(|| parts.get::<Shown>().map(|Shown(error)| error));
    if is_quiet || sends || error.is_some_and(|error| depends_on_account(error, signs_in)) {
        sleep_until(begun + next_beat(begun.elapsed(), app.platform.world.beat)).await;
    }
    response
}

/// True if the error may depend on whether an account exists. On the sign-in routes (`signs_in`) the errors before the
/// password check depend on it, too.
fn depends_on_account(error: &ApiError, signs_in: bool) -> bool {
    match error.code {
        ErrorCode::IncorrectUsernameOrPassword | ErrorCode::InvalidCode => true,
        ErrorCode::RequestExceed | ErrorCode::CaptchaRequired => signs_in,
        _ => false,
    }
}

/// The next multiple of `beat` after the elapsed time. The elapsed time itself if `beat` is zero.
fn next_beat(elapsed: Duration, beat: Duration) -> Duration {
    let Some(count) = elapsed.as_millis().checked_div(beat.as_millis()) else { return elapsed };
    beat.saturating_mul(u32::try_from(count + 1).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_core::clock::World;

    #[test]
    fn answers_that_take_a_little_longer_leave_at_the_same_time() {
        let beat = World::default().beat;
        let millis = |millis| next_beat(Duration::from_millis(millis), beat).as_millis();
        assert_eq!((millis(0), millis(43), millis(49)), (50, 50, 50));
        assert_eq!((millis(50), millis(51)), (100, 100));
    }
}
