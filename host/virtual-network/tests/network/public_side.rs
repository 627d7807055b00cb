//! The deployment's own public side: every role may go there, and the balancer chooses who answers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use tokio::time::{Duration, Instant};
use wasm_roles_virtual_network::policy::PublicSide;
use wasm_roles_virtual_network::tcp::PUBLIC_WAIT;
use wasm_roles_virtual_network::{
    AddressRange, InsideClient, InsideConnection, Interface, NetError, Network, Offered, Policy, PublicPorts,
    TcpStream, Transport,
};

use crate::bed::{CLIENT, Heard, PORT, SERVER, SERVER_1, at, index, read, resolve, write_all};

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Serves public port 80 with instances in this order, and 443 itself.
#[derive(Default)]
struct Balancer {
    instances: Mutex<Vec<Interface>>,
    clients: Mutex<Vec<IpAddr>>,
    accepted: Mutex<Vec<TcpStream>>,
    gave_up: Mutex<Vec<u16>>,
}

impl PublicPorts for Balancer {
    fn offer(&self, port: u16, connection: &mut InsideConnection<'_>) -> Offered {
        self.clients.lock().unwrap().push(connection.client().ip());
        match port {
            80 => {
                let instances = self.instances.lock().unwrap();
                let taken = instances.iter().any(|instance| connection.connect_to(instance, PORT));
                if taken { Offered::Taken } else { Offered::Nobody }
            }
            443 => {
                self.accepted.lock().unwrap().extend(connection.accept());
                assert!(connection.accept().is_none(), "it has its other end");
                Offered::Taken
            }
            _ => Offered::Closed,
        }
    }

    fn gave_up(&self, port: u16) {
        self.gave_up.lock().unwrap().push(port);
    }

    fn pass_on(&self, _: u16, _: &InsideClient<'_>, _: Bytes) -> bool {
        false
    }
}

struct Bed {
    network: Network,
    balancer: Arc<Balancer>,
    client: Interface,
    servers: [Interface; 2],
}

fn bed() -> Bed {
    let mut builder = Policy::builder();
    let roles = [builder.role("Client"), builder.role("Server")];
    builder.endpoint(
        roles[1],
        wasm_roles_virtual_network::EndpointGrant {
            name: "Web".to_owned(),
            transports: wasm_roles_virtual_network::Transports::Tcp,
            ports: wasm_roles_virtual_network::PortRange::single(PORT),
            audience: wasm_roles_virtual_network::Audience::Public,
        },
    );
    builder.instance(roles[0], "Client_IN_0", 0, CLIENT);
    builder.instance(roles[1], "Server_IN_0", 0, SERVER);
    builder.instance(roles[1], "Server_IN_1", 1, SERVER_1);
    builder.subnet(AddressRange::around(VIP.into(), 16));
    let (address, name) = (VIP, "shop.cloudapp.net".to_owned());
    builder.public_side(PublicSide {
        address,
        name,
        ports: [80, 443, 8000].map(|port| (Transport::Tcp, port)).into(),
    });
    let network = Network::new(Arc::new(builder.build().unwrap()), Arc::new(Heard::default()));
    let attach = |address| network.attach(index(&network, address)).unwrap();
    let (client, servers) = (attach(CLIENT), [attach(SERVER), attach(SERVER_1)]);
    let balancer = Arc::new(Balancer::default());
    balancer.instances.lock().unwrap().extend(servers.clone());
    let ports: Weak<dyn PublicPorts> = Arc::downgrade(&balancer) as Weak<dyn PublicPorts>;
    network.set_public_ports(ports);
    Bed { network, balancer, client, servers }
}

