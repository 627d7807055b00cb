//! The world outside of the deployment: closed, but for what the host grants.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use wasm_roles_virtual_network::outside::{
    HostSocketRefusal, RENEWED_FOR, RESOLVERS_OF_INSTANCE, RESOLVERS_OF_NETWORK, Soon,
};
use wasm_roles_virtual_network::{
    HostName, HostRules, Interface, InterfaceLimits, MemoryBudget, NameAnswer, NetError, NoAddress, Outside,
    PolicyMode, SystemOutside, TcpStream,
};

use crate::bed::{Bed, CLIENT, SERVER, SERVER_1, at, policy, read, read_all, resolve, write_all};

/// A world of two dozen names; its sockets are the host's, and addresses of `elsewhere` are all at one place of the host's.
#[derive(Default)]
struct World {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    /// Where the addresses outside really are.
    server: Option<SocketAddr>,
    /// What was asked for.
    asked: Mutex<Vec<String>>,
    time_to_live: Duration,
    /// When the resolver gives up on names without addresses.
    gives_up: Arc<Notify>,
}

impl Outside for World {
    fn connect(&self, target: SocketAddr) -> Soon<tokio::net::TcpStream> {
        self.asked.lock().unwrap().push(format!("connect {target}"));
        match self.server {
            Some(server) => SystemOutside.connect(server),
            None => Box::pin(std::future::pending()),
        }
    }

    fn bind_udp(&self, target: SocketAddr) -> io::Result<std::net::UdpSocket> {
        SystemOutside.bind_udp(target)
    }

    fn look_up(&self, name: HostName) -> Soon<NameAnswer> {
        self.asked.lock().unwrap().push(format!("look up {name}"));
        let addresses = self.names.get(name.as_str()).cloned();
        let (time_to_live, gives_up) = (self.time_to_live, self.gives_up.clone());
        Box::pin(async move {
            match addresses {
                Some(addresses) if addresses.is_empty() => {
                    gives_up.notified().await;
                    Err(io::ErrorKind::TimedOut.into())
                }
                Some(addresses) => {
                    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
                    Ok(NameAnswer { addresses, time_to_live })
                }
                None => Err(io::ErrorKind::NotFound.into()),
            }
        })
    }
}

