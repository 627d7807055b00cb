//! Guests that want too much. What they get is bounded, and comes back.

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use wasm_roles_virtual_network::tcp::CAPACITY;
use wasm_roles_virtual_network::{
    Denial, InterfaceLimits, NetError, Network, Observer, TcpListener, TcpStream,
};

use crate::bed::{Bed, CLIENT, PORT, SERVER, at, index, policy, read, write_all};

#[test]
fn ten_thousand_sockets_are_too_many_and_none_leaks() {
    let bed = Bed::new();
    for _ in 0..2 {
        let outcomes: Vec<_> = (0..10_000).map(|_| bed.client.bind(at(Ipv4Addr::LOCALHOST, 0))).collect();
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 4096);
        assert!(
            outcomes
                .iter()
                .flat_map(|outcome| outcome.as_ref().err())
                .all(|e| *e == NetError::TooManySockets)
        );
        assert_eq!(bed.client.socket_count(), 4096);
        bed.server.bind(at(Ipv4Addr::LOCALHOST, 0)).unwrap();
        drop(outcomes);
        assert_eq!(bed.client.socket_count(), 0);
    }
}

#[test]
fn a_scan_by_datagrams_finds_nothing_and_leaves_nothing() {
    let bed = Bed::new();
    let scanner = bed.client.bind_udp(at(Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let denied = (1..=u16::MAX)
        .filter(|port| scanner.send_to(Bytes::new(), at(SERVER, *port)) == Err(NetError::AccessDenied))
        .count();
    assert_eq!(denied, 65_535 - 10, "all but the ports of the open endpoint");
    assert_eq!(scanner.try_receive(), Ok(None), "and those that are open say nothing");
    assert_eq!(bed.heard.lines().len(), 64);
    assert_eq!(bed.network.counters().denials, 65_525);
}

#[tokio::test]
async fn a_storm_of_connects_that_are_never_accepted_costs_the_attacker_only() {
    let bed = Bed::new();
    let listener = bed.listen(8);
    let storm: Vec<_> = (0..10_000).filter_map(|_| bed.client.connect(at(SERVER, PORT.get())).ok()).collect();
    assert_eq!(storm.len(), 4096, "the attacker's own sockets are its limit");
    assert_eq!(bed.server.socket_count(), 9, "waiting connects take nothing from the target");
    let own = bed.server.bind(at(Ipv4Addr::LOCALHOST, 0)).unwrap().listen(1).unwrap();
    bed.server.connect(own.local_address()).unwrap().await.unwrap();
    drop(storm);
    assert_eq!(bed.client.socket_count(), 0);
    drop((own, listener));
    assert_eq!(bed.server.socket_count(), 0);
}

#[tokio::test]
async fn an_instance_without_sockets_refuses() {
    let bed = Bed::with_sockets(3);
    let listener = bed.listen(8);
    let _two = [
        bed.client.connect(at(SERVER, 7000)).unwrap().await,
        bed.client.connect(at(SERVER, 7000)).unwrap().await,
    ];
    let refused = bed.client.connect(at(SERVER, 7000)).unwrap().await;
    assert_eq!(refused.unwrap_err(), NetError::ConnectionRefused);
    drop(listener.accept().await.unwrap());
    bed.client.connect(at(SERVER, 7000)).unwrap().await.unwrap();
}

#[tokio::test]
async fn connecting_and_dropping_over_and_over_is_bounded_by_the_backlog() {
    let bed = Bed::new();
    let listener = bed.listen(16);
    for _ in 0..20_000 {
        drop(bed.client.connect(at(SERVER, PORT.get())).unwrap());
    }
    assert_eq!((bed.client.socket_count(), bed.server.socket_count()), (0, 17));
    let mut accepted = 0;
    while listener.try_accept().unwrap().is_some() {
        accepted += 1;
    }
    assert_eq!(accepted, 16);
}

#[tokio::test]
async fn a_slow_reader_holds_its_budget_and_not_a_byte_more() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let mut held = 0;
    for size in [1, 700, 1_500, 70_000].into_iter().cycle() {
        let taken = client.try_write(&mut Bytes::from(vec![0; size])).unwrap();
        held += taken;
        if taken < size {
            break;
        }
    }
    assert_eq!((held, client.write_budget()), (CAPACITY, Ok(0)));
    assert_eq!(client.try_write(&mut Bytes::from_static(b"x")), Ok(0));
    assert_eq!(server.write_budget(), Ok(CAPACITY), "the other direction has its own");
}

#[tokio::test]
async fn many_unread_connections_of_one_instance_share_a_bound() {
    let bed = Bed::new();
    let mut pairs = Vec::new();
    let mut held = 0;
    for _ in 0..200 {
        let (client, server) = bed.pair().await;
        let budget = client.write_budget().unwrap();
        held += client.try_write(&mut Bytes::from(vec![0; budget])).unwrap();
        pairs.push((client, server));
    }
    let (pressure, rest) = (32 * CAPACITY, 168 * 16 * 1024);
    assert_eq!(held, pressure + rest);
    let (_, server) = pairs.last().unwrap();
    assert_eq!(server.write_budget(), Ok(CAPACITY), "the peer's own bytes are another account");

    // A connection under pressure goes on as long as its reader reads, whatever the others do.
    let (client, server) = pairs.last().unwrap();
    let (woken, count) = counting_waker();
    assert!(client.poll_writable(&mut Context::from_waker(&woken)).is_pending());
    assert_eq!(server.try_read(usize::MAX).unwrap().unwrap().len(), 16 * 1024);
    assert_eq!((count.count(), client.write_budget()), (1, Ok(16 * 1024)));

    // What nobody will read any more does not count.
    pairs.clear();
    let (client, _server) = bed.pair().await;
    assert_eq!(client.write_budget(), Ok(CAPACITY));
}

#[tokio::test]
async fn a_blocked_writer_wakes_at_half_empty() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    write_all(&client, vec![0; CAPACITY]).await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(client.poll_writable(&mut cx).is_pending());
    let (woken, count) = counting_waker();
    assert!(client.poll_writable(&mut Context::from_waker(&woken)).is_pending());
    let mut read = 0;
    while read < CAPACITY / 2 {
        assert_eq!(count.count(), 0, "after {read} bytes");
        read += server.try_read(1000.min(CAPACITY / 2 - read)).unwrap().unwrap().len();
    }
    assert_eq!(count.count(), 1);
}

