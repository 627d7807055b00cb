//! How a stream behaves, as one table that runs over both transports: memory between instances, and a stream
//! of the operating system that was handed over. The guest must not be able to tell them apart.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use wasm_roles_virtual_network::{Interface, NetError, TcpStream};

use crate::bed::{Bed, PORT, read, read_all, write_all, write_until_error};

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {
    /// Aborts the connection.
    fn abort(self: Box<Self>);
}

impl Duplex for TcpStream {
    fn abort(self: Box<Self>) {
        self.reset();
    }
}

impl Duplex for tokio::net::TcpStream {
    fn abort(self: Box<Self>) {
        self.set_zero_linger().unwrap();
    }
}

/// One connection: the guest's end, with its interface, and the other end.
struct Case {
    interface: Interface,
    guest: TcpStream,
    peer: Box<dyn Duplex>,
}

async fn memory() -> Case {
    let bed = Bed::new();
    let (peer, guest) = bed.pair().await;
    // The client's interface has to outlive its end of the connection.
    let peer = Box::new(WithInterface { stream: peer, _interface: bed.client });
    Case { interface: bed.server, guest, peer }
}

struct WithInterface {
    stream: TcpStream,
    _interface: Interface,
}

impl Duplex for WithInterface {
    fn abort(self: Box<Self>) {
        self.stream.reset();
    }
}

