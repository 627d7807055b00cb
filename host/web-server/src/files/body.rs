//! The body of a response that sites give: words, a file, or parts of one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::conditions::Facts;
use super::find::facts_now;
use super::readers::{Buffers, Readers, SMALL};

/// Why a body ends before its end. What was sent is not the file, and the connection breaks, so that nobody takes it for that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file became shorter, or its content another one, while it was sent.
    #[error("the file was changed while it was sent")]
    Changed,
    /// It could not be read.
    #[error("the file could not be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// A piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// These words.
    Words(Bytes),
    /// These bytes of the file.
    OfFile(Range<u64>),
}

impl Segment {
    fn length(&self) -> u64 {
        match self {
            Self::Words(words) => u64::try_from(words.len()).unwrap_or(u64::MAX),
            Self::OfFile(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// How many bytes all of them have.
pub(crate) fn length(segments: &VecDeque<Segment>) -> u64 {
    segments.iter().map(Segment::length).sum()
}

/// The body. While one piece of a file is sent, the next one is read; there are never more than these two.
#[derive(Default)]
pub struct FileBody {
    left: u64,
    /// What comes after `piece`.
    segments: VecDeque<Segment>,
    /// The rest of the piece that is being sent.
    piece: Bytes,
    source: Source,
}

impl std::fmt::Debug for FileBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileBody").field("left", &self.left).finish_non_exhaustive()
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<Source, FileError>> + Send>>;

#[derive(Default)]
enum Source {
    /// Nothing of a file is needed, or reading it has failed.
    #[default]
    None,
    /// The next piece is being read.
    Reading(Reading),
    /// The next piece is there.
    Read(Bytes, Reader, Readers),
}

/// A file on its way.
pub(crate) struct Reader {
    file: File,
    /// Where it is read next.
    position: u64,
    /// What the file was when its validators were made, if they promise that it stays so.
    promised: Option<Facts>,
}

impl Reader {
    pub(crate) fn new(file: File, promised: Option<Facts>) -> Self {
        Self { file, position: 0, promised }
    }

    /// Reads the next piece of a range. It blocks.
    fn read(&mut self, range: &Range<u64>, buffers: &Arc<Buffers>) -> Result<Bytes, FileError> {
        if self.position != range.start {
            self.file.seek(SeekFrom::Start(range.start))?;
        }
        let piece = buffers.read(&mut self.file, range.end.saturating_sub(range.start))?;
        if piece.is_empty() {
            return Err(FileError::Changed);
        }
        self.position = range.start.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        // Asked after the reading: what was the same then was the same all the time.
        if self.position >= range.end
            && let Some(promised) = &self.promised
            && !facts_now(&self.file)?.has_same_content(promised)
        {
            return Err(FileError::Changed);
        }
        Ok(piece)
    }
}

impl FileBody {
    /// Of words alone.
    pub(crate) fn of_words(words: impl Into<Bytes>) -> Self {
        let words: Bytes = words.into();
        let segments: VecDeque<Segment> =
            if words.is_empty() { VecDeque::new() } else { VecDeque::from([Segment::Words(words)]) };
        Self { left: length(&segments), segments, ..Self::default() }
    }

    /// Of words and of a file, at least some bytes of it, the first of which are read at once. It blocks.
    pub(crate) fn of_file(
        segments: VecDeque<Segment>,
        mut reader: Reader,
        buffers: &Arc<Buffers>,
        readers: Readers,
    ) -> Result<Self, FileError> {
        let first = next_range(&segments).ok_or(FileError::Changed)?;
        let piece = reader.read(&first, buffers)?;
        let left = length(&segments);
        Ok(Self { left, segments, source: Source::Read(piece, reader, readers), ..Self::default() })
    }

    /// The first bytes of the front segment are in a piece now.
    fn advance(&mut self, piece: &Bytes) {
        let sent = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if let Some(Segment::OfFile(range)) = self.segments.front_mut() {
            range.start = range.start.saturating_add(sent);
            if range.is_empty() {
                self.segments.pop_front();
            }
        }
    }

    /// The next slice of the piece. The memory of a large piece counts as taken until the client has all of it, so
    /// whoever sends it must get no more at once than the server would copy anyway.
    fn slice(&mut self) -> Bytes {
        let slice = self.piece.split_to(self.piece.len().min(SMALL));
        self.left = self.left.saturating_sub(u64::try_from(slice.len()).unwrap_or(u64::MAX));
        slice
    }

    fn fail(&mut self) {
        self.segments.clear();
        self.source = Source::None;
    }
}

fn next_range(segments: &VecDeque<Segment>) -> Option<Range<u64>> {
    segments.iter().find_map(|segment| match segment {
        Segment::OfFile(range) => Some(range.clone()),
        Segment::Words(_) => None,
    })
}

fn read(mut reader: Reader, range: Range<u64>, readers: Readers) -> Reading {
    Box::pin(async move {
        let means = readers.clone();
        let read = means.run(move |buffers| Ok(reader.read(&range, buffers).map(|piece| (piece, reader))));
        read.await?.map(|(piece, reader)| Source::Read(piece, reader, readers))
    })
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FileError>>> {
        let this = &mut *self;
        if !this.piece.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(this.slice()))));
        }
        if let Some(Segment::Words(words)) = this.segments.front_mut() {
            let words = std::mem::take(words);
            this.segments.pop_front();
            this.left = this.left.saturating_sub(u64::try_from(words.len()).unwrap_or(u64::MAX));
            return Poll::Ready(Some(Ok(Frame::data(words))));
        }
        if this.segments.is_empty() {
            return Poll::Ready(None);
        }
        if let Source::Reading(reading) = &mut this.source {
            match ready!(reading.as_mut().poll(cx)) {
                Ok(source) => this.source = source,
                Err(error) => {
                    this.fail();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let Source::Read(piece, reader, readers) = std::mem::take(&mut this.source) else {
            this.fail();
            return Poll::Ready(Some(Err(FileError::Changed)));
        };
        this.advance(&piece);
        if let Some(range) = next_range(&this.segments) {
            let mut next = read(reader, range, readers);
            // Polled now, so that it is under way while this piece is sent.
            this.source = match next.as_mut().poll(cx) {
                Poll::Ready(Ok(source)) => source,
                Poll::Ready(Err(error)) => Source::Reading(Box::pin(std::future::ready(Err(error)))),
                Poll::Pending => Source::Reading(next),
            };
        }
        this.piece = piece;
        Poll::Ready(Some(Ok(Frame::data(this.slice()))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.segments.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
