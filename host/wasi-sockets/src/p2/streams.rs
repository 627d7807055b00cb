//! The two streams of a connected socket.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use wasm_roles_virtual_network::{NetError, TcpStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::bindings::wasi::sockets::network::ErrorCode;
use crate::CHUNK;

pub(super) struct Receiving(pub(super) Arc<TcpStream>);

pub(super) struct Sending {
    stream: Arc<TcpStream>,
    /// What the last `check-write` allowed and no `write` has used yet.
    permitted: usize,
}

impl Sending {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, permitted: 0 }
    }
}

fn stream_error(error: NetError) -> StreamError {
    match error {
        NetError::ConnectionBroken => StreamError::Closed,
        error => StreamError::LastOperationFailed(ErrorCode::from(error).into()),
    }
}

#[async_trait::async_trait]
impl Pollable for Receiving {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_readable(cx)).await;
    }
}

impl InputStream for Receiving {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        match self.0.try_read(size.min(CHUNK)).map_err(stream_error)? {
            Some(end) if end.is_empty() => Err(StreamError::Closed),
            Some(bytes) => Ok(bytes),
            None => Ok(Bytes::new()),
        }
    }
}

#[async_trait::async_trait]
impl Pollable for Sending {
    async fn ready(&mut self) {
        poll_fn(|cx| self.stream.poll_writable(cx)).await;
    }
}

impl OutputStream for Sending {
    fn check_write(&mut self) -> StreamResult<usize> {
        self.permitted = self.stream.write_budget().map_err(stream_error)?.min(CHUNK);
        Ok(self.permitted)
    }

    fn write(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        let left = self.permitted.checked_sub(bytes.len());
        self.permitted = left.ok_or_else(|| StreamError::trap("a write of more than check-write had allowed"))?;
        // This stream is the only writer, so the budget cannot have shrunk since it was asked for.
        while !bytes.is_empty() {
            if self.stream.try_write(&mut bytes).map_err(stream_error)? == 0 {
                return Err(StreamError::trap("the network took back a promised write budget"));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.write_budget().map(|_| ()).map_err(stream_error)
    }
}
