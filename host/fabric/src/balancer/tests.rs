//! A balancer over the operating system's sockets, with greeters for instances. Time is paused.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use wasm_roles_role_runtime::Clock;
use wasm_roles_virtual_network::{self as virtual_network, Interface, Network};

use super::*;
use crate::events::{Event, Events};
use crate::probe::prober::Healthy;
use crate::public_socket::Slot;
use crate::rotation::Rotation;
use crate::test_plans::plan_of;
use crate::waiting::CONNECTION_WAIT;

/// Greets each connection with its name and the seconds of its idle time-out.
#[derive(Clone)]
struct Greeter {
    name: &'static str,
    listens: bool,
    /// Takes the connections instead.
    interface: Option<Interface>,
}

impl Leads for Greeter {}

impl Taker for Greeter {
    fn take(
        &self,
        _: NonZeroU16,
        mut stream: OutsideStream,
        options: HandOverOptions,
    ) -> Result<(), OutsideStream> {
        if let Some(interface) = &self.interface {
            return interface.hand_over_with(LOCAL, stream, options).map_err(HandOver::into_stream);
        }
        if !self.listens {
            return Err(stream);
        }
        let idle = options.idle_timeout.map(|idle| format!(" idle {}", idle.as_secs())).unwrap_or_default();
        let greeting = format!("{}{idle}", self.name);
        tokio::spawn(async move { stream.write_all(greeting.as_bytes()).await });
        Ok(())
    }
}

/// The local port.
const LOCAL: NonZeroU16 = NonZeroU16::new(81).unwrap();

struct Port {
    at: SocketAddr,
    slot: Arc<Slot<TcpListener>>,
    herald: Herald,
    backends: Backends<Greeter>,
    network: Network,
    /// Of the first instance.
    address: Ipv4Addr,
    rotation: watch::Sender<Rotation<Greeter>>,
    healthy: watch::Sender<Healthy>,
    events: Events,
    gives_up: mpsc::Sender<()>,
    _herald_alive: oneshot::Sender<std::convert::Infallible>,
}

/// How a port is set up.
#[derive(Default)]
struct Setup {
    /// Attributes of the endpoint.
    attributes: &'static str,
    only: Option<u32>,
    probed: bool,
}

