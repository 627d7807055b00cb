//! From a target to a connection that speaks HTTP.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use wasm_roles_virtual_network::{Interface, TcpStream};
use wasmtime_wasi_http::{Error, WasiBody};

use super::errors;
use super::limits::{HEAD_BYTES, HEAD_FIELDS};
use super::target::Target;
use super::tls::Client;
use super::wire::{Ear, Wire};

/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// What HTTP/2 may have on its way of one stream, and of the connection, which has one stream.
const WINDOW: u32 = 64 << 10;

/// A connection for one request.
pub(super) struct Connection {
    pub(super) sender: Sender,
    /// Moves the bytes. It ends with the connection.
    pub(super) driver: Driver,
    pub(super) ear: Ear,
}

/// Takes the request.
pub(super) enum Sender {
    Http1(http1::SendRequest<WasiBody>),
    Http2(http2::SendRequest<WasiBody>),
}

pub(super) type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// Opens a connection. It lets go of the interface when it is open: from then on the socket alone holds it.
pub(super) async fn open(
    interface: Interface,
    client: &Client,
    target: &Target,
) -> Result<Connection, Error> {
    let stream = reach(&interface, target).await?;
    if !target.is_encrypted {
        return http1(Wire::plain(stream)).await;
    }
    let stream = client.connect(&target.host, stream).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2(Wire::encrypted(stream)).await,
        _ => http1(Wire::encrypted(stream)).await,
    }
}

/// A connection to the first address of the target that takes one.
async fn reach(interface: &Interface, target: &Target) -> Result<TcpStream, Error> {
    let addresses = interface.look_up(&target.host).explained().await.map_err(errors::look_up)?;
    let mut last = Error::DestinationNotFound;
    for address in addresses.into_iter().take(ADDRESSES) {
        let connected = match interface.connect(SocketAddr::new(address, target.port.get())) {
            Ok(connecting) => connecting.await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) if errors::is_about_the_address(error) => last = errors::connect(error),
            Err(error) => return Err(errors::connect(error)),
        }
    }
    Err(last)
}

async fn http1(wire: Wire) -> Result<Connection, Error> {
    let ear = wire.ear();
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(HEAD_FIELDS);
    let opened = builder.handshake(TokioIo::new(wire)).await;
    let (sender, driver) = opened.map_err(|error| errors::exchange(&error, ear.heard()))?;
    Ok(Connection { sender: Sender::Http1(sender), driver: Box::pin(driver), ear })
}

async fn http2(wire: Wire) -> Result<Connection, Error> {
    let ear = wire.ear();
    let tasks = Arc::new(Mutex::new(JoinSet::new()));
    let mut builder = http2::Builder::new(Tasks(Arc::downgrade(&tasks)));
    builder
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(WINDOW))
        .max_send_buf_size(HEAD_BYTES);
    let opened = builder.handshake(TokioIo::new(wire)).await;
    let (sender, driver) = opened.map_err(|error| errors::exchange(&error, ear.heard()))?;
    Ok(Connection { sender: Sender::Http2(sender), driver: Box::pin(drive_http2(driver, tasks)), ear })
}

/// hyper's own future ends when it has passed the request on; the tasks that it made move the bytes.
async fn drive_http2(
    driver: http2::Connection<TokioIo<Wire>, WasiBody, Tasks>,
    tasks: Arc<Mutex<JoinSet<()>>>,
) -> Result<(), hyper::Error> {
    driver.await?;
    let mut tasks = std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Runs what hyper needs beside an HTTP/2 connection. The driver owns the tasks: they end with it.
#[derive(Clone)]
struct Tasks(Weak<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
        }
    }
}
