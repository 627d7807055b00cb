//! The body of a 0.3 response, read as the guest writes it.
//!
//! The host crate begins to read a body when it has got the response. A guest writes before that, mostly in the very call
//! that returns the response: its write waits, and so does the end of its trailers, and for each of them the guest is
//! called once more when they have been read. Here `response.new` begins to read. What the guest writes finds a
//! reader, so a small body is complete when the handler returns, the guest need not be called again, and since the length
//! of such a body is known the client gets it in one piece with a `content-length`.
//!
//! What has been written and not yet been asked for is at most [`ROOM`] for each response and counts as the instance's
//! memory. Where that is used up the guest waits, until somebody wants its response.

use std::mem::take;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use wasm_roles_virtual_network::MemoryBudget;
use wasmtime::component::{
    FutureConsumer, FutureReader, Linker, Resource, Source, StreamConsumer, StreamReader, StreamResult,
};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::p3::Response;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, FieldMap, WasiHttpView};

use super::codes::code_0_3;
use crate::sandbox::Sandbox;

/// Bytes of one body that wait to be sent.
const ROOM: usize = 64 << 10;

type Trailers = core::result::Result<Option<Resource<FieldMap>>, ErrorCode>;

/// What became of a response, for the guest that made it.
type Sent = core::result::Result<(), ErrorCode>;

/// Puts a `response.new` that reads ahead in the place of the host crate's.
pub(super) fn add_to_linker(linker: &mut Linker<Sandbox>) -> Result<()> {
    linker
        .instance("wasi:http/types@0.3.0")?
        .func_wrap("[static]response.new", |store, (headers, contents, trailers)| {
            Ok((new_response(store, headers, contents, trailers)?,))
        })
}

fn new_response(
    mut store: StoreContextMut<'_, Sandbox>,
    headers: Resource<FieldMap>,
    contents: Option<StreamReader<u8>>,
    trailers: FutureReader<Trailers>,
) -> Result<(Resource<Response>, FutureReader<Sent>)> {
    let passage = Passage::new(Arc::clone(store.data().memory()));
    match contents {
        Some(contents) => contents.pipe(&mut store, Contents(passage.clone()))?,
        None => passage.lock().contents_over = true,
    }
    trailers.pipe(&mut store, AwaitedTrailers(passage.clone()))?;
    let http = store.data_mut().http();
    let mut headers = http.table.delete(headers)?;
    headers.set_immutable();
    let (mut response, sent) = Response::from_http(http.hooks, http::Response::new(WrittenBody(passage)));
    response.headers = headers;
    let response = http.table.push(response)?;
    let sent = async move { wasmtime::error::Ok(sent.await.map_err(|error| code_0_3(&error))) };
    Ok((response, FutureReader::new(store, sent)?))
}

/// A body between the guest that writes it and the server that sends it. A clone is the same one.
#[derive(Clone)]
struct Passage(Arc<Mutex<State>>);

struct State {
    written: Vec<u8>,
    /// How much of `written` is charged to `memory`.
    charged: u64,
    memory: Arc<MemoryBudget>,
    contents_over: bool,
    /// None: the guest has not said yet.
    trailers: Option<core::result::Result<Option<HeaderMap>, ErrorCode>>,
    reader: Reader,
    /// The guest, where it waits for room.
    writer: Option<Waker>,
}

/// Who wants the body.
enum Reader {
    /// Nobody so far.
    Awaited,
    Present,
    /// It waits for more.
    Waiting(Waker),
    /// It wants no more.
    Gone,
}

