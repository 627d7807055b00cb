//! Probes of the load balancer (facts: section 3).

use super::{Port, ProbeName};
use crate::Span;

/// A probe: how the balancer finds out whether an instance takes connections.
///
/// It replaces the instance's own word for the endpoints that name it: their instances get connections as long as
/// the probe succeeds, whatever the role says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancerProbe {
    /// Unique in its service.
    pub name: ProbeName,
    /// What is tried.
    pub check: ProbeCheck,
    /// The port to try; `None`: the local port of the endpoint that names the probe.
    pub port: Option<Port>,
    /// Seconds between two tries, at least 5. Default 15.
    pub interval_seconds: u32,
    /// Seconds without success after which an instance gets no connections, at least 11. Default 31.
    pub timeout_seconds: u32,
    /// Where the definition declares it.
    pub span: Span,
}

/// What a probe tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeCheck {
    /// Success is a connection.
    Tcp,
    /// Success is an answer with status 200 and no other.
    Http {
        /// The path to ask for. Starts with `/`, which is added when the definition lacks it.
        path: String,
    },
}
