//! What can go wrong, in the words that socket interfaces share.

use std::io;

use thiserror::Error;

use crate::tcp::OutsideStream;

/// Why a network operation failed. The kinds are those of `wasi:sockets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum NetError {
    /// The policy denies it.
    #[error("access denied")]
    AccessDenied,
    /// Another socket of the instance has the address, or the ephemeral ports are used up.
    #[error("address in use")]
    AddressInUse,
    /// The address is not one of the instance's own.
    #[error("address not bindable")]
    AddressNotBindable,
    /// Nobody listens there, or the listener closed before it had room; of UDP, nobody is bound there.
    #[error("connection refused")]
    ConnectionRefused,
    /// The peer or this side aborted the connection.
    #[error("connection reset")]
    ConnectionReset,
    /// The interface failed or was detached under a listener, a UDP socket, a bind or a connect.
    #[error("connection aborted")]
    ConnectionAborted,
    /// Write after this side ended its direction, or after the peer closed the connection and said so.
    #[error("connection broken")]
    ConnectionBroken,
    /// No instance is attached at the address.
    #[error("remote unreachable")]
    RemoteUnreachable,
    /// The peer's backlog stayed full.
    #[error("timed out")]
    Timeout,
    /// The operation does not fit the state of the socket.
    #[error("invalid state")]
    InvalidState,
    /// The argument can never work: port 0 or an unspecified address as a target, mixed address families, a
    /// malformed name.
    #[error("invalid argument")]
    InvalidArgument,
    /// A datagram is longer than UDP allows.
    #[error("datagram too large")]
    DatagramTooLarge,
    /// The instance has as many sockets as it may.
    #[error("too many sockets")]
    TooManySockets,
    /// The name stands for nothing that the instance can discover.
    #[error("name not resolvable")]
    NameUnresolvable,
    /// The name may be looked up outside, and there is no answer now.
    #[error("temporary failure of name resolution")]
    NameFailure,
    /// The network does not do this.
    #[error("not supported")]
    NotSupported,
}

impl From<NetError> for io::Error {
    fn from(error: NetError) -> Self {
        let kind = match error {
            NetError::AccessDenied => io::ErrorKind::PermissionDenied,
            NetError::AddressInUse => io::ErrorKind::AddrInUse,
            NetError::AddressNotBindable => io::ErrorKind::AddrNotAvailable,
            NetError::ConnectionRefused => io::ErrorKind::ConnectionRefused,
            NetError::ConnectionReset => io::ErrorKind::ConnectionReset,
            NetError::ConnectionAborted => io::ErrorKind::ConnectionAborted,
            NetError::ConnectionBroken => io::ErrorKind::BrokenPipe,
            NetError::RemoteUnreachable => io::ErrorKind::HostUnreachable,
            NetError::Timeout => io::ErrorKind::TimedOut,
            NetError::InvalidArgument => io::ErrorKind::InvalidInput,
            NetError::NameUnresolvable => io::ErrorKind::NotFound,
            NetError::NameFailure => io::ErrorKind::ResourceBusy,
            NetError::NotSupported => io::ErrorKind::Unsupported,
            NetError::InvalidState | NetError::TooManySockets | NetError::DatagramTooLarge => {
                io::ErrorKind::Other
            }
        };
        Self::new(kind, error)
    }
}

/// Why an instance gets no interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The current policy does not have the instance.
    #[error("the policy does not have this instance")]
    UnknownInstance,
    /// An earlier incarnation of the instance is still attached.
    #[error("an earlier incarnation of the instance is still attached")]
    AlreadyAttached,
}

/// Why there is no flow between an instance and an outside address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlowError {
    /// There is one already between the port and the address.
    #[error("a flow between the port and the address is open")]
    Taken,
    /// The address is an instance's, or no address at all: who has it outside would be taken for somebody else.
    #[error("the address is not one of the outside")]
    NotOutside,
    /// Instances have IPv4 addresses, so they cannot talk to an IPv6 address.
    #[error("the address is not an IPv4 address")]
    NotIpv4,
}

/// Why a datagram from outside is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Undelivered {
    /// No socket of the instance takes it: none is bound, it is connected to another peer, or the sender cannot
    /// be told from a socket on the instance's own loopback.
    #[error("no socket takes it")]
    NotBound,
    /// The socket's queue is full.
    #[error("the socket's queue is full")]
    Full,
    /// It is longer than UDP allows.
    #[error("datagram too large")]
    TooLarge,
}

/// A connection that the instance could not take. It is given back as it was, for another instance.
#[derive(Debug, Error)]
pub enum HandOver {
    /// Nobody listens on the port.
    #[error("nobody listens on the port")]
    NotListening(OutsideStream),
    /// The listener has as many connections waiting as it wants, or the instance has no sockets left.
    #[error("the listener's backlog is full")]
    BacklogFull(OutsideStream),
}

impl HandOver {
    /// The connection.
    #[must_use]
    pub fn into_stream(self) -> OutsideStream {
        match self {
            Self::NotListening(stream) | Self::BacklogFull(stream) => stream,
        }
    }
}
