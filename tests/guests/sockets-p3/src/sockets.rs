//! Sockets that are ready for what a report is about.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::sockets::types::{ErrorCode, IpSocketAddress, TcpSocket, UdpSocket};
use wasip3::{wit_bindgen, wit_stream};
use wit_bindgen::{FutureReader, StreamReader, StreamWriter};

use crate::address::parse;
use crate::outcome::{Failure, Outcome};

pub use wasip3::sockets::types::IpAddressFamily::{Ipv4 as V4, Ipv6 as V6};

/// In nanoseconds.
const PATIENCE: u64 = 5_000_000_000;

pub fn bound(address: &str) -> Outcome<TcpSocket> {
    let parsed = parse(address)?;
    let socket = TcpSocket::create(parsed.family)?;
    socket.bind(parsed.address)?;
    Ok(socket)
}

pub type Connections = StreamReader<TcpSocket>;

/// A listener, its address and its connections.
pub fn listening(address: &str) -> Outcome<(TcpSocket, IpSocketAddress, Connections)> {
    let socket = bound(address)?;
    let connections = socket.listen()?;
    let here = socket.get_local_address()?;
    Ok((socket, here, connections))
}

pub async fn accept(connections: &mut Connections) -> Outcome<TcpSocket> {
    connections.next().await.ok_or_else(|| Failure("ended".to_owned()))
}

/// A client, the server's side of the connection, and the listener.
pub async fn pair(listener: TcpSocket) -> Outcome<(TcpSocket, TcpSocket, TcpSocket)> {
    let connections = listener.listen()?;
    pair_with(listener, connections).await
}

/// As [`pair`], of a listener that listens.
pub async fn pair_with(
    listener: TcpSocket,
    mut connections: Connections,
) -> Outcome<(TcpSocket, TcpSocket, TcpSocket)> {
    let client = TcpSocket::create(listener.get_address_family())?;
    client.connect(listener.get_local_address()?).await?;
    let server = accept(&mut connections).await?;
    Ok((client, server, listener))
}

type End = FutureReader<Result<(), ErrorCode>>;

/// One side of a connection, with both directions taken.
pub struct Side {
    pub output: StreamWriter<u8>,
    pub sent: End,
    pub input: StreamReader<u8>,
    pub end: End,
    pub socket: TcpSocket,
}

impl Side {
    pub fn of(socket: TcpSocket) -> Self {
        let (output, source) = wit_stream::new();
        let sent = socket.send(source);
        let (input, end) = socket.receive();
        Self { output, sent, input, end, socket }
    }

    /// Writes all of it; says whether it was taken.
    pub async fn write(&mut self, data: &[u8]) -> &'static str {
        if self.output.write_all(data.to_vec()).await.is_empty() { "ok" } else { "closed" }
    }

    /// The next bytes as text, or the end.
    pub async fn read(&mut self) -> String {
        let (_, data) = self.input.read(Vec::with_capacity(1000)).await;
        if data.is_empty() { "closed".to_owned() } else { String::from_utf8_lossy(&data).into_owned() }
    }
}

/// Both sides of a connection.
pub async fn connection() -> Outcome<(Side, Side)> {
    let (client, server, _listener) = pair(bound("127.0.0.1:0")?).await?;
    Ok((Side::of(client), Side::of(server)))
}

/// Whether a call has to wait. It is polled once, with the waker of the task: wit-bindgen waits for ever once it has told
/// another one.
pub async fn is_pending(mut call: Pin<&mut impl Future>) -> bool {
    poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await
}

/// Whether a call would have to wait; it is given up then.
pub async fn waits(call: impl Future) -> bool {
    is_pending(pin!(call)).await
}

/// What a call gives, unless it takes far longer than anything here does.
pub async fn within<T>(call: impl Future<Output = T>) -> Option<T> {
    let (mut call, mut end) = (pin!(call), pin!(wait_for(PATIENCE)));
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => end.as_mut().poll(cx).map(|()| None),
    })
    .await
}

pub fn bound_udp(address: &str) -> Outcome<UdpSocket> {
    let parsed = parse(address)?;
    let socket = UdpSocket::create(parsed.family)?;
    socket.bind(parsed.address)?;
    Ok(socket)
}
