//! The deployment's own public side: every role may go there, and the balancer chooses who answers.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use wasm_roles_virtual_network::policy::PublicSide;
use wasm_roles_virtual_network::{
    AddressRange, InsideClient, Interface, NetError, Network, Policy, PublicPorts, Transport,
};

use crate::bed::{CLIENT, Heard, PORT, SERVER, SERVER_1, at, index, read, resolve, write_all};

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Serves public port 80 with instances in this order.
#[derive(Default)]
struct Balancer {
    instances: Mutex<Vec<Interface>>,
    clients: Mutex<Vec<IpAddr>>,
}

impl PublicPorts for Balancer {
    fn offer(&self, port: u16, client: IpAddr, take: &mut dyn FnMut(&Interface, NonZeroU16) -> bool) -> bool {
        assert_eq!(port, 80);
        self.clients.lock().unwrap().push(client);
        self.instances.lock().unwrap().iter().any(|instance| take(instance, PORT))
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
    builder.public_side(PublicSide { address, name, ports: [(Transport::Tcp, 80)].into() });
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
    assert_eq!(bed.client.connect(at(VIP, 80)).unwrap().await.unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(listener.try_accept().unwrap().unwrap().peer_address(), first.local_address());
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