#[tokio::test]
async fn a_connection_to_the_public_side_is_in_memory_and_with_whom_the_balancer_chooses() {
    let bed = bed();
    let vip = resolve(&bed.client, "Shop.cloudapp.net").unwrap();
    assert_eq!(vip, [IpAddr::from(VIP)]);
    let listener = bed.servers[1].bind(at(SERVER_1, PORT.get())).unwrap().listen(1).unwrap();
    // The first one does not listen, so that it is passed over.
    let client = bed.client.connect(at(vip[0], 80)).unwrap().try_finish().unwrap().unwrap();
    let server = listener.try_accept().unwrap().unwrap();
    assert_eq!((client.local_address().ip(), client.peer_address()), (CLIENT.into(), at(VIP, 80)));
    assert_eq!(
        (server.local_address(), server.peer_address()),
        (at(SERVER_1, PORT.get()), client.local_address())
    );
    write_all(&client, "ping").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "ping");
    write_all(&server, "pong").await.unwrap();
    assert_eq!(read(&client).await.unwrap(), "pong");
    assert_eq!(*bed.balancer.clients.lock().unwrap(), [IpAddr::from(CLIENT)]);
    assert_eq!(bed.network.counters().outbound, 0);
    drop(client);
    assert_eq!(read(&server).await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_can_take_waits_and_is_refused_in_the_end() {
    let bed = bed();
    let mut waiting = bed.client.connect(at(VIP, 80)).unwrap();
    assert!(waiting.try_finish().is_none());
    let listener = bed.servers[0].bind(at(SERVER, PORT.get())).unwrap().listen(1).unwrap();
    let first = waiting.await.unwrap();
    // The backlog is full, and nobody else listens.
    let begun = Instant::now();
    assert_eq!(bed.client.connect(at(VIP, 80)).unwrap().await.unwrap_err(), NetError::ConnectionRefused);
    assert!(
        (PUBLIC_WAIT..PUBLIC_WAIT + Duration::from_secs(1)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(*bed.balancer.gave_up.lock().unwrap(), [80], "who serves the port can count it");
    assert_eq!(listener.try_accept().unwrap().unwrap().peer_address(), first.local_address());
}

#[test]
fn a_port_that_nobody_serves_refuses_at_once() {
    let bed = bed();
    let mut connecting = bed.client.connect(at(VIP, 8000)).unwrap();
    assert_eq!(connecting.try_finish().unwrap().unwrap_err(), NetError::ConnectionRefused);
    assert!(bed.balancer.gave_up.lock().unwrap().is_empty(), "it was never waited for");
}

#[tokio::test]
async fn a_connection_that_the_balancer_accepts_has_its_other_end_there() {
    let bed = bed();
    let client = bed.client.connect(at(VIP, 443)).unwrap().try_finish().unwrap().unwrap();
    let accepted = bed.balancer.accepted.lock().unwrap().pop().unwrap();
    assert_eq!((client.peer_address(), accepted.local_address()), (at(VIP, 443), at(VIP, 443)));
    assert_eq!(accepted.peer_address(), client.local_address());
    write_all(&client, "hello").await.unwrap();
    assert_eq!(read(&accepted).await.unwrap(), "hello");
    write_all(&accepted, "and you").await.unwrap();
    drop(accepted);
    assert_eq!((read(&client).await.unwrap(), read(&client).await.unwrap()), ("and you".into(), "".into()));
}

#[tokio::test]
async fn what_the_balancer_has_accepted_ends_with_the_client_or_its_interface() {
    let bed = bed();
    drop(bed.client.connect(at(VIP, 443)).unwrap());
    let given_up = bed.balancer.accepted.lock().unwrap().pop().unwrap();
    assert_eq!(read(&given_up).await.unwrap_err(), NetError::ConnectionReset);

    let _client = bed.client.connect(at(VIP, 443)).unwrap().try_finish().unwrap().unwrap();
    let accepted = bed.balancer.accepted.lock().unwrap().pop().unwrap();
    bed.client.fail();
    assert_eq!(read(&accepted).await.unwrap_err(), NetError::ConnectionReset);
    assert_eq!(bed.client.socket_count(), 0);
}

#[tokio::test]
async fn a_connect_that_is_given_up_when_it_was_taken_is_a_reset_to_the_server() {
    let bed = bed();
    let listener = bed.servers[0].bind(at(SERVER, PORT.get())).unwrap().listen(1).unwrap();
    drop(bed.client.connect(at(VIP, 80)).unwrap());
    let server = listener.try_accept().unwrap().unwrap();
    assert_eq!(read(&server).await.unwrap_err(), NetError::ConnectionReset);
    assert_eq!(bed.client.socket_count(), 0);
}

#[test]
fn without_a_balancer_the_public_side_refuses_and_other_ports_are_denied() {
    let Bed { network, balancer, client, .. } = bed();
    assert_eq!(client.connect(at(VIP, 81)).unwrap_err(), NetError::AccessDenied);
    drop(balancer);
    let mut connecting = client.connect(at(VIP, 80)).unwrap();
    assert_eq!(connecting.try_finish().unwrap().unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(network.counters().denials, 1);
}
