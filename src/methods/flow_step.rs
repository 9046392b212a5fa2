//! The role of a call in a flow with a provider.

use wasm_bindgen::JsValue;

use crate::error::Error;

/// The role of a call in a flow.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Step {
    Begin,
    /// Begins the last flow again.
    Repeat,
    /// Ends a flow with a sign-in or a registration.
    SignIn,
    /// Ends a flow by linking the identity to the account of the signed-in user.
    Link,
}

/// The role of a call in a flow with a provider.
pub(super) struct FlowStep {
    pub(super) provider: String,
    pub(super) step: Step,
}

impl FlowStep {
    /// The step of a flow with this provider. `None` for `local`, which has no flow.
    pub(super) fn of(provider: &JsValue, step: Option<Step>) -> Result<Option<FlowStep>, Error> {
        let name = provider.as_string().filter(|name| !name.is_empty());
        let name =
            name.ok_or_else(|| Error::parameter("provider", "Give the name of a provider, like google."))?;
        Ok(step.map(|step| FlowStep { provider: name, step }))
    }
}
