//! The profile: the fields that a user fills in, and the account as its owner sees it.

use serde::{Deserialize, Serialize};

use crate::fields::{Field, Request, join, optional};
use crate::rules::Rule;

/// The OpenID Connect address claim (OpenID Connect Core §5.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddressClaim {
    /// The full postal address, as written on an envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// Street and number; may have several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    /// State, province, prefecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Post code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// An address: a line, or the OpenID Connect claim.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Address {
    /// The address as one text.
    Text(String),
    /// The address in parts.
    Claim(AddressClaim),
}

/// The fields of [`AddressClaim`].
pub const ADDRESS: &[Field] = &[
    optional("formatted", Rule::Text(512)),
    optional("street_address", Rule::Text(256)),
    optional("locality", Rule::Line(128)),
    optional("region", Rule::Line(128)),
    optional("postal_code", Rule::Line(32)),
    optional("country", Rule::Line(128)),
];

/// Declares the fields of the profile once: the struct that is stored and returned, and the rules that requests check.
macro_rules! profile {
    ($( $(#[$meta:meta])* $name:ident : $type:ty = $rule:expr; )*) => {
        /// The fields of a profile. A field that was never set is absent.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct ProfileFields {
            $( $(#[$meta])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $name: Option<$type>, )*
        }

        impl ProfileFields {
            /// Copies the fields of `other` that are absent here.
            pub fn fill(&mut self, other: &ProfileFields) {
                $( if self.$name.is_none() { self.$name.clone_from(&other.$name); } )*
            }
        }

        /// The rules of [`ProfileInput`].
        pub const PROFILE: &[Field] = &join::<{ OWN.len() + BESIDE.len() }>(OWN, BESIDE);

        const OWN: &[Field] = &[ $( optional(stringify!($name), $rule), )* ];
    };
}

profile! {
    /// Full name.
    name: String = Rule::Line(256);
    /// Given name or names.
    given_name: String = Rule::Line(128);
    /// Family name or names.
    family_name: String = Rule::Line(128);
    /// Middle name or names.
    middle_name: String = Rule::Line(128);
    /// Casual name.
    nickname: String = Rule::Line(128);
    /// Short name by which the user wishes to be addressed; not unique.
    preferred_username: String = Rule::Line(128);
    /// URL of the profile picture.
    picture: String = Rule::Url;
    /// URL of the profile page.
    profile: String = Rule::Url;
    /// URL of a web page or blog.
    website: String = Rule::Url;
    /// Gender. The setting `profile.genders` can restrict the values.
    gender: String = Rule::Line(64);
    /// `YYYY-MM-DD`.
    birthdate: String = Rule::Date;
    /// Time zone, like `Europe/Paris`.
    zoneinfo: String = Rule::Line(64);
    /// Language, a BCP 47 tag.
    locale: String = Rule::Line(64);
    /// Company.
    company: String = Rule::Line(256);
    /// City, separate from `locality` in the postal address (seed A84).
    city: String = Rule::Line(128);
    /// Province, separate from `region` in the postal address (seed A85).
    province: String = Rule::Line(128);
    /// Postal address.
    address: Address = Rule::TextOrObject(ADDRESS);
    /// True if other users can see the e-mail address. Default false.
    email_public: bool = Rule::Flag;
    /// True if other users can see the phone number. Default false.
    phone_number_public: bool = Rule::Flag;
    /// True if other users can see the postal address. Default false.
    address_public: bool = Rule::Flag;
    /// True if other users can see the gender. Default false.
    gender_public: bool = Rule::Flag;
    /// True if other users can see the birthdate. Default false.
    birthdate_public: bool = Rule::Flag;
    /// Free text that only the owner can see.
    misc: String = Rule::Text(4096);
    /// Browser as reported by the client, not as observed by the server (seed A65).
    browser: String = Rule::Line(256);
    /// Device as reported by the client, not as observed by the server (seed A66).
    device: String = Rule::Line(256);
    /// IP address as reported by the client, not as observed by the server (seed A67).
    last_ip: String = Rule::Line(64);
    /// Registration tokens of the user's devices for Firebase Cloud Messaging (seed M64).
    fcm_tokens: Vec<String> = Rule::Lines(32, 4096);
}

/// Further fields of a profile in a request: the parts of the address, and the operator's own fields.
const BESIDE: &[Field] = &join::<{ ADDRESS.len() + 1 }>(ADDRESS, &[optional("extras", Rule::AnyObject)]);

/// Fields that the operator's configuration declares, by name (D-24).
pub type Extras = std::collections::BTreeMap<String, serde_json::Value>;

/// A profile in a request: the fields, the parts of the address next to them, and the operator's own fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProfileInput {
    /// The fields.
    #[serde(flatten)]
    pub fields: ProfileFields,
    /// Parts of the address (seeds A80 to A83, A86). They are stored in `address`.
    #[serde(flatten)]
    pub address_parts: AddressClaim,
    /// Fields that the operator declares. A request may also send them at the top level.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    pub extras: Extras,
}

impl ProfileInput {
    /// The fields, with the parts of the address moved into `address`, and the operator's own fields.
    pub fn merged(self) -> (ProfileFields, Extras) {
        let ProfileInput { mut fields, address_parts: parts, extras } = self;
        if parts != AddressClaim::default() {
            let mut claim = match fields.address.take() {
                None => AddressClaim::default(),
                Some(Address::Text(text)) => {
                    AddressClaim { formatted: Some(text), ..AddressClaim::default() }
                }
                Some(Address::Claim(claim)) => claim,
            };
            claim.take_over(parts);
            fields.address = Some(Address::Claim(claim));
        }
        (fields, extras)
    }
}

impl AddressClaim {
    /// Copies the parts that `other` has.
    pub fn take_over(&mut self, other: AddressClaim) {
        let AddressClaim { formatted, street_address, locality, region, postal_code, country } = other;
        for (mine, theirs) in [
            (&mut self.formatted, formatted),
            (&mut self.street_address, street_address),
            (&mut self.locality, locality),
            (&mut self.region, region),
            (&mut self.postal_code, postal_code),
            (&mut self.country, country),
        ] {
            if theirs.is_some() {
                *mine = theirs;
            }
        }
    }
}

/// `PATCH /v1/profile`: changes the given fields and keeps the others. A field with the value `null` or an empty
/// text is cleared. The answer is the [`UserProfile`].
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateProfileRequest {
    /// A name for sign-in.
    #[serde(default)]
    pub username: Option<String>,
    /// True to subscribe to the newsletter.
    #[serde(default)]
    pub email_subscription: Option<bool>,
    /// The fields of the profile.
    #[serde(flatten)]
    pub profile: ProfileInput,
}

const ACCOUNT: [Field; 2] =
    [optional("username", Rule::Username), optional("email_subscription", Rule::Flag)];

impl Request for UpdateProfileRequest {
    const FIELDS: &'static [Field] = &join::<{ ACCOUNT.len() + PROFILE.len() }>(&ACCOUNT, PROFILE);
}

/// An account as its owner sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserProfile {
    /// UUID of the account.
    pub user_id: String,
    /// The name for sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// E-mail address in lower case. An internationalised domain is in Unicode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// True if the e-mail address was verified.
    pub email_verified: bool,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// True if the phone number was verified.
    pub phone_number_verified: bool,
    /// True if the user subscribed to the newsletter.
    pub email_subscription: bool,
    /// Roles, which the operator assigns.
    pub roles: Vec<String>,
    /// True if an operator disabled the account.
    pub disabled: bool,
    /// Number of sign-ins.
    pub logins_count: u64,
    /// Time of the last sign-in, RFC 3339 with milliseconds, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_login: Option<String>,
    /// Time of creation, RFC 3339 with milliseconds, in UTC.
    pub created_at: String,
    /// Time of the last change, RFC 3339 with milliseconds, in UTC.
    pub updated_at: String,
    /// The fields of the profile, at the top level. The visibility flags are always present.
    #[serde(flatten)]
    pub fields: ProfileFields,
    /// The operator's own fields, also at the top level.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    pub extras: Extras,
}

/// The part of an account that other users can see: `GET /v1/users/{id}`. It contains name, picture and pages, the
/// fields that the owner made public, and the operator's fields that are declared public.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PublicProfile {
    /// UUID of the account.
    pub user_id: String,
    /// E-mail address, if it is public and verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number, if it is public and verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The visible fields of the profile.
    #[serde(flatten)]
    pub fields: ProfileFields,
    /// The operator's own public fields.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, serde_json::Value>))]
    pub extras: Extras,
}
