//! Changes the profile of an account, and selects the part of it that other users see.

use doorward_config::Profile;
use doorward_core::{canonical, profile};
use doorward_protocol::profile::{
    Address, AddressClaim, ProfileFields, ProfileInput, PublicProfile, UpdateProfileRequest,
};
use doorward_protocol::settings::Visibility;
use doorward_request::error::ApiError;
use doorward_request::typed_values;
use doorward_store::accounts::Account;
use serde_json::{Map, Value};

/// Sets the fields in `request` and clears those in `emptied`. Does not change the username: the caller does.
pub fn change(
    account: &mut Account,
    request: UpdateProfileRequest,
    emptied: &[String],
    settings: &Profile,
) -> Result<(), ApiError> {
    let UpdateProfileRequest { username: _, email_subscription, mut profile } = request;
    merge_address(&mut profile, account.profile.address.as_ref(), emptied);
    let (given, extras) = profile.merged();
    profile::check(&given, &settings.genders)?;
    typed_values::take_over(&mut account.extras, extras, settings)?;
    account.profile = overlay(&account.profile, &given, emptied)?;
    // An address without parts is stored as no address.
    account.profile.address.take_if(|address| *address == Address::Claim(AddressClaim::default()));
    let is_emptied = emptied.iter().any(|name| name == "email_subscription");
    if email_subscription.is_some() || is_emptied {
        account.email_subscription = email_subscription.unwrap_or(false);
    }
    Ok(())
}

/// Merges the parts of an address in a request, which are top-level fields or fields of `address`, into the
/// stored address. An `address` that is a text replaces the stored one.
fn merge_address(profile: &mut ProfileInput, stored: Option<&Address>, emptied: &[String]) {
    let part_name = |name: &String| name.strip_prefix("address.").unwrap_or(name).to_owned();
    let cleared: Vec<String> = emptied.iter().map(part_name).collect();
    let nested = match profile.fields.address.take() {
        Some(Address::Text(text)) => {
            profile.fields.address = Some(Address::Text(text));
            return;
        }
        Some(Address::Claim(nested)) => Some(nested),
        None => None,
    };
    let mut claim = match stored.filter(|_| !cleared.iter().any(|name| name == "address")) {
        None => AddressClaim::default(),
        Some(Address::Text(text)) => {
            AddressClaim { formatted: Some(text.clone()), ..AddressClaim::default() }
        }
        Some(Address::Claim(claim)) => claim.clone(),
    };
    let mut touched = nested.is_some() || profile.address_parts != AddressClaim::default();
    for (name, part) in [
        ("formatted", &mut claim.formatted),
        ("street_address", &mut claim.street_address),
        ("locality", &mut claim.locality),
        ("region", &mut claim.region),
        ("postal_code", &mut claim.postal_code),
        ("country", &mut claim.country),
    ] {
        if cleared.iter().any(|cleared| cleared == name) {
            *part = None;
            touched = true;
        }
    }
    claim.take_over(nested.unwrap_or_default());
    profile.fields.address = touched.then_some(Address::Claim(claim));
}

/// The stored fields without the emptied ones, overwritten by the given ones.
fn overlay(
    stored: &ProfileFields,
    given: &ProfileFields,
    emptied: &[String],
) -> Result<ProfileFields, ApiError> {
    let object = |fields: &ProfileFields| match serde_json::to_value(fields) {
        Ok(Value::Object(object)) => Ok(object),
        other => Err(ApiError::internal(format!("a profile is not an object: {other:?}"))),
    };
    let mut fields: Map<String, Value> = object(stored)?;
    for name in emptied {
        fields.remove(name);
    }
    fields.append(&mut object(given)?);
    // An address without parts is stored as no address.
    if fields.get("address").and_then(Value::as_object).is_some_and(Map::is_empty) {
        fields.remove("address");
    }
    serde_json::from_value(Value::Object(fields)).map_err(ApiError::internal)
}

/// Returns only the fields that other users always see: names, picture, profile page and website.
pub fn shown_to_all(own: ProfileFields) -> ProfileFields {
    ProfileFields {
        name: own.name,
        given_name: own.given_name,
        family_name: own.family_name,
        middle_name: own.middle_name,
        nickname: own.nickname,
        preferred_username: own.preferred_username,
        picture: own.picture,
        profile: own.profile,
        website: own.website,
        ..ProfileFields::default()
    }
}

/// The part of an account that other users see: the fields of [`shown_to_all`], the fields that the owner made
/// public, and the operator's public fields. An unproven e-mail address or phone number is never shown (seeds K10
/// to K14).
pub fn public(account: &Account, settings: &Profile) -> PublicProfile {
    let own = account.profile.clone();
    let shown = |flag: Option<bool>| flag == Some(true);
    let email = account.proven_email().filter(|_| shown(own.email_public)).map(canonical::shown_email);
    let phone_number = account.phone.clone().filter(|_| shown(own.phone_number_public));
    let fields = ProfileFields {
        gender: own.gender.clone().filter(|_| shown(own.gender_public)),
        birthdate: own.birthdate.clone().filter(|_| shown(own.birthdate_public)),
        address: own.address.clone().filter(|_| shown(own.address_public)),
        city: own.city.clone().filter(|_| shown(own.address_public)),
        province: own.province.clone().filter(|_| shown(own.address_public)),
        ..shown_to_all(own)
    };
    let is_public =
        |name: &String| settings.extras.get(name).is_some_and(|extra| extra.visibility == Visibility::Public);
    let extras = account
        .extras
        .iter()
        .filter(|(name, _)| is_public(name))
        .map(|(name, value)| (name.clone(), value.clone()));
    PublicProfile { user_id: account.id.clone(), email, phone_number, fields, extras: extras.collect() }
}
