//! What the `options` of sign-ins and signups have in common.

/// The options that all requests of sign-ins and signups have.
pub trait Options {
    /// `options.client_ip`
    fn client_ip(&self) -> Option<&str>;
    /// `options.auto_register`
    fn auto_register(&self) -> Option<bool> {
        None
    }
}

/// Says of a request that its `options` are those of a sign-in, or those of a signup.
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
