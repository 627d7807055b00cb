//! Probes of the load balancer (facts: section 3).
//!
//! A probe replaces the status of the instances for the public ports that name it: who answers it gets connections, whatever
//! the role says about itself, also while it starts or stops. [`health`] decides, [`prober`] tries, [`request`] is what
//! an instance is asked over HTTP.
//!
//! The tries come from outside of the deployment's network, from the address that the platform's balancer had:
//! 168.63.129.16. They are connections in memory, no rule of the definition applies to them, and no guest can make
//! one.

pub mod health;
pub(crate) mod prober;
mod request;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU16;

use thiserror::Error;
use wasm_roles_service_plan::{PlannedProbe, ProbeCheck};
use wasm_roles_virtual_network::NetError;

use crate::entry::{Entry, Leads};

/// Where tries come from, as on the platform.
pub const PROBE_ADDRESS: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Why an instance did not answer a probe as it should. `Display` completes "the probe failed:".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProbeFailure {
    /// There is no incarnation to try.
    #[error("the instance does not run")]
    NotRunning,
    /// There is no connection, or it broke.
    #[error("{0}")]
    Connection(NetError),
    /// There was no answer before the next try was due.
    #[error("no answer in time")]
    NoAnswer,
    /// The answer is not HTTP, or breaks off before its status.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The answer has another status than 200.
    #[error("status {0}, only 200 is healthy")]
    Status(u16),
}

/// What can be probed: an interface of the virtual network.
pub(crate) trait Probed: Leads + Clone + Send + Sync + 'static {
    /// One try, from this port.
    fn answers(
        &self,
        probe: &PlannedProbe,
        from: NonZeroU16,
    ) -> impl Future<Output = Result<(), ProbeFailure>> + Send;
}

impl Probed for Entry {
    async fn answers(&self, probe: &PlannedProbe, from: NonZeroU16) -> Result<(), ProbeFailure> {
        let from = SocketAddrV4::new(PROBE_ADDRESS, from.get());
        let connecting = self.interface().connect_from_outside(from, NonZeroU16::from(probe.port));
        let mut stream =
            connecting.map_err(ProbeFailure::Connection)?.await.map_err(ProbeFailure::Connection)?;
        match &probe.check {
            ProbeCheck::Tcp => Ok(()),
            ProbeCheck::Http { path } => {
                let host = SocketAddrV4::new(self.interface().address(), probe.port.get());
                request::get(&mut stream, path, host).await
            }
        }
    }
}
