//! Traffic between instances never touches a socket of the operating system. Alone in its process, because
//! it counts the process's own sockets.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use wasm_roles_virtual_network::{
    Audience, Denial, EndpointGrant, Network, Observer, Policy, PortRange, Transports,
};

struct Deaf;

impl Observer for Deaf {
    fn denied(&self, _: &Denial) {}
}

/// Open descriptors of this process that are sockets.
fn own_sockets() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn instances_talk_without_a_socket_of_the_operating_system() {
    let mut policy = Policy::builder();
    let role = policy.role("Worker");
    let port = NonZeroU16::new(7000).unwrap();
    let (name, ports) = ("Service".to_owned(), PortRange::single(port));
    let grant = EndpointGrant { name, transports: Transports::Any, ports, audience: Audience::Deployment };
    policy.endpoint(role, grant);
    let addresses = [Ipv4Addr::new(10, 0, 0, 4), Ipv4Addr::new(10, 0, 0, 5)];
    let one = policy.instance(role, "Worker_IN_0", 0, addresses[0]);
    let other = policy.instance(role, "Worker_IN_1", 1, addresses[1]);
    let network = Network::new(Arc::new(policy.build().unwrap()), Arc::new(Deaf));

    let before = own_sockets();
    let control = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(own_sockets(), before + 1, "a socket would be seen");
    drop(control);

    let (one, other) = (network.attach(one).unwrap(), network.attach(other).unwrap());
    let server = SocketAddr::from((addresses[1], port.get()));
    let listener = other.bind(server).unwrap().listen(128).unwrap();
    let connections: Vec<_> = (0..100)
        .map(|_| {
            let client = one.connect(server).unwrap().try_finish().unwrap().unwrap();
            let accepted = listener.try_accept().unwrap().unwrap();
            client.try_write(&mut Bytes::from_static(b"hello")).unwrap();
            assert_eq!(accepted.try_read(100).unwrap().unwrap(), "hello");
            (client, accepted)
        })
        .collect();
    let (question, answer) =
        (one.bind_udp((addresses[0], 0).into()).unwrap(), other.bind_udp(server).unwrap());
    question.send_to(Bytes::from_static(b"?"), server).unwrap();
    answer.send_to(Bytes::from_static(b"!"), question.local_address()).unwrap();
    assert_eq!(question.try_receive().unwrap().unwrap().data, "!");
    assert_eq!((connections.len(), own_sockets()), (100, before));
}