#[tokio::test]
async fn a_flood_of_single_bytes_is_collected() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    for byte in 0..=255u8 {
        write_all(&client, vec![byte; 1]).await.unwrap();
    }
    let mut received = Vec::new();
    let mut chunks = 0;
    while let Some(chunk) = server.try_read(usize::MAX).unwrap() {
        received.extend_from_slice(&chunk);
        chunks += 1;
    }
    assert_eq!(received, (0..=255).collect::<Vec<u8>>());
    assert_eq!(chunks, 2, "the first, and those that came while it was unread");
}

#[test]
fn a_port_scan_is_counted_in_full_and_remembered_in_part() {
    let bed = Bed::new();
    for port in 1..=u16::MAX {
        drop(bed.client.connect(at(SERVER, port)));
    }
    // 7000 to 7009 are admitted and refused.
    assert_eq!(bed.network.counters().denials, 65_525);
    assert_eq!(bed.heard.lines().len(), 64);
    assert_eq!(*bed.heard.silenced.lock().unwrap(), ["Client_IN_0"]);
    bed.server.connect(at(CLIENT, 1)).unwrap_err();
    assert_eq!(bed.heard.lines().len(), 65, "others are still heard");
}

#[tokio::test]
async fn a_guest_that_floods_its_own_listeners_stays_in_its_limit() {
    let bed = Bed::new();
    let listeners: Vec<_> =
        (0..40).map(|_| bed.client.bind(at(Ipv4Addr::LOCALHOST, 0)).unwrap().listen(4096).unwrap()).collect();
    let mut established = 0;
    for listener in listeners.iter().cycle().take(10_000) {
        if let Ok(mut connecting) = bed.client.connect(listener.local_address())
            && let Some(Ok(stream)) = connecting.try_finish()
        {
            write_all(&stream, vec![0; 1000]).await.unwrap();
            established += 1;
        }
    }
    assert!(bed.client.socket_count() <= 4096);
    assert!(
        established >= 4000,
        "each connection that was dropped stays in the backlog until it is accepted"
    );
    drop(listeners);
    assert_eq!(bed.client.socket_count(), 0);
}

