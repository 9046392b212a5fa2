//! The options of a client, which `js/options.js` has read and checked, and those of a call.

use doorward_protocol::{Field, Rule, optional};

use crate::{
    browser::{Value, fields, http::Limits},
    error::{Error, error},
    fields::Tree,
};

/// The greatest that timers take.
const LONGEST: f64 = 2_147_483_647.0;

/// What is wrong with the options of a client; told by the first call.
pub(crate) fn fault(settings: &Value) -> Option<Error> {
    let fault = settings.get("fault");
    if fault.is_true("insecure") {
        return Some(error!(InsecureContext));
    }
    Some(Error::parameter(fault.text_of("field")?, fault.text_of("message")?))
}

/// Nothing when there is none; no value when it is no duration.
fn timeout(value: &Value) -> Option<Option<f64>> {
    if value.is_absent() {
        return Some(None);
    }
    value.number().filter(|number| (0.0..=LONGEST).contains(number)).map(Some)
}

/// Characters in the answer to a captcha: what the widget of a service gives is long.
const LONGEST_CODE: u32 = 8192;

/// Those of every call that are no limits.
pub(crate) const CAPTCHA: &[Field] =
    &[optional("captcha_id", Rule::Line(1024)), optional("captcha_code", Rule::Line(LONGEST_CODE))];

/// The options of one call: `RequestOptions` over the client's limits, and the call's own as its table says.
pub(crate) fn of_call(
    given: &Value,
    own: &'static [Field],
    limits: &Limits,
) -> Result<(Limits, Tree), Error> {
    // Handlers get called with an index or an event as their second argument: no options then.
    if !given.is_object() || given.has_method("preventDefault") {
        return Ok((limits.clone(), Tree::default()));
    }
    let signal = given.get("signal");
    if !signal.is_absent() {
        if signal.get("aborted").flag().is_none() {
            return Err(Error::parameter("signal", "This must be an AbortSignal."));
        }
        if signal.is_true("aborted") {
            return Err(error!(Aborted));
        }
    }
    let timeout = timeout(&given.get("timeout"))
        .ok_or_else(|| Error::parameter("timeout", "This must be a number of milliseconds."))?;
    let limits = Limits::new(&limits.life(), &signal, timeout.unwrap_or_else(|| limits.timeout()));
    let tree = fields::read(&[own, CAPTCHA], &["signal", "timeout"], fields::How::Given, given)?;
    Ok((limits, tree))
}
