//! What all methods of a client share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use doorward_protocol::{Field, Policy};

use crate::{
    api::Api,
    browser::{Value, http::Limits},
    error::Error,
    fields::Tree,
    options::{self, Settings},
    session::Keeper,
};

/// A client of one server.
pub(crate) struct Client {
    pub(crate) api: Rc<Api>,
    pub(crate) session: Rc<Keeper>,
    /// The server's rules, once they are known.
    pub(crate) policy: Cell<Policy>,
    /// `getSettings`: the text of the answer, and when it came on the page's running clock.
    pub(crate) kept: RefCell<Option<(String, f64)>>,
    /// The address of the last login that was refused because it is not confirmed.
    pub(crate) unconfirmed: RefCell<Option<String>>,
    /// `taken` of `js/forms.js`.
    pub(crate) take: Value,
    /// The client's own options.
    pub(crate) settings: Settings,
    /// Without a caller's wishes.
    pub(crate) limits: Limits,
}

impl Client {
    /// The options of one call, over the client's own.
    pub(crate) fn options(&self, given: &Value, own: &'static [Field]) -> Result<(Limits, Tree), Error> {
        match &self.settings.fault {
            Some(fault) => Err(fault.clone()),
            None => options::of_call(given, own, &self.limits),
        }
    }
}
