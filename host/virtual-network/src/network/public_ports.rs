//! The public side for the deployment's own instances.

use bytes::Bytes;

use crate::tcp::InsideConnection;
use crate::udp::InsideClient;

/// Who serves the public ports: a load balancer. It says who could answer, and the network connects.
///
/// All operations are called in the task of a guest or of its connect, so they must not block.
pub trait PublicPorts: Send + Sync + 'static {
    /// Offers a TCP connection to a public port: it [goes](InsideConnection::connect_to) to one of those who may have it, in
    /// their order, or it is [accepted](InsideConnection::accept) here. One that finds nobody is offered again for as long as
    /// one from outside waits.
    fn offer(&self, port: u16, connection: &mut InsideConnection<'_>) -> Offered;

    /// A connection to this port has found nobody in all its time, and is refused.
    fn gave_up(&self, port: u16) {
        let _ = port;
    }

    /// Passes a datagram of `client` to a public UDP port on to an instance, over a flow that the client
    /// [opens](InsideClient::open_flow). What nobody can take is lost, as any datagram may be. False: nobody serves the
    /// port, which a connected sender hears as `ConnectionRefused`.
    fn pass_on(&self, port: u16, client: &InsideClient<'_>, data: Bytes) -> bool;
}

/// What became of a connection that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// It has its other end.
    Taken,
    /// Nobody who could have it can take it now.
    Nobody,
    /// Nobody serves the port: it is refused at once.
    Closed,
}
