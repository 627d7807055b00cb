//! One connection for one request.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::ClientError;
use super::body::Outgoing;
use super::place::Place;

/// How long a host may take to accept.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Connects, sends, and waits for the head of the answer. The rest of it comes over a task that ends with the answer.
pub(super) async fn exchange(
    place: &Place,
    request: Request<Outgoing>,
) -> Result<Response<Incoming>, ClientError> {
    match place {
        #[cfg(unix)]
        Place::Unix(path) => over(place, in_time(place, UnixStream::connect(path)).await?, request).await,
        Place::Tcp { host, port, .. } => {
            let stream = in_time(place, TcpStream::connect((host.as_str(), *port))).await?;
            over(place, stream, request).await
        }
    }
}

async fn in_time<S>(
    place: &Place,
    connecting: impl Future<Output = std::io::Result<S>>,
) -> Result<S, ClientError> {
    let connected = timeout(CONNECT_TIME, connecting).await;
    connected
        .map_err(|_| place.nobody_there("it does not accept"))?
        .map_err(|error| place.nobody_there(error))
}

async fn over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    place: &Place,
    stream: S,
    request: Request<Outgoing>,
) -> Result<Response<Incoming>, ClientError> {
    let failed = |error: hyper::Error| failure(place, &error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // It ends when the answer has been read or is dropped, and the sender is gone.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(failed)
}

fn failure(place: &Place, error: &hyper::Error) -> ClientError {
    let because = std::error::Error::source(error);
    if error.is_user() {
        let reason = because.map_or_else(|| error.to_string(), ToString::to_string);
        return ClientError::Package { reason };
    }
    let reason = because.map_or_else(|| error.to_string(), |because| format!("{error}: {because}"));
    place.broken_off(reason)
}
