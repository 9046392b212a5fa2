//! An answer that the provider posts to the server instead of sending the browser back with it (Apple's `form_post`).

use std::sync::Arc;

use doorward_providers::Provider;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::flows::{self, Flow};
use doorward_store::transaction;
use url::Url;

use super::callback_input::Returned;
use super::{Good, OauthKey, hash, mismatch, seal};

/// Keeps it for the page that began the flow, and answers where the browser goes: there, with a key that is good for this very
/// answer and in that browser only. Nothing is decided here, because here is no proof of who asks.
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
    // The first counts. Who posts another gets a key that is good for nothing; a reload gets the same.
    platform.store.write(transaction!(|tx| flows::arrive(tx, &id, &sealed).await)).await?;
    page.query_pairs_mut().append_pair("oauthKey", &key);
    Ok(page)
}
