//! The operating system's socket of a public port, which [another deployment](crate::swap) can get in exchange for its own.
//!
//! What serves a port looks at its socket only through a [`Slot`], and holds the slot's lock while it does: one attempt to
//! accept a connection or to read a datagram, which never waits. So an exchange is a moment and has no middle. What came out of
//! a socket before it is the old deployment's, what comes after it is the new one's, and what arrives meanwhile
//! stays in the operating system's backlog.
//!
//! A socket has one user at a time. When a port is served anew, the next user displaces the one before in the same way, which
//! then only finishes what it has.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;

use crate::lobby::Lobby;

/// A place for a socket.
#[derive(Debug)]
pub(crate) struct Slot<S> {
    place: Mutex<Place<S>>,
    /// There is another socket, or another user.
    changed: Notify,
    /// It stays with the port when the socket is exchanged.
    lobby: Arc<Lobby>,
}

impl<S> Drop for Slot<S> {
    fn drop(&mut self) {
        self.lobby.close();
    }
}

#[derive(Debug)]
struct Place<S> {
    socket: S,
    /// How many users there were before the present one.
    users: u64,
}

/// What serves a port has this of its slot.
#[derive(Debug)]
pub(crate) struct Use<S> {
    slot: Arc<Slot<S>>,
    number: u64,
}

/// Why there is nothing to wait for any more at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It was exchanged for another one.
    Exchanged,
    /// Somebody else uses it.
    Displaced,
}

/// The socket of a public port. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub(crate) enum PublicSocket {
    Tcp(Arc<Slot<TcpListener>>),
    /// Flows keep the socket that they came from, to answer from there.
    Udp(Arc<Slot<Arc<UdpSocket>>>),
}

/// A datagram, and the socket that it came from.
pub(crate) struct Received {
    pub(crate) length: usize,
    pub(crate) client: SocketAddr,
    pub(crate) socket: Arc<UdpSocket>,
}

impl<S> Slot<S> {
    pub(crate) fn new(socket: S) -> Arc<Self> {
        let place = Mutex::new(Place { socket, users: 0 });
        Arc::new(Self { place, changed: Notify::new(), lobby: Arc::default() })
    }

    /// Somebody else uses the socket from now on.
    pub(crate) fn begin_use(self: &Arc<Self>) -> Use<S> {
        let mut place = self.place();
        place.users = place.users.wrapping_add(1);
        let number = place.users;
        drop(place);
        self.changed.notify_waiters();
        Use { slot: Arc::clone(self), number }
    }

    fn place(&self) -> MutexGuard<'_, Place<S>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Use<S> {
    /// Tries with the socket that is here until it is ready, or there is another one.
    async fn attempt<R>(&self, mut attempt: impl FnMut(&S, &mut Context<'_>) -> Poll<R>) -> Result<R, Gone> {
        // It hears of every change from now on; those before are seen, because the place is looked at later.
        let changed = self.slot.changed.notified();
        let tried = poll_fn(|cx| {
            let place = self.slot.place();
            if place.users != self.number {
                // The next user waits at the socket, and its waker must not be pushed out.
                return Poll::Ready(Err(Gone::Displaced));
            }
            attempt(&place.socket, cx).map(Ok)
        });
        tokio::select! {
            biased;
            result = tried => result,
            () = changed => Err(Gone::Exchanged),
        }
    }
}

impl<S> Use<S> {
    /// The lobby of the port.
    pub(crate) fn lobby(&self) -> Arc<Lobby> {
        Arc::clone(&self.slot.lobby)
    }

    /// Waits until somebody else uses the socket.
    pub(crate) async fn displaced(&self) {
        while self.attempt(|_, _| Poll::<()>::Pending).await != Err(Gone::Displaced) {}
    }
}

impl Use<TcpListener> {
    /// The next connection; None when somebody else uses the listener. Dropping the future loses none.
    pub(crate) async fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            match self.attempt(|listener, cx| listener.poll_accept(cx)).await {
                Ok(accepted) => return Some(accepted),
                Err(Gone::Exchanged) => {}
                Err(Gone::Displaced) => return None,
            }
        }
    }
}

impl Use<Arc<UdpSocket>> {
    /// The socket that is here now.
    pub(crate) fn now(&self) -> Arc<UdpSocket> {
        Arc::clone(&self.slot.place().socket)
    }

