//! Access to the options that sign-ins and sign-ups have in common.

/// Options of a sign-in or a sign-up.
pub trait Options {
    /// `options.client_ip`
    fn client_ip(&self) -> Option<&str>;
    /// `options.auto_register`
    fn auto_register(&self) -> Option<bool> {
        None
    }
}

/// Implements [`Options`] for a request with the `options` of a sign-in or of a sign-up.
macro_rules! options {
    ($request:ty, sign_in) => {
        impl crate::options::Options for $request {
            fn client_ip(&self) -> Option<&str> {
                self.options.client_ip.as_deref()
            }
            fn auto_register(&self) -> Option<bool> {
                self.options.auto_register
            }
        }
    };
    ($request:ty, sign_up) => {
        impl crate::options::Options for $request {
            fn client_ip(&self) -> Option<&str> {
                self.options.client_ip.as_deref()
            }
        }
    };
}
pub(crate) use options;
