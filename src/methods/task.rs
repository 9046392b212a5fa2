//! The methods that do not simply call one endpoint. They share one function, so that its async code is in
//! the wasm once.

use doorward_protocol::messages;

use super::input::Input;
use crate::{
    document::Value,
    error::{Error, error},
    session::machine::Need,
};

#[derive(Clone, Copy)]
pub(super) enum Task {
    AccessToken,
    Refresh,
    Logout,
}

pub(super) async fn carry_out(task: Task, input: &Input) -> Result<Option<Value>, Error> {
    let (client, limits) = (&input.client, &input.limits);
    let session = &client.session;
    Ok(Some(match task {
        Task::AccessToken | Task::Refresh => {
            let wants_new = matches!(task, Task::Refresh);
            let fresh = session.refresh(if wants_new { Need::New } else { Need::Usable }, limits).await?;
            match fresh {
                Some(fresh) if wants_new => session.shown(Some(&fresh)),
                Some(fresh) => fresh.access_token.as_str().into(),
                None if wants_new => return Err(error!(SessionRequired)),
                None => Value::Null,
            }
        }
        Task::Logout => {
            let is_global = match input.fields.text("scope") {
                None | Some("" | "local") => Some(false),
                Some("global") => Some(true),
                Some("others") => None,
                Some(_) => {
                    return Err(Error::parameter("scope", r#"Give "local", "others" or "global"."#));
                }
            };
            match is_global {
                Some(everywhere) => session.sign_out(everywhere, limits).await?,
                None => session.sign_out_others(limits).await?,
            }
            messages::LOGGED_OUT.into()
        }
    }))
}
