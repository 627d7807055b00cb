//! Connections and datagrams of the deployment's own instances to its public ports.
//!
//! A role that connects to the service's public side gets to whom a client outside would get: the load balancer's
//! choice among the same instances, by affinity or in turn. The connection itself is made in memory, by the network. The turn is one
//! of its own, so that what happens inside does not show in the order outside. The same holds for datagrams and their
//! [flows](crate::datagrams).
//!
//! | the port | a connection |
//! |---|---|
//! | TLS does not end here | goes to an instance as it is; when nobody takes it, it is offered again for as long as one from outside waits |
//! | TLS ends here | goes to the port's [door](crate::door), which makes the handshake: from there on it is one from outside |
//! | is not served, or not any more | is refused at once |
//!
//! One that finds nobody in its time is refused, and counted with those from outside.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};
use wasm_roles_virtual_network::{
    InsideClient, InsideConnection, Interface, Offered, PublicPorts, TcpStream,
};

use crate::backends::Backends;
use crate::datagrams::{FlowTaker, InsidePort};
use crate::events::Herald;
use crate::rotation::Turn;

/// The public ports that instances can reach.
pub(crate) struct Hairpin<T: FlowTaker> {
    ports: Mutex<BTreeMap<u16, Port<T>>>,
    /// Those of UDP. Their tasks keep them.
    datagrams: Mutex<BTreeMap<u16, Weak<InsidePort<T>>>>,
}

/// A TCP port. It is open as long as somebody hears what [`open`](Hairpin::open) gave.
struct Port<T> {
    way: Way<T>,
    gave_up: mpsc::Sender<()>,
}

/// Where the connections of a port go.
enum Way<T> {
    /// To an instance.
    Instances(Box<Backends<T>>, Turn),
    /// To the handshake.
    Door(mpsc::Sender<TcpStream>),
}

/// Connections that wait at a door until it has looked: the usual backlog of a listener.
const AT_DOOR: usize = 128;
/// Connections that found nobody, until the port has counted them. Those beyond are not counted.
const GAVE_UP: usize = 1024;

impl<T: FlowTaker> Hairpin<T> {
    pub(crate) const fn new() -> Self {
        Self { ports: Mutex::new(BTreeMap::new()), datagrams: Mutex::new(BTreeMap::new()) }
    }

    /// Opens a TCP port, or opens it anew. It is open as long as somebody hears who gave up.
    pub(crate) fn open(&self, backends: Backends<T>) -> mpsc::Receiver<()> {
        let port = backends.public.port.get();
        self.open_way(port, Way::Instances(Box::new(backends), Turn::default()))
    }

    /// The same for one whose TLS ends here: its connections wait for their handshake.
    pub(crate) fn open_door(&self, port: u16) -> (mpsc::Receiver<()>, mpsc::Receiver<TcpStream>) {
        let (door, inside) = mpsc::channel(AT_DOOR);
        (self.open_way(port, Way::Door(door)), inside)
    }

    fn open_way(&self, port: u16, way: Way<T>) -> mpsc::Receiver<()> {
        let (gave_up, heard) = mpsc::channel(GAVE_UP);
        let before = self.ports().insert(port, Port { way, gave_up });
        drop(before);
        heard
    }

    /// Opens a UDP port, or opens it anew; it is open as long as somebody [serves](InsidePort::serve) it.
    pub(crate) fn open_datagrams(&self, backends: Backends<T>, herald: Herald) -> Arc<InsidePort<T>> {
        let number = backends.public.port.get();
        let port = Arc::new(InsidePort::new(backends, herald));
        let before = self.datagrams().insert(number, Arc::downgrade(&port));
        drop(before);
        port
    }

    /// A UDP port, if it is open.
    fn datagrams_at(&self, port: u16) -> Option<Arc<InsidePort<T>>> {
        self.datagrams().get(&port)?.upgrade()
    }

