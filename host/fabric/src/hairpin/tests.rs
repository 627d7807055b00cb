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
fn whoever_is_asked_may_come_back_and_change_who_is_there() {
    let (hairpin, members, _open) = hairpin("");
    let mut asked = String::new();
    let offered = hairpin.offer_each(
        80,
        CLIENT,
        |letter, _| {
            asked.push(*letter);
            assert!(hairpin.ports.try_lock().is_ok(), "the ports are locked");
            if *letter != 'a' {
                return true;
            }
            // Another connection begins with who is next, and somebody else leaves, while this one is asked.
            assert_eq!(takers(&hairpin, 1, |_| true), "b");
            members.place(1).leave();
            false
        },
        || None,
    );
    assert_eq!((offered, asked.as_str()), (Offered::Taken, "ac"));
}

#[test]
fn a_connection_is_accepted_at_a_door_without_a_lock() {
    let hairpin = Hairpin::<char>::new();
    let (_open, _inside) = hairpin.open_door(443);
    let accept = || {
        assert!(hairpin.ports.try_lock().is_ok(), "the ports are locked");
        None
    };
    assert_eq!(hairpin.offer_each(443, CLIENT, |_, _| false, accept), Offered::Nobody);
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

impl Leads for char {}

impl FlowTaker for char {
    type Flow = LetterFlow;

    fn open(&self, _: NonZeroU16, _: SocketAddr, _: Arc<dyn AnswerSink>) -> Result<LetterFlow, FlowError> {
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

    fn open(&self, taker: &char, port: NonZeroU16, activity: Arc<Activity>) -> Result<LetterFlow, FlowError> {
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
