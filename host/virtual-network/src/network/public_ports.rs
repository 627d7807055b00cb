//! The public side for the deployment's own instances.

use std::net::IpAddr;
use std::num::NonZeroU16;

use bytes::Bytes;

use super::interface::Interface;
use crate::udp::InsideClient;

/// Who serves the public ports: a load balancer. It says who could answer, and the network connects.
///
/// Both operations are called in the task of a guest, so they must not block.
pub trait PublicPorts: Send + Sync + 'static {
    /// Offers a TCP connection from `client` to a public port to those who may have it, in their order, until `take` takes it
    /// for one of them: for an interface and its port. Says whether anybody took it.
    ///
    /// `take` never waits.
    fn offer(&self, port: u16, client: IpAddr, take: &mut dyn FnMut(&Interface, NonZeroU16) -> bool) -> bool;

    /// Passes a datagram of `client` to a public UDP port on to an instance, over a flow that the client
    /// [opens](InsideClient::open_flow). What nobody can take is lost, as any datagram may be. False: nobody serves the
    /// port, which a connected sender hears as `ConnectionRefused`.
    fn pass_on(&self, port: u16, client: &InsideClient<'_>, data: Bytes) -> bool;
}
