//! Streams of lines.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::place::Place;
use super::{ClientError, SILENCE};
use crate::Streamed;

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 4 << 20;

/// A stream of lines. Dropping it ends it.
#[derive(Debug)]
pub struct Lines<T> {
    body: Incoming,
    place: Place,
    /// What was read and not given out yet.
    read: BytesMut,
    /// How many bytes of it are known to have no end of a line.
    searched: usize,
    ended: bool,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Lines<T> {
    pub(super) fn new(body: Incoming, place: Place) -> Self {
        Self { body, place, read: BytesMut::new(), searched: 0, ended: false, of: PhantomData }
    }

    /// The next line; none after [`Streamed::End`]. It can be cancelled and called again.
    ///
    /// # Errors
    ///
    /// [`ClientError::BrokenOff`] when the stream was cut, or says nothing for [`SILENCE`]; ask again after the last line.
    /// [`ClientError::NotUnderstood`] for a line that is none.
    pub async fn next(&mut self) -> Result<Option<Streamed<T>>, ClientError> {
        while !self.ended {
            while let Some(line) = self.line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let line: Streamed<T> = serde_json::from_slice(&line)
                    .map_err(|error| self.place.not_understood(error.to_string()))?;
                self.ended = matches!(line, Streamed::End { .. });
                return Ok(Some(line));
            }
            self.more().await?;
        }
        Ok(None)
    }

    /// Takes a line that is there.
    fn line(&mut self) -> Option<BytesMut> {
        let new = self.read.get(self.searched..)?;
        match new.iter().position(|byte| *byte == b'\n') {
            Some(at) => {
                let line = self.read.split_to(self.searched + at);
                self.read.advance(1);
                self.searched = 0;
                Some(line)
            }
            None => {
                self.searched = self.read.len();
                None
            }
        }
    }

    async fn more(&mut self) -> Result<(), ClientError> {
        let broken_off = |reason: &str| self.place.broken_off(reason);
        if self.read.len() > LONGEST_LINE {
            return Err(self.place.not_understood("a line of the stream does not end"));
        }
        let frame =
            timeout(SILENCE, self.body.frame()).await.map_err(|_| broken_off("it says nothing more"))?;
        match frame {
            None => Err(broken_off("the stream was cut")),
            Some(Err(error)) => Err(broken_off(&error.to_string())),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.read.extend_from_slice(&data);
                }
                Ok(())
            }
        }
    }
}
