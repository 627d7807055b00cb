//! The operating system's sockets and resolver.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{NameAnswer, Outside, Soon};
use crate::policy::HostName;

/// How long an answer of the operating system holds, which does not say it.
const TIME_TO_LIVE: Duration = Duration::from_secs(300);

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
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(unknown_or_unavailable)?;
            let addresses = found.map(|address| address.ip()).collect();
            Ok(NameAnswer { addresses, time_to_live: TIME_TO_LIVE })
        })
    }
}

/// The resolver tells "there is no such name" from "there is no answer now" in words only.
fn unknown_or_unavailable(error: io::Error) -> io::Error {
    if error.to_string().contains("emporary failure") {
        error
    } else {
        io::Error::new(io::ErrorKind::NotFound, error)
    }
}
