//! The two directions of a connection as streams of `wasi:io`.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use async_trait::async_trait;
use bytes::Bytes;
use wasm_roles_virtual_network::{NetError, TcpStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::errors;
use crate::CHUNK;

/// What the guest reads.
pub(super) struct Input {
    stream: Arc<TcpStream>,
    /// A failure is told once; after it the stream is closed.
    failed: bool,
}

impl Input {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, failed: false }
    }
}

impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if self.failed {
            return Err(StreamError::Closed);
        }
        match self.stream.try_read(size.min(CHUNK)) {
            Ok(None) => Ok(Bytes::new()),
            Ok(Some(data)) if data.is_empty() => Err(StreamError::Closed),
            Ok(Some(data)) => Ok(data),
            Err(error) => {
                self.failed = true;
                Err(errors::stream(error))
            }
        }
    }
}

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        poll_fn(|cx| self.stream.poll_readable(cx)).await;
    }
}

/// What the guest writes.
pub(super) struct Output {
    stream: Arc<TcpStream>,
    /// Bytes that may still be written after the last `check-write`.
    permit: usize,
    /// No permit is given until everything before the flush has been handed on.
    flushing: bool,
    /// A failure is told once; after it the stream is closed.
    failed: bool,
}

impl Output {
    pub(super) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, permit: 0, flushing: false, failed: false }
    }

    /// Ready when `check_write` would not say 0.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.flushing {
            ready!(self.stream.poll_flushed(cx));
        }
        self.stream.poll_writable(cx)
    }

    fn check_open(&self) -> StreamResult<()> {
        if self.failed { Err(StreamError::Closed) } else { Ok(()) }
    }

    fn fail(&mut self, error: NetError) -> StreamError {
        self.failed = true;
        errors::stream(error)
    }
}

#[async_trait]
impl OutputStream for Output {
    fn check_write(&mut self) -> StreamResult<usize> {
        self.check_open()?;
        self.permit = 0;
        // Nobody waits while the guest is here asking, so no waker is lost to this poll.
        if self.flushing && self.stream.poll_flushed(&mut Context::from_waker(Waker::noop())).is_pending() {
            return Ok(0);
        }
        self.flushing = false;
        self.permit = self.stream.write_budget().map_err(|error| self.fail(error))?.min(CHUNK);
        Ok(self.permit)
    }

    fn write(&mut self, mut data: Bytes) -> StreamResult<()> {
        self.check_open()?;
        let Some(permit) = self.permit.checked_sub(data.len()) else {
            return Err(StreamError::trap("a write of more bytes than check-write has permitted"));
        };
        self.permit = permit;
        self.stream.try_write(&mut data).map_err(|error| self.fail(error))?;
        if data.is_empty() {
            Ok(())
        } else {
            Err(StreamError::trap("the network took fewer bytes than it had promised"))
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_open()?;
        self.stream.write_budget().map_err(|error| self.fail(error))?;
        self.permit = 0;
        self.flushing = true;
        Ok(())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}
