//! An account in the seed's format (seed R38).

use doorward_core::clock::rfc3339;
use doorward_store::accounts::Account;
use doorward_store::identities::Link;
use serde_json::{Value, json};

/// Providers whose accounts have the seed's type 1 (seed R22).
const TYPED: [&str; 2] = ["facebook", "google"];

/// Contains every field of the seed. A missing text is empty.
pub(super) fn shown(account: &Account, links: &[Link]) -> Value {
    let profile = account.to_profile();
    let fields = &profile.fields;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let link = links.iter().find(|link| TYPED.contains(&link.provider.as_str())).or(links.first());
    let kind = if link.is_some_and(|link| TYPED.contains(&link.provider.as_str())) { 1 } else { -1 };
    json!({
        "id": profile.user_id,
        "name": text(&fields.name),
        "firstname": text(&fields.given_name),
        "lastname": text(&fields.family_name),
        "email": text(&profile.email),
        "gender": text(&fields.gender),
        "birthdate": text(&fields.birthdate),
        "tel": text(&profile.phone_number),
        "authenTypeId": kind,
        "authenId": link.map(|link| link.id.clone()).unwrap_or_default(),
        // The provider's token is never returned (seed R39).
        "authenToken": "",
        "verified": profile.email_verified,
        "verifiedAt": account.email_verified_at.map(rfc3339).unwrap_or_default(),
        "roles": profile.roles,
        "createAt": profile.created_at,
        "lastModified": profile.updated_at,
    })
}

/// The claim `username` of an account without an e-mail address and username (seed R18): the address from a
/// provider, preferably the one that began the session. Otherwise the id, because programs may use the claim
/// as a key.
pub(super) fn stand_in(account: &Account, links: &[Link], method: &str) -> String {
    let at_provider = links.iter().find(|link| link.provider == method && link.email.is_some());
    let link = at_provider.or_else(|| links.iter().find(|link| link.email.is_some()));
    link.and_then(|link| link.email.clone()).unwrap_or_else(|| account.id.clone())
}
