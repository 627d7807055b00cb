//! The public side for the deployment's own instances.

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::interface::Interface;

/// Who serves the public ports: a load balancer. It says who could answer, and the network connects.
pub trait PublicPorts: Send + Sync + 'static {
    /// Offers a TCP connection from `client` to a public port to those who may have it, in their order, until `take` takes it
    /// for one of them: for an interface and its port. Says whether anybody took it.
    ///
    /// It is called in the task of a guest, so it must not block. `take` never waits.
    fn offer(&self, port: u16, client: IpAddr, take: &mut dyn FnMut(&Interface, NonZeroU16) -> bool) -> bool;
}