impl World {
    fn of(names: &[(&'static str, &[&'static str])]) -> Self {
        let names = names.iter().map(|(name, addresses)| (*name, addresses.to_vec())).collect();
        Self { names, time_to_live: Duration::from_secs(60), ..Self::default() }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// A bed whose client role may go out by these rules.
fn bed(rules: &[&str]) -> Bed {
    let bed = Bed::new();
    let mut host = HostRules::default();
    rules.iter().for_each(|rule| host.allow_role("Client", rule.parse().unwrap()));
    bed.network.set_host_rules(host);
    bed
}

fn bed_in(world: World, rules: &[&str]) -> (Bed, Arc<World>) {
    let (bed, world) = (bed(rules), Arc::new(world));
    bed.network.set_outside(world.clone());
    (bed, world)
}

/// A server of the host's that answers each connection with what it got, in capitals.
async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            stream.write_all(text.to_uppercase().as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn a_server_of_the_host_is_reached_by_the_rule_that_names_it_and_not_without() {
    let server = server().await;
    for rules in [&[][..], &["0.0.0.0/0"], &["*"], &["93.184.216.34"]] {
        let bed = bed(rules);
        assert_eq!(bed.client.connect(server).unwrap_err(), NetError::ConnectionRefused, "{rules:?}");
    }
    for rules in [&["127.0.0.0/8"][..], &["localhost"], &[&*format!("127.0.0.1:{}", server.port())]] {
        let bed = bed(rules);
        let stream = bed.client.connect(server).unwrap().await.unwrap();
        assert_eq!(stream.peer_address(), server);
        write_all(&stream, "hello").await.unwrap();
        stream.shutdown_write();
        assert_eq!(read_all(&stream).await, (b"HELLO".to_vec(), Ok(())), "{rules:?}");
        assert_eq!((bed.client.socket_count(), bed.network.counters().outbound), (1, 1));
        // The rule is the client's.
        assert_eq!(bed.server.connect(server).unwrap_err(), NetError::ConnectionRefused);
    }
}

#[tokio::test]
async fn the_own_loopback_comes_before_that_of_the_host() {
    let (server, bed) = (server().await, bed(&["localhost"]));
    let own = bed.client.bind(server).unwrap().listen(1).unwrap();
    let stream = bed.client.connect(server).unwrap().await.unwrap();
    assert_eq!(own.try_accept().unwrap().unwrap().peer_address(), stream.local_address());
    assert_eq!(bed.network.counters().outbound, 0);
}

#[tokio::test]
async fn an_address_outside_is_reached_from_the_instances_own() {
    let server = server().await;
    let (bed, world) = bed_in(World { server: Some(server), ..World::default() }, &["93.184.216.34:443"]);
    let target = at([93, 184, 216, 34], 443);
    let stream = bed.client.connect(target).unwrap().await.unwrap();
    assert_eq!((stream.local_address().ip(), stream.peer_address()), (CLIENT.into(), target));
    write_all(&stream, "x").await.unwrap();
    stream.shutdown_write();
    assert_eq!(read(&stream).await.unwrap(), "X");
    assert_eq!(world.asked(), ["connect 93.184.216.34:443"]);
    assert_eq!(bed.client.connect(at([93, 184, 216, 34], 80)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.client.connect(at([93, 184, 216, 35], 443)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.server.connect(target).unwrap_err(), NetError::AccessDenied);
    assert_eq!(world.asked(), [""; 0], "what is denied does not get out");
    // A socket that is bound to loopback reaches nothing but loopback.
    let bound = bed.client.bind(at([127, 0, 0, 1], 0)).unwrap();
    assert_eq!(bound.connect(target).unwrap_err(), NetError::RemoteUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_connect_outside_times_out_and_ends_with_its_interface() {
    let (bed, _) = bed_in(World::default(), &["93.184.216.34"]);
    let target = at([93, 184, 216, 34], 443);
    let mut connecting = bed.client.connect(target).unwrap();
    assert!(connecting.try_finish().is_none());
    assert_eq!(connecting.await.unwrap_err(), NetError::Timeout);
    let connecting = bed.client.connect(target).unwrap();
    bed.client.fail();
    assert_eq!(connecting.await.unwrap_err(), NetError::ConnectionAborted);
}

#[tokio::test]
async fn sockets_to_the_outside_count_and_end_with_the_interface() {
    let server = server().await;
    let mut limits = InterfaceLimits::default();
    limits.sockets = 2;
    let bed = bed(&["localhost"]);
    bed.client.detach();
    let client = bed.network.attach_with(crate::bed::index(&bed.network, CLIENT), limits).unwrap();
    let streams =
        [client.connect(server).unwrap().await.unwrap(), client.connect(server).unwrap().await.unwrap()];
    assert_eq!(client.connect(server).unwrap_err(), NetError::TooManySockets);
    client.fail();
    assert_eq!(streams[0].try_read(1).unwrap_err(), NetError::ConnectionReset);
}

/// A client that may go to the host's loopback, with these limits.
fn client_with(limits: InterfaceLimits) -> (Bed, Interface) {
    let bed = bed(&["localhost"]);
    bed.client.detach();
    let client = bed.network.attach_with(crate::bed::index(&bed.network, CLIENT), limits).unwrap();
    (bed, client)
}

/// Writes until the operating system takes no more, and the tail is full.
fn fill(stream: &TcpStream) {
    while let budget @ 1.. = stream.write_budget().unwrap() {
        stream.try_write(&mut Bytes::from(vec![7; budget])).unwrap();
    }
}

/// A connection to the host that has a tail, and the host's end of it, which has read nothing yet.
async fn with_tail(client: &Interface) -> (TcpStream, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let stream = client.connect(listener.local_addr().unwrap()).unwrap().await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    fill(&stream);
    (stream, server)
}

#[tokio::test]
async fn a_closed_connection_counts_until_its_tail_is_out() {
    let budget = Arc::new(MemoryBudget::new(64 << 20));
    let limits = InterfaceLimits::default().with_host_sockets(1).with_memory(budget.clone());
    let (_bed, client) = client_with(limits);
    let (stream, mut server) = with_tail(&client).await;
    assert_eq!(budget.used(), 64 * 1024, "the tail is the instance's memory");
    drop(stream);
    assert_eq!((client.socket_count(), budget.used()), (1, 64 * 1024));
    assert_eq!(client.connect(server.local_addr().unwrap()).unwrap_err(), NetError::TooManySockets);
    let mut read = Vec::new();
    server.read_to_end(&mut read).await.unwrap();
    assert!(read.len() > 64 * 1024);
    assert_eq!((client.socket_count(), budget.used()), (0, 0));
}

#[tokio::test]
async fn a_closed_connection_with_a_tail_ends_with_its_interface() {
    let budget = Arc::new(MemoryBudget::new(64 << 20));
    let (_bed, client) = client_with(InterfaceLimits::default().with_memory(budget.clone()));
    let (stream, mut server) = with_tail(&client).await;
    drop(stream);
    client.detach();
    assert_eq!(budget.used(), 0);
    let end = server.read_to_end(&mut Vec::new()).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_tail_is_short_when_memory_is() {
    let budget = Arc::new(MemoryBudget::new(64 << 20));
    let (_bed, client) = client_with(InterfaceLimits::default().with_memory(budget.clone()));
    assert!(budget.try_take(60 << 20), "the guest's own memory");
    let (stream, mut server) = with_tail(&client).await;
    assert!(budget.used() <= (60 << 20) + 16 * 1024, "{}", budget.used());
    stream.shutdown_write();
    server.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(budget.used(), 60 << 20);
}

#[tokio::test]
async fn sockets_of_the_host_have_a_limit_of_their_own() {
    let server = server().await;
    let (bed, client) = client_with(InterfaceLimits::default().with_host_sockets(2));
    let socket = client.bind_udp(at([0, 0, 0, 0], 0)).unwrap();
    let send = || socket.send_to(Bytes::from_static(b"?"), server);
    let streams =
        [client.connect(server).unwrap().await.unwrap(), client.connect(server).unwrap().await.unwrap()];
    assert_eq!(client.connect(server).unwrap_err(), NetError::TooManySockets);
    assert_eq!(send().unwrap_err(), NetError::TooManySockets);
    assert_eq!(client.socket_count(), 3, "what was refused takes no place");
    let told = bed.heard.out_of_host_sockets.lock().unwrap().clone();
    assert_eq!(told, [("Client_IN_0".to_owned(), HostSocketRefusal::Instance { limit: 2 })], "told once");
    drop(streams);
    send().unwrap();
    let connecting = client.connect(server).unwrap();
    assert_eq!(client.connect(server).unwrap_err(), NetError::TooManySockets);
    drop((connecting, socket));
    // Their tasks end.
    tokio::task::yield_now().await;
    assert!(client.connect(server).is_ok() && client.connect(server).is_ok());
}

#[tokio::test]
async fn a_name_admits_the_addresses_that_it_was_found_to_have_and_only_to_who_looked_it_up() {
    let server = server().await;
    let names: &[(&str, &[&str])] = &[
        ("www.example.com", &["93.184.216.34", "10.0.0.5", "127.0.0.1", "169.254.169.254", "192.168.0.1"]),
        ("evil.example.com", &["127.0.0.1", "::1", "::ffff:10.0.0.5", "10.0.0.99", "64:ff9b::7f00:1"]),
    ];
    let (bed, world) = bed_in(World { server: Some(server), ..World::of(names) }, &["*.example.com:443"]);
    let target = at([93, 184, 216, 34], 443);
    assert_eq!(bed.client.connect(target).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.client.look_up("WWW.example.com.").await.unwrap(), [IpAddr::from([93, 184, 216, 34])]);
    bed.client.connect(target).unwrap().await.unwrap();
    // Not on another port, and not by another instance.
    assert_eq!(bed.client.connect(at([93, 184, 216, 34], 80)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.server.connect(target).unwrap_err(), NetError::AccessDenied);
    assert_eq!(resolve(&bed.server, "www.example.com").unwrap_err(), NetError::NameUnresolvable);
    // What else the name server said leads nowhere.
    for address in [[127, 0, 0, 1], [169, 254, 169, 254], [192, 168, 0, 1]] {
        assert!(bed.client.connect(at(address, 443)).is_err(), "{address:?}");
    }
    assert_eq!(bed.client.look_up("evil.example.com").await.unwrap_err(), NetError::NameUnresolvable);
    assert_eq!(bed.client.look_up("no.example.com").await.unwrap_err(), NetError::NameUnresolvable);
    let asked = world.asked();
    assert!(asked.iter().all(|asked| !asked.contains("127.0.0.1")), "{asked:?}");
    // Names that no rule has are not asked for, whatever they look like.
    for name in ["example.com", "example.org", "127.1", "Server.example", "9.Server"] {
        assert_eq!(resolve(&bed.client, name).unwrap_err(), NetError::NameUnresolvable, "{name}");
    }
    assert_eq!(world.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_why_learns_more_than_sockets_can_say() {
    let names: &[(&str, &[&str])] =
        &[("evil.example.com", &["127.0.0.1", "10.0.0.5"]), ("slow.example.com", &[])];
    let (bed, _) = bed_in(World::of(names), &["*.example.com"]);
    for (name, why) in [
        ("evil.example.com", NoAddress::Prohibited),
        ("no.example.com", NoAddress::Unknown),
        ("slow.example.com", NoAddress::TimedOut),
        ("example.org", NoAddress::Denied),
        ("9.Server", NoAddress::Unknown),
        ("Nobody", NoAddress::Unknown),
        ("a b", NoAddress::Malformed),
    ] {
        assert_eq!(bed.client.look_up(name).explained().await, Err(why), "{name}");
    }
    assert_eq!(bed.client.look_up("10.0.0.5").explained().await, Ok(vec![IpAddr::from([10, 0, 0, 5])]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_for_its_time() {
    let (bed, _) = bed_in(World::of(&[("example.com", &["93.184.216.34"])]), &["example.com"]);
    let target = at([93, 184, 216, 34], 443);
    bed.client.look_up("example.com").await.unwrap();
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(bed.client.connect(target).is_ok());
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(bed.client.connect(target).unwrap_err(), NetError::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn a_name_server_that_is_silent_ends_as_a_failure_and_takes_a_bounded_number_of_questions() {
    let (bed, world) = bed_in(World::of(&[("slow.example", &[])]), &["*.example"]);
    let mut waiting: Vec<_> = (0..64).map(|_| bed.client.look_up("slow.example")).collect();
    assert!(waiting.iter_mut().all(|look_up| look_up.try_finish().is_none()));
    assert_eq!(resolve(&bed.client, "slow.example").unwrap_err(), NetError::NameFailure);
    // Who gives up makes no room: the resolver is still at it.
    drop(waiting.remove(0));
    tokio::task::yield_now().await;
    assert_eq!(resolve(&bed.client, "slow.example").unwrap_err(), NetError::NameFailure);
    // Nor does the end of the time, but for those whose turn did not come.
    assert_eq!(waiting.remove(0).await.unwrap_err(), NetError::NameFailure);
    tokio::task::yield_now().await;
    assert_eq!(world.asked().len(), RESOLVERS_OF_INSTANCE);
    let more: Vec<_> = (RESOLVERS_OF_INSTANCE..64).map(|_| bed.client.look_up("slow.example")).collect();
    assert_eq!(resolve(&bed.client, "slow.example").unwrap_err(), NetError::NameFailure);
    drop(more);
    world.gives_up.notify_waiters();
    tokio::task::yield_now().await;
    assert!(bed.client.look_up("slow.example").try_finish().is_none());
}

#[tokio::test(start_paused = true)]
async fn names_that_nobody_answers_take_some_turns_of_an_instance_and_of_a_deployment_and_no_more() {
    let bed = Bed::new();
    let world = Arc::new(World::of(&[("slow.example", &[]), ("quick.example", &["93.184.216.34"])]));
    let mut rules = HostRules::default();
    rules.allow("*.example".parse().unwrap());
    bed.network.set_host_rules(rules);
    bed.network.set_outside(world.clone());
    let other = bed.attach(SERVER_1);
    let ask = |interface: &Interface| (0..64).map(|_| interface.look_up("slow.example")).collect::<Vec<_>>();
    let slow = ask(&bed.client);
    tokio::task::yield_now().await;
    assert_eq!(world.asked().len(), RESOLVERS_OF_INSTANCE);
    // Another instance of the deployment is not held up.
    assert_eq!(bed.server.look_up("quick.example").await.unwrap(), [IpAddr::from([93, 184, 216, 34])]);
    let more = [ask(&bed.server), ask(&other)];
    tokio::task::yield_now().await;
    assert_eq!(world.asked().len(), 1 + RESOLVERS_OF_NETWORK - RESOLVERS_OF_INSTANCE);
    drop((slow, more));
}

#[tokio::test(start_paused = true)]
async fn a_conversation_of_datagrams_with_a_name_is_not_cut_off_as_long_as_it_goes_on() {
    let (bed, _) = bed_in(World::of(&[("example.com", &["93.184.216.34"])]), &["example.com"]);
    let target = at([93, 184, 216, 34], 53);
    bed.client.look_up("example.com").await.unwrap();
    // Connecting a socket says as much as sending, and nothing goes into the real world.
    let socket = bed.client.bind_udp(at([0, 0, 0, 0], 0)).unwrap();
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(59)).await;
        socket.connect(target).unwrap();
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(socket.connect(target).unwrap_err(), NetError::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn datagrams_that_a_range_lets_out_keep_no_name_alive() {
    let rules = ["93.184.216.34:53", "example.com:123"];
    let (bed, _) = bed_in(World::of(&[("example.com", &["93.184.216.34"])]), &rules);
    bed.client.look_up("example.com").await.unwrap();
    let socket = bed.client.bind_udp(at([0, 0, 0, 0], 0)).unwrap();
    socket.connect(at([93, 184, 216, 34], 123)).unwrap();
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(40)).await;
        socket.connect(at([93, 184, 216, 34], 53)).unwrap();
    }
    let by_name = socket.connect(at([93, 184, 216, 34], 123));
    assert_eq!(by_name.unwrap_err(), NetError::AccessDenied);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_a_name_needs_a_look_up_each_day() {
    let (bed, _) = bed_in(World::of(&[("example.com", &["93.184.216.34"])]), &["example.com"]);
    let target = at([93, 184, 216, 34], 53);
    let socket = bed.client.bind_udp(at([0, 0, 0, 0], 0)).unwrap();
    let half_minutes = RENEWED_FOR.as_secs() / 30;
    for _ in 0..2 {
        bed.client.look_up("example.com").await.unwrap();
        for half_minute in 1..half_minutes {
            tokio::time::advance(Duration::from_secs(30)).await;
            assert_eq!(socket.connect(target), Ok(()), "{half_minute}");
        }
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(socket.connect(target), Err(NetError::AccessDenied));
    }
}

#[tokio::test]
async fn datagrams_go_out_by_rule_and_answers_come_in_from_who_was_asked() {
    let peer = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let stranger = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = peer.local_addr().unwrap();
    let bed = bed(&["localhost"]);
    let socket = bed.client.bind_udp(at([0, 0, 0, 0], 0)).unwrap();
    socket.send_to(Bytes::from_static(b"?"), target).unwrap();
    assert_eq!(bed.client.socket_count(), 2, "the host's socket counts too");
    let mut buffer = [0; 16];
    let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"?");
    stranger.send_to(b"me too", from).await.unwrap();
    peer.send_to(b"!", from).await.unwrap();
    let answer = socket.receive().await.unwrap();
    assert_eq!((answer.data, answer.from), (Bytes::from_static(b"!"), target));
    // A connected one, too.
    socket.connect(target).unwrap();
    socket.send(Bytes::from_static(b"again")).unwrap();
    let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..length], b"again");
    peer.send_to(b"done", from).await.unwrap();
    assert_eq!(socket.receive().await.unwrap().data, "done");
    drop(socket);
    assert_eq!(bed.client.socket_count(), 0);
    // Without a rule the loopback is the instance's own, and the world is closed.
    let socket = bed.server.bind_udp(at([0, 0, 0, 0], 0)).unwrap();
    socket.send_to(Bytes::from_static(b"?"), target).unwrap();
    let outside = socket.send_to(Bytes::from_static(b"?"), at([93, 184, 216, 34], 53));
    assert_eq!(outside.unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.server.socket_count(), 1);
}

#[tokio::test]
async fn the_rules_of_the_host_stay_when_the_policy_changes_and_change_without_it() {
    let (server, bed) = (server().await, bed(&["localhost"]));
    bed.network.set_policy(Arc::new(policy()));
    bed.client.connect(server).unwrap().await.unwrap();
    bed.network.set_host_rules(HostRules::default());
    assert_eq!(bed.client.connect(server).unwrap_err(), NetError::ConnectionRefused);
}

#[test]
fn log_mode_lets_instances_talk_tells_once_and_keeps_what_was_missing() {
    let bed = Bed::new();
    bed.network.set_host_rules(HostRules::new(PolicyMode::Log));
    let listener = bed.server.bind(at(SERVER, 22)).unwrap().listen(8).unwrap();
    for _ in 0..3 {
        bed.client.connect(at(SERVER, 22)).unwrap().try_finish().unwrap().unwrap();
        listener.try_accept().unwrap().unwrap();
    }
    assert_eq!(bed.client.connect(at([93, 184, 216, 34], 22)).unwrap_err(), NetError::AccessDenied);
    let denials = bed.heard.denials.lock().unwrap();
    let enforced: Vec<bool> = denials.iter().map(|denial| denial.is_enforced).collect();
    drop(denials);
    assert_eq!(enforced, [false, false, false, true], "{:?}", bed.heard.lines());
    let passed: Vec<String> =
        bed.network.passed().iter().map(|passed| format!("{}: {}", passed.role, passed.reason)).collect();
    assert_eq!(
        passed,
        [
            "Server: role Server declares no tcp endpoint on port 22",
            "Client: role Server has no tcp endpoint on port 22",
        ]
    );
}
