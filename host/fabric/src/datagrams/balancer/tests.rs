//! A balancer over the operating system's sockets, with instances that answer with their names. Time is paused.

use std::sync::Mutex;
use std::time::SystemTime;

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use wasm_roles_role_runtime::Clock;
use wasm_roles_virtual_network::Undelivered;

use super::*;
use crate::entry::Leads;
use crate::events::{Event, Events};
use crate::probe::prober::Healthy;
use crate::public_socket::{PublicSocket, Slot, exchange};
use crate::rotation::Rotation;
use crate::test_plans::plan_of;

/// An incarnation. A flow of it answers each datagram with its name, or later, or not at all.
#[derive(Clone)]
struct Namer(Arc<State>);

struct State {
    name: &'static str,
    manner: Manner,
    open: Mutex<Vec<Arc<dyn AnswerSink>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    NotBound,
    Full,
    Silent,
}

struct NamedFlow(Arc<State>, Arc<dyn AnswerSink>);

impl Drop for NamedFlow {
    fn drop(&mut self) {
        self.0.open.lock().unwrap().retain(|sink| !Arc::ptr_eq(sink, &self.1));
    }
}

impl Leads for Namer {}

impl FlowTaker for Namer {
    type Flow = NamedFlow;

    fn open(
        &self,
        port: NonZeroU16,
        client: SocketAddr,
        sink: Arc<dyn AnswerSink>,
    ) -> Result<NamedFlow, FlowError> {
        assert_eq!((port.get(), client.ip().is_loopback()), (5300, true));
        self.0.open.lock().unwrap().push(Arc::clone(&sink));
        Ok(NamedFlow(Arc::clone(&self.0), sink))
    }

    fn has(&self, flow: &NamedFlow) -> bool {
        Arc::ptr_eq(&self.0, &flow.0)
    }

    fn deliver(flow: &NamedFlow, _: Bytes) -> Result<(), Undelivered> {
        match flow.0.manner {
            Manner::Answers => flow.1.answer(flow.0.name.into()),
            Manner::NotBound => return Err(Undelivered::NotBound),
            Manner::Full => return Err(Undelivered::Full),
            Manner::Silent => {}
        }
        Ok(())
    }
}

struct Bed {
    at: SocketAddr,
    slot: Arc<Slot<Arc<UdpSocket>>>,
    rotation: watch::Sender<Rotation<Namer>>,
    healthy: watch::Sender<Healthy>,
    events: Events,
    _herald_alive: oneshot::Sender<std::convert::Infallible>,
}

