//! Networks that disturb: each fault, what it does to both sides, and that it ends.

use std::future::poll_fn;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, advance, sleep, timeout};
use wasm_roles_virtual_network::tcp::{CAPACITY, CONNECT_TIMEOUT};
use wasm_roles_virtual_network::{Chance, Effect, Fault, FaultId, Interface, NetError, TcpStream, Whom};

use crate::bed::{
    Bed, CLIENT, PORT, SERVER, SERVER_1, at, read, read_all, received, write_all, write_until_error,
};

const MS: Duration = Duration::from_millis(1);

impl Bed {
    /// A fault of what the client sends to the server.
    fn there(&self, effect: Effect) -> FaultId {
        self.network.faults().inject(Fault::one_way(
            Whom::role("Client"),
            Whom::instance("Server_IN_0"),
            effect,
        ))
    }

    /// A fault of what the server sends to the client.
    fn back(&self, effect: Effect) -> FaultId {
        self.network.faults().inject(Fault::one_way(Whom::role("Server"), Whom::role("Client"), effect))
    }

    fn both(&self, effect: Effect) -> FaultId {
        self.network.faults().inject(Fault::between(Whom::role("Client"), Whom::role("Server"), effect))
    }

    fn lift(&self) {
        self.network.faults().lift_all();
    }
}

fn look_up(interface: &Interface, name: &str) -> Result<Vec<IpAddr>, NetError> {
    interface.look_up(name).try_finish().unwrap()
}

