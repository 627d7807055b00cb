//! What a request carries.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How much of a package is read at a time.
const PIECE: usize = 64 << 10;
/// How long a package waits for the host to say that it wants it. A host that says nothing gets it then.
const PATIENCE: Duration = Duration::from_secs(5);

/// A package that is sent as it is read.
pub struct Package {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    length: Option<u64>,
}

impl Package {
    /// A package of unknown length.
    pub fn new(reader: impl AsyncRead + Send + 'static) -> Self {
        Self { reader: Box::pin(reader), length: None }
    }

    /// With its length in bytes; the reader has to give exactly so many.
    #[must_use]
    pub const fn of_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// A package in memory.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let length = u64::try_from(bytes.len()).ok();
        Self { reader: Box::pin(io::Cursor::new(bytes)), length }
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package").field("length", &self.length).finish_non_exhaustive()
    }
}

/// The host wants the package (`100 Continue`). So that one that is refused for its name only is not sent at all.
#[derive(Clone, Debug)]
pub(super) struct Permission(Arc<Semaphore>);

impl Permission {
    pub(super) fn give(&self) {
        self.0.close();
    }
}

/// The body of a request.
pub(super) enum Outgoing {
    Nothing,
    Json(Option<Bytes>),
    Package {
        package: Package,
        permission: Permission,
        /// Until the permission is there, or was waited for long enough.
        waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
        piece: BytesMut,
    },
}

impl Outgoing {
    pub(super) const fn nothing() -> Self {
        Self::Nothing
    }

    pub(super) fn json(json: Vec<u8>) -> Self {
        Self::Json(Some(json.into()))
    }

    pub(super) fn package(package: Package) -> Self {
        let permission = Permission(Arc::new(Semaphore::new(0)));
        let given = Arc::clone(&permission.0);
        let waiting = Box::pin(async move {
            // A semaphore without permits: this ends when it is closed.
            let _ = tokio::time::timeout_at(Instant::now() + PATIENCE, given.acquire()).await;
        });
        Self::Package { package, permission, waiting: Some(waiting), piece: BytesMut::new() }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Nothing => Poll::Ready(None),
            Self::Json(json) => Poll::Ready(json.take().map(|json| Ok(Frame::data(json)))),
            Self::Package { package, waiting, piece, .. } => {
                if let Some(wait) = waiting {
                    ready!(wait.as_mut().poll(cx));
                    *waiting = None;
                }
                piece.resize(PIECE, 0);
                let mut buffer = ReadBuf::new(piece);
                let read = ready!(package.reader.as_mut().poll_read(cx, &mut buffer));
                let length = buffer.filled().len();
                Poll::Ready(match read {
                    Err(error) => Some(Err(error)),
                    Ok(()) if length == 0 => None,
                    Ok(()) => Some(Ok(Frame::data(piece.split_to(length).freeze()))),
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Nothing | Self::Json(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Json(json) => {
                let length = json.as_ref().map_or(0, Bytes::len);
                u64::try_from(length).map_or_else(|_| SizeHint::new(), SizeHint::with_exact)
            }
            Self::Package { package, .. } => package.length.map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}
