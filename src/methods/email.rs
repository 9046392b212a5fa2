//! Addresses: proving one, asking whether one is taken.

use doorward_protocol::{
    Request,
    email::{CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest},
    messages,
};
use wasm_bindgen::prelude::*;

use super::password::one_proof;
use crate::{
    api::Call,
    browser::Promise,
    client::{Core, Given},
    error::error,
    fields::{Node, Tree},
    session::user_text,
};

#[wasm_bindgen]
impl Core {
    /// `checkEmail(email)`
    #[wasm_bindgen(js_name = checkEmail)]
    pub fn check_email(&self, email: JsValue, options: JsValue) -> Promise {
        let client = self.client();
        let given = self.take(email, CheckEmailRequest::FIELDS, Some("email"), options, &[]);
        self.perform(given, |tree, _, limits| async move {
            CheckEmailRequest::check(&&tree, client.policy.get())?;
            client.api.send(&Call::post("/v1/email/check", tree.to_json()), None, &limits).await
        })
    }

    /// `resendVerification(email)`
    #[wasm_bindgen(js_name = resendVerification)]
    pub fn resend_verification(&self, email: JsValue, options: JsValue) -> Promise {
        let client = self.client();
        let given = self.take(email, ResendVerificationRequest::FIELDS, Some("email"), options, &[]);
        self.perform(given, |tree, _, limits| async move {
            ResendVerificationRequest::check(&&tree, client.policy.get())?;
            client.api.send(&resend(&tree), None, &limits).await
        })
    }

    /// `resendSignupConfirmation()`
    #[wasm_bindgen(js_name = resendSignupConfirmation)]
    pub fn resend_signup_confirmation(&self, options: JsValue) -> Promise {
        let client = self.client();
        self.run(options, &[], |_, limits| async move {
            let email = client.unconfirmed.borrow().clone();
            let email = email.ok_or_else(|| error!(InvalidRequest, messages::LOGIN_ATTEMPT_REQUIRED))?;
            client.api.send(&resend(&Tree::with("email", Node::Text(email))), None, &limits).await?;
            Ok(messages::CONFIRMATION_SENT.into())
        })
    }

    /// `verifyAccount(secret)`
    #[wasm_bindgen(js_name = verifyAccount)]
    pub fn verify_account(&self, secret: JsValue, options: JsValue) -> Promise {
        self.verify(self.take(secret, VerifyEmailRequest::FIELDS, Some("token"), options, &[]))
    }

    /// `verifyEmail({ email, code })`
    #[wasm_bindgen(js_name = verifyEmail)]
    pub fn verify_email(&self, params: JsValue, options: JsValue) -> Promise {
        self.verify(self.take(params, VerifyEmailRequest::FIELDS, None, options, &[]))
    }
}

impl Core {
    fn verify(&self, given: Given) -> Promise {
        let client = self.client();
        self.perform(given, |tree, _, limits| async move {
            VerifyEmailRequest::check(&&tree, client.policy.get())?;
            one_proof(&tree)?;
            let call = Call::post_once("/v1/email/verify", tree.to_json());
            let user = client.api.send(&call, None, &limits).await?;
            user_text(&user).ok_or_else(|| error!(Server))?;
            if let Some(session) = client.session.current().await {
                client.session.learn_user(&session, &user).await;
            }
            Ok(user)
        })
    }
}

fn resend(tree: &Tree) -> Call {
    Call::post("/v1/email/resend", tree.to_json())
}
