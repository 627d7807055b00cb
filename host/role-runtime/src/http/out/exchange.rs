//! One request and its response over one connection.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{oneshot, watch};
use wasmtime_wasi_http::{Error, WasiBody};

use super::body::{Progress, RequestBody, ResponseBody};
use super::connection::{Connection, Driver, Sender};
use super::limits::{Timeouts, Turn};
use super::wire::Ear;
use super::{Transmission, errors, request};

/// Sends the request and waits for the head of the response. The turn is held until both bodies are done.
pub(super) async fn run(
    connection: Connection,
    request: Request<WasiBody>,
    timeouts: Timeouts,
    turn: Arc<Turn>,
    life: watch::Receiver<()>,
) -> Result<(Response<WasiBody>, Transmission), Error> {
    let Connection { sender, mut driver, ear } = connection;
    let progress = Progress::now();
    let request = request.map(|body| RequestBody::new(body, progress.clone()).boxed_unsync());
    let (response, is_over) = tokio::select! {
        biased;
        response = respond(sender, request, &mut driver) => {
            response.map_err(|error| errors::exchange(&error, ear.heard()))?
        }
        () = progress.stalled(timeouts.first_byte) => return Err(Error::ConnectionReadTimeout),
    };
    // Nobody asked for another protocol, so nobody could speak it.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::HttpUpgradeFailed);
    }
    let (alive, dropped) = oneshot::channel();
    let (held, wait) = (Arc::clone(&turn), timeouts.between_bytes);
    let response = response.map(|body| ResponseBody::new(body, wait, held, alive).boxed_unsync());
    let given_up = given_up(dropped, progress, wait, life);
    Ok((response, Box::new(finish(driver, is_over, ear, turn, given_up))))
}

/// The response, and whether the connection is over. The sender is dropped then: there is no second request.
async fn respond(
    sender: Sender,
    request: Request<WasiBody>,
    driver: &mut Driver,
) -> Result<(Response<Incoming>, bool), hyper::Error> {
    let mut response = pin!(ask(sender, request));
    tokio::select! {
        biased;
        response = &mut response => Ok((response?, false)),
        // Its error is the cause; the one that the response would give is only the consequence.
        ended = driver => {
            ended?;
            Ok((response.await?, true))
        }
    }
}

async fn ask(sender: Sender, asked: Request<WasiBody>) -> Result<Response<Incoming>, hyper::Error> {
    match sender {
        Sender::Http1(mut sender) => sender.send_request(request::for_http1(asked)).await,
        Sender::Http2(mut sender) => sender.send_request(request::for_http2(asked)).await,
    }
}

/// Drives the connection to its end, or until it is given up.
async fn finish(
    driver: Driver,
    is_over: bool,
    ear: Ear,
    turn: Arc<Turn>,
    given_up: impl Future<Output = Error>,
) -> Result<(), Error> {
    let ended = if is_over {
        Ok(())
    } else {
        tokio::select! {
            biased;
            ended = driver => ended.map_err(|error| errors::exchange(&error, ear.heard())),
            reason = given_up => Err(reason),
        }
    };
    drop(turn);
    ended
}

/// Why nobody waits for the connection any more: the instance has ended, or the guest has dropped the response and the
/// server takes nothing more of the request.
///
/// Over 0.3 the host crate gives up a connection when the response and the body of the request are dropped, but it is the
/// connection itself that holds the body as long as the server has not taken it all.
async fn given_up(
    dropped: oneshot::Receiver<Infallible>,
    progress: Progress,
    wait: Duration,
    mut life: watch::Receiver<()>,
) -> Error {
    let stuck = async {
        // Nobody sends anything: it ends when the other end is dropped.
        let _ = dropped.await;
        progress.made();
        progress.stalled(wait).await;
    };
    tokio::select! {
        biased;
        () = stuck => Error::ConnectionWriteTimeout,
        _ = life.changed() => Error::ConnectionTerminated,
    }
}
