//! A read from a component-model stream that loses nothing when it is dropped half-way.

use std::mem;
use std::pin::{Pin, pin};

use wit_bindgen::{StreamRead, StreamReader, StreamResult};

/// Reads into the spare capacity of `buffer`, which must have some. True: something was read. False: the stream has ended.
pub(super) async fn read_into<T: 'static>(stream: &mut StreamReader<T>, buffer: &mut Vec<T>) -> bool {
    let before = buffer.len();
    loop {
        let operation = pin!(stream.read(mem::take(buffer)));
        let mut reading = Reading { operation, buffer, finished: false };
        let (result, values) = reading.operation.as_mut().await;
        reading.finished = true;
        *reading.buffer = values;
        drop(reading);
        if buffer.len() > before {
            return true;
        }
        if result == StreamResult::Dropped {
            return false;
        }
    }
}

/// A read in progress. When the future around it is dropped, the host may already have delivered values: they are put back
/// into the caller's buffer.
struct Reading<'operation, 'stream, 'buffer, T: 'static> {
    operation: Pin<&'operation mut StreamRead<'stream, T>>,
    buffer: &'buffer mut Vec<T>,
    finished: bool,
}

impl<T: 'static> Drop for Reading<'_, '_, '_, T> {
    fn drop(&mut self) {
        if !self.finished {
            let (_, values) = self.operation.as_mut().cancel();
            *self.buffer = values;
        }
    }
}
