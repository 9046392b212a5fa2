//! Begins a flow: returns the URL that the browser is sent to, and stores the state that is needed when it
//! returns.

use std::sync::Arc;

use doorward_core::one_time_code::PlainToken;
use doorward_credentials::dpop::{self, Proof};
use doorward_protocol::provider::{FlowAnswer, FlowRequest, FlowTarget};
use doorward_providers::{FlowParameters, Provider};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::flows::{self, Binding, Flow};
use doorward_store::transaction;
use url::Url;

use super::{Browser, hash, refused, seal};
use crate::sessions::current::CurrentSession;

/// Begins a flow for this browser and, if a user is signed in, for that account.
pub async fn begin(
    platform: &Arc<Platform>,
    caller: &Caller,
    provider: &Provider,
    proof: Option<Proof>,
    session: Option<CurrentSession>,
    request: FlowRequest,
) -> Result<FlowAnswer, ApiError> {
    let listed = Url::parse(&request.callback).ok().filter(|url| provider.admits(url));
    let callback = listed.ok_or_else(|| {
        ApiError::field(
            "callback",
            "This URL is not on the server's list of callbacks for the provider. It must match an entry exactly.",
        )
    })?;
    let browser = Browser { proof: proof.as_ref(), session: session.as_ref(), flow: None };
    let secret = browser.binding().is_none().then(|| PlainToken::mint(&platform.world));
    let binding = match (browser.binding(), &secret) {
        (Some(binding), _) => binding,
        (None, Some(secret)) => Binding::Secret(hash(secret.expose())),
        (None, None) => return Err(ApiError::internal("a flow without a browser")),
    };
    let again = request.again == Some(true) && {
        // The choice of the account is skipped only if the user has just made it. Otherwise a script could sign
        // in without the user's consent.
        let since = platform.world.now() - platform.config.flows.lifetime.millis();
        flows::was_used(&mut *platform.store.read().await?, &binding, provider.name(), since).await?
    };
    let asked = FlowParameters { callback: &callback, again, locale: caller.locale.as_deref() };
    let begun = provider.begin(&platform.world, &asked).await.map_err(refused)?;

    let (id, now) = (platform.world.id(), platform.world.now());
    let flow = Flow {
        provider: provider.name().to_owned(),
        callback: callback.into(),
        binding,
        account: session.as_ref().map(|session| session.account.id.clone()),
        memory: Some(seal(platform, &id, "memory", &begun.memory)?),
        arrived: None,
        answer: None,
        claimed_at: None,
        person: None,
        outcome: None,
        finished_at: None,
        used_at: None,
        expires_at: now + platform.config.flows.lifetime.millis(),
        id,
    };
    let handle = hash(&begun.handle);
    platform
        .store
        .write(transaction!(|tx| {
            match &session {
                Some(session) => session.confirm(tx, now).await?,
                None => drop(dpop::spend(tx, proof.as_ref()).await?),
            }
            Ok::<_, ApiError>(flows::insert(tx, &flow, &handle, now).await?)
        }))
        .await?;
    let name = provider.name().to_owned();
    Ok(FlowAnswer {
        data: FlowTarget { url: begun.url.into(), id: name.clone(), provider: name },
        state: begun.handle,
        flow: secret.map(|secret| secret.expose().to_owned()),
    })
}
