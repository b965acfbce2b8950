//! The hand on the emulator: faults, the log of calls, the clock, the keys.
//!
//! Tests in Rust call [`Control`]; tests in other languages speak the same types as JSON to `/_control` (`routes`).

mod calls;
mod changes;
mod fault;
mod faults;
pub(crate) mod routes;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use time::OffsetDateTime;

pub(crate) use calls::Asker;
pub use calls::Call;
pub use changes::{Callback, Forgery, GraphChange, KeysChange, MetadataChange, TokenChange};
pub use fault::{Answer, Endpoint, Fault, Rule};

use crate::{Client, lock, memory::Memory, platform::keys::Keys};

/// Makes faults, tells what was called, moves the clock.
pub struct Control {
    faults: faults::Faults,
    calls: calls::Calls,
    ahead: Mutex<Duration>,
    pub(crate) keys: Keys,
    pub(crate) memory: Memory,
    settled: Vec<Client>,
    clients: Mutex<Vec<Arc<Client>>>,
}

impl Control {
    pub(crate) fn new(clients: Vec<Client>) -> Self {
        Self {
            faults: faults::Faults::default(),
            calls: calls::Calls::default(),
            ahead: Mutex::default(),
            keys: Keys::default(),
            memory: Memory::default(),
            clients: Mutex::new(clients.iter().cloned().map(Arc::new).collect()),
            settled: clients,
        }
    }

    /// Makes something go wrong from now on.
    pub fn fault(&self, rule: impl Into<Rule>) {
        self.faults.add(rule.into());
    }

    /// Ends all faults and lets held answers go.
    pub fn clear(&self) {
        self.faults.clear();
    }

    /// The faults that are still to strike.
    pub fn faults(&self) -> Vec<Rule> {
        self.faults.list()
    }

    /// Lets every answer go that [`Answer::Hold`] holds now.
    pub fn release(&self) {
        self.faults.release();
    }

    /// What was called since the start or the last [`forget_calls`](Self::forget_calls), oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.list()
    }

    /// The calls to one endpoint.
    pub fn calls_to(&self, endpoint: Endpoint) -> Vec<Call> {
        self.calls
            .list()
            .into_iter()
            .filter(|call| call.endpoint == endpoint)
            .collect()
    }

    /// Empties the log of calls.
    pub fn forget_calls(&self) {
        self.calls.clear();
    }

    /// Moves the emulator's clock forward: tokens, codes and keys age, real time does not pass.
    pub fn advance(&self, by: Duration) {
        *lock(&self.ahead) += by;
    }

    /// The emulator's own time.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + *lock(&self.ahead)
    }

    /// Signs with a key that was not published before. The previous one stays published, the one before goes.
    pub fn rotate_keys(&self) {
        self.keys.rotate();
    }

    /// Ends a user's single sign-on, refresh tokens and access tokens, as an administrator can.
    pub fn revoke_sessions(&self, oid: &str) {
        self.memory.revoke(oid, self.now());
    }

    /// Continuous access evaluation: Graph refuses the user's tokens issued until now with a claims challenge,
    /// where the client announced `cp1`. The refresh tokens stay valid.
    pub fn declare_stale(&self, oid: &str) {
        self.memory.declare_stale(oid, self.now());
    }

    /// Forgets every consent that users have given, so that they are asked again.
    pub fn forget_consents(&self) {
        self.memory.forget_consents();
    }

    /// Registers a client, or changes the registration with its id.
    pub fn register(&self, client: Client) {
        let mut clients = lock(&self.clients);
        clients.retain(|known| known.client_id != client.client_id);
        clients.push(Arc::new(client));
    }

    /// A registration by its id. The real platform compares without case too.
    pub fn client(&self, client_id: &str) -> Option<Arc<Client>> {
        lock(&self.clients)
            .iter()
            .find(|client| client.client_id.eq_ignore_ascii_case(client_id))
            .cloned()
    }

    pub(crate) fn client_ids(&self) -> Vec<String> {
        lock(&self.clients)
            .iter()
            .map(|client| client.client_id.clone())
            .collect()
    }

    /// Back to how it started: no faults, calls, sessions, tokens or consents; the clock right; the clients of the
    /// settings. Keys stay.
    pub fn reset(&self) {
        self.clear();
        self.forget_calls();
        self.memory.clear();
        *lock(&self.ahead) = Duration::ZERO;
        *lock(&self.clients) = self.settled.iter().cloned().map(Arc::new).collect();
    }

    pub(crate) fn strike<T>(&self, asker: &Asker, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.faults.strike(asker, pick)
    }

    pub(crate) fn strike_all<T>(
        &self,
        asker: &Asker,
        pick: impl Fn(&Fault) -> Option<T>,
    ) -> Vec<T> {
        self.faults.strike_all(asker, pick)
    }

    pub(crate) async fn held(&self) {
        self.faults.held().await;
    }

    pub(crate) fn log(&self, call: Call) -> u64 {
        self.calls.add(call)
    }

    pub(crate) fn answered(&self, number: u64, status: u16) {
        self.calls.answered(number, status);
    }
}
