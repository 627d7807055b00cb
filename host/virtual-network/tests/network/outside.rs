//! Connections from outside: the idle time-out of those that were handed over, and those that the host opens itself.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};
use wasm_roles_virtual_network::{
    HandOver, HandOverOptions, NetError, OutsideStream, TcpListener, TcpStream, WayBack,
};

use crate::bed::{Bed, PORT, SERVER, SERVER_1, at, read, write_all};

const PROBER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(168, 63, 129, 16), 50_000);
const IDLE: Duration = Duration::from_secs(60);

/// A client outside, and the instance's end of its connection.
async fn pair_with(bed: &Bed, options: HandOverOptions) -> (tokio::net::TcpStream, TcpStream, TcpListener) {
    let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = tokio::net::TcpStream::connect(outside.local_addr().unwrap()).await.unwrap();
    let listener = bed.listen(1);
    bed.server.hand_over_with(PORT, outside.accept().await.unwrap().0, options).unwrap();
    let stream = listener.accept().await.unwrap();
    (client, stream, listener)
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_idle_for_its_time_is_reset_on_both_sides() {
    let bed = Bed::new();
    let begin = Instant::now();
    let (mut client, server, _listener) = pair_with(&bed, HandOverOptions::idle_after(Some(IDLE))).await;
    assert_eq!(read(&server).await, Err(NetError::ConnectionReset));
    assert_eq!(begin.elapsed().as_secs(), 60);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(server.write_budget(), Err(NetError::ConnectionReset));
}

#[tokio::test(start_paused = true)]
async fn bytes_in_either_direction_begin_the_idle_time_anew() {
    let bed = Bed::new();
    let (mut client, server, _listener) = pair_with(&bed, HandOverOptions::idle_after(Some(IDLE))).await;
    let begin = Instant::now();
    for _ in 0..5 {
        sleep(IDLE - Duration::from_secs(10)).await;
        client.write_all(b"in").await.unwrap();
        assert_eq!(read(&server).await.unwrap(), "in");
        sleep(IDLE - Duration::from_secs(10)).await;
        write_all(&server, &b"out"[..]).await.unwrap();
        client.read_exact(&mut [0; 3]).await.unwrap();
    }
    let last = begin.elapsed();
    assert_eq!(read(&server).await, Err(NetError::ConnectionReset));
    assert_eq!((begin.elapsed() - last).as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn without_a_time_out_a_connection_stays_open() {
    let bed = Bed::new();
    let (mut client, server, _listener) = pair_with(&bed, HandOverOptions::default()).await;
    sleep(Duration::from_secs(24 * 3600)).await;
    client.write_all(b"still here").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "still here");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_leaves_no_timer_behind() {
    let bed = Bed::new();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (client, server, listener) = pair_with(&bed, HandOverOptions::idle_after(Some(IDLE))).await;
    assert_eq!(tasks(), before + 1);
    drop((client, server, listener));
    tokio::task::yield_now().await;
    assert_eq!(tasks(), before);
}

/// Keeps what comes back.
#[derive(Default)]
struct Returned(Mutex<Vec<OutsideStream>>);

impl WayBack for Returned {
    fn take_back(&self, stream: OutsideStream) {
        self.0.lock().unwrap().push(stream);
    }
}

impl Returned {
    fn streams(&self) -> Vec<OutsideStream> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A client that has said something, and its connection as the host has accepted it.
async fn accepted(way_back: &Arc<Returned>) -> (tokio::net::TcpStream, OutsideStream) {
    let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = tokio::net::TcpStream::connect(outside.local_addr().unwrap()).await.unwrap();
    client.write_all(b"first").await.unwrap();
    let stream = OutsideStream::from(outside.accept().await.unwrap().0);
    (client, stream.with_way_back(Arc::clone(way_back) as Arc<dyn WayBack>))
}

#[tokio::test]
async fn a_connection_that_nobody_has_accepted_goes_back_when_the_listener_ends_however_it_does() {
    for end in [|bed: &Bed| bed.server.detach(), |bed: &Bed| bed.server.fail(), |_: &Bed| {}] {
        let (bed, returned) = (Bed::new(), Arc::<Returned>::default());
        let (mut client, stream) = accepted(&returned).await;
        let listener = bed.listen(2);
        let options = HandOverOptions::idle_after(Some(IDLE));
        bed.server.hand_over_with(PORT, stream, options).unwrap();
        end(&bed);
        drop(listener);
        let stream = returned.streams().pop().expect("it came back");
        assert_eq!((stream.peer(), bed.server.socket_count()), (client.local_addr().ok(), 0));

        // Another instance takes it as if nothing had been.
        let bed = Bed::new();
        let listener = bed.listen(1);
        bed.server.hand_over(PORT, stream).unwrap();
        let server = listener.accept().await.unwrap();
        assert_eq!(read(&server).await.unwrap(), "first");
        write_all(&server, &b"answer"[..]).await.unwrap();
        let mut answer = [0; 6];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
    }
}

#[tokio::test]
async fn a_connection_that_was_accepted_does_not_go_back() {
    let (bed, returned) = (Bed::new(), Arc::<Returned>::default());
    let (mut client, stream) = accepted(&returned).await;
    let listener = bed.listen(1);
    bed.server.hand_over(PORT, stream).unwrap();
    let _server = listener.accept().await.unwrap();
    bed.server.detach();
    drop(listener);
    assert!(returned.streams().is_empty());
    assert_eq!(client.read(&mut [0; 1]).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_listener_that_refuses_new_connections_still_gives_those_that_it_has() {
    let (bed, returned) = (Bed::new(), Arc::<Returned>::default());
    let listener = bed.listen(1);
    let connect = || bed.client.connect(at(SERVER, PORT.get())).unwrap();
    let (_early, waits) = (connect().await.unwrap(), connect());
    listener.refuse_new();
    assert_eq!(waits.await.unwrap_err(), NetError::ConnectionRefused);
    assert_eq!(connect().await.unwrap_err(), NetError::ConnectionRefused);
    let (_client, stream) = accepted(&returned).await;
    let refused = bed.server.hand_over(PORT, stream).unwrap_err();
    assert!(matches!(refused, HandOver::NotListening(_)), "{refused:?}");
    assert!(listener.try_accept().unwrap().is_some());
    assert!(listener.try_accept().unwrap().is_none());
}

#[tokio::test]
async fn the_host_can_connect_to_a_listener_without_being_an_instance() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let host = bed.server.connect_from_outside(PROBER, PORT).unwrap().await.unwrap();
    let served = listener.accept().await.unwrap();
    assert_eq!((served.peer_address(), host.local_address()), (PROBER.into(), PROBER.into()));
    assert_eq!(
        (served.local_address(), host.peer_address()),
        (at(bed.server.address(), 7000), at(bed.server.address(), 7000))
    );
    write_all(&host, &b"how are you"[..]).await.unwrap();
    assert_eq!(read(&served).await.unwrap(), "how are you");
    drop(host);
    assert_eq!(read(&served).await.unwrap(), "");
    // It is no connection between instances, and nobody was asked for permission.
    assert_eq!((bed.network.counters().connections, bed.heard.lines()), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_hosts_connects_are_refused_and_wait_as_others_do() {
    let bed = Bed::new();
    let connect = || bed.server.connect_from_outside(PROBER, PORT);
    assert_eq!(connect().err(), Some(NetError::ConnectionRefused));
    let listener = bed.listen(1);
    let first = connect().unwrap().await.unwrap();
    assert_eq!(connect().unwrap().await.err(), Some(NetError::Timeout), "the backlog is full");
    bed.server.fail();
    assert_eq!(connect().err(), Some(NetError::ConnectionRefused));
    assert_eq!(read(&first).await, Err(NetError::ConnectionReset));
    drop(listener);
}

#[tokio::test]
async fn the_host_cannot_pass_for_somebody_inside() {
    let bed = Bed::new();
    let _listener = bed.listen(1);
    for inside in
        [SERVER_1, bed.client.address(), bed.server.address(), Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED]
    {
        let connect = bed.server.connect_from_outside(SocketAddrV4::new(inside, 50_000), PORT);
        assert_eq!(connect.err(), Some(NetError::InvalidArgument), "{inside}");
    }
}

#[tokio::test]
async fn an_instance_that_lets_nobody_in_serves_those_who_are_in_and_sends_back_those_who_wait() {
    let (bed, returned) = (Bed::new(), Arc::<Returned>::default());
    let listener = bed.listen(4);
    let connect = || bed.client.connect(at(SERVER, PORT.get())).unwrap();
    let client = connect().await.unwrap();
    let served = listener.accept().await.unwrap();
    // One that waits and came from the outside, and one that waits and did not.
    let (_outside, stream) = accepted(&returned).await;
    bed.server.hand_over(PORT, stream).unwrap();
    let waits = connect().await.unwrap();

    bed.server.refuse_new();
    assert_eq!(returned.streams().len(), 1, "somebody else can have it");
    assert_eq!(connect().await.unwrap_err(), NetError::ConnectionRefused);
    write_all(&client, &b"on"[..]).await.unwrap();
    assert_eq!(read(&served).await.unwrap(), "on");

    let mut all_served = std::pin::pin!(bed.server.served());
    assert!(!is_ready(all_served.as_mut()));
    drop(served);
    assert!(!is_ready(all_served.as_mut()), "one waits that cannot go back");
    drop(listener.accept().await.unwrap());
    all_served.await;
    // What the instance opens itself is no guest of its.
    let _out = bed.server.connect(at(bed.client.address(), 1)).map(drop);
    bed.server.served().await;
    drop(waits);
}

/// Whether a future is ready now.
fn is_ready(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
}
