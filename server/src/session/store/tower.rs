//! What tower-sessions asks of a store. It makes the ids and the cookie; the ends are this store's own.

use async_trait::async_trait;
use serde_json::Value;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::{Store, StoreKey};

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let data = to_value(record)?;
        while !self.insert(&record.id, &data).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.update(&record.id, &to_value(record)?)
            .await
            .map(|_| ())
            .map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let Some(stored) = self.find(id).await.map_err(backend)? else {
            return Ok(None);
        };
        let data = serde_json::from_value(stored.data)
            .map_err(|e| session_store::Error::Decode(e.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(stored.ends)
            .map_err(|e| session_store::Error::Decode(e.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.end(&StoreKey::of(id)).await.map_err(backend)
    }
}

fn to_value(record: &Record) -> session_store::Result<Value> {
    serde_json::to_value(&record.data).map_err(|e| session_store::Error::Encode(e.to_string()))
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn backend(error: impl ToString) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}
