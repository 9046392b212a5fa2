//! Exports all data that is stored about a user, as JSON, for a user who asks for it. The export contains no
//! secrets.

use doorward_core::clock::rfc3339;
use doorward_protocol::admin::{ExportedChallenge, ExportedMessage, UserExport};
use doorward_request::audit::{Event, Record};
use doorward_request::error::ApiError;
use doorward_store::audit::{self, Filter};
use doorward_store::directory::{self, NEWEST};
use doorward_store::{transaction, user_data};

use super::Operator;
use super::lists::entry;

impl Operator {
    /// Collects the data. The export is recorded in the audit log.
    pub async fn export_user(&self, id: &str) -> Result<UserExport, ApiError> {
        let account = self.show_user(id).await?;
        let sessions = self.sessions(id).await?;
        let mut db = self.store.read().await?;
        let filter = Filter { account: Some(id.to_owned()), ..Filter::default() };
        let audit = audit::list(&mut db, &filter, NEWEST, i64::MAX).await?;
        let challenges = directory::challenges(&mut db, id).await?;
        let messages = directory::messages(&mut db, id).await?;
        let data = user_data::list(&mut db, id).await?;
        let password_set_at = directory::password_set_at(&mut db, id).await?.map(rfc3339);
        // Releases the read connection before the write.
        drop(db);
        let export = UserExport {
            exported_at: rfc3339(self.world.now()),
            account,
            password_set_at,
            sessions,
            data: data.into_iter().collect(),
            challenges: challenges
                .into_iter()
                .map(|sent| ExportedChallenge {
                    scene: sent.what,
                    address: sent.address,
                    created_at: rfc3339(sent.created_at),
                })
                .collect(),
            messages: messages
                .into_iter()
                .map(|sent| ExportedMessage {
                    message: sent.what,
                    address: sent.address,
                    created_at: rfc3339(sent.created_at),
                })
                .collect(),
            audit: audit.into_iter().map(entry).collect(),
        };
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                let record = Record::of(Event::UserExported).account(&id);
                Ok::<_, ApiError>(operator.record(tx, record, "", operator.world.now()).await?)
            }))
            .await?;
        Ok(export)
    }
}
