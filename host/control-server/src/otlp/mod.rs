//! Export to a collector of OpenTelemetry: OTLP over HTTP in its JSON form (OTLP 1.x, `POST /v1/logs` and `/v1/traces`).
//!
//! | here | there |
//! |---|---|
//! | a line of a guest | a log record, severity INFO, `log.iostream` |
//! | an event | a log record with an event name |
//! | lines that are missing | a log record, severity WARN, that says how many |
//! | an operation that is over | a span, from its begin to its end, with an error status unless it is done |
//! | tenant, service, slot | resource: `service.namespace`, `service.name`, `deployment.environment.name` |
//! | deployment, instance, role | resource: `wasm_roles.deployment.id`, `service.instance.id`, `wasm_roles.role` |
//!
//! Nothing is queued here: while the collector does not answer, streams are not read, and what their journals forget meanwhile is
//! told as missing. So a collector that is down costs no memory and slows nobody. Times and ids come from what is exported: the
//! same operation has the same trace, however often it is sent.

mod collector;
mod records;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::collector::Sender;
pub use self::collector::{Collector, CollectorError};
use crate::follow::{Pace, follow_all};
use crate::operator::Operator;

/// How to export.
#[derive(Clone)]
pub struct OtlpOptions {
    /// Where to.
    pub collector: Collector,
    /// How often new deployments and operations that are over are looked for. Default: 2 seconds.
    pub every: Duration,
    /// How long a line waits for others before it is sent. Default: 1 second.
    pub linger: Duration,
    /// How long the last records may take when the export stops. Default: 3 seconds.
    pub stop_time: Duration,
    /// Is told when the collector takes nothing any more, and when it does so again.
    pub told: Arc<dyn Fn(&Exporting) + Send + Sync>,
}

impl OtlpOptions {
    /// The usual ones, which tell nobody.
    #[must_use]
    pub fn new(collector: Collector) -> Self {
        Self {
            collector,
            every: Duration::from_secs(2),
            linger: Duration::from_secs(1),
            stop_time: Duration::from_secs(3),
            told: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for OtlpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpOptions").field("collector", &self.collector).finish_non_exhaustive()
    }
}

/// How the export goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exporting {
    /// The collector takes nothing; it is tried again.
    Failing {
        /// Why.
        reason: String,
    },
    /// The collector has refused a request for good, and its records are lost.
    Lost {
        /// Why.
        reason: String,
    },
    /// The collector takes records again.
    Working,
}

impl fmt::Display for Exporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing { reason } => {
                write!(f, "the collector takes nothing, and is tried again: {reason}")
            }
            Self::Lost { reason } => write!(f, "the collector has refused records, which are lost: {reason}"),
            Self::Working => f.write_str("the collector takes records again"),
        }
    }
}

/// Exports the lines, events and operations of all tenants until `stop`; then what is at hand is sent, at most for
/// [`stop_time`](OtlpOptions::stop_time).
pub async fn export<O: Operator>(operator: O, options: OtlpOptions, stop: impl Future<Output = ()>) {
    let pace = Pace { every: options.every, linger: options.linger, stop_time: options.stop_time };
    follow_all(operator, Sender::new(options), pace, stop).await;
}
