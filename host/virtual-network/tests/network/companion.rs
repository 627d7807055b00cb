//! A program beside an instance: it goes out as the instance does, and nobody comes in to it.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use wasm_roles_virtual_network::{
    Audience, EndpointGrant, Interface, NetError, Network, Policy, PortRange, Transports, UdpSocket,
};

use crate::bed::{Bed, CLIENT, Heard, PORT, SERVER, SERVER_1, at, index, read, received, write_all};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

#[test]
fn a_companion_cannot_listen_outside_loopback_and_hears_why() {
    let bed = Bed::new();
    let companion = bed.server.companion(100);
    for address in [at(SERVER, PORT.get()), at(ANY, PORT.get()), at(ANY, 80)] {
        assert_eq!(companion.bind(address).unwrap_err(), NetError::AccessDenied, "{address}");
        assert_eq!(companion.bind_udp(address).unwrap_err(), NetError::AccessDenied, "{address}");
    }
    for address in [at(SERVER, 0), at(ANY, 0)] {
        let bound = companion.bind(address).unwrap();
        assert_eq!(bound.listen(1).unwrap_err(), NetError::AccessDenied, "{address}");
    }
    assert_eq!(companion.bind(at(CLIENT, 80)).unwrap_err(), NetError::AddressNotBindable);
    let why = "tcp port 7000 is for the role itself; a program beside it may listen on loopback only";
    assert_eq!(bed.heard.lines()[0], format!("Server_IN_0 bind 10.0.0.5:7000: {why}"));
    assert!(bed.heard.lines()[1].contains("udp port 7000 is for the role itself"));
    // What it was denied is still the role's to have.
    bed.listen(1);
}

#[tokio::test]
async fn a_companion_goes_out_with_the_rights_of_its_instance_and_no_others() {
    let bed = Bed::new();
    let (companion, listener) = (bed.client.companion(100), bed.listen(4));
    let stream = companion.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    let served = listener.accept().await.unwrap();
    assert_eq!(served.peer_address().ip(), CLIENT);
    write_all(&stream, "from a task").await.unwrap();
    assert_eq!(read(&served).await.unwrap(), "from a task");
    assert_eq!(crate::bed::resolve(&companion, "Server").unwrap().len(), 2);
    for denied in [at(SERVER, 8000), at(SERVER, 22), at([192, 168, 0, 1], 22)] {
        assert_eq!(companion.connect(denied).unwrap_err(), NetError::AccessDenied, "{denied}");
    }
    assert_eq!(crate::bed::resolve(&companion, "example.com").unwrap_err(), NetError::NameUnresolvable);
}

#[tokio::test]
async fn a_role_and_its_companion_talk_over_the_loopback_that_they_share() {
    let bed = Bed::new();
    let (role, companion) = (&bed.server, bed.server.companion(100));
    for (one, other, port) in [(role, &companion, 9000), (&companion, role, 9001)] {
        let listener = one.bind(at(LOOPBACK, port)).unwrap().listen(1).unwrap();
        other.connect(at(LOOPBACK, port)).unwrap().await.unwrap();
        listener.accept().await.unwrap();
        assert_eq!(other.bind(at(LOOPBACK, port)).unwrap_err(), NetError::AddressInUse);
    }
    companion.bind(at(Ipv6Addr::LOCALHOST, 9000)).unwrap();
    companion.bind(at(Ipv6Addr::UNSPECIFIED, 9000)).unwrap();
    // The role's own endpoint, from beside it.
    let listener = bed.listen(1);
    companion.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    listener.accept().await.unwrap();
    assert_eq!(bed.heard.lines(), Vec::<String>::new());
}