impl Bed {
    /// A port with these attributes, and instances.
    async fn new(attributes: &str, namers: &[(&'static str, Manner)]) -> Self {
        let plan = plan_of(
            &format!(
                r#"<WorkerRole name="W"><Endpoints>
                    <InputEndpoint name="A" protocol="udp" port="53" localPort="5300" {attributes} />
                </Endpoints></WorkerRole>"#
            ),
            r#"<Role name="W"><Instances count="3" /></Role>"#,
        );
        let public = plan.public[0].clone();
        let (sender, events) = Events::channel();
        let (_herald_alive, alive) = oneshot::channel();
        let (herald, carry) = Herald::new(Arc::new(plan), Clock::new(SystemTime::UNIX_EPOCH), sender, alive);
        tokio::spawn(carry);
        let rotation = watch::Sender::new(Rotation::new());
        let healthy = watch::Sender::new((0..3).collect());
        let backends = Backends {
            public,
            only: None,
            rotation: rotation.subscribe(),
            healthy: Some(healthy.subscribe()),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        let slot = Slot::new(Arc::new(socket));
        tokio::spawn(DatagramBalancer { backends, herald }.serve(slot.begin_use()));
        let bed = Self { at, slot, rotation, healthy, events, _herald_alive };
        for (ordinal, (name, manner)) in (0..).zip(namers) {
            bed.enter(ordinal, name, *manner);
        }
        bed
    }

    fn enter(&self, ordinal: u32, name: &'static str, manner: Manner) -> Namer {
        let namer = Namer(Arc::new(State { name, manner, open: Mutex::default() }));
        self.rotation.send_modify(|rotation| rotation.enter(ordinal, namer.clone()));
        namer
    }

    fn leave(&self, ordinal: u32) {
        self.rotation.send_if_modified(|rotation| rotation.leave(ordinal));
    }

    async fn client(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.at).await.unwrap();
        socket
    }

    /// What is told next of lost datagrams.
    async fn lost(&mut self) -> (u16, String, u64) {
        let Event { kind, .. } = self.events.next().await.unwrap();
        let EventKind::DatagramsLost { port, loss, datagrams, .. } = kind else { panic!("{kind:?}") };
        (port.get(), loss.to_string(), datagrams)
    }
}

/// Who answers a datagram; `nobody` after a second.
async fn asked(client: &UdpSocket) -> String {
    client.send(b"who").await.unwrap();
    heard(client).await
}

async fn heard(client: &UdpSocket) -> String {
    let mut name = [0; 100];
    match timeout(Duration::from_secs(1), client.recv(&mut name)).await {
        Ok(length) => String::from_utf8_lossy(&name[..length.unwrap()]).into_owned(),
        Err(_) => "nobody".to_owned(),
    }
}

const TWO: [(&str, Manner); 2] = [("zero", Manner::Answers), ("one", Manner::Answers)];

#[tokio::test(start_paused = true)]
async fn clients_go_round_and_each_stays_with_its_instance() {
    let bed = Bed::new("", &TWO).await;
    let clients = [bed.client().await, bed.client().await, bed.client().await];
    for _ in 0..3 {
        for (client, name) in clients.iter().zip(["zero", "one", "zero"]) {
            assert_eq!(asked(client).await, name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_affinity_all_ports_of_a_client_go_to_one_instance() {
    let bed = Bed::new(r#"loadBalancerDistribution="sourceIP""#, &TWO).await;
    let first = asked(&bed.client().await).await;
    for _ in 0..5 {
        assert_eq!(asked(&bed.client().await).await, first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flow_moves_when_its_instance_leaves_or_comes_back_as_another_incarnation() {
    let bed = Bed::new("", &TWO).await;
    let client = bed.client().await;
    assert_eq!(asked(&client).await, "zero");
    bed.leave(0);
    assert_eq!(asked(&client).await, "one");
    bed.enter(1, "one again", Manner::Answers);
    assert_eq!(asked(&client).await, "one again");
}

#[tokio::test(start_paused = true)]
async fn the_flows_of_an_instance_that_has_left_are_closed_at_once() {
    let bed = Bed::new("", &[]).await;
    let zero = bed.enter(0, "zero", Manner::Answers);
    let (one, other) = (bed.client().await, bed.client().await);
    assert_eq!((asked(&one).await, asked(&other).await), ("zero".to_owned(), "zero".to_owned()));
    assert_eq!(zero.0.open.lock().unwrap().len(), 2);
    bed.leave(0);
    sleep(Duration::from_millis(1)).await;
    assert!(zero.0.open.lock().unwrap().is_empty(), "it could still answer");
}

#[tokio::test(start_paused = true)]
async fn the_flows_of_an_instance_that_fails_the_probe_are_closed_at_once() {
    let bed = Bed::new("", &[]).await;
    let zero = bed.enter(0, "zero", Manner::Answers);
    let client = bed.client().await;
    assert_eq!(asked(&client).await, "zero");
    bed.healthy.send_modify(|healthy| healthy.retain(|ordinal| *ordinal != 0));
    sleep(Duration::from_millis(1)).await;
    assert!(zero.0.open.lock().unwrap().is_empty(), "it could still answer");
    assert_eq!(asked(&client).await, "nobody");
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_a_socket_is_passed_over() {
    let bed = Bed::new("", &[("zero", Manner::NotBound), ("one", Manner::Answers)]).await;
    for _ in 0..3 {
        assert_eq!(asked(&bed.client().await).await, "one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flow_ends_when_nothing_has_passed_for_its_time() {
    for (attributes, minutes) in [("", 4), (r#"idleTimeoutInMinutes="7""#, 7)] {
        let bed = Bed::new(attributes, &[]).await;
        let silent = bed.enter(0, "silent", Manner::Silent);
        let client = bed.client().await;
        let open = || silent.0.open.lock().unwrap().len();
        let almost = Duration::from_secs(minutes * 60 - 10);
        assert_eq!((asked(&client).await.as_str(), open()), ("nobody", 1));
        for _ in 0..3 {
            sleep(almost).await;
            // An answer that comes late begins the time anew, as a question does.
            let sink = Arc::clone(&silent.0.open.lock().unwrap()[0]);
            sink.answer("late".into());
            assert_eq!(heard(&client).await, "late");
        }
        sleep(almost).await;
        assert_eq!(open(), 1);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(open(), 0, "after {minutes} minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn datagrams_that_nobody_takes_are_lost_counted_and_told_of() {
    let mut bed = Bed::new("", &[]).await;
    let client = bed.client().await;
    for _ in 0..3 {
        assert_eq!(asked(&client).await, "nobody");
    }
    assert_eq!(bed.lost().await, (53, "no instance could take them".to_owned(), 1));
    assert_eq!(bed.lost().await, (53, "no instance could take them".to_owned(), 2));
    bed.enter(0, "full", Manner::Full);
    assert_eq!(asked(&client).await, "nobody");
    assert_eq!(bed.lost().await, (53, "the queue of the instance was full".to_owned(), 1));
}

#[tokio::test(start_paused = true)]
async fn flows_end_when_the_port_gets_another_socket_and_begin_anew_at_whoever_has_theirs() {
    let (bed, other) = (Bed::new("", &[]).await, Bed::new("", &[]).await);
    let (namer, another) =
        (bed.enter(0, "zero", Manner::Answers), other.enter(0, "another", Manner::Answers));
    let client = bed.client().await;
    assert_eq!((asked(&client).await.as_str(), namer.0.open.lock().unwrap().len()), ("zero", 1));
    let pair = [&bed, &other].map(|bed| PublicSocket::Udp(Arc::clone(&bed.slot)));
    exchange(std::iter::once((&pair[0], &pair[1])));
    assert_eq!(asked(&client).await, "another");
    assert_eq!((namer.0.open.lock().unwrap().len(), another.0.open.lock().unwrap().len()), (0, 1));
    let at_other = other.client().await;
    assert_eq!(asked(&at_other).await, "zero");
}