impl AsyncRead for WithInterface {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for WithInterface {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn system() -> Case {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let public = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = tokio::net::TcpStream::connect(public.local_addr().unwrap()).await.unwrap();
    let (accepted, client_address) = public.accept().await.unwrap();
    bed.server.hand_over(PORT, accepted).unwrap();
    let guest = listener.accept().await.unwrap();
    assert_eq!(guest.peer_address(), client_address);
    Case { interface: bed.server, guest, peer: Box::new(peer) }
}

/// Runs a row over both transports.
macro_rules! over_both {
    ($($name:ident),* $(,)?) => {
        mod over_memory {
            $(#[tokio::test] async fn $name() { super::$name(super::memory().await).await; })*
        }
        mod over_the_operating_system {
            $(#[tokio::test] async fn $name() { super::$name(super::system().await).await; })*
        }
    };
}

over_both! {
    bytes_arrive_in_order_both_ways,
    the_local_address_is_the_endpoint,
    nothing_to_read_is_none_and_not_the_end,
    a_peer_that_ends_its_direction_can_still_read,
    a_guest_that_ends_its_direction_can_still_read,
    closing_delivers_everything_and_then_the_end,
    closing_with_unread_data_resets_the_peer,
    a_reset_by_the_peer_comes_after_what_it_sent,
    a_reset_by_the_guest_reaches_both_at_once,
    writing_to_a_peer_that_closed_ends_in_connection_broken,
    writing_after_the_own_end_is_connection_broken,
    after_shutdown_read_there_is_only_the_end,
    a_reader_that_does_not_read_stops_the_writer,
    a_write_takes_at_least_the_budget,
    a_failing_interface_wakes_a_blocked_reader,
    a_failing_interface_wakes_a_blocked_writer,
    detaching_delivers_what_was_sent_and_then_a_reset,
    a_small_read_takes_no_more_than_it_asked_for,
}

async fn peer_reads_to_end(peer: &mut Box<dyn Duplex>) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match peer.read(&mut buffer).await {
            Ok(0) => return (all, Ok(())),
            Ok(length) => all.extend_from_slice(&buffer[..length]),
            Err(error) => return (all, Err(error.kind())),
        }
    }
}

/// True when `future` is not ready at once.
fn pending<T>(future: &mut Pin<Box<dyn Future<Output = T> + '_>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

async fn bytes_arrive_in_order_both_ways(mut case: Case) {
    case.peer.write_all(b"ping").await.unwrap();
    assert_eq!(read(&case.guest).await.unwrap(), "ping");
    write_all(&case.guest, "pong").await.unwrap();
    let mut answer = [0; 4];
    case.peer.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"pong");
}

async fn the_local_address_is_the_endpoint(case: Case) {
    assert_eq!(case.guest.local_address(), (case.interface.address(), PORT.get()).into());
    assert_ne!(case.guest.peer_address(), case.guest.local_address());
}

async fn nothing_to_read_is_none_and_not_the_end(case: Case) {
    assert_eq!(case.guest.try_read(100).unwrap(), None);
    let mut readable: Pin<Box<dyn Future<Output = ()>>> =
        Box::pin(poll_fn(|cx| case.guest.poll_readable(cx)));
    assert!(pending(&mut readable));
}

async fn a_peer_that_ends_its_direction_can_still_read(mut case: Case) {
    case.peer.write_all(b"question").await.unwrap();
    case.peer.shutdown().await.unwrap();
    assert_eq!(read_all(&case.guest).await, (b"question".to_vec(), Ok(())));
    write_all(&case.guest, "answer").await.unwrap();
    drop(case.guest);
    assert_eq!(peer_reads_to_end(&mut case.peer).await, (b"answer".to_vec(), Ok(())));
}

async fn a_guest_that_ends_its_direction_can_still_read(mut case: Case) {
    write_all(&case.guest, "question").await.unwrap();
    case.guest.shutdown_write();
    assert_eq!(peer_reads_to_end(&mut case.peer).await, (b"question".to_vec(), Ok(())));
    case.peer.write_all(b"answer").await.unwrap();
    drop(case.peer);
    assert_eq!(read_all(&case.guest).await, (b"answer".to_vec(), Ok(())));
}

async fn closing_delivers_everything_and_then_the_end(mut case: Case) {
    let sent = vec![7; 60_000];
    write_all(&case.guest, sent.clone()).await.unwrap();
    drop(case.guest);
    assert_eq!(peer_reads_to_end(&mut case.peer).await, (sent, Ok(())));
}

async fn closing_with_unread_data_resets_the_peer(mut case: Case) {
    case.peer.write_all(b"never read").await.unwrap();
    poll_fn(|cx| case.guest.poll_readable(cx)).await;
    drop(case.guest);
    assert_eq!(peer_reads_to_end(&mut case.peer).await, (Vec::new(), Err(ErrorKind::ConnectionReset)));
}

async fn a_reset_by_the_peer_comes_after_what_it_sent(mut case: Case) {
    case.peer.write_all(b"last words").await.unwrap();
    poll_fn(|cx| case.guest.poll_readable(cx)).await;
    case.peer.abort();
    assert_eq!(read_all(&case.guest).await, (b"last words".to_vec(), Err(NetError::ConnectionReset)));
    let after = read(&case.guest).await;
    assert_eq!(after, Err(NetError::ConnectionReset), "the error stays");
    assert!(case.guest.try_write(&mut Bytes::from_static(b"x")).is_err());
}

async fn a_reset_by_the_guest_reaches_both_at_once(mut case: Case) {
    case.peer.write_all(b"never read").await.unwrap();
    poll_fn(|cx| case.guest.poll_readable(cx)).await;
    case.guest.reset();
    assert_eq!(read(&case.guest).await, Err(NetError::ConnectionReset));
    assert_eq!(case.guest.write_budget(), Err(NetError::ConnectionReset));
    assert_eq!(peer_reads_to_end(&mut case.peer).await, (Vec::new(), Err(ErrorKind::ConnectionReset)));
}

async fn writing_to_a_peer_that_closed_ends_in_connection_broken(case: Case) {
    drop(case.peer);
    assert_eq!(read_all(&case.guest).await, (Vec::new(), Ok(())));
    assert_eq!(write_until_error(&case.guest).await, NetError::ConnectionBroken);
    assert_eq!(read(&case.guest).await.unwrap(), "", "the end stays the end");
}

async fn writing_after_the_own_end_is_connection_broken(case: Case) {
    case.guest.shutdown_write();
    assert_eq!(case.guest.write_budget(), Err(NetError::ConnectionBroken));
    assert_eq!(case.guest.try_write(&mut Bytes::from_static(b"x")), Err(NetError::ConnectionBroken));
    poll_fn(|cx| case.guest.poll_writable(cx)).await;
}

async fn after_shutdown_read_there_is_only_the_end(mut case: Case) {
    case.peer.write_all(b"unheard").await.unwrap();
    poll_fn(|cx| case.guest.poll_readable(cx)).await;
    case.guest.shutdown_read();
    case.peer.write_all(b"unheard too").await.unwrap();
    assert_eq!(read(&case.guest).await.unwrap(), "");
    write_all(&case.guest, "still writing").await.unwrap();
    let mut heard = [0; 13];
    case.peer.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still writing");
}

async fn a_reader_that_does_not_read_stops_the_writer(mut case: Case) {
    // What fits depends on the transport; that something does not fit must not.
    let chunk = Bytes::from(vec![1; 100_000]);
    let mut written = 0;
    loop {
        let taken = case.guest.try_write(&mut chunk.clone()).unwrap();
        written += taken;
        if taken == 0 {
            break;
        }
    }
    assert_eq!(case.guest.write_budget(), Ok(0));
    let mut writable: Pin<Box<dyn Future<Output = ()>>> =
        Box::pin(poll_fn(|cx| case.guest.poll_writable(cx)));
    assert!(pending(&mut writable));
    let mut received = vec![0; written];
    let (_, read) = tokio::join!(writable, case.peer.read_exact(&mut received));
    read.unwrap();
    assert!(received.iter().all(|byte| *byte == 1));
    assert!(case.guest.write_budget().unwrap() > 0);
}

async fn a_write_takes_at_least_the_budget(mut case: Case) {
    let mut sent = 0;
    for round in 0..200 {
        poll_fn(|cx| case.guest.poll_writable(cx)).await;
        let budget = case.guest.write_budget().unwrap();
        assert!(budget > 0);
        let taken = case.guest.try_write(&mut Bytes::from(vec![2; budget])).unwrap();
        assert_eq!(taken, budget, "round {round}");
        sent += taken;
        if case.guest.write_budget() == Ok(0) {
            let mut received = vec![0; sent];
            case.peer.read_exact(&mut received).await.unwrap();
            sent = 0;
        }
    }
}

async fn a_failing_interface_wakes_a_blocked_reader(mut case: Case) {
    let (result, ()) = tokio::join!(read(&case.guest), async { case.interface.fail() });
    assert_eq!(result, Err(NetError::ConnectionReset));
    assert_eq!(peer_reads_to_end(&mut case.peer).await.1, Err(ErrorKind::ConnectionReset));
}

async fn a_failing_interface_wakes_a_blocked_writer(case: Case) {
    let endless = write_all(&case.guest, vec![3; 100_000_000]);
    let (result, ()) = tokio::join!(endless, async { case.interface.fail() });
    assert_eq!(result, Err(NetError::ConnectionReset));
    drop(case.peer);
}

async fn detaching_delivers_what_was_sent_and_then_a_reset(mut case: Case) {
    write_all(&case.guest, "sent before").await.unwrap();
    case.interface.detach();
    let expected = (b"sent before".to_vec(), Err(ErrorKind::ConnectionReset));
    assert_eq!(peer_reads_to_end(&mut case.peer).await, expected);
}

async fn a_small_read_takes_no_more_than_it_asked_for(mut case: Case) {
    case.peer.write_all(b"abcdef").await.unwrap();
    poll_fn(|cx| case.guest.poll_readable(cx)).await;
    assert_eq!(case.guest.try_read(0).unwrap(), None);
    assert_eq!(case.guest.try_read(2).unwrap().unwrap(), "ab");
    assert_eq!(case.guest.try_read(1).unwrap().unwrap(), "c");
    assert_eq!(read(&case.guest).await.unwrap(), "def");
}

#[tokio::test]
async fn a_tail_goes_out_after_the_guest_has_closed() {
    let mut case = system().await;
    let mut sent = 0;
    while let Ok(budget @ 1..) = case.guest.write_budget() {
        sent += case.guest.try_write(&mut Bytes::from(vec![4; budget])).unwrap();
    }
    drop(case.guest);
    let (received, end) = peer_reads_to_end(&mut case.peer).await;
    assert_eq!((received.len(), end), (sent, Ok(())));
}

#[tokio::test]
async fn a_tail_comes_before_the_end_of_the_own_direction() {
    let mut case = system().await;
    let mut sent = 0;
    while let Ok(budget @ 1..) = case.guest.write_budget() {
        sent += case.guest.try_write(&mut Bytes::from(vec![4; budget])).unwrap();
    }
    case.guest.shutdown_write();
    let (received, end) = peer_reads_to_end(&mut case.peer).await;
    assert_eq!((received.len(), end), (sent, Ok(())));
    poll_fn(|cx| case.guest.poll_flushed(cx)).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_keeps_a_closed_stream_for_a_bounded_time() {
    let mut case = system().await;
    let mut sent = 0;
    while let Ok(budget @ 1..) = case.guest.write_budget() {
        sent += case.guest.try_write(&mut Bytes::from(vec![4; budget])).unwrap();
    }
    drop(case.guest);
    tokio::time::sleep(std::time::Duration::from_secs(31)).await;
    let (received, end) = peer_reads_to_end(&mut case.peer).await;
    assert!(received.len() < sent);
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}
