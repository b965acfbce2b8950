//! What ends on other servers, by way of Redis' channel. After a break it is subscribed anew, and whoever listens here
//! is told that something may have been missed.

use std::time::Duration;

use futures_util::StreamExt;
use redis::{Client, ErrorKind, RedisError, RedisResult, aio::PubSub};
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    super::{Ended, Ends, StoreError},
    PREFIX,
    connection::{ANSWER, CONNECT},
};

/// How long to wait before it is tried again.
const AGAIN: Duration = Duration::from_millis(250);
/// How often a silent connection is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Listens as long as it lives.
pub struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listening {
    /// Subscribes before anything can end. A Redis that is not there is waited for; one that refuses us is an error.
    pub async fn start(client: Client, ends: Ends) -> Result<Self, StoreError> {
        let first = match subscribe(&client).await {
            Ok(subscription) => Some(subscription),
            Err(StoreError::Redis(error)) if refuses(&error) => return Err(error.into()),
            Err(error) => {
                tracing::error!(event = "store_failed", %error, "Redis can't be reached; it is tried again");
                None
            }
        };
        Ok(Self(
            tokio::spawn(listen(client, ends, first)).abort_handle(),
        ))
    }
}

/// The channel on which every end is told.
pub fn channel() -> String {
    format!("{PREFIX}ended")
}

async fn listen(client: Client, ends: Ends, mut subscription: Option<PubSub>) {
    loop {
        if let Some(subscription) = subscription.take() {
            relay(subscription, &ends).await;
            tracing::warn!(
                event = "store_listening_broke",
                "the connection to Redis broke; it is made anew"
            );
        }
        sleep(AGAIN).await;
        subscription = subscribe(&client).await.ok();
        if subscription.is_some() {
            // What ended meanwhile was not told here.
            ends.begin_anew();
        }
    }
}

async fn subscribe(client: &Client) -> Result<PubSub, StoreError> {
    let subscribing = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(channel()).await?;
        Ok(subscription)
    };
    match timeout(CONNECT + ANSWER, subscribing).await {
        Ok(subscription) => subscription.map_err(StoreError::Redis),
        Err(_) => Err(StoreError::Slow),
    }
}

/// Until the connection breaks.
async fn relay(subscription: PubSub, ends: &Ends) {
    let (mut asking, mut messages) = subscription.split();
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(message) => {
                    if let Some(ended) = Ended::from_bytes(message.get_payload_bytes()) {
                        ends.tell(ended);
                    }
                }
                None => return,
            },
            _ = heartbeat.tick() => {
                let alive: Result<RedisResult<redis::Value>, _> = timeout(ANSWER, asking.ping()).await;
                if !matches!(alive, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

/// Whether waiting is of no use: a wrong password, or one without rights.
fn refuses(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}
