//! Datagrams to the deployment's own public side: the balancer chooses, and answers come from the public address.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use wasm_roles_virtual_network::policy::PublicSide;
use wasm_roles_virtual_network::{
    AddressRange, Audience, Effect, EndpointGrant, Fault, FlowError, InsideClient, InsideConnection,
    Interface, NetError, Network, Offered, OutsideFlow, Policy, PortRange, PublicPorts, Transport,
    Transports, UdpSocket, Undelivered, Whom,
};

use crate::bed::{CLIENT, Heard, PORT, SERVER, at, index, received};

const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Serves public UDP port 53 with one instance and one flow.
#[derive(Default)]
struct Balancer {
    instance: Mutex<Option<Interface>>,
    flow: Mutex<Option<OutsideFlow>>,
    answers: Arc<AtomicUsize>,
    outcome: Mutex<Option<Result<(), Undelivered>>>,
}

impl Balancer {
    fn close(&self) {
        self.flow.lock().unwrap().take();
    }
}

impl PublicPorts for Balancer {
    fn offer(&self, _: u16, _: &mut InsideConnection<'_>) -> Offered {
        Offered::Closed
    }

    fn pass_on(&self, port: u16, client: &InsideClient<'_>, data: Bytes) -> bool {
        let Some(instance) = self.instance.lock().unwrap().clone() else { return false };
        assert_eq!(port, 53);
        let mut flow = self.flow.lock().unwrap();
        flow.take_if(|flow| !client.has(flow));
        let flow = flow.get_or_insert_with(|| {
            let answers = self.answers.clone();
            let answered = move || {
                answers.fetch_add(1, Ordering::Relaxed);
            };
            let flow = client.open_flow(&instance, PORT, answered).unwrap();
            assert!(client.has(&flow));
            assert_eq!(flow.outside(), client.address().into());
            assert_eq!(client.open_flow(&instance, PORT, || {}).unwrap_err(), FlowError::Taken);
            flow
        });
        *self.outcome.lock().unwrap() = Some(flow.deliver(data));
        true
    }
}

struct Bed {
    network: Network,
    balancer: Arc<Balancer>,
    client: Interface,
    server: Interface,
}

fn bed() -> Bed {
    let mut builder = Policy::builder();
    let roles = [builder.role("Client"), builder.role("Server")];
    let grant = EndpointGrant {
        name: "Dns".to_owned(),
        transports: Transports::Udp,
        ports: PortRange::single(PORT),
        audience: Audience::Public,
    };
    builder.endpoint(roles[1], grant);
    builder.instance(roles[0], "Client_IN_0", 0, CLIENT);
    builder.instance(roles[1], "Server_IN_0", 0, SERVER);
    builder.subnet(AddressRange::around(VIP.into(), 16));
    let (address, name) = (VIP, "shop.cloudapp.net".to_owned());
    builder.public_side(PublicSide { address, name, ports: [(Transport::Udp, 53)].into() });
    let network = Network::new(Arc::new(builder.build().unwrap()), Arc::new(Heard::default()));
    let attach = |address| network.attach(index(&network, address)).unwrap();
    let (client, server) = (attach(CLIENT), attach(SERVER));
    let balancer = Arc::new(Balancer::default());
    *balancer.instance.lock().unwrap() = Some(server.clone());
    let ports: Weak<dyn PublicPorts> = Arc::downgrade(&balancer) as Weak<dyn PublicPorts>;
    network.set_public_ports(ports);
    Bed { network, balancer, client, server }
}

fn socket_of(interface: &Interface) -> UdpSocket {
    interface.bind_udp(at(Ipv4Addr::UNSPECIFIED, 0)).unwrap()
}

fn receiver(bed: &Bed) -> UdpSocket {
    bed.server.bind_udp(at(Ipv4Addr::UNSPECIFIED, PORT.get())).unwrap()
}

/// Asks, and answers what the server has received.
fn ask_and_answer(asks: &UdpSocket, server: &UdpSocket) -> Result<(), NetError> {
    asks.send_to("question".into(), at(VIP, 53)).unwrap();
    let (question, from) = received(server).unwrap().unwrap();
    assert_eq!((question.as_str(), from.port()), ("question", asks.local_address().port()));
    server.send_to("answer".into(), from)
}

fn answer() -> Option<(String, std::net::SocketAddr)> {
    Some(("answer".to_owned(), at(VIP, 53)))
}

#[tokio::test]
async fn a_datagram_to_the_public_side_is_answered_from_there_as_long_as_its_flow_is_open() {
    let bed = bed();
    let (asks, server) = (socket_of(&bed.client), receiver(&bed));
    ask_and_answer(&asks, &server).unwrap();
    assert_eq!(received(&asks).unwrap(), answer());
    let local = at(CLIENT, asks.local_address().port());
    // As often as it likes, and nowhere else.
    server.send_to("more".into(), local).unwrap();
    assert_eq!(received(&asks).unwrap().unwrap().0, "more");
    let other = at(CLIENT, socket_of(&bed.client).local_address().port());
    assert_eq!(server.send_to("x".into(), other).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.balancer.answers.load(Ordering::Relaxed), 2);
    assert_eq!(bed.network.counters().datagrams, 3);
    bed.balancer.close();
    assert_eq!(server.send_to("late".into(), local).unwrap_err(), NetError::AccessDenied);
    assert_eq!(received(&asks), Ok(None));
}

