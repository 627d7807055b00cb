//! Datagrams from outside, as a load balancer gives them to an instance, and the answers to them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wasm_roles_virtual_network::{AnswerSink, FlowError, NetError, OutsideFlow, Policy, Undelivered};

use crate::bed::{Bed, PORT, SERVER, SERVER_1, at, received};

const OUTSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 4000);

/// What came out of a flow.
#[derive(Default)]
struct Answers(Mutex<Vec<String>>);

impl AnswerSink for Answers {
    fn answer(&self, data: Bytes) {
        self.0.lock().unwrap().push(String::from_utf8(data.to_vec()).unwrap());
    }
}

fn open(bed: &Bed, outside: SocketAddr) -> (OutsideFlow, Arc<Answers>) {
    let answers = Arc::new(Answers::default());
    (bed.server.open_flow(PORT, outside, answers.clone()).unwrap(), answers)
}

#[tokio::test]
async fn a_datagram_from_outside_is_answered_as_long_as_its_flow_is_open() {
    let bed = Bed::new();
    let (flow, answers) = open(&bed, OUTSIDE);
    assert_eq!(flow.deliver("too early".into()), Err(Undelivered::NotBound));
    for address in [at(SERVER, 7000), at(Ipv4Addr::UNSPECIFIED, 7000)] {
        let server = bed.server.bind_udp(address).unwrap();
        let (question, sent) = tokio::join!(server.receive(), async { flow.deliver("question".into()) });
        assert_eq!((question.unwrap().from, sent), (OUTSIDE, Ok(())));
        server.send_to("answer".into(), OUTSIDE).unwrap();
        server.connect(OUTSIDE).unwrap();
        server.send("another".into()).unwrap();
    }
    assert_eq!(*answers.0.lock().unwrap(), ["answer", "another", "answer", "another"]);
    assert!(bed.heard.lines().is_empty());

    let server = bed.receiver();
    drop(flow);
    assert_eq!(server.send_to("late".into(), OUTSIDE), Err(NetError::AccessDenied));
    assert_eq!(bed.heard.lines(), ["Server_IN_0 send 192.0.2.7:4000: the address is outside the deployment"]);
    assert_eq!(Arc::strong_count(&answers), 1, "the sink is given back");
}

#[test]
fn a_flow_is_for_one_port_and_one_address() {
    let bed = Bed::new();
    let (_flow, answers) = open(&bed, OUTSIDE);
    let denied = Err(NetError::AccessDenied);
    let server = bed.receiver();
    assert_eq!(server.send_to("x".into(), at([192, 0, 2, 7], 4001)), denied);
    assert_eq!(server.send_to("x".into(), at([192, 0, 2, 8], 4000)), denied);
    let other_port = bed.server.bind_udp(at(SERVER, 7001)).unwrap();
    assert_eq!(other_port.send_to("x".into(), OUTSIDE), denied);
    drop(server);
    let on_loopback = bed.server.bind_udp(at(Ipv4Addr::LOCALHOST, 7000)).unwrap();
    assert_eq!(on_loopback.send_to("x".into(), OUTSIDE), denied);
    let other_instance = bed.attach(SERVER_1);
    let others = other_instance.bind_udp(at(SERVER_1, 7000)).unwrap();
    assert_eq!(others.send_to("x".into(), OUTSIDE), denied);
    assert!(answers.0.lock().unwrap().is_empty());
}

#[test]
fn who_is_outside_cannot_be_taken_for_an_instance() {
    let bed = Bed::new();
    let open = |outside| bed.server.open_flow(PORT, outside, Arc::new(Answers::default())).map(drop);
    let (_flow, _) = self::open(&bed, OUTSIDE);
    for (outside, expected) in [
        (OUTSIDE, Err(FlowError::Taken)),
        (at(Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped(), 4000), Err(FlowError::Taken)),
        (at(SERVER, 4000), Err(FlowError::NotOutside)),
        (at(SERVER_1, 4000), Err(FlowError::NotOutside)),
        (at([0, 0, 0, 0], 4000), Err(FlowError::NotOutside)),
        (at([224, 0, 0, 1], 4000), Err(FlowError::NotOutside)),
        (at([192, 0, 2, 7], 0), Err(FlowError::NotOutside)),
        (at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 4000), Err(FlowError::NotIpv4)),
        (at([192, 0, 2, 7], 4001), Ok(())),
        (at([127, 0, 0, 1], 4000), Ok(())),
    ] {
        assert_eq!(open(outside), expected, "{outside}");
    }
}

#[test]
fn a_process_on_the_host_is_not_taken_for_the_loopback_of_the_instance() {
    let bed = Bed::new();
    let local = at(Ipv4Addr::LOCALHOST, 4000);
    let (flow, answers) = open(&bed, local);
    let server = bed.server.bind_udp(at(Ipv4Addr::UNSPECIFIED, 7000)).unwrap();
    flow.deliver("from the host".into()).unwrap();
    assert_eq!(received(&server), Ok(Some(("from the host".into(), local))));
    server.send_to("to the host".into(), local).unwrap();

    let own = bed.server.bind_udp(local).unwrap();
    assert_eq!(flow.deliver("from whom?".into()), Err(Undelivered::NotBound));
    server.send_to("to myself".into(), local).unwrap();
    assert_eq!(received(&own).unwrap().unwrap().0, "to myself");
    assert_eq!(*answers.0.lock().unwrap(), ["to the host"]);
}

#[test]
fn what_the_socket_does_not_take_is_lost() {
    let bed = Bed::new();
    let (flow, _) = open(&bed, OUTSIDE);
    let server = bed.receiver();
    assert_eq!(flow.deliver(vec![0; 65_508].into()), Err(Undelivered::TooLarge));
    for _ in 0..3 {
        flow.deliver(vec![0; 65_507].into()).unwrap();
    }
    assert_eq!(flow.deliver(vec![0; 65_507].into()), Err(Undelivered::Full));
    assert_eq!((server.dropped(), bed.network.counters().dropped_datagrams), (1, 1));
    server.connect(at(SERVER, 7001)).unwrap();
    assert_eq!(flow.deliver("x".into()), Err(Undelivered::NotBound));
    bed.server.fail();
    assert_eq!(flow.deliver("x".into()), Err(Undelivered::NotBound));
}

#[test]
fn an_instance_that_the_policy_does_not_have_answers_nobody() {
    let bed = Bed::new();
    let (_flow, answers) = open(&bed, OUTSIDE);
    let server = bed.receiver();
    bed.network.set_policy(Arc::new(Policy::builder().build().unwrap()));
    assert_eq!(server.send_to("x".into(), OUTSIDE), Err(NetError::AccessDenied));
    assert!(answers.0.lock().unwrap().is_empty());
}

#[test]
fn a_closure_is_a_sink_and_may_close_its_flow() {
    let bed = Bed::new();
    let server = bed.receiver();
    let slot = Arc::new(Mutex::new(None));
    let inside = slot.clone();
    let close = Arc::new(move |_: Bytes| drop(inside.lock().unwrap().take()));
    *slot.lock().unwrap() = Some(bed.server.open_flow(PORT, OUTSIDE, close).unwrap());
    server.send_to("once".into(), OUTSIDE).unwrap();
    assert_eq!(server.send_to("twice".into(), OUTSIDE), Err(NetError::AccessDenied));
    let again = bed.server.open_flow(NonZeroU16::new(7000).unwrap(), OUTSIDE, Arc::new(|_: Bytes| {}));
    assert_eq!(again.map(|flow| (flow.port(), flow.outside())), Ok((PORT, OUTSIDE)));
}
