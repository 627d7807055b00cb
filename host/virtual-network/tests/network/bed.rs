//! A network of three instances: Client_IN_0 (10.0.0.4, no endpoints), Server_IN_0 and Server_IN_1 (10.0.0.5
//! and .6), whose role has the open endpoint `Service` on the ports 7000 to 7009 and the endpoint `Ruled` on
//! 8000, which admits nobody, both of every transport.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wasm_roles_virtual_network::outside::HostSocketRefusal;
use wasm_roles_virtual_network::{
    Audience, Denial, EndpointGrant, InstanceIndex, Interface, InterfaceLimits, NetError, Network, Observer,
    Policy, PortRange, TcpListener, TcpStream, Transports, UdpSocket,
};

pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
pub const SERVER_1: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 6);
pub const PORT: NonZeroU16 = NonZeroU16::new(7000).unwrap();

/// What the observer heard.
#[derive(Default)]
pub struct Heard {
    pub denials: Mutex<Vec<Denial>>,
    pub silenced: Mutex<Vec<String>>,
    pub out_of_host_sockets: Mutex<Vec<(String, HostSocketRefusal)>>,
}

impl Observer for Heard {
    fn denied(&self, denial: &Denial) {
        self.denials.lock().unwrap().push(denial.clone());
    }

    fn silenced(&self, subject_id: &str) {
        self.silenced.lock().unwrap().push(subject_id.to_owned());
    }

    fn out_of_host_sockets(&self, subject_id: &str, refusal: HostSocketRefusal) {
        self.out_of_host_sockets.lock().unwrap().push((subject_id.to_owned(), refusal));
    }
}

impl Heard {
    /// The denials so far: who, what, target, why.
    pub fn lines(&self) -> Vec<String> {
        let line = |d: &Denial| format!("{} {} {}: {}", d.subject_id, d.operation, d.target, d.reason);
        self.denials.lock().unwrap().iter().map(line).collect()
    }
}

pub struct Bed {
    pub network: Network,
    pub heard: Arc<Heard>,
    pub client: Interface,
    pub server: Interface,
}

impl Bed {
    pub fn new() -> Self {
        Self::with_sockets(InterfaceLimits::default().sockets)
    }

    /// A bed whose server may have `sockets` sockets.
    pub fn with_sockets(sockets: usize) -> Self {
        let heard = Arc::new(Heard::default());
        let network = Network::new(Arc::new(policy()), heard.clone());
        let client = network.attach(index(&network, CLIENT)).unwrap();
        let mut limits = InterfaceLimits::default();
        limits.sockets = sockets;
        let server = network.attach_with(index(&network, SERVER), limits).unwrap();
        Self { network, heard, client, server }
    }

    pub fn attach(&self, address: Ipv4Addr) -> Interface {
        self.network.attach(index(&self.network, address)).unwrap()
    }

    /// A listener of the server on [`PORT`].
    pub fn listen(&self, backlog: usize) -> TcpListener {
        self.server.bind(at(SERVER, PORT.get())).unwrap().listen(backlog).unwrap()
    }

    /// A UDP socket of the server on [`PORT`].
    pub fn receiver(&self) -> UdpSocket {
        self.server.bind_udp(at(SERVER, PORT.get())).unwrap()
    }

    /// A connection: the client's end and the server's.
    pub async fn pair(&self) -> (TcpStream, TcpStream) {
        let listener = self.listen(1);
        let client = self.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
        (client, listener.accept().await.unwrap())
    }
}

/// The policy of the bed.
pub fn policy() -> Policy {
    policy_with(&[("Client", 1), ("Server", 2)])
}

/// The policy of the bed with other numbers of instances.
pub fn policy_with(roles: &[(&str, u32)]) -> Policy {
    let mut builder = Policy::builder();
    let mut addresses = (u32::from(CLIENT)..).map(Ipv4Addr::from);
    for (name, instances) in roles {
        let role = builder.role(name);
        if *name == "Server" {
            let last = NonZeroU16::new(7009).unwrap();
            let nobody = Audience::Only { roles: Vec::new(), origin: "rules:1".into() };
            for (name, ports, audience) in [
                ("Service", PortRange::new(PORT, last).unwrap(), Audience::Deployment),
                ("Ruled", PortRange::single(NonZeroU16::new(8000).unwrap()), nobody),
            ] {
                let transports = Transports::Any;
                builder.endpoint(role, EndpointGrant { name: name.to_owned(), transports, ports, audience });
            }
        }
        for ordinal in 0..*instances {
            builder.instance(role, &format!("{name}_IN_{ordinal}"), ordinal, addresses.next().unwrap());
        }
    }
    builder.build().unwrap()
}

pub fn index(network: &Network, address: Ipv4Addr) -> InstanceIndex {
    network.policy().instance_at(address).unwrap()
}

pub fn at(address: impl Into<std::net::IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

/// What a socket has received, or the error, without waiting.
pub fn received(socket: &UdpSocket) -> Result<Option<(String, SocketAddr)>, NetError> {
    let text = |data: Bytes| String::from_utf8(data.to_vec()).unwrap();
    Ok(socket.try_receive()?.map(|datagram| (text(datagram.data), datagram.from)))
}

/// A look-up that is answered at once.
pub fn resolve(interface: &Interface, name: &str) -> Result<Vec<IpAddr>, NetError> {
    interface.look_up(name).try_finish().unwrap()
}

/// The next bytes, or the end (empty).
pub async fn read(stream: &TcpStream) -> Result<Bytes, NetError> {
    loop {
        if let Some(chunk) = stream.try_read(usize::MAX)? {
            return Ok(chunk);
        }
        poll_fn(|cx| stream.poll_readable(cx)).await;
    }
}

/// Everything up to the end or an error.
pub async fn read_all(stream: &TcpStream) -> (Vec<u8>, Result<(), NetError>) {
    let mut all = Vec::new();
    loop {
        match read(stream).await {
            Ok(chunk) if chunk.is_empty() => return (all, Ok(())),
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(error) => return (all, Err(error)),
        }
    }
}

pub async fn write_all(stream: &TcpStream, data: impl Into<Bytes>) -> Result<(), NetError> {
    let mut data = data.into();
    while !data.is_empty() {
        if stream.try_write(&mut data)? == 0 {
            poll_fn(|cx| stream.poll_writable(cx)).await;
        }
    }
    Ok(())
}

/// The error that repeated writes end with.
pub async fn write_until_error(stream: &TcpStream) -> NetError {
    loop {
        if let Err(error) = write_all(stream, &b"into the void"[..]).await {
            return error;
        }
        tokio::task::yield_now().await;
    }
}