#[tokio::test]
async fn a_connected_socket_is_answered_and_a_server_may_connect_to_its_client() {
    let bed = bed();
    let (asks, server) = (socket_of(&bed.client), receiver(&bed));
    asks.connect(at(VIP, 53)).unwrap();
    asks.send("question".into()).unwrap();
    let (_, from) = received(&server).unwrap().unwrap();
    assert_eq!(from, asks.local_address());
    server.connect(from).unwrap();
    server.send("answer".into()).unwrap();
    assert_eq!(received(&asks).unwrap(), answer());
}

#[tokio::test]
async fn an_instance_that_is_chosen_for_its_own_datagram_answers_from_the_public_side_too() {
    let bed = bed();
    let (asks, server) = (socket_of(&bed.server), receiver(&bed));
    // It may send to itself without a flow, so that the flow has to come first.
    ask_and_answer(&asks, &server).unwrap();
    assert_eq!(received(&asks).unwrap(), answer());
    bed.balancer.close();
    server.send_to("itself".into(), at(SERVER, asks.local_address().port())).unwrap();
    assert_eq!(received(&asks).unwrap(), Some(("itself".to_owned(), at(SERVER, PORT.get()))));
}

#[tokio::test]
async fn a_companion_asks_the_public_side_as_its_instance_does() {
    let bed = bed();
    let companion = bed.client.companion(10);
    let (asks, server) = (socket_of(&companion), receiver(&bed));
    ask_and_answer(&asks, &server).unwrap();
    assert_eq!(received(&asks).unwrap(), answer());
}

#[tokio::test]
async fn a_flow_is_of_one_socket_and_not_of_the_next_one_at_its_address() {
    let bed = bed();
    let server = receiver(&bed);
    let first = socket_of(&bed.client);
    ask_and_answer(&first, &server).unwrap();
    let local = at(CLIENT, first.local_address().port());
    drop(first);
    // Ephemeral ports go round.
    let mut sockets = std::iter::repeat_with(|| socket_of(&bed.client));
    let second = sockets.find(|socket| socket.local_address().port() == local.port()).unwrap();
    server.send_to("not for you".into(), local).unwrap();
    assert_eq!(received(&second), Ok(None));
    ask_and_answer(&second, &server).unwrap();
    assert_eq!(received(&second).unwrap(), answer());
}

#[tokio::test]
async fn what_finds_nobody_or_no_room_is_lost_and_the_balancer_knows() {
    let bed = bed();
    let asks = socket_of(&bed.client);
    asks.connect(at(VIP, 53)).unwrap();
    let outcome = || bed.balancer.outcome.lock().unwrap().take().unwrap();
    asks.send("question".into()).unwrap();
    assert_eq!(outcome(), Err(Undelivered::NotBound));
    // The balancer is there, so that nobody hears of it.
    assert_eq!(received(&asks), Ok(None));
    let _server = receiver(&bed);
    let sent = (0..10).take_while(|_| {
        asks.send(vec![0; 60_000].into()).unwrap();
        outcome() != Err(Undelivered::Full)
    });
    assert_eq!(sent.count(), 3);
    assert_eq!(bed.network.counters().dropped_datagrams, 1);
}

#[tokio::test]
async fn faults_between_the_two_instances_lose_datagrams_in_both_directions() {
    let bed = bed();
    let (asks, server) = (socket_of(&bed.client), receiver(&bed));
    ask_and_answer(&asks, &server).unwrap();
    assert_eq!(received(&asks).unwrap(), answer());
    let (client, role) = (Whom::Role("Client".to_owned()), Whom::Role("Server".to_owned()));
    let cut = bed.network.faults().inject(Fault::between(client, role, Effect::Partition));
    asks.send_to("lost".into(), at(VIP, 53)).unwrap();
    assert_eq!(received(&server), Ok(None));
    server.send_to("lost".into(), at(CLIENT, asks.local_address().port())).unwrap();
    assert_eq!(received(&asks), Ok(None));
    bed.network.faults().lift(cut);
    ask_and_answer(&asks, &server).unwrap();
    assert_eq!(received(&asks).unwrap(), answer());
}

#[test]
fn without_a_balancer_a_connected_sender_is_refused_and_other_ports_are_denied() {
    let Bed { balancer, client, network, .. } = bed();
    let asks = socket_of(&client);
    assert_eq!(asks.send_to("x".into(), at(VIP, 54)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(network.counters().denials, 1);
    asks.connect(at(VIP, 53)).unwrap();
    // One that does not serve the port, and then none at all.
    balancer.instance.lock().unwrap().take();
    asks.send("x".into()).unwrap();
    assert_eq!(received(&asks).unwrap_err(), NetError::ConnectionRefused);
    drop(balancer);
    asks.send("x".into()).unwrap();
    assert_eq!(received(&asks).unwrap_err(), NetError::ConnectionRefused);
    let loopback = client.bind_udp(at(Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert_eq!(loopback.send_to("x".into(), at(VIP, 53)).unwrap_err(), NetError::RemoteUnreachable);
}