#[tokio::test]
async fn a_reader_may_be_polled_by_one_task_after_another() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let (first, first_count) = counting_waker();
    let (second, second_count) = counting_waker();
    assert!(server.poll_readable(&mut Context::from_waker(&first)).is_pending());
    assert!(server.poll_readable(&mut Context::from_waker(&second)).is_pending());
    write_all(&client, "x").await.unwrap();
    assert_eq!((first_count.count(), second_count.count()), (0, 1), "the last one counts");
    poll_fn(|cx| server.poll_readable(cx)).await;
    assert_eq!(read(&server).await.unwrap(), "x");
}

struct Count(std::sync::atomic::AtomicUsize);

impl Count {
    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl std::task::Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

fn counting_waker() -> (Waker, std::sync::Arc<Count>) {
    let count = std::sync::Arc::new(Count(std::sync::atomic::AtomicUsize::new(0)));
    (Waker::from(count.clone()), count)
}

/// A waker whose last drop closes a stream: what a task that is thrown away does with what it owned.
struct OwnsAStream(
    #[expect(dead_code, reason = "it is there to be dropped")] std::sync::Mutex<Option<TcpStream>>,
);

impl std::task::Wake for OwnsAStream {
    fn wake(self: std::sync::Arc<Self>) {}
}

#[tokio::test]
async fn a_waker_that_owns_the_other_end_does_not_deadlock_when_it_is_replaced() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let owner = Waker::from(std::sync::Arc::new(OwnsAStream(std::sync::Mutex::new(Some(client)))));
    assert!(server.poll_readable(&mut Context::from_waker(&owner)).is_pending());
    drop(owner);
    assert!(server.poll_readable(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(read(&server).await.unwrap(), "", "dropping the waker has closed the other end");
}

/// Asks the network for something on another thread while it hears of a refusal.
#[derive(Default)]
struct Curious {
    listener: Mutex<Option<Arc<TcpListener>>>,
    answers: Mutex<Vec<&'static str>>,
}

impl Observer for Curious {
    fn denied(&self, _: &Denial) {}

    fn out_of_sockets(&self, _: &str, _: usize) {
        let Some(listener) = self.listener.lock().unwrap().clone() else { return };
        let (asked, answer) = mpsc::channel();
        std::thread::spawn(move || asked.send(listener.try_accept().is_ok()));
        let answered = answer.recv_timeout(Duration::from_secs(5)).is_ok();
        self.answers.lock().unwrap().push(if answered { "answered" } else { "locked out" });
    }
}

#[test]
fn an_observer_of_a_refused_connection_is_called_outside_of_the_listeners_lock() {
    let curious = Arc::new(Curious::default());
    let network = Network::new(Arc::new(policy()), curious.clone());
    let client = network.attach(index(&network, CLIENT)).unwrap();
    let limits = InterfaceLimits::default().with_sockets(1);
    let server = network.attach_with(index(&network, SERVER), limits).unwrap();
    let listener = Arc::new(server.bind(at(SERVER, PORT.get())).unwrap().listen(8).unwrap());
    *curious.listener.lock().unwrap() = Some(listener);
    let connecting = client.connect(at(SERVER, PORT.get())).unwrap().try_finish();
    assert_eq!(connecting.unwrap().unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(*curious.answers.lock().unwrap(), ["answered"]);
}
