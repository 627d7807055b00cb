//! Streams of lines: what an operator tells goes to whoever asked, as fast as that one reads and no faster.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use wasm_roles_control_interface::{EndOfStream, Streamed};

use crate::door::{Inside, Pass};
use crate::operator::LineSource;

/// Lines that are there together go together, up to so many bytes.
const BATCH: usize = 32 << 10;

/// The lines of a source as bytes. When nobody takes them, the source is not asked; it tells later what was left out. The place
/// inside is kept for as long as the stream lasts, and the stream is cut when the pass does not hold any more.
pub(crate) fn lines<T: Serialize + Send + Sync + 'static>(
    source: impl LineSource<T>,
    beat: Duration,
    stopping: watch::Receiver<bool>,
    (pass, inside): (Pass, Inside),
) -> mpsc::Receiver<Bytes> {
    let (to, pieces) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = pump(source, beat, stopping, to) => {}
            () = expired(&pass, beat) => {}
        }
        drop(inside);
    });
    pieces
}

/// Until the pass does not hold any more.
async fn expired(pass: &Pass, every: Duration) {
    while pass.holds().await {
        sleep(every).await;
    }
}

async fn pump<T: Serialize + Send + Sync>(
    mut source: impl LineSource<T>,
    beat: Duration,
    mut stopping: watch::Receiver<bool>,
    to: mpsc::Sender<Bytes>,
) {
    let mut over = false;
    while !over {
        let mut batch = BytesMut::new();
        tokio::select! {
            biased;
            () = to.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => {
                append::<T>(&mut batch, &Streamed::End { reason: EndOfStream::Stopping });
                over = true;
            }
            next = source.next() => over = append_next(&mut batch, next),
            () = sleep(beat) => batch.put_u8(b'\n'),
        }
        while !over && batch.len() < BATCH {
            tokio::select! {
                biased;
                next = source.next() => over = append_next(&mut batch, next),
                () = std::future::ready(()) => break,
            }
        }
        if !batch.is_empty() && to.send(batch.freeze()).await.is_err() {
            return;
        }
    }
}

/// Whether it was the last one.
fn append_next<T: Serialize>(batch: &mut BytesMut, next: Option<Streamed<Arc<T>>>) -> bool {
    match next {
        None => return true,
        Some(Streamed::Line(line)) => append(batch, &Streamed::Line(&*line)),
        Some(Streamed::Gap { missed }) => append::<T>(batch, &Streamed::Gap { missed }),
        Some(Streamed::End { reason }) => {
            append::<T>(batch, &Streamed::End { reason });
            return true;
        }
    }
    false
}

fn append<T: Serialize>(batch: &mut BytesMut, line: &Streamed<&T>) {
    // Lines are made of text and numbers: writing one to memory does not fail.
    if serde_json::to_writer(batch.writer(), line).is_ok() {
        batch.put_u8(b'\n');
    }
}