impl Passage {
    fn new(memory: Arc<MemoryBudget>) -> Self {
        Self(Arc::new(Mutex::new(State {
            written: Vec::new(),
            charged: 0,
            memory,
            contents_over: false,
            trailers: None,
            reader: Reader::Awaited,
            writer: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes room for as many of `offered` bytes as there is: none if the guest has to wait.
    fn admit(&mut self, offered: usize) -> usize {
        let length = offered.min(ROOM.saturating_sub(self.written.len()));
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        if self.memory.try_take(bytes) {
            self.charged = self.charged.saturating_add(bytes);
        } else if !self.is_urgent() {
            return 0;
        }
        length
    }

    /// Whether the next byte would be admitted.
    fn has_room(&self) -> bool {
        let in_memory = self.memory.used() < self.memory.limit();
        self.written.len() < ROOM && (in_memory || self.is_urgent())
    }

    /// A client that waits gets its response, however much memory the guest has used.
    fn is_urgent(&self) -> bool {
        self.written.is_empty() && !matches!(self.reader, Reader::Awaited)
    }

    /// Whether nothing comes any more after what is written. So it looks too when the store has gone, which
    /// [`WatchedBody`](super::body::WatchedBody) knows.
    fn is_whole(&self) -> bool {
        self.contents_over && matches!(self.trailers, Some(Ok(None)))
    }

    fn take_written(&mut self) -> Vec<u8> {
        self.memory.give_back(take(&mut self.charged));
        take(&mut self.written)
    }

    fn wake_reader(&mut self) {
        if let Reader::Waiting(waker) = &self.reader {
            waker.wake_by_ref();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.memory.give_back(self.charged);
    }
}

/// The guest's end of the contents.
struct Contents(Passage);

impl StreamConsumer<Sandbox> for Contents {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, Sandbox>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let offered = source.remaining();
        let mut state = self.0.lock();
        if matches!(state.reader, Reader::Gone) {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        let admitted = state.admit(offered.len());
        if let Some(bytes) = offered.get(..admitted).filter(|bytes| !bytes.is_empty()) {
            state.written.extend_from_slice(bytes);
            state.wake_reader();
            drop(state);
            source.mark_read(admitted);
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        if offered.is_empty() && state.has_room() {
            return Poll::Ready(Ok(StreamResult::Completed)); // all that the guest wanted to know
        }
        if finish {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.contents_over = true;
        state.wake_reader();
    }
}

/// The guest's end of the trailers.
struct AwaitedTrailers(Passage);

impl FutureConsumer<Sandbox> for AwaitedTrailers {
    type Item = Trailers;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'_, Sandbox>,
        mut source: Source<'_, Trailers>,
        _finish: bool,
    ) -> Poll<Result<()>> {
        let mut trailers = None;
        source.read(&mut store, &mut trailers)?;
        let trailers = match trailers {
            Some(Ok(Some(fields))) => Ok(Some(store.data_mut().table().delete(fields)?.into())),
            Some(Ok(None)) | None => Ok(None),
            Some(Err(code)) => Err(code),
        };
        let mut state = self.0.lock();
        state.trailers = Some(trailers);
        state.wake_reader();
        Poll::Ready(Ok(()))
    }
}

impl Drop for AwaitedTrailers {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.trailers.is_none() {
            state.trailers = Some(Ok(None));
            state.wake_reader();
        }
    }
}

/// The server's end.
struct WrittenBody(Passage);

impl Body for WrittenBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<core::result::Result<Frame<Bytes>, Error>>> {
        let mut state = self.0.lock();
        let written = state.take_written();
        state.wake_writer();
        if !written.is_empty() {
            state.reader = Reader::Present;
            return Poll::Ready(Some(Ok(Frame::data(written.into()))));
        }
        let contents_over = state.contents_over;
        match state.trailers.as_mut() {
            Some(trailers) if contents_over => match std::mem::replace(trailers, Ok(None)) {
                Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
                Err(code) => Poll::Ready(Some(Err(code.into()))),
            },
            _ => {
                state.reader = Reader::Waiting(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let state = self.0.lock();
        state.written.is_empty() && state.is_whole()
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.0.lock();
        if state.is_whole() {
            SizeHint::with_exact(u64::try_from(state.written.len()).unwrap_or(u64::MAX))
        } else {
            SizeHint::default()
        }
    }
}

impl Drop for WrittenBody {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader = Reader::Gone;
        state.take_written();
        state.wake_writer();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(memory: u64) -> (Passage, Arc<MemoryBudget>) {
        let memory = Arc::new(MemoryBudget::new(memory));
        (Passage::new(Arc::clone(&memory)), memory)
    }

    /// As the guest's stream does.
    fn write(passage: &Passage, offered: usize) -> usize {
        let mut state = passage.lock();
        let admitted = state.admit(offered);
        state.written.extend(vec![b'x'; admitted]);
        admitted
    }

    fn read(body: &mut WrittenBody) -> Poll<Option<usize>> {
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        polled.map(|frame| frame.map(|frame| frame.unwrap().into_data().unwrap().len()))
    }

    #[test]
    fn what_nobody_has_asked_for_is_bounded_and_counts_as_the_guests_memory() {
        let (passage, memory) = passage(1 << 20);
        assert_eq!(write(&passage, 10), 10);
        assert_eq!(write(&passage, 1 << 20), ROOM - 10);
        assert_eq!(write(&passage, 1), 0);
        assert_eq!(memory.used(), ROOM as u64);
        let mut body = WrittenBody(passage.clone());
        assert_eq!(read(&mut body), Poll::Ready(Some(ROOM)));
        assert_eq!(memory.used(), 0);
        assert_eq!(write(&passage, 7), 7);
        drop(body);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn a_guest_without_memory_waits_until_somebody_wants_its_response() {
        let (passage, memory) = passage(5);
        assert!(passage.lock().has_room());
        assert_eq!(write(&passage, 5), 5);
        assert!(!passage.lock().has_room());
        assert_eq!(write(&passage, 5), 0);
        let mut body = WrittenBody(passage.clone());
        assert_eq!(read(&mut body), Poll::Ready(Some(5)));
        memory.take(5);
        assert!(passage.lock().has_room(), "the client waits");
        assert_eq!(write(&passage, 9), 9, "and gets it, though it is not charged");
        assert_eq!(write(&passage, 9), 0);
        assert_eq!((memory.used(), read(&mut body)), (5, Poll::Ready(Some(9))));
        assert_eq!(memory.used(), 5);
    }

    #[test]
    fn the_length_of_a_body_is_known_when_its_end_is() {
        let (passage, _) = passage(100);
        write(&passage, 13);
        let mut body = WrittenBody(passage.clone());
        drop(Contents(passage.clone()));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false), "trailers may follow");
        passage.lock().trailers = Some(Ok(None));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(13), false));
        assert_eq!(read(&mut body), Poll::Ready(Some(13)));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert_eq!(read(&mut body), Poll::Ready(None));
    }

    #[test]
    fn trailers_and_the_guests_error_follow_the_contents() {
        let mut fields = HeaderMap::new();
        fields.insert("checksum", http::HeaderValue::from_static("17"));
        for (trailers, is_error) in [(Ok(Some(fields)), false), (Err(ErrorCode::LoopDetected), true)] {
            let (passage, _) = passage(100);
            let mut body = WrittenBody(passage.clone());
            passage.lock().trailers = Some(trailers);
            assert_eq!(read(&mut body), Poll::Pending, "the contents first");
            assert!(!body.is_end_stream());
            drop(Contents(passage));
            let mut next = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(next(), Poll::Ready(Some(end)) if end.is_err() == is_error));
            assert!(matches!(next(), Poll::Ready(None)));
        }
    }
}
