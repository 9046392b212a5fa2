//! User-defined data: what an app keeps for a person, typed by the operator's configuration (seed A56 to A60).

use serde::{Deserialize, Serialize};

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// `PUT /v1/data/{key}`
    pub struct SetDataRequest {
        /// The value; of the type that the key was declared with.
        pub value: serde_json::Value = required(Rule::Any),
    }
}

/// The answer of `GET /v1/data`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataList {
    /// What is stored, by key.
    pub data: Vec<DataItem>,
}

/// One value.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataItem {
    /// Its key.
    pub key: String,
    /// Itself.
    pub value: serde_json::Value,
    /// What its key was declared as.
    #[serde(rename = "type")]
    pub kind: ValueType,
}

/// What a value of the operator's own can be: of user-defined data, and of extra profile fields.
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
    /// A moment, RFC 3339.
    Datetime,
    /// An object or an array.
    Object,
    /// An array of texts.
    Strings,
}
