//! The operating system's sockets and resolver.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{LOOK_UP_TIMEOUT, NameAnswer, Outside, RESOLVERS, Soon};
use crate::policy::HostName;

/// How long an answer of the operating system holds, which does not say it.
const TIME_TO_LIVE: Duration = Duration::from_secs(300);

/// Places in the host's resolver. Its work blocks a thread of a pool that all tenants share, and nothing can end it early.
static PLACES: Semaphore = Semaphore::const_new(RESOLVERS);

/// The world as this host sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemOutside;

impl Outside for SystemOutside {
    fn connect(&self, target: SocketAddr) -> Soon<tokio::net::TcpStream> {
        Box::pin(tokio::net::TcpStream::connect(target))
    }

    fn bind_udp(&self, target: SocketAddr) -> io::Result<std::net::UdpSocket> {
        let any = match target {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        std::net::UdpSocket::bind(any)
    }

    fn look_up(&self, name: HostName) -> Soon<NameAnswer> {
        Box::pin(async move {
            let addresses = resolve(&PLACES, move || ask_the_system(&name)).await?;
            Ok(NameAnswer { addresses, time_to_live: TIME_TO_LIVE })
        })
    }
}

/// Runs `work`, which blocks, in one of the places. The place is taken until the work is over, whether somebody waits for it or
/// not; who finds none in [`LOOK_UP_TIMEOUT`] has asked nothing.
async fn resolve<T: Send + 'static>(
    places: &'static Semaphore,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = timeout(LOOK_UP_TIMEOUT, places.acquire()).await?.map_err(io::Error::other)?;
    let blocking = spawn_blocking(move || {
        let result = work();
        drop(place);
        result
    });
    blocking.await.map_err(io::Error::other)?
}

fn ask_the_system(name: &HostName) -> io::Result<Vec<IpAddr>> {
    let found = (name.as_str(), 0).to_socket_addrs().map_err(unknown_or_unavailable)?;
    Ok(found.map(|address| address.ip()).collect())
}

/// The resolver tells "there is no such name" from "there is no answer now" in words only.
fn unknown_or_unavailable(error: io::Error) -> io::Error {
    if error.to_string().contains("emporary failure") {
        error
    } else {
        io::Error::new(io::ErrorKind::NotFound, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    static ONE: Semaphore = Semaphore::const_new(1);

    #[tokio::test(start_paused = true)]
    async fn work_that_nobody_waits_for_keeps_its_place_until_it_is_over() {
        let (finish, finished) = mpsc::channel::<()>();
        let blocked = tokio::spawn(resolve(&ONE, move || finished.recv().map_err(io::Error::other)));
        while ONE.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        blocked.abort();
        assert!(blocked.await.unwrap_err().is_cancelled());
        // Tokio's clock stands still while work blocks, so the time of who waits is over by hand.
        let waiting = tokio::spawn(resolve(&ONE, || Ok(())));
        tokio::task::yield_now().await;
        tokio::time::advance(LOOK_UP_TIMEOUT + Duration::from_secs(1)).await;
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        finish.send(()).unwrap();
        resolve(&ONE, || Ok(())).await.unwrap();
        assert_eq!(ONE.available_permits(), 1);
    }
}
