//! One refresh of a session at a time, across servers (R29).

use std::{sync::Arc, time::Duration};

use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{StoreError, StoreKey, records::Records};

/// A server that dies while it holds a lock keeps the others waiting for so long.
const HELD: Duration = Duration::from_secs(3);
/// While it lives and works it says so this often.
const EXTENDED: Duration = Duration::from_secs(1);
/// Who waits looks again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Longer than a refresh may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Held until it is released; if it is dropped, or its server dies, for [`HELD`] more.
pub struct Lock {
    records: Arc<dyn Records>,
    key: StoreKey,
    holder: [u8; 16],
    extending: AbortHandle,
}

impl Lock {
    /// Waits for its turn.
    pub(super) async fn take(records: Arc<dyn Records>, key: StoreKey) -> Result<Self, StoreError> {
        let holder = Uuid::new_v4().into_bytes();
        let waiting = async {
            while !records.lock(&key, &holder, HELD).await? {
                sleep(LOOK_AGAIN).await;
            }
            Ok::<(), StoreError>(())
        };
        timeout(PATIENCE, waiting)
            .await
            .map_err(|_| StoreError::Slow)??;
        let extending = tokio::spawn(extend(records.clone(), key, holder)).abort_handle();
        Ok(Self {
            records,
            key,
            holder,
            extending,
        })
    }

    /// Lets the next one in.
    pub async fn release(self) {
        self.extending.abort();
        // If it can't be said, the lock runs out by itself.
        _ = self.records.unlock(&self.key, &self.holder).await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.extending.abort();
    }
}

async fn extend(records: Arc<dyn Records>, key: StoreKey, holder: [u8; 16]) {
    loop {
        sleep(EXTENDED).await;
        if matches!(records.extend(&key, &holder, HELD).await, Ok(false)) {
            return;
        }
    }
}