#[test]
fn ephemeral_ports_of_an_instance_and_its_companions_are_never_the_same() {
    let bed = Bed::new();
    let (one, other) = (bed.client.companion(100), bed.client.companion(100));
    let interfaces = [&bed.client, &one, &other, &bed.client];
    let tcp: Vec<_> = interfaces.iter().map(|of| of.bind(at(CLIENT, 0)).unwrap()).collect();
    let udp: Vec<_> = interfaces.iter().map(|of| of.bind_udp(at(ANY, 0)).unwrap()).collect();
    let tcp: BTreeSet<u16> = tcp.iter().map(|bound| bound.local_address().port()).collect();
    let udp: BTreeSet<u16> = udp.iter().map(|socket| socket.local_address().port()).collect();
    assert_eq!((tcp.len(), udp.len()), (4, 4));
}

#[tokio::test]
async fn an_answer_reaches_the_companion_that_asked() {
    let bed = Bed::new();
    let (companion, server) = (bed.client.companion(100), bed.receiver());
    let asks = companion.bind_udp(at(ANY, 0)).unwrap();
    asks.send_to("question".into(), at(SERVER, PORT.get())).unwrap();
    let (_, from) = received(&server).unwrap().unwrap();
    server.send_to("answer".into(), from).unwrap();
    assert_eq!(received(&asks).unwrap(), Some(("answer".to_owned(), at(SERVER, PORT.get()))));
}

/// A network of two roles whose endpoint `Everything` opens every port to everybody.
fn open_to_all(ports: PortRange) -> Network {
    let mut policy = Policy::builder();
    for (role, address) in [("One", SERVER), ("Two", SERVER_1)] {
        let index = policy.role(role);
        let (name, audience) = ("Everything".to_owned(), Audience::Deployment);
        policy.endpoint(index, EndpointGrant { name, transports: Transports::Any, ports, audience });
        policy.instance(index, &format!("{role}_IN_0"), 0, address);
    }
    Network::new(policy.build().unwrap().into(), std::sync::Arc::new(Heard::default()))
}

fn send(from: &UdpSocket, text: &'static str, to: &UdpSocket, address: Ipv4Addr) -> Result<(), NetError> {
    from.send_to(Bytes::from(text), at(address, to.local_address().port()))
}

#[tokio::test]
async fn nobody_else_reaches_a_companion_even_where_every_port_is_open() {
    let network = open_to_all(PortRange::all());
    let one = network.attach(index(&network, SERVER)).unwrap();
    let two = network.attach(index(&network, SERVER_1)).unwrap();
    let companion = one.companion(100);
    let (task, role, stranger) = (
        companion.bind_udp(at(ANY, 0)).unwrap(),
        one.bind_udp(at(ANY, 5000)).unwrap(),
        two.bind_udp(at(ANY, 5000)).unwrap(),
    );
    send(&stranger, "hello", &task, SERVER).unwrap();
    assert_eq!(received(&task), Ok(None));
    // Who connects first hears that nobody is there.
    let connected = two.bind_udp(at(ANY, 5001)).unwrap();
    connected.connect(at(SERVER, task.local_address().port())).unwrap();
    connected.send("hello".into()).unwrap();
    assert_eq!(received(&connected), Err(NetError::ConnectionRefused));
    // Its own role may, and so may the stranger once it was asked.
    send(&role, "from the role", &task, SERVER).unwrap();
    assert_eq!(received(&task).unwrap().unwrap().0, "from the role");
    send(&task, "asked", &stranger, SERVER_1).unwrap();
    send(&stranger, "answered", &task, SERVER).unwrap();
    assert_eq!(received(&task).unwrap().unwrap().0, "answered");
    // Nor does the outside, through a port that is the role's.
    let port = std::num::NonZeroU16::new(task.local_address().port()).unwrap();
    let sink = std::sync::Arc::new(|_: Bytes| {});
    let flow = one.open_flow(port, at([192, 0, 2, 1], 40_000), sink).unwrap();
    assert!(flow.deliver("hello".into()).is_err());
    assert_eq!(received(&task), Ok(None));
}