    /// The next datagram. Dropping the future loses none.
    pub(crate) async fn receive(&self, room: &mut [u8]) -> Result<io::Result<Received>, Gone> {
        self.attempt(|socket, cx| {
            let mut read = ReadBuf::new(room);
            socket.poll_recv_from(cx, &mut read).map_ok(|client| Received {
                length: read.filled().len(),
                client,
                socket: Arc::clone(socket),
            })
        })
        .await
    }
}

/// Exchanges the sockets of each pair, all at the same moment: nobody accepts from any of them meanwhile. A pair of two
/// transports stays as it is.
pub(crate) fn exchange<'a>(pairs: impl Iterator<Item = (&'a PublicSocket, &'a PublicSocket)> + Clone) {
    let mut held: Vec<Held<'_>> = pairs.clone().filter_map(Held::of).collect();
    held.iter_mut().for_each(Held::exchange);
    drop(held);
    for (first, second) in pairs {
        first.wake();
        second.wake();
    }
}

impl PublicSocket {
    /// Whoever waits at the socket looks at it anew.
    fn wake(&self) {
        match self {
            Self::Tcp(slot) => slot.changed.notify_waiters(),
            Self::Udp(slot) => slot.changed.notify_waiters(),
        }
    }
}

/// The locks of a pair.
enum Held<'a> {
    Tcp(MutexGuard<'a, Place<TcpListener>>, MutexGuard<'a, Place<TcpListener>>),
    Udp(MutexGuard<'a, Place<Arc<UdpSocket>>>, MutexGuard<'a, Place<Arc<UdpSocket>>>),
}

impl<'a> Held<'a> {
    fn of((first, second): (&'a PublicSocket, &'a PublicSocket)) -> Option<Self> {
        match (first, second) {
            (PublicSocket::Tcp(first), PublicSocket::Tcp(second)) => {
                Some(Self::Tcp(first.place(), second.place()))
            }
            (PublicSocket::Udp(first), PublicSocket::Udp(second)) => {
                Some(Self::Udp(first.place(), second.place()))
            }
            _ => None,
        }
    }

    fn exchange(&mut self) {
        match self {
            Self::Tcp(first, second) => std::mem::swap(&mut first.socket, &mut second.socket),
            Self::Udp(first, second) => std::mem::swap(&mut first.socket, &mut second.socket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    async fn listener() -> (Arc<Slot<TcpListener>>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        (Slot::new(listener), at)
    }

    #[tokio::test]
    async fn whoever_is_displaced_while_it_waits_learns_of_it_and_takes_nothing_from_the_next_one() {
        let (slot, at) = listener().await;
        let first = slot.begin_use();
        let waiting = tokio::spawn(async move { (first.accept().await.is_none(), first) });
        tokio::task::yield_now().await;
        let second = slot.begin_use();
        let next = tokio::spawn(async move { second.accept().await.unwrap().unwrap().1 });
        let told = timeout(Duration::from_secs(10), waiting).await.expect("nobody has woken it");
        let (displaced, first) = told.unwrap();
        assert!(displaced && first.accept().await.is_none());
        let client = TcpStream::connect(at).await.unwrap();
        assert_eq!(next.await.unwrap(), client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn who_waits_while_sockets_are_exchanged_goes_on_with_the_other_one() {
        let ((a, at_a), (b, at_b)) = (listener().await, listener().await);
        let waits = |slot: &Arc<Slot<TcpListener>>| {
            let used = slot.begin_use();
            tokio::spawn(async move { used.accept().await.unwrap().unwrap().1 })
        };
        let (waits_at_a, waits_at_b) = (waits(&a), waits(&b));
        tokio::task::yield_now().await;
        let pair = [(PublicSocket::Tcp(a), PublicSocket::Tcp(b))];
        exchange(pair.iter().map(|(a, b)| (a, b)));
        for (waits, at) in [(waits_at_a, at_b), (waits_at_b, at_a)] {
            let client = TcpStream::connect(at).await.unwrap();
            let accepted = timeout(Duration::from_secs(10), waits).await.expect("nobody has woken it");
            assert_eq!(accepted.unwrap(), client.local_addr().unwrap());
        }
    }
}
