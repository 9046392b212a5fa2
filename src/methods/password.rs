//! Signing up and in with an e-mail address and a password, and getting back in.

use doorward_protocol::{
    Request,
    error::ErrorCode,
    login::LoginRequest,
    messages,
    password::{ForgotPasswordRequest, ResetPasswordRequest},
    signup::{SignupOptions, SignupRequest},
};
use wasm_bindgen::prelude::*;

use crate::{
    api::Call,
    browser::{Promise, Value, location},
    client::Core,
    error::{Error, error},
    fields::{Node, Tree},
};

#[wasm_bindgen]
impl Core {
    /// `signup(params, options)`
    pub fn signup(&self, params: JsValue, options: JsValue) -> Promise {
        let client = self.client();
        let given = self.take(params, SignupRequest::FIELDS, None, options, SignupOptions::FIELDS);
        self.perform(given, |mut tree, mut options, limits| async move {
            if tree.node("options").is_some() {
                return Err(Error::parameter("options", "Give the options as the second argument."));
            }
            refuse_both(&options)?;
            resolve_confirmation(&mut options)?;
            tree.put("options", Node::Object(options));
            SignupRequest::check(&&tree, client.policy.get())?;
            let call = Call::post_once("/v1/signup", tree.to_json());
            let answer = client.api.send(&call, None, &limits).await?;
            let session = answer.get("session");
            if !session.is_absent() {
                return client.session.establish(&session).await;
            }
            let required = answer.get("confirmation_required").flag().ok_or_else(|| error!(Server))?;
            Ok(match required {
                true => messages::SIGNUP_CONFIRMATION_REQUIRED.into(),
                false => messages::SIGNED_UP.into(),
            })
        })
    }

    /// `login(params, options)`
    pub fn login(&self, params: JsValue, options: JsValue) -> Promise {
        let client = self.client();
        let given = self.take(params, LoginRequest::FIELDS, None, options, &[]);
        self.perform(given, |tree, _, limits| async move {
            LoginRequest::check(&&tree, client.policy.get())?;
            let call = Call::post("/v1/login", tree.to_json());
            match client.api.send(&call, None, &limits).await {
                Ok(tokens) => client.session.establish(&tokens).await,
                Err(error) => {
                    if error.is(ErrorCode::SignupConfirmationNeeded) {
                        client.unconfirmed.replace(tree.text("email").map(str::to_owned));
                    }
                    Err(error)
                }
            }
        })
    }

    /// `forgotPassword(params)`
    #[wasm_bindgen(js_name = forgotPassword)]
    pub fn forgot_password(&self, params: JsValue, options: JsValue) -> Promise {
        let client = self.client();
        let given = self.take(params, ForgotPasswordRequest::FIELDS, Some("email"), options, &[]);
        self.perform(given, |tree, _, limits| async move {
            ForgotPasswordRequest::check(&&tree, client.policy.get())?;
            let call = Call::post("/v1/password/forgot", tree.to_json());
            client.api.send(&call, None, &limits).await?;
            Ok(messages::CODE_SENT.into())
        })
    }

    /// `resetPassword(params, options)` or `resetPassword(token, password, options)`
    #[wasm_bindgen(js_name = resetPassword)]
    pub fn reset_password(&self, params: JsValue, second: JsValue, third: JsValue) -> Promise {
        let client = self.client();
        let with_token = params.is_string();
        let password = Value::from(second.clone());
        let options = if with_token { third } else { second };
        let given = self.take(params, ResetPasswordRequest::FIELDS, Some("token"), options, &[]);
        self.perform(given, move |mut tree, _, limits| async move {
            if let (true, Some(password)) = (with_token, password.text()) {
                tree.put("new_password", Node::Text(password));
            }
            ResetPasswordRequest::check(&&tree, client.policy.get())?;
            one_proof(&tree)?;
            let call = Call::post_once("/v1/password/reset", tree.to_json());
            client.api.send(&call, None, &limits).await?;
            Ok(messages::PASSWORD_SET.into())
        })
    }
}

/// A path is resolved against the page; a page that is not on the web cannot be come back to (seed K22).
fn resolve_confirmation(options: &mut Tree) -> Result<(), Error> {
    let Some(address) = options.text("signup_confirmation").filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let url = location::resolve(address).and_then(|url| url.get("href").text()).ok_or_else(|| {
        Error::parameter(
            "signup_confirmation",
            "Give true, an https address, or a path on a page that is served over http or https.",
        )
    })?;
    options.put("signup_confirmation", Node::Text(url));
    Ok(())
}

/// Nobody can be signed in at once and yet have to confirm first (seed K25).
fn refuse_both(options: &Tree) -> Result<(), Error> {
    let wanted = ["login", "generate_token"].into_iter().find(|name| options.is_set(name));
    match wanted {
        Some(name) if options.is_set("signup_confirmation") => {
            Err(Error::parameter(name, "Not together with signup_confirmation."))
        }
        _ => Ok(()),
    }
}

/// A code with its address, or the token of a link: one of the two, as the server wants it.
pub(super) fn one_proof(tree: &Tree) -> Result<(), Error> {
    let missing = |field: &'static str| Error::parameter(field, "This field is required.");
    match (tree.is_set("email"), tree.is_set("code"), tree.is_set("token")) {
        (_, false, true) | (true, true, false) => Ok(()),
        (_, true, true) => Err(Error::parameter("token", "Give a code or a token, not both.")),
        (false, _, false) => Err(missing("email")),
        (true, false, false) => Err(missing("code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&'static str]) -> Tree {
        let mut tree = Tree::default();
        for name in names {
            tree.put(name, Node::Text("x".into()));
        }
        tree
    }

    #[test]
    fn seed_k25_login_and_confirmation_exclude_each_other() {
        let refused =
            |names: &[&'static str]| refuse_both(&tree(names)).err().and_then(|error| error.field.clone());
        assert_eq!(refused(&["login", "signup_confirmation"]).as_deref(), Some("login"));
        assert_eq!(refused(&["generate_token", "signup_confirmation"]).as_deref(), Some("generate_token"));
        assert_eq!(refused(&["login"]), None);
        assert_eq!(refused(&["signup_confirmation"]), None);
    }

    #[test]
    fn seed_k41_a_reset_takes_a_code_with_its_address_or_a_token() {
        let fault =
            |names: &[&'static str]| one_proof(&tree(names)).err().and_then(|error| error.field.clone());
        assert_eq!(fault(&["email", "code"]), None);
        assert_eq!(fault(&["token"]), None);
        assert_eq!(fault(&["code"]).as_deref(), Some("email"));
        assert_eq!(fault(&["email"]).as_deref(), Some("code"));
        assert_eq!(fault(&["email", "code", "token"]).as_deref(), Some("token"));
    }
}
