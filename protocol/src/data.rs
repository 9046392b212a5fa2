//! User-defined data: values that an app stores for a user. The operator's settings declare their types (seeds A56
//! to A60).

use serde::{Deserialize, Serialize};

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// `PUT /v1/data/{key}`
    pub struct SetDataRequest {
        /// The value. It must have the declared type of the key.
        pub value: serde_json::Value = required(Rule::Any),
    }
}

/// The answer of `GET /v1/data`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataList {
    /// The stored values, in the order of their keys.
    pub data: Vec<DataItem>,
}

/// One value.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataItem {
    /// The key.
    pub key: String,
    /// The value.
    pub value: serde_json::Value,
    /// The declared type of the key.
    #[serde(rename = "type")]
    pub kind: ValueType,
}

/// The type of a value that the operator declares, for user-defined data and for extra profile fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Text.
    String,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A date and time, RFC 3339.
    Datetime,
    /// An object or an array.
    Object,
    /// An array of texts.
    Strings,
}
