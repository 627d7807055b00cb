//! A role that tries the SDK's sockets on its own loopback. `run` prints `ok <behaviour>` for each behaviour that holds,
//! then `done`, and returns; the first that does not hold is its error.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use wasm_roles_sdk::net::{TcpListener, TcpStream, resolve};
use wasm_roles_sdk::{Role, RoleResult, export_role, sleep, spawn, timeout};

const SOON: Duration = Duration::from_millis(20);

#[derive(Default)]
struct SdkSockets {
    started: RefCell<Option<TcpListener>>,
}

impl Role for SdkSockets {
    async fn on_start(&self) -> RoleResult {
        self.started.replace(Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?));
        Ok(())
    }

    async fn run(&self) -> RoleResult {
        let listener = self.started.take().ok_or("on_start was not called")?;
        holds("a listener made in on_start accepts in run", accepts(listener).await)?;
        holds("a read that is dropped loses nothing", dropped_read().await)?;
        holds("an accept that is dropped loses nothing", dropped_accept().await)?;
        holds("each direction ends on its own", half_close().await)?;
        holds("the halves work in two tasks", halves().await)?;
        holds("a slow reader holds back the writer", back_pressure().await)?;
        holds("a port in use is an error of its own kind", address_in_use())?;
        holds("nobody listening is connection refused", refused().await)?;
        holds("an unknown name is not found", unknown_name().await)?;
        holds("a task gives its result, unless it was cancelled", tasks().await)?;
        println!("done");
        Ok(())
    }
}

type Check = Result<(), Box<dyn std::error::Error>>;

fn holds(behaviour: &str, check: Check) -> Check {
    check.map_err(|error| format!("{behaviour}: {error}"))?;
    println!("ok {behaviour}");
    Ok(())
}

fn expect(condition: bool, what: impl Into<String>) -> Check {
    if condition { Ok(()) } else { Err(what.into().into()) }
}

async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let client = TcpStream::connect(listener.local_address()?).await?;
    let (server, peer) = listener.accept().await?;
    if peer == client.local_address()? {
        Ok((client, server))
    } else {
        Err(io::Error::other("it is somebody else"))
    }
}

async fn accepts(mut listener: TcpListener) -> Check {
    let client = TcpStream::connect(listener.local_address()?).await?;
    let (_, peer) = listener.accept().await?;
    expect(peer == client.local_address()?, "it is somebody else")
}

async fn dropped_read() -> Check {
    let (mut client, mut server) = pair().await?;
    let mut buffer = [0; 8];
    expect(timeout(SOON, server.read(&mut buffer)).await.is_err(), "it read what nobody wrote")?;
    client.write_all("hello").await?;
    client.shutdown().await?;
    let mut all = Vec::new();
    server.read_to_end(&mut all).await?;
    expect(all == b"hello", format!("it read {all:?}"))
}

async fn dropped_accept() -> Check {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    expect(timeout(SOON, listener.accept()).await.is_err(), "nobody connected")?;
    let client = TcpStream::connect(listener.local_address()?).await?;
    let (_, peer) = listener.accept().await?;
    expect(peer == client.local_address()?, "it is somebody else")
}

async fn half_close() -> Check {
    let (mut client, mut server) = pair().await?;
    client.write_all("question").await?;
    client.shutdown().await?;
    let mut question = Vec::new();
    server.read_to_end(&mut question).await?;
    server.write_all(question).await?;
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await?;
    expect(answer == b"question", format!("it read {answer:?}"))?;
    let written = client.write_all("more").await.map_err(|error| error.kind());
    expect(written == Err(ErrorKind::BrokenPipe), format!("after the end: {written:?}"))
}

async fn halves() -> Check {
    let (client, server) = pair().await?;
    let (mut reading, mut writing) = client.into_split();
    let writer = spawn(async move {
        writing.write_all(vec![7; 1 << 20]).await?;
        writing.shutdown().await
    });
    let (mut from_client, mut to_client) = server.into_split();
    drop(spawn(async move {
        let mut buffer = [0; 1000];
        loop {
            let count = from_client.read(&mut buffer).await?;
            match buffer.get(..count) {
                None | Some([]) => return to_client.shutdown().await,
                Some(bytes) => to_client.write_all(bytes).await?,
            }
        }
    }));
    let mut back = Vec::new();
    reading.read_to_end(&mut back).await?;
    writer.await.ok_or("the writer was cancelled")??;
    expect(back == vec![7; 1 << 20], format!("{} bytes came back", back.len()))
}

async fn back_pressure() -> Check {
    const MUCH: usize = 64 << 20;
    let (client, server) = pair().await?;
    let (_reading, mut writing) = client.into_split();
    let written = Rc::new(Cell::new(0_usize));
    let counter = Rc::clone(&written);
    let mut writer = spawn(async move {
        while counter.get() < MUCH && writing.write_all(vec![0; 1 << 16]).await.is_ok() {
            counter.update(|count| count.saturating_add(1 << 16));
        }
    });
    sleep(SOON).await;
    let (mut first, mut last) = (written.get(), usize::MAX);
    while first != last {
        last = first;
        sleep(SOON).await;
        first = written.get();
    }
    writer.cancel();
    drop(server);
    expect(last < MUCH, "all was taken although nobody read")
}

fn address_in_use() -> Check {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    match TcpListener::bind(listener.local_address()?) {
        Ok(_) => Err("it was bound twice".into()),
        Err(error) => expect(error.kind() == ErrorKind::AddrInUse, format!("{error:?}")),
    }
}

async fn refused() -> Check {
    let nobody: SocketAddr = (Ipv4Addr::LOCALHOST, 1).into();
    match TcpStream::connect(nobody).await {
        Ok(_) => Err("somebody listens on port 1".into()),
        Err(error) => expect(error.kind() == ErrorKind::ConnectionRefused, format!("{error:?}")),
    }
}

async fn unknown_name() -> Check {
    expect(resolve("127.0.0.1").await? == [Ipv4Addr::LOCALHOST], "an address is its own name")?;
    match resolve("nobody.invalid").await {
        Ok(addresses) => Err(format!("it is {addresses:?}").into()),
        Err(error) => expect(error.kind() == ErrorKind::NotFound, format!("{error:?}")),
    }
}

async fn tasks() -> Check {
    expect(spawn(async { 7 }).await == Some(7), "no result")?;
    let mut cancelled = spawn(sleep(Duration::from_secs(3600)));
    cancelled.cancel();
    expect(cancelled.await.is_none(), "it slept for an hour")
}

export_role!(SdkSockets);
