//! What the server allows those who ask.

use std::time::Duration;

/// Limits of a server. The defaults are for people and scripts that operate services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at a time, for each listener, whose request has not come yet. For one more the oldest of them is closed: who
    /// connects and says nothing keeps nobody out.
    pub silent_connections: usize,
    /// Connections at a time, for each listener. One more waits until one of them ends.
    pub connections: usize,
    /// Requests of one tenant at a time, streams among them. More are refused.
    pub requests_of_a_tenant: usize,
    /// The largest JSON body, in bytes.
    pub json_bytes: usize,
    /// The largest package, in bytes.
    pub package_bytes: u64,
    /// How long the head of a request may take to arrive, and a JSON body.
    pub request_time: Duration,
    /// How long a package may stand still on its way here, and an answer on its way to whoever asked.
    pub stall_time: Duration,
    /// How long a stream may say nothing before it says an empty line.
    pub beat: Duration,
    /// How long requests may take to end when the server stops.
    pub stop_time: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            silent_connections: 64,
            connections: 1_024,
            requests_of_a_tenant: 64,
            json_bytes: 8 << 20,
            package_bytes: 1 << 30,
            request_time: Duration::from_secs(15),
            stall_time: Duration::from_secs(30),
            beat: Duration::from_secs(15),
            stop_time: Duration::from_secs(5),
        }
    }
}