fn now_readable(stream: &TcpStream) -> bool {
    stream.poll_readable(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[tokio::test(start_paused = true)]
async fn behind_a_partition_data_waits_and_comes_when_it_is_lifted() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    write_all(&client, "before ").await.unwrap();
    bed.there(Effect::Partition);
    write_all(&client, "during ").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "before ", "what has arrived can be read");
    assert!(timeout(Duration::from_secs(3600), read(&server)).await.is_err(), "it stalls, and is not reset");
    write_all(&server, "the other way is open").await.unwrap();
    assert_eq!(read(&client).await.unwrap(), "the other way is open");
    let reader = tokio::spawn(async move { read_all(&server).await });
    sleep(MS).await;
    bed.lift();
    write_all(&client, "after").await.unwrap();
    drop(client);
    let (data, end) = reader.await.unwrap();
    assert_eq!((data, end), (b"during after".to_vec(), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn behind_a_partition_nobody_learns_of_the_other_ends_close_or_reset() {
    for reset in [false, true] {
        let bed = Bed::new();
        let (client, server) = bed.pair().await;
        bed.both(Effect::Partition);
        write_all(&client, "last words").await.unwrap();
        if reset {
            client.reset();
        }
        drop(client);
        assert!(!now_readable(&server));
        assert_eq!(server.try_read(99), Ok(None));
        write_all(&server, "are you there").await.unwrap();
        bed.lift();
        let expected = if reset { Err(NetError::ConnectionReset) } else { Ok(()) };
        assert_eq!(read_all(&server).await, (b"last words".to_vec(), expected));
        let error = if reset { NetError::ConnectionReset } else { NetError::ConnectionBroken };
        assert_eq!(write_until_error(&server).await, error);
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_into_a_partition_buffers_as_much_as_ever_and_goes_on_afterwards() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.there(Effect::Partition);
    let chunk = Bytes::from(vec![7; 64 * 1024]);
    let mut written = 0;
    while let Ok(taken @ 1..) = client.try_write(&mut chunk.clone()) {
        written += taken;
    }
    assert_eq!(written, CAPACITY);
    let reader = tokio::spawn(async move { read_all(&server).await.0.len() });
    let writer = tokio::spawn(async move { write_all(&client, vec![7; CAPACITY]).await });
    sleep(MS).await;
    assert!(!writer.is_finished());
    bed.lift();
    writer.await.unwrap().unwrap();
    assert_eq!(reader.await.unwrap(), 2 * CAPACITY);
}

#[tokio::test(start_paused = true)]
async fn a_writer_to_a_peer_that_went_away_behind_a_partition_stalls_until_it_hears_of_it() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.back(Effect::Partition);
    drop(server);
    let mut written = 0;
    while let Ok(taken @ 1..) = client.try_write(&mut Bytes::from_static(&[7; 4096])) {
        written += taken;
    }
    assert_eq!(written, CAPACITY, "nobody acknowledges");
    let writer = tokio::spawn(async move { write_until_error(&client).await });
    sleep(MS).await;
    assert!(!writer.is_finished());
    bed.lift();
    assert_eq!(writer.await.unwrap(), NetError::ConnectionBroken);
}

#[tokio::test(start_paused = true)]
async fn a_connect_into_a_partition_times_out_or_gets_through_when_it_is_lifted_in_time() {
    for (lifted_after, outcome) in
        [(CONNECT_TIMEOUT / 2, Ok(())), (CONNECT_TIMEOUT * 2, Err(NetError::Timeout))]
    {
        // Either direction alone is enough.
        for way in [Bed::there, Bed::back] {
            let bed = Bed::new();
            let listener = bed.listen(1);
            way(&bed, Effect::Partition);
            let begin = Instant::now();
            let connecting = bed.client.connect(at(SERVER, PORT.get())).unwrap();
            let connecting = tokio::spawn(async move { (connecting.await.map(drop), Instant::now()) });
            sleep(lifted_after).await;
            assert!(listener.try_accept().unwrap().is_none());
            bed.lift();
            let (connected, end) = connecting.await.unwrap();
            assert_eq!(connected, outcome);
            assert!((end - begin).abs_diff(lifted_after.min(CONNECT_TIMEOUT)) < 2 * MS);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn connects_are_swallowed_or_refused_while_connections_go_on() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let _listener = bed.listen(1);
    let target = at(SERVER, PORT.get());
    let swallows = bed.there(Effect::SwallowConnects);
    assert_eq!(bed.client.connect(target).unwrap().await.unwrap_err(), NetError::Timeout);
    bed.network.faults().lift(swallows);
    bed.there(Effect::RefuseConnects);
    assert_eq!(bed.client.connect(target).unwrap_err(), NetError::ConnectionRefused);
    write_all(&client, "still here").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "still here");
    bed.lift();
    bed.client.connect(target).unwrap().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_delay_holds_for_data_for_the_end_and_for_connects() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.there(Effect::Delay { fixed: 70 * MS, jitter: Duration::ZERO });
    bed.back(Effect::Delay { fixed: 30 * MS, jitter: Duration::ZERO });
    let begin = Instant::now();
    let passed = || begin.elapsed().as_millis();
    write_all(&client, "ping").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "ping");
    assert_eq!(passed(), 70);
    write_all(&server, "pong").await.unwrap();
    server.shutdown_write();
    assert_eq!(read(&client).await.unwrap(), "pong");
    assert_eq!(passed(), 100);
    assert_eq!(read(&client).await.unwrap(), "");
    assert_eq!(passed(), 100);
    drop((client, server));
    let listener = bed.listen(1);
    let stream = bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    assert_eq!(passed(), 200, "there and back");
    assert_eq!(listener.accept().await.unwrap().peer_address(), stream.local_address());
}

#[tokio::test(start_paused = true)]
async fn jitter_never_changes_the_order_of_a_stream() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.both(Effect::Delay { fixed: Duration::ZERO, jitter: 50 * MS });
    let writer = tokio::spawn(async move {
        for n in 0..200_u8 {
            write_all(&client, vec![n]).await.unwrap();
            sleep(MS).await;
        }
    });
    let (data, end) = read_all(&server).await;
    assert_eq!((data, end), ((0..200).collect(), Ok(())));
    writer.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_set_finds_what_is_under_way_unharmed() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.there(Effect::Delay { fixed: 70 * MS, jitter: Duration::ZERO });
    write_all(&client, "under way ").await.unwrap();
    let cut = bed.there(Effect::Partition);
    write_all(&client, "held").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "under way ");
    let begin = Instant::now();
    bed.network.faults().lift(cut);
    assert_eq!(read(&server).await.unwrap(), "held");
    assert_eq!(begin.elapsed(), 70 * MS, "the delay holds on");
}

#[tokio::test(start_paused = true)]
async fn bandwidth_is_shared_by_the_connections_between_two_instances() {
    let bed = Bed::new();
    let (one, its_peer) = bed.pair().await;
    let (other, other_peer) = bed.pair().await;
    bed.there(Effect::Bandwidth(NonZeroU64::new(1_000_000).unwrap()));
    let begin = Instant::now();
    write_all(&one, vec![1; 500_000]).await.unwrap();
    one.shutdown_write();
    write_all(&other, vec![2; 500_000]).await.unwrap();
    other.shutdown_write();
    let first = read(&its_peer).await.unwrap().len();
    assert!(first < 20_000 && begin.elapsed() < 20 * MS, "it trickles: {first} bytes first");
    assert_eq!(read_all(&its_peer).await.0.len() + first, 500_000);
    assert_eq!(begin.elapsed().as_millis(), 500);
    assert_eq!(read_all(&other_peer).await.0.len(), 500_000);
    assert_eq!(begin.elapsed().as_millis(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_seen_by_both_sides() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.there(Effect::Reset(Chance::ALWAYS));
    write_all(&server, "the other way is not concerned").await.unwrap();
    assert_eq!(write_all(&client, "x").await, Err(NetError::ConnectionReset));
    assert_eq!(client.try_read(9), Err(NetError::ConnectionReset));
    assert_eq!(server.try_read(9), Err(NetError::ConnectionReset));
    assert_eq!(write_all(&server, "x").await, Err(NetError::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn open_connections_between_two_parties_can_be_reset_once() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let other = bed.attach(SERVER_1);
    let listener = other.bind(at(SERVER_1, PORT.get())).unwrap().listen(1).unwrap();
    let to_other = bed.client.connect(at(SERVER_1, PORT.get())).unwrap().await.unwrap();
    let from_client = listener.accept().await.unwrap();
    let faults = bed.network.faults();
    assert_eq!(faults.reset_connections(&Whom::instance("server_in_0"), &Whom::role("Client")), 1);
    assert_eq!(read(&client).await, Err(NetError::ConnectionReset));
    assert_eq!(read(&server).await, Err(NetError::ConnectionReset));
    write_all(&to_other, "unharmed").await.unwrap();
    assert_eq!(read(&from_client).await.unwrap(), "unharmed");
    assert_eq!(faults.reset_connections(&Whom::Anyone, &Whom::Anyone), 1 + 1, "one of them is reset already");
}

#[tokio::test(start_paused = true)]
async fn datagrams_are_lost_doubled_late_and_in_another_order_and_the_same_for_a_seed() {
    let run = |seed| async move {
        let bed = Bed::new();
        let receiver = bed.receiver();
        let sender = bed.client.bind_udp(at(CLIENT, 0)).unwrap();
        bed.network.faults().reseed(seed);
        bed.there(Effect::Lose(Chance::percent(20)));
        bed.there(Effect::Duplicate(Chance::percent(20)));
        bed.there(Effect::Reorder(Chance::percent(20)));
        for n in 0..100_u8 {
            sender.send_to(vec![n].into(), at(SERVER, PORT.get())).unwrap();
            sleep(MS).await;
        }
        let mut arrived = Vec::new();
        while let Ok(datagram) = timeout(Duration::from_secs(1), receiver.receive()).await {
            arrived.push(datagram.unwrap().data[0]);
        }
        arrived
    };
    let arrived = run(1).await;
    let missing = (0..100).filter(|n| !arrived.contains(n)).count();
    let doubled = (0..100).filter(|n| arrived.iter().filter(|m| *m == n).count() == 2).count();
    assert!((10..30).contains(&missing), "{missing} are missing");
    assert!((8..28).contains(&doubled), "{doubled} came twice");
    assert!(!arrived.is_sorted());
    assert_eq!(arrived, run(1).await);
    assert_ne!(arrived, run(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_partition_loses_datagrams_for_good_and_their_errors_too() {
    let bed = Bed::new();
    let receiver = bed.receiver();
    let sender = bed.client.bind_udp(at(CLIENT, 0)).unwrap();
    sender.connect(at(SERVER, PORT.get())).unwrap();
    bed.there(Effect::Partition);
    sender.send("lost".into()).unwrap();
    drop(receiver);
    sender.send("nobody is there any more".into()).unwrap();
    assert_eq!(sender.try_receive(), Ok(None), "nothing comes back");
    let receiver = bed.receiver();
    bed.lift();
    sender.send("found".into()).unwrap();
    assert_eq!(received(&receiver).unwrap().unwrap().0, "found");
}

#[tokio::test(start_paused = true)]
async fn datagrams_under_way_take_room_in_the_queue_they_are_for() {
    let bed = Bed::new();
    let receiver = bed.receiver();
    let sender = bed.client.bind_udp(at(CLIENT, 0)).unwrap();
    bed.there(Effect::Delay { fixed: 10 * MS, jitter: Duration::ZERO });
    for _ in 0..100 {
        sender.send_to(vec![0; 8000].into(), at(SERVER, PORT.get())).unwrap();
    }
    assert_eq!(receiver.dropped(), 100 - 25, "208 KiB of 8,256 bytes each");
    assert_eq!(receiver.try_receive(), Ok(None));
    let waiting = poll_fn(|cx| match receiver.poll_readable(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    });
    timeout(11 * MS, waiting).await.unwrap();
    assert_eq!(std::iter::from_fn(|| receiver.try_receive().unwrap()).count(), 25);
}

#[test]
fn names_fail_for_those_who_are_cut_off_from_them() {
    let bed = Bed::new();
    let both = look_up(&bed.client, "Server").unwrap().len();
    bed.there(Effect::FailNames);
    assert_eq!(look_up(&bed.client, "Server_IN_0"), Err(NetError::NameFailure));
    assert_eq!(look_up(&bed.client, "Server"), Ok(vec![SERVER_1.into()]), "one of {both} is left");
    assert_eq!(look_up(&bed.server, "Server_IN_0"), Ok(vec![SERVER.into()]), "an instance knows itself");
    bed.lift();
    look_up(&bed.client, "Server_IN_0").unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_does_with_itself_is_never_disturbed() {
    let bed = Bed::new();
    bed.network.faults().inject(Fault::between(Whom::Anyone, Whom::Anyone, Effect::Partition));
    for address in
        [at(SERVER, 7001), at(std::net::Ipv4Addr::LOCALHOST, 7002), at(std::net::Ipv6Addr::LOCALHOST, 7003)]
    {
        let listener = bed.server.bind(address).unwrap().listen(1).unwrap();
        let client = bed.server.connect(address).unwrap().await.unwrap();
        write_all(&client, "self").await.unwrap();
        assert_eq!(read(&listener.accept().await.unwrap()).await.unwrap(), "self");
    }
}

#[tokio::test(start_paused = true)]
async fn a_detached_interface_leaves_nobody_waiting_behind_a_partition() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    bed.both(Effect::Partition);
    let own = tokio::spawn(async move { read(&client).await });
    tokio::task::yield_now().await;
    bed.client.detach();
    assert_eq!(own.await.unwrap(), Err(NetError::ConnectionReset), "the own side ends at once");
    assert!(!now_readable(&server), "the peer hears when the way is free");
    bed.lift();
    assert_eq!(read(&server).await, Err(NetError::ConnectionReset));
    advance(MS).await;
}
