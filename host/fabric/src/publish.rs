//! Public ports: where they listen on this machine.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use wasm_roles_service_plan::{Plan, Port, PublicPort, RoleName, Transport};

use crate::public_socket::{PublicSocket, Slot};

/// Ports below this need special rights on Unix systems.
const FIRST_UNPRIVILEGED: u16 = 1024;

/// Connections that the operating system keeps for a port until they are accepted: those of a burst, and those that come while
/// nobody takes one. It may be told to keep fewer.
const BACKLOG: u32 = 1024;

/// Where public ports listen.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The address for all ports that `at` does not name. Default: 127.0.0.1, so that nobody else can connect.
    pub bind: IpAddr,
    /// Single public ports and where they listen instead, for TCP and for UDP. Port 0 there: the operating system chooses, for each
    /// of the two.
    pub at: BTreeMap<Port, SocketAddr>,
    /// The same for UDP alone, before what `at` says.
    pub udp: BTreeMap<Port, SocketAddr>,
}

impl Default for Publication {
    fn default() -> Self {
        Self { bind: IpAddr::V4(Ipv4Addr::LOCALHOST), at: BTreeMap::new(), udp: BTreeMap::new() }
    }
}

impl Publication {
    /// Where a public port listens.
    #[must_use]
    pub fn place_of(&self, public: &PublicPort) -> SocketAddr {
        let of_udp = self.udp.get(&public.port).filter(|_| public.transport == Transport::Udp);
        let elsewhere = of_udp.or_else(|| self.at.get(&public.port)).copied();
        elsewhere.unwrap_or_else(|| SocketAddr::new(self.bind, public.port.get()))
    }

    /// Ports in `at` that are no public ports of the plan.
    pub(crate) fn unknown<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = Port> {
        let named = self.at.keys().chain(self.udp.keys()).copied();
        named.filter(|port| plan.public.iter().all(|public| public.port != *port))
    }
}

/// A public port that is open.
#[derive(Clone, Debug)]
pub struct Published {
    /// The port as the definition has it.
    pub public: PublicPort,
    /// Where it listens.
    pub at: SocketAddr,
}

/// A public port cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("public port {port} (endpoint {endpoint} of role {role}) cannot listen on {at}: {}", self.reason())]
pub struct PublishError {
    /// The public port.
    pub port: Port,
    /// The role that it belongs to.
    pub role: RoleName,
    /// The role's endpoint.
    pub endpoint: String,
    /// Where it should listen.
    pub at: SocketAddr,
    /// What the operating system says.
    pub source: io::Error,
}

impl PublishError {
    fn reason(&self) -> String {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => "something else listens there".to_owned(),
            io::ErrorKind::PermissionDenied if self.at.port() < FIRST_UNPRIVILEGED => {
                "ports below 1024 need special rights".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have the address".to_owned(),
            _ => self.source.to_string(),
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let port = self.port.get();
        // Another number that is easy to remember: 80 -> 8080, 443 -> 8443.
        let other = if port < FIRST_UNPRIVILEGED {
            port.saturating_add(8000)
        } else {
            port.wrapping_add(1).max(1024)
        };
        format!("let it listen elsewhere, for example with `--publish {port}=127.0.0.1:{other}`")
    }
}

/// Public ports, and their sockets.
pub(crate) type Bound = Vec<(Published, PublicSocket)>;

/// Binds the public ports of a plan, all or none.
///
/// # Errors
///
/// Every port that cannot listen.
pub(crate) async fn bind(plan: &Plan, publication: &Publication) -> Result<Bound, Vec<PublishError>> {
    let (mut bound, mut errors) = (Vec::new(), Vec::new());
    for public in &plan.public {
        let at = publication.place_of(public);
        match open(public.transport, at).await {
            Ok((socket, at)) => bound.push((Published { public: public.clone(), at }, socket)),
            Err(source) => errors.push(PublishError {
                port: public.port,
                role: public.role.clone(),
                endpoint: public.endpoint.clone(),
                at,
                source,
            }),
        }
    }
    if errors.is_empty() { Ok(bound) } else { Err(errors) }
}

fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // What was just closed there does not keep the port; on Windows the same would let others in.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}

async fn open(transport: Transport, at: SocketAddr) -> io::Result<(PublicSocket, SocketAddr)> {
    match transport {
        Transport::Tcp => {
            let listener = listen(at)?;
            let at = listener.local_addr()?;
            Ok((PublicSocket::Tcp(Slot::new(listener)), at))
        }
        Transport::Udp => {
            let socket = UdpSocket::bind(at).await?;
            let at = socket.local_addr()?;
            Ok((PublicSocket::Udp(Slot::new(Arc::new(socket))), at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    fn two_ports() -> Plan {
        plan_of(
            r#"<WorkerRole name="W"><Endpoints>
                <InputEndpoint name="A" protocol="tcp" port="81" /><InputEndpoint name="B" protocol="tcp" port="82" />
            </Endpoints></WorkerRole>"#,
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        )
    }

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    fn anywhere() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    #[tokio::test]
    async fn a_published_port_listens_where_it_was_told_to() {
        let publication = Publication {
            at: [(port(81), anywhere()), (port(82), anywhere())].into(),
            ..Publication::default()
        };
        let bound = bind(&two_ports(), &publication).await.unwrap();
        let at: Vec<SocketAddr> = bound.iter().map(|(published, _)| published.at).collect();
        assert_eq!(at.len(), 2);
        for address in at {
            tokio::net::TcpStream::connect(address).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_its_endpoint_and_a_way_out() {
        let taken = TcpListener::bind(anywhere()).await.unwrap();
        let at = taken.local_addr().unwrap();
        let publication =
            Publication { at: [(port(81), anywhere()), (port(82), at)].into(), ..Publication::default() };
        let errors = bind(&two_ports(), &publication).await.unwrap_err();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        let expected = format!(
            "public port 82 (endpoint B of role W) cannot listen on {at}: something else listens there"
        );
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().ends_with("`--publish 82=127.0.0.1:8082`"), "{}", error.hint());
    }

    #[test]
    fn a_published_port_that_is_no_public_port_is_noticed() {
        let publication = Publication { at: [(port(83), anywhere())].into(), ..Publication::default() };
        let plan = two_ports();
        assert_eq!(publication.unknown(&plan).collect::<Vec<_>>(), [port(83)]);
    }
}
