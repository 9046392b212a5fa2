//! Converts the seed's fields to a request of `/v1`.

use axum::extract::{FromRequest, Request as HttpRequest};
use doorward_protocol::Request;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::{App, AppState};
use crate::extract::Foreign;

/// The seed's name of a field, and the name under `/v1`.
pub(super) type Name = (&'static str, &'static str);

/// The fields of a call.
pub(super) struct ForeignFields(Map<String, Value>);

impl FromRequest<AppState> for ForeignFields {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, app: &AppState) -> Result<Self, ApiError> {
        let Foreign(fields) = Foreign::from_request(request, app).await?;
        Ok(ForeignFields(fields))
    }
}

impl ForeignFields {
    /// The value of a text field.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(Value::as_str).map(str::to_owned)
    }

    /// The field that identifies the user. The seed's documentation does not name it, and calls the address
    /// `username` in its tokens.
    pub(super) fn identifier(&self) -> Name {
        if self.0.contains_key("email") {
            return ("email", "email");
        }
        match self.text("username") {
            Some(name) if !name.contains('@') => ("username", "username"),
            Some(_) => ("username", "email"),
            None => ("email", "email"),
        }
    }

    /// The request of `/v1` with the `required` fields, all of which must be present (seed R43), and the
    /// `optional` ones.
    pub(super) fn request<T: Request + DeserializeOwned>(
        mut self,
        app: &App,
        required: &[Name],
        optional: &[Name],
    ) -> Result<Json<T>, ApiError> {
        let mut ours = Map::new();
        for (there, here) in required {
            let value = self.0.remove(*there).filter(|value| !value.is_null() && *value != "");
            let value = value.ok_or_else(|| ApiError::field(*there, "This field is required."))?;
            ours.insert((*here).to_owned(), value);
        }
        for (there, here) in optional {
            if let Some(value) = self.0.remove(*there) {
                ours.insert((*here).to_owned(), value);
            }
        }
        if let Some(name) = self.0.keys().next() {
            // The name comes from the client and appears in the answer and the log: short and printable.
            let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            return Err(ApiError::field(name, "This field is not known."));
        }
        Json::of(ours, None, &app.platform, !app.hooks.is_idle()).map_err(|error| named(error, required))
    }
}

/// Renames the field of an error to the seed's name.
pub(super) fn named(mut error: ApiError, names: &[Name]) -> ApiError {
    let there = names.iter().find(|(_, here)| error.field.as_deref() == Some(here));
    if let Some((there, _)) = there {
        error.field = Some((*there).to_owned());
    }
    error
}
