//! One connection for all commands, made anew after a break. Not the crate's `ConnectionManager`: that one connects
//! anew after errors of input and output only, and a Redis that once said "too many clients" would be down for good.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisError,
    RedisResult, ScriptInvocation, aio::MultiplexedConnection, io::tcp::TcpSettings,
};
use tokio::{sync::Mutex, time::timeout};

use super::super::StoreError;
use crate::secret::Secret;

/// How long making a connection may take.
pub const CONNECT: Duration = Duration::from_secs(1);
/// How long Redis may take for an answer. Its own work is a matter of microseconds.
pub const ANSWER: Duration = Duration::from_secs(1);
/// How long a call may take in all, with those that wait for the same connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to Redis.
pub struct Connection {
    client: Client,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// So that a late failure of the one before does not take away the new one.
    number: u64,
}

impl Connection {
    /// Nothing is connected yet.
    pub fn new(address: &Secret) -> RedisResult<Self> {
        // Many small commands share the connection, and none waits for its packet to fill.
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = address
            .expose()
            .into_connection_info()?
            .set_tcp_settings(tcp);
        Ok(Self {
            client: Client::open(info)?,
            current: Mutex::default(),
        })
    }

    /// Makes connections of other kinds.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Runs a command.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.patiently(|mut connection| async move { command.query_async(&mut connection).await })
            .await
    }

    /// Runs a script: all of it, or none.
    pub async fn invoke<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.patiently(|mut connection| async move { script.invoke_async(&mut connection).await })
            .await
    }

    async fn patiently<T, F>(
        &self,
        run: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let attempt = async {
            let (connection, number) = self.connected().await?;
            let answer = run(connection).await;
            // Slow counts as broken: Redis may have moved, and the old place be silent.
            if answer.as_ref().is_err_and(RedisError::is_io_error) {
                self.forget(number).await;
            }
            answer
        };
        match timeout(PATIENCE, attempt).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(StoreError::Slow),
        }
    }

    async fn connected(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        current.connection = Some(connection.clone());
        current.number += 1;
        Ok((connection, current.number))
    }

    async fn forget(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }
}