    /// Offers a connection to those who may have it until one takes it, or to the door.
    fn offer_each(
        &self,
        port: u16,
        client: IpAddr,
        mut take: impl FnMut(&T, NonZeroU16) -> bool,
        accept: impl FnOnce() -> Option<TcpStream>,
    ) -> Offered {
        let mut ports = self.ports();
        let Some(port) = ports.get_mut(&port).filter(|port| !port.gave_up.is_closed()) else {
            return Offered::Closed;
        };
        let (backends, turn) = match &mut port.way {
            Way::Instances(backends, turn) => (backends, turn),
            Way::Door(door) => return at_door(door, accept),
        };
        let local = NonZeroU16::from(backends.public.local_port);
        let rotation = backends.rotation.borrow();
        let taken_by = backends.in_order(&rotation, client, *turn).find(|(_, taker)| take(taker, local));
        let taken_by = taken_by.map(|(ordinal, _)| ordinal);
        drop(rotation);
        *turn = taken_by.map_or(*turn, Turn::taken_by);
        if taken_by.is_some() { Offered::Taken } else { Offered::Nobody }
    }

    fn ports(&self) -> MutexGuard<'_, BTreeMap<u16, Port<T>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn datagrams(&self) -> MutexGuard<'_, BTreeMap<u16, Weak<InsidePort<T>>>> {
        self.datagrams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts a connection, if there is a place for it at the door.
fn at_door(door: &mpsc::Sender<TcpStream>, accept: impl FnOnce() -> Option<TcpStream>) -> Offered {
    match door.try_reserve() {
        Ok(place) => match accept() {
            Some(stream) => {
                place.send(stream);
                Offered::Taken
            }
            None => Offered::Nobody,
        },
        Err(TrySendError::Full(())) => Offered::Nobody,
        Err(TrySendError::Closed(())) => Offered::Closed,
    }
}

impl PublicPorts for Hairpin<Interface> {
    fn offer(&self, port: u16, connection: &mut InsideConnection<'_>) -> Offered {
        let client = connection.client().ip();
        let connection = std::cell::RefCell::new(connection);
        let take = |interface: &Interface, port| connection.borrow_mut().connect_to(interface, port);
        self.offer_each(port, client, take, || connection.borrow_mut().accept())
    }

    fn gave_up(&self, port: u16) {
        if let Some(port) = self.ports().get(&port) {
            // Beyond what the port can count in time the number does not matter.
            let _ = port.gave_up.try_send(());
        }
    }

    fn pass_on(&self, port: u16, client: &InsideClient<'_>, data: Bytes) -> bool {
        let Some(port) = self.datagrams_at(port) else { return false };
        port.pass_on(client, &data);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::{Duration, SystemTime};

    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep};
    use wasm_roles_role_runtime::Clock;
    use wasm_roles_virtual_network::{AnswerSink, FlowError, Undelivered};

    use super::*;
    use crate::datagrams::{Activity, FLOWS, Source};
    use crate::events::{EventKind, Events};
    use crate::members::Members;
    use crate::test_plans::plan_of;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

    /// Public port 80 of a role with three instances, which are called by their letters.
    fn hairpin(attributes: &str) -> (Hairpin<char>, Members<char>, mpsc::Receiver<()>) {
        let plan = plan_of(
            &format!(
                r#"<WorkerRole name="W"><Endpoints>
                    <InputEndpoint name="In" protocol="tcp" port="80" localPort="8080" {attributes} />
                </Endpoints></WorkerRole>"#
            ),
            r#"<Role name="W"><Instances count="3" /></Role>"#,
        );
        let (hairpin, members) = (Hairpin::new(), Members::new());
        for (ordinal, letter) in (0..).zip("abc".chars()) {
            members.place(ordinal).enter(letter);
        }
        let public = plan.public.first().unwrap().clone();
        let open = hairpin.open(Backends { public, only: None, rotation: members.ready(), healthy: None });
        (hairpin, members, open)
    }

    fn takers(hairpin: &Hairpin<char>, count: usize, takes: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        for _ in 0..count {
            let take = |letter: &char, port: NonZeroU16| {
                assert_eq!(port.get(), 8080);
                if takes(*letter) {
                    taken.push(*letter);
                }
                takes(*letter)
            };
            hairpin.offer_each(80, CLIENT, take, || None);
        }
        taken
    }

    #[test]
    fn connections_go_round_as_those_from_outside_do() {
        let (hairpin, members, _open) = hairpin("");
        assert_eq!(takers(&hairpin, 4, |_| true), "abca");
        assert_eq!(takers(&hairpin, 2, |letter| letter != 'b'), "ca", "who cannot take is passed over");
        members.place(2).leave();
        assert_eq!(takers(&hairpin, 3, |_| true), "bab", "who left the rotation gets none");
        assert_eq!(takers(&hairpin, 3, |_| false), "");
    }

    #[test]
    fn nobody_who_could_take_it_now_is_told_from_a_port_that_nobody_serves() {
        let (hairpin, _members, open) = hairpin("");
        let offer = |port, takes| hairpin.offer_each(port, CLIENT, |_, _| takes, || None);
        assert_eq!([offer(80, true), offer(80, false)], [Offered::Taken, Offered::Nobody]);
        assert_eq!(offer(81, true), Offered::Closed);
        drop(open);
        assert_eq!(offer(80, true), Offered::Closed, "it is closed outside, too");
    }

    #[test]
    fn a_door_is_closed_with_its_port_and_asks_nobody() {
        let hairpin = Hairpin::<char>::new();
        let (open, inside) = hairpin.open_door(443);
        let offer = || hairpin.offer_each(443, CLIENT, |_, _| panic!("no instance is asked"), || None);
        assert_eq!(offer(), Offered::Nobody);
        drop(inside);
        assert_eq!(offer(), Offered::Closed);
        drop(open);
        assert_eq!(offer(), Offered::Closed);
    }

    #[test]
    fn connections_with_affinity_stay_with_one_instance() {
        let (hairpin, _members, _open) = hairpin(r#"loadBalancerDistribution="sourceIP""#);
        let taken = takers(&hairpin, 5, |_| true);
        assert_eq!(taken.chars().collect::<std::collections::BTreeSet<_>>().len(), 1, "{taken}");
    }

    /// What letters have taken of one socket.
    type Taken = Arc<Mutex<String>>;

    pub(crate) struct LetterFlow {
        letter: char,
        socket: u32,
        taken: Taken,
        activity: Arc<Activity>,
    }

    impl FlowTaker for char {
        type Flow = LetterFlow;

        fn open(
            &self,
            _: NonZeroU16,
            _: SocketAddr,
            _: Arc<dyn AnswerSink>,
        ) -> Result<LetterFlow, FlowError> {
            Err(FlowError::NotOutside)
        }

        fn has(&self, flow: &LetterFlow) -> bool {
            flow.letter == *self
        }

        fn deliver(flow: &LetterFlow, data: Bytes) -> Result<(), Undelivered> {
            if data == "late answer" {
                flow.activity.note(Instant::now());
                return Err(Undelivered::Full);
            }
            flow.taken.lock().unwrap().push(flow.letter);
            Ok(())
        }
    }

    /// A socket of an instance.
    struct Sender {
        port: u16,
        socket: u32,
        taken: Taken,
    }

    impl Sender {
        fn new(port: u16, socket: u32) -> Self {
            Self { port, socket, taken: Taken::default() }
        }

        fn flows(&self) -> usize {
            Arc::strong_count(&self.taken) - 1
        }

        fn taken(&self) -> String {
            self.taken.lock().unwrap().clone()
        }
    }

    impl Source<char> for Sender {
        fn address(&self) -> SocketAddr {
            SocketAddr::new(CLIENT, self.port)
        }

        fn open(
            &self,
            taker: &char,
            port: NonZeroU16,
            activity: Arc<Activity>,
        ) -> Result<LetterFlow, FlowError> {
            assert_eq!(port.get(), 5300);
            Ok(LetterFlow { letter: *taker, socket: self.socket, taken: self.taken.clone(), activity })
        }

        fn owns(&self, flow: &LetterFlow) -> bool {
            flow.socket == self.socket
        }
    }

    /// Public UDP port 53 of a role with instances, which is served.
    struct Bed {
        hairpin: Hairpin<char>,
        members: Members<char>,
        events: Events,
        task: tokio::task::JoinHandle<()>,
        _herald_alive: oneshot::Sender<std::convert::Infallible>,
    }

    impl Bed {
        async fn new(letters: &str) -> Self {
            let plan = plan_of(
                r#"<WorkerRole name="W"><Endpoints>
                    <InputEndpoint name="In" protocol="udp" port="53" localPort="5300" />
                </Endpoints></WorkerRole>"#,
                r#"<Role name="W"><Instances count="3" /></Role>"#,
            );
            let (hairpin, members) = (Hairpin::new(), Members::new());
            for (ordinal, letter) in (0..).zip(letters.chars()) {
                members.place(ordinal).enter(letter);
            }
            let public = plan.public.first().unwrap().clone();
            let (sender, events) = Events::channel();
            let (herald_alive, alive) = oneshot::channel();
            let clock = Clock::new(SystemTime::UNIX_EPOCH);
            let (herald, carry) = Herald::new(Arc::new(plan), clock, sender, alive);
            tokio::spawn(carry);
            let backends = Backends { public, only: None, rotation: members.ready(), healthy: None };
            let task = tokio::spawn(hairpin.open_datagrams(backends, herald).serve());
            let bed = Self { hairpin, members, events, task, _herald_alive: herald_alive };
            settle().await;
            bed
        }

        fn send(&self, sender: &Sender, data: &'static str) {
            self.hairpin.datagrams_at(53).unwrap().pass_on(sender, &data.into());
        }
    }

    /// Lets the port's task do what it has to do.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn datagrams_go_round_by_their_socket_which_stays_with_its_instance() {
        let bed = Bed::new("abc").await;
        let senders: Vec<Sender> = (1..=4).map(|port| Sender::new(port, 0)).collect();
        for _ in 0..3 {
            senders.iter().for_each(|sender| bed.send(sender, "who"));
        }
        let taken: Vec<String> = senders.iter().map(Sender::taken).collect();
        assert_eq!(taken, ["aaa", "bbb", "ccc", "aaa"]);
        assert!(bed.hairpin.datagrams_at(54).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flow_moves_when_its_instance_leaves_and_is_closed_at_once() {
        let bed = Bed::new("ab").await;
        let (sender, silent) = (Sender::new(1, 0), Sender::new(2, 0));
        bed.send(&sender, "who");
        bed.members.place(0).leave();
        bed.send(&sender, "who");
        assert_eq!(sender.taken(), "ab");
        bed.send(&silent, "who");
        bed.members.place(1).leave();
        settle().await;
        assert_eq!((silent.taken().as_str(), silent.flows()), ("b", 0));
    }

    #[tokio::test(start_paused = true)]
    async fn another_socket_with_the_same_address_has_a_flow_of_its_own() {
        let bed = Bed::new("ab").await;
        let (first, second) = (Sender::new(1, 0), Sender::new(1, 1));
        bed.send(&first, "who");
        bed.send(&second, "who");
        assert_eq!((first.flows(), second.taken().as_str(), second.flows()), (0, "b", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flow_ends_when_nothing_has_passed_for_its_time_and_answers_count() {
        let bed = Bed::new("a").await;
        let sender = Sender::new(1, 0);
        bed.send(&sender, "who");
        let almost = Duration::from_secs(230);
        sleep(almost).await;
        bed.send(&sender, "late answer");
        sleep(almost).await;
        assert_eq!(sender.flows(), 1);
        sleep(Duration::from_secs(11)).await;
        assert_eq!(sender.flows(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_has_so_many_flows_and_none_when_it_is_closed() {
        let bed = Bed::new("a").await;
        let socket = Sender::new(1, 0);
        let senders = (1..).map(|port| Sender { port, socket: 0, taken: socket.taken.clone() });
        for sender in senders.take(FLOWS + 10) {
            bed.send(&sender, "who");
        }
        assert_eq!(socket.flows(), FLOWS);
        bed.task.abort();
        settle().await;
        assert_eq!(socket.flows(), 0);
        assert!(bed.hairpin.datagrams_at(53).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn datagrams_that_nobody_takes_are_told_of() {
        let mut bed = Bed::new("").await;
        bed.send(&Sender::new(1, 0), "who");
        bed.send(&Sender::new(2, 0), "who");
        let event = bed.events.next().await.unwrap();
        let EventKind::DatagramsLost { port, loss, datagrams, .. } = event.kind else { panic!("{event:?}") };
        let told = (port.get(), loss.to_string(), datagrams);
        assert_eq!(told, (53, "no instance could take them".to_owned(), 2));
    }
}