impl Setup {
    async fn with(self, greeters: &[(&'static str, bool)]) -> Port {
        let plan = plan_of(
            &format!(
                r#"<WorkerRole name="W"><Endpoints>
                    <InputEndpoint name="A" protocol="tcp" port="81" {} /></Endpoints></WorkerRole>"#,
                self.attributes
            ),
            r#"<Role name="W"><Instances count="3" /></Role>"#,
        );
        let public = plan.public[0].clone();
        let (sender, events) = Events::channel();
        let (_herald_alive, alive) = oneshot::channel();
        let (policy, address) = (Arc::clone(&plan.policy), plan.instances[0].address);
        let (herald, carry) = Herald::new(Arc::new(plan), Clock::new(SystemTime::UNIX_EPOCH), sender, alive);
        tokio::spawn(carry);
        let network = Network::new(policy, Arc::new(herald.clone()));
        let (rotation, healthy) = (watch::Sender::new(Rotation::new()), watch::Sender::new(Healthy::new()));
        let watched = self.probed.then(|| healthy.subscribe());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (only, rotating) = (self.only, rotation.subscribe());
        let backends = Backends { public, only, rotation: rotating, healthy: watched };
        let balancer = Balancer { backends: backends.clone(), herald: herald.clone() };
        let (gives_up, gave_up) = mpsc::channel(10);
        let slot = Slot::new(listener);
        let listener = slot.begin_use();
        tokio::spawn(balancer.serve(Entrance { listener, gave_up, tls: None }));
        let port = Port {
            at,
            slot,
            herald,
            backends,
            network,
            address,
            rotation,
            healthy,
            events,
            gives_up,
            _herald_alive,
        };
        for (ordinal, (name, listens)) in (0..).zip(greeters) {
            port.enter(ordinal, name, *listens);
        }
        port
    }
}

async fn port(greeters: &[(&'static str, bool)]) -> Port {
    Setup::default().with(greeters).await
}

impl Port {
    fn enter(&self, ordinal: u32, name: &'static str, listens: bool) {
        self.rotation
            .send_modify(|rotation| rotation.enter(ordinal, Greeter { name, listens, interface: None }));
    }

    /// The first instance, which listens and accepts nothing. It has ended when this is dropped.
    fn enter_deaf(&self) -> (Interface, virtual_network::TcpListener) {
        self.enter_deaf_at(self)
    }

    /// The same behind another port.
    fn enter_deaf_at(&self, port: &Self) -> (Interface, virtual_network::TcpListener) {
        let interface = self.network.attach_at(self.address).unwrap();
        let listener = interface.bind((self.address, LOCAL.get()).into()).unwrap().listen(4).unwrap();
        let deaf = Greeter { name: "deaf", listens: true, interface: Some(interface.clone()) };
        port.rotation.send_modify(|rotation| rotation.enter(0, deaf));
        (interface, listener)
    }

    fn leave(&self, ordinal: u32) {
        self.rotation.send_modify(|rotation| {
            rotation.leave(ordinal);
        });
    }

    /// So many clients, who come at the same moment: time stands still until all are connected. The operating system may
    /// keep no more than a hundred that are not accepted.
    async fn crowd(&self, clients: usize) -> Vec<TcpStream> {
        let mut crowd = Vec::new();
        while crowd.len() < clients {
            let stream = std::net::TcpStream::connect(self.at).unwrap();
            stream.set_nonblocking(true).unwrap();
            crowd.push(TcpStream::from_std(stream).unwrap());
            // Enough for the runtime to look at its sockets.
            for _ in 0..if crowd.len() % 64 == 0 { 500 } else { 0 } {
                tokio::task::yield_now().await;
            }
        }
        crowd
    }

    /// Who greets a new connection; `refused` when it is reset.
    async fn greeted_by(&self) -> String {
        self.greeted_by_as(Ipv4Addr::LOCALHOST).await
    }

    /// The same for a client with this address.
    async fn greeted_by_as(&self, client: Ipv4Addr) -> String {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((client, 0).into()).unwrap();
        let mut stream = socket.connect(self.at).await.unwrap();
        let mut name = String::new();
        match stream.read_to_string(&mut name).await {
            Ok(_) => name,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => "refused".to_owned(),
            Err(error) => panic!("{error}"),
        }
    }

    async fn greeted_times(&self, times: u32) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..times {
            names.push(self.greeted_by().await);
        }
        names
    }

    /// What is told next of connections that nobody took.
    async fn refused(&mut self) -> (u16, String, u64) {
        let Event { kind, .. } = self.events.next().await.unwrap();
        let EventKind::NoReadyInstance { port, role, connections } = kind else { panic!("{kind:?}") };
        (port.get(), role.to_string(), connections)
    }
}

#[tokio::test(start_paused = true)]
async fn connections_go_round_and_pass_over_who_does_not_listen() {
    let port = port(&[("zero", true), ("one", false), ("two", true)]).await;
    assert_eq!(port.greeted_times(4).await, ["zero", "two", "zero", "two"]);
}

#[tokio::test(start_paused = true)]
async fn connections_inside_that_found_nobody_are_counted_too() {
    let mut port = port(&[]).await;
    port.gives_up.send(()).await.unwrap();
    assert_eq!(port.refused().await, (81, "W".to_owned(), 1));
}

#[tokio::test(start_paused = true)]
async fn who_has_left_the_rotation_gets_nothing_more() {
    let port = port(&[("zero", true), ("one", true)]).await;
    assert_eq!(port.greeted_times(2).await, ["zero", "one"]);
    port.leave(0);
    assert_eq!(port.greeted_times(2).await, ["one", "one"]);
}

#[tokio::test(start_paused = true)]
async fn a_port_of_one_instance_goes_to_no_other() {
    let port = Setup { only: Some(1), ..Setup::default() }.with(&[("zero", true), ("one", true)]).await;
    assert_eq!(port.greeted_times(2).await, ["one", "one"]);
    port.leave(1);
    assert_eq!(port.greeted_by().await, "refused");
}

#[tokio::test(start_paused = true)]
async fn a_port_with_a_probe_goes_to_who_answers_it() {
    let port = Setup { probed: true, ..Setup::default() }.with(&[("zero", true), ("one", true)]).await;
    assert_eq!(port.greeted_by().await, "refused");
    port.healthy.send_replace([1, 7].into());
    assert_eq!(port.greeted_times(2).await, ["one", "one"]);
    port.healthy.send_replace([0].into());
    assert_eq!(port.greeted_times(2).await, ["zero", "zero"]);
}

/// Addresses of 127.0.0.0/8 are all this machine's on Linux.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn with_affinity_a_client_stays_with_one_instance_until_that_one_goes() {
    let greeters = [("zero", true), ("one", true), ("two", true)];
    let port = Setup { attributes: r#"loadBalancerDistribution="sourceIP""#, ..Setup::default() }
        .with(&greeters)
        .await;
    let clients = (2..22).map(|last| Ipv4Addr::new(127, 0, 0, last));
    let mut first = Vec::new();
    for client in clients.clone() {
        first.push(port.greeted_by_as(client).await);
        assert_eq!(Some(&port.greeted_by_as(client).await), first.last(), "{client} came again");
    }
    for (ordinal, (name, _)) in (0..).zip(greeters) {
        assert!(first.iter().any(|greeted| greeted == name), "nobody came to {name}: {first:?}");
        port.leave(ordinal);
        for (client, before) in clients.clone().zip(&first) {
            let now = port.greeted_by_as(client).await;
            assert!(now != name && (before == name || now == *before), "{client}: {before}, then {now}");
        }
        port.enter(ordinal, name, true);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_have_the_idle_time_out_of_their_endpoint() {
    let port =
        Setup { attributes: r#"idleTimeoutInMinutes="7""#, ..Setup::default() }.with(&[("zero", true)]).await;
    assert_eq!(port.greeted_by().await, "zero idle 420");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_takes_waits_for_somebody() {
    for listens_late in [false, true] {
        let port = port(if listens_late { &[("zero", false)] } else { &[] }).await;
        let begun = Instant::now();
        let late = async {
            sleep(Duration::from_secs(9)).await;
            port.enter(0, "zero", true);
        };
        let (greeted, ()) = tokio::join!(port.greeted_by(), late);
        assert_eq!((greeted.as_str(), begun.elapsed().as_secs()), ("zero", 9), "{listens_late}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_waited_long_enough_is_refused_counted_and_told_of() {
    let mut port = port(&[("zero", false)]).await;
    let begun = Instant::now();
    let (first, second) = tokio::join!(port.greeted_by(), port.greeted_by());
    assert_eq!((first.as_str(), second.as_str()), ("refused", "refused"));
    assert_eq!(begun.elapsed().as_secs(), CONNECTION_WAIT.as_secs());
    assert_eq!(port.refused().await, (81, "W".to_owned(), 2));
}

#[tokio::test(start_paused = true)]
async fn more_connections_than_can_wait_stay_with_the_operating_system_until_somebody_takes_them() {
    let port = port(&[]).await;
    let clients = port.crowd(crate::waiting::PLACES + 100).await;
    sleep(CONNECTION_WAIT / 2).await;
    port.enter(0, "zero", true);
    for (number, mut client) in clients.into_iter().enumerate() {
        let mut name = String::new();
        client.read_to_string(&mut name).await.unwrap();
        assert_eq!(name, "zero", "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_nobody_comes_in_time_what_does_not_fit_into_the_line_is_refused_at_once() {
    let mut port = port(&[]).await;
    let places = crate::waiting::PLACES;
    let _line = port.crowd(places + 100).await;
    assert_eq!(port.refused().await.2, places as u64, "they have waited in vain");
    // The others have joined the line in their place, and with some more it is full.
    let _more = port.crowd(places - 100).await;
    let begun = Instant::now();
    assert_eq!((port.greeted_by().await.as_str(), begun.elapsed().as_secs()), ("refused", 0));
    let mut refused = 0;
    while refused < places as u64 + 1 {
        refused += port.refused().await.2;
    }
    assert_eq!(refused, places as u64 + 1);
    port.enter(0, "zero", true);
    assert_eq!(port.greeted_by().await, "zero");
}

/// Beside its listener.
async fn has_a_connection(interface: &Interface) {
    let has = async {
        while interface.socket_count() < 2 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(2 * CONNECTION_WAIT, has).await.expect("it was handed no connection");
}

/// An instance may end when its listener has a connection that it has not accepted.
#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_goes_to_somebody_else_and_not_for_ever() {
    let port = port(&[]).await;
    for in_the_end in ["zero", "refused"] {
        let mut client = TcpStream::connect(port.at).await.unwrap();
        for _ in 0..RETURNS {
            let (interface, listener) = port.enter_deaf();
            has_a_connection(&interface).await;
            port.leave(0);
            interface.detach();
            drop(listener);
        }
        let mut name = String::new();
        if in_the_end == "zero" {
            port.enter(0, "zero", true);
            client.read_to_string(&mut name).await.unwrap();
            assert_eq!(name, "zero");
            port.leave(0);
        } else {
            let (interface, _listener) = port.enter_deaf();
            has_a_connection(&interface).await;
            interface.detach();
            let error = client.read_to_string(&mut name).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
    }
}

/// Another definition may have another role there.
#[tokio::test(start_paused = true)]
async fn who_waits_or_comes_back_goes_to_whoever_serves_the_port_now() {
    let (port, next) = (port(&[]).await, port(&[]).await);
    let deaf = next.enter_deaf_at(&port);
    let mut comes_back = TcpStream::connect(port.at).await.unwrap();
    has_a_connection(&deaf.0).await;
    port.leave(0);
    let mut waits = TcpStream::connect(port.at).await.unwrap();
    // Full lines are displaced, too.
    let _line = port.crowd(crate::waiting::PLACES).await;
    sleep(Duration::from_secs(1)).await;
    let (_gives_up, gave_up) = mpsc::channel(10);
    let (herald, backends) = (port.herald.clone(), next.backends.clone());
    let entrance = Entrance { listener: port.slot.begin_use(), gave_up, tls: None };
    tokio::spawn(Balancer { backends, herald }.serve(entrance));
    next.enter(0, "next", true);
    drop(deaf);
    for client in [&mut waits, &mut comes_back] {
        let mut name = String::new();
        client.read_to_string(&mut name).await.unwrap();
        assert_eq!(name, "next");
    }
}
