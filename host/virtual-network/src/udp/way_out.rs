//! The socket of the host that datagrams of one guest socket to the world outside go through.
//!
//! It is made by the first datagram that the policy lets out, and counts as a socket of the instance. What comes in is
//! given to the guest when the guest has sent to its sender a short while before; anybody else's is thrown away. Room for a
//! datagram is there only while one is read, so a socket that waits holds none.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::inbox::{Datagram, Delivery, Inbox};
use super::{ANSWER_TIME, LARGEST_DATAGRAM};
use crate::NetError;
use crate::network::{InterfaceCore, Socket};
use crate::outside::{HostSocket, Outside, PEERS};
use crate::sync::lock;

/// The rest after the host's socket reports an error.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// The way out of one guest socket. Dropping it closes the host's socket.
pub(super) struct WayOut {
    system: Arc<System>,
    peers: Arc<Mutex<Peers>>,
    reader: AbortHandle,
    /// The place among the sockets of the instance.
    _place: Socket,
}

impl WayOut {
    /// A way out to addresses of the family of `target`, whose answers go to `inbox`.
    pub(super) fn open(
        core: &Arc<InterfaceCore>,
        inbox: &Arc<Inbox>,
        target: SocketAddr,
    ) -> Result<Self, NetError> {
        let place = Socket::accept(core)?;
        let runtime = Handle::try_current().map_err(|_| NetError::NotSupported)?;
        let host = core.host_socket()?;
        let system = System::open(&*core.shared().outside(), target, host);
        let system = Arc::new(system.map_err(|_| NetError::TooManySockets)?);
        let peers = Arc::new(Mutex::new(Peers::default()));
        let reader =
            Reader { system: system.clone(), peers: peers.clone(), inbox: inbox.clone(), core: core.clone() };
        let reader = runtime.spawn(reader.run()).abort_handle();
        Ok(Self { system, peers, reader, _place: place })
    }

    /// Sends, or drops what the host cannot send now.
    pub(super) fn send(&self, data: &Bytes, target: SocketAddr) -> Result<(), NetError> {
        lock(&self.peers).ask(target, Instant::now());
        match self.system.send(data, target) {
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Err(NetError::ConnectionRefused),
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    Err(NetError::RemoteUnreachable)
                }
                _ => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }
}

impl Drop for WayOut {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl fmt::Debug for WayOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WayOut").finish_non_exhaustive()
    }
}

/// The socket of the host, and its place until the descriptor is closed.
struct System {
    socket: UdpSocket,
    _host: HostSocket,
}

impl System {
    fn open(outside: &dyn Outside, target: SocketAddr, host: HostSocket) -> io::Result<Self> {
        let socket = outside.bind_udp(target)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: UdpSocket::from_std(socket)?, _host: host })
    }

    /// Past tokio, which sends nothing before its first poll has found the socket writable.
    fn send(&self, data: &Bytes, target: SocketAddr) -> io::Result<usize> {
        SockRef::from(&self.socket).send_to(data, &target.into())
    }

    async fn receive(&self) -> io::Result<(Bytes, SocketAddr)> {
        loop {
            self.socket.readable().await?;
            match self.try_receive() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
        }
    }

    fn try_receive(&self) -> io::Result<(Bytes, SocketAddr)> {
        let mut buffer = BytesMut::with_capacity(LARGEST_DATAGRAM);
        let (_, from) = self.socket.try_recv_buf_from(&mut buffer)?;
        // A short datagram must not keep a long buffer alive.
        Ok((Bytes::copy_from_slice(&buffer), from))
    }
}

/// Brings what comes in to the guest.
struct Reader {
    system: Arc<System>,
    peers: Arc<Mutex<Peers>>,
    inbox: Arc<Inbox>,
    core: Arc<InterfaceCore>,
}

impl Reader {
    async fn run(self) {
        loop {
            match self.system.receive().await {
                Ok((data, from)) => self.deliver(data, from),
                // What the host heard of an earlier send; the socket works on. An error that stays shall not spin.
                Err(_) => sleep(AFTER_ERROR).await,
            }
        }
    }

    fn deliver(&self, data: Bytes, from: SocketAddr) {
        if !lock(&self.peers).awaits(from, Instant::now()) {
            return;
        }
        let to = match from.ip() {
            IpAddr::V4(ip) if !ip.is_loopback() => IpAddr::V4(self.core.address()),
            ip if ip.is_loopback() => ip,
            _ => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        match self.inbox.deliver(Datagram { data, from }, to) {
            Delivery::Queued => self.core.shared().count_datagram(),
            Delivery::Full => self.core.shared().count_dropped_datagram(),
            Delivery::Refused => {}
        }
    }
}

/// Who may answer: the addresses that were sent to last.
#[derive(Debug, Default)]
struct Peers(VecDeque<(SocketAddr, Instant)>);

impl Peers {
    fn ask(&mut self, peer: SocketAddr, now: Instant) {
        self.0.retain(|(known, _)| *known != peer);
        if self.0.len() >= PEERS {
            self.0.pop_front();
        }
        self.0.push_back((peer, now));
    }

    fn awaits(&self, peer: SocketAddr, now: Instant) -> bool {
        self.0.iter().any(|(known, asked)| *known == peer && now.duration_since(*asked) < ANSWER_TIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([93, 184, 216, 34], port))
    }

    #[test]
    fn those_who_were_asked_last_may_answer_for_a_while() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        assert!(!peers.awaits(peer(1), now));
        peers.ask(peer(1), now);
        assert!(peers.awaits(peer(1), now) && !peers.awaits(peer(2), now));
        assert!(!peers.awaits(peer(1), now + ANSWER_TIME));
        for port in 2..1000 {
            peers.ask(peer(port), now);
            peers.ask(peer(2), now + Duration::from_secs(1));
        }
        assert_eq!(peers.0.len(), PEERS);
        assert!(peers.awaits(peer(2), now) && peers.awaits(peer(999), now) && !peers.awaits(peer(500), now));
    }
}