#[test]
fn a_companion_leaves_the_ports_that_its_role_declares_alone() {
    let port = |number| std::num::NonZeroU16::new(number).unwrap();
    let network = open_to_all(PortRange::new(port(49_152), port(60_000)).unwrap());
    let role = network.attach(index(&network, SERVER)).unwrap();
    let companion = role.companion(100);
    let taken: Vec<_> = (0..50).map(|_| companion.bind_udp(at(SERVER, 0)).unwrap()).collect();
    assert!(taken.iter().all(|socket| socket.local_address().port() > 60_000));
    for number in 49_152..49_252 {
        role.bind_udp(at(SERVER, number)).unwrap();
    }
}

#[test]
fn a_companion_takes_its_sockets_from_the_instances_and_only_so_many() {
    let bed = Bed::with_sockets(3);
    let companion = bed.server.companion(2);
    let bind = |of: &Interface| of.bind(at(LOOPBACK, 0));
    let held: Vec<_> = (0..2).map(|_| bind(&companion).unwrap()).collect();
    assert_eq!(bind(&companion).unwrap_err(), NetError::TooManySockets);
    let role = bind(&bed.server).unwrap();
    assert_eq!(bind(&bed.server).unwrap_err(), NetError::TooManySockets);
    assert_eq!((bed.server.socket_count(), companion.socket_count()), (1, 2));
    drop(held);
    let more: Vec<_> = (0..2).map(|_| bind(&bed.server).unwrap()).collect();
    assert_eq!(bind(&companion).unwrap_err(), NetError::TooManySockets);
    assert_eq!((bed.server.socket_count(), companion.socket_count()), (3, 0));
    drop((role, more));
    assert_eq!(bed.server.socket_count(), 0);
}

#[tokio::test]
async fn the_end_of_a_companion_is_not_that_of_the_role_and_the_role_failing_is_not_its_companions() {
    let bed = Bed::new();
    let companion = bed.server.companion(100);
    let listener = bed.listen(4);
    let of_companion = companion.bind(at(LOOPBACK, 9000)).unwrap().listen(4).unwrap();
    bed.server.fail();
    assert_eq!(listener.accept().await.unwrap_err(), NetError::ConnectionAborted);
    companion.connect(at(LOOPBACK, 9000)).unwrap().await.unwrap();
    of_companion.accept().await.unwrap();

    let bed = Bed::new();
    let listener = bed.listen(4);
    let socket = {
        let companion = bed.server.companion(100);
        companion.bind_udp(at(LOOPBACK, 0)).unwrap()
    };
    assert_eq!(socket.try_receive().unwrap_err(), NetError::ConnectionAborted);
    bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn when_the_instance_leaves_the_network_its_companions_do() {
    let bed = Bed::new();
    let companion = bed.server.companion(100);
    let listener = companion.bind(at(LOOPBACK, 9000)).unwrap().listen(4).unwrap();
    bed.server.detach();
    assert_eq!(listener.accept().await.unwrap_err(), NetError::ConnectionAborted);
    let later = bed.server.companion(100);
    for ended in [&companion, &later] {
        assert_eq!(ended.bind(at(LOOPBACK, 0)).unwrap_err(), NetError::ConnectionAborted);
    }
    // The next incarnation has nothing to do with it.
    let next = bed.attach(SERVER);
    next.bind(at(LOOPBACK, 9000)).unwrap();
    assert_eq!(companion.connect(at(CLIENT, 80)).unwrap_err(), NetError::ConnectionAborted);
    drop(companion);
    next.bind(at(LOOPBACK, 9000)).unwrap();
}

#[test]
fn a_companion_does_not_keep_its_instance_on_the_network() {
    let network = open_to_all(PortRange::all());
    let role = network.attach(index(&network, SERVER)).unwrap();
    let companion = role.companion(100);
    drop(role);
    network.attach(index(&network, SERVER)).unwrap();
    assert_eq!(companion.bind(at(LOOPBACK, 0)).unwrap_err(), NetError::ConnectionAborted);
}
