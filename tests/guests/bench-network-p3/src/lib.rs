//! `bench-network-p3 MODE ADDRESS COUNT`: the modes `sink`, `stream`, `echo` and `ping` of `bench-network` over WASI 0.3, with
//! the same words; and `answer`, which serves all its connections at the same time.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use wasip3::cli::environment::get_arguments;
use wasip3::sockets::types::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, TcpSocket,
};
use wasip3::wit_stream;
use wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

const CHUNK: usize = 64 * 1024;
const REQUEST: usize = 64;
const ANSWER: usize = 1024;

struct Program;

wasip3::cli::command::export!(Program);

impl wasip3::exports::cli::run::Guest for Program {
    async fn run() -> Result<(), ()> {
        let arguments = get_arguments();
        let [_, mode, address, count] = arguments.as_slice() else {
            eprintln!("usage: bench-network-p3 MODE ADDRESS COUNT");
            return Err(());
        };
        let (Ok(address), Ok(count)) = (address.parse(), count.parse()) else { return Err(()) };
        let outcome = match mode.as_str() {
            "sink" => sink(address).await,
            "echo" => echo(address).await,
            "answer" => answer(address).await,
            "stream" => stream(address, count).await,
            "ping" => ping(address, count).await,
            _ => return Err(()),
        };
        outcome.map_err(|code| eprintln!("{code:?}"))
    }
}

/// Both directions of a connection.
struct Connection {
    output: StreamWriter<u8>,
    sent: FutureReader<Result<(), ErrorCode>>,
    input: StreamReader<u8>,
    end: FutureReader<Result<(), ErrorCode>>,
    _socket: TcpSocket,
}

impl Connection {
    fn of(socket: TcpSocket) -> Self {
        let (output, source) = wit_stream::new();
        let sent = socket.send(source);
        let (input, end) = socket.receive();
        Self { output, sent, input, end, _socket: socket }
    }

    async fn accept(address: SocketAddr) -> Result<Self, ErrorCode> {
        let (_listener, mut connections) = listen(address)?;
        connections.next().await.map(Self::of).ok_or(ErrorCode::Other(None))
    }

    async fn open(address: SocketAddr) -> Result<Self, ErrorCode> {
        let (family, address) = translated(address);
        let socket = TcpSocket::create(family)?;
        socket.connect(address).await?;
        Ok(Self::of(socket))
    }

    /// Ends the own direction, and waits until everything is sent.
    async fn finish(self) -> Result<(StreamReader<u8>, FutureReader<Result<(), ErrorCode>>), ErrorCode> {
        drop(self.output);
        self.sent.await?;
        Ok((self.input, self.end))
    }
}

fn listen(address: SocketAddr) -> Result<(TcpSocket, StreamReader<TcpSocket>), ErrorCode> {
    let (family, address) = translated(address);
    let listener = TcpSocket::create(family)?;
    listener.bind(address)?;
    let connections = listener.listen()?;
    println!("listening");
    Ok((listener, connections))
}

async fn sink(address: SocketAddr) -> Result<(), ErrorCode> {
    let mut connection = Connection::accept(address).await?;
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        let (_, data) = connection.input.read(buffer).await;
        if data.is_empty() {
            break;
        }
        buffer = data;
        buffer.clear();
    }
    connection.output.write_all(b"k".to_vec()).await;
    connection.finish().await.map(drop)
}

/// Sends `count` chunks and waits until the other side has read the last one.
async fn stream(address: SocketAddr, count: u32) -> Result<(), ErrorCode> {
    let start = Instant::now();
    let mut connection = Connection::open(address).await?;
    let mut chunk = Vec::new();
    for _ in 0..count {
        chunk.resize(CHUNK, 7);
        chunk = connection.output.write_all(chunk).await;
        if !chunk.is_empty() {
            return Err(ErrorCode::ConnectionReset);
        }
    }
    let (mut input, _end) = connection.finish().await?;
    let (_, data) = input.read(Vec::with_capacity(1)).await;
    println!("{}", start.elapsed().as_nanos());
    if data.is_empty() { Err(ErrorCode::ConnectionReset) } else { Ok(()) }
}

async fn echo(address: SocketAddr) -> Result<(), ErrorCode> {
    let mut connection = Connection::accept(address).await?;
    let mut buffer = Vec::with_capacity(1);
    loop {
        let (_, data) = connection.input.read(buffer).await;
        if data.is_empty() {
            return connection.finish().await.map(drop);
        }
        buffer = connection.output.write_all(data).await;
        buffer.reserve(1);
    }
}

async fn answer(address: SocketAddr) -> Result<(), ErrorCode> {
    let (_listener, mut connections) = listen(address)?;
    while let Some(socket) = connections.next().await {
        wit_bindgen::spawn_local(answer_all(Connection::of(socket)));
    }
    Ok(())
}

/// Gives an answer for every request, until the client ends or goes away.
async fn answer_all(mut connection: Connection) {
    let mut request = Vec::with_capacity(REQUEST);
    let mut answer = Vec::new();
    loop {
        let read;
        (read, request) = connection.input.read(request).await;
        if !matches!(read, StreamResult::Complete(_)) {
            return;
        }
        if request.len() < REQUEST {
            continue;
        }
        request.clear();
        answer.resize(ANSWER, 7);
        answer = connection.output.write_all(answer).await;
        if !answer.is_empty() {
            return;
        }
    }
}

async fn ping(address: SocketAddr, count: u32) -> Result<(), ErrorCode> {
    let start = Instant::now();
    let mut connection = Connection::open(address).await?;
    let mut byte = vec![1];
    for _ in 0..count {
        let mut sent = connection.output.write_all(byte).await;
        sent.clear();
        sent.reserve(1);
        let (_, data) = connection.input.read(sent).await;
        if data.is_empty() {
            return Err(ErrorCode::ConnectionReset);
        }
        byte = data;
    }
    println!("{}", start.elapsed().as_nanos());
    connection.finish().await.map(drop)
}

fn translated(address: SocketAddr) -> (IpAddressFamily, IpSocketAddress) {
    let port = address.port();
    match address.ip() {
        IpAddr::V4(ip) => {
            let address = ip.octets().into();
            (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }))
        }
        IpAddr::V6(ip) => {
            let address = ip.segments().into();
            let address = Ipv6SocketAddress { port, flow_info: 0, address, scope_id: 0 };
            (IpAddressFamily::Ipv6, IpSocketAddress::Ipv6(address))
        }
    }
}
