//! Answers that the provider posts to the server, instead of sending them with the browser to the page (Apple's
//! `form_post`).

use std::sync::Arc;

use doorward_providers::Provider;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::flows::{self, Flow};
use doorward_store::transaction;
use url::Url;

use super::callback_input::Returned;
use super::{Good, OauthKey, hash, mismatch, seal};

/// Stores the answer for the page that began the flow. Returns the URL of that page with a key, which is valid
/// only for this answer and in that browser. The request does not prove which browser sent it, so nothing is
/// decided here.
pub async fn keep(
    platform: &Arc<Platform>,
    provider: &Provider,
    state: &str,
    answer: Returned,
) -> Result<Url, ApiError> {
    let unknown = || mismatch("There is no such sign-in. Please start again.");
    let flow = flows::by_handle(&mut *platform.store.read().await?, &hash(state)).await?;
    let flow = flow.filter(|flow| flow.provider == provider.name()).ok_or_else(unknown)?;
    if flow.expires_at <= platform.world.now() {
        return Err(mismatch("The sign-in took too long. Please start again."));
    }
    let Flow { id, callback, .. } = flow;
    let mut page = Url::parse(&callback).map_err(ApiError::internal)?;
    let sealed = seal(platform, &id, "arrived", &answer)?;
    let key = OauthKey::write(&platform.secret_keys, Good::ForAnswer(&answer.as_text()), &id);
    let key = key.ok_or_else(|| ApiError::internal("a key could not be written"))?;
    // Only the first answer is stored. Another answer gets a key that is never valid; a reload gets the same
    // key again.
    platform.store.write(transaction!(|tx| flows::arrive(tx, &id, &sealed).await)).await?;
    page.query_pairs_mut().append_pair("oauthKey", &key);
    Ok(page)
}
