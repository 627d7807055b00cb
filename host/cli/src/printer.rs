//! The one writer of both output streams.
//!
//! A thread of its own writes what it is given, whole, one after the other: lines are never torn, and a terminal that does not
//! read holds up nobody but this thread and those who wait for a place in its queue.

use std::io::{self, Write};
use std::thread;

use tokio::sync::{mpsc, watch};

/// What can wait to be written.
const PLACES: usize = 64;
/// Bytes that are written in one go when there is much to write.
const BATCH: usize = 64 << 10;

/// A text for one of the streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub stream: Stream,
    pub bytes: Vec<u8>,
}

impl Page {
    pub fn out(bytes: impl Into<Vec<u8>>) -> Self {
        Self { stream: Stream::Out, bytes: bytes.into() }
    }

    pub fn err(bytes: impl Into<Vec<u8>>) -> Self {
        Self { stream: Stream::Err, bytes: bytes.into() }
    }
}

/// An output stream of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
}

/// Where to send pages. The thread ends when it is gone and everything is written.
pub struct Printer(mpsc::Sender<Page>);

/// What became of the printer's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Writing,
    /// Standard output was closed by its reader. What comes after that is thrown away.
    ReaderGone,
    /// Everything is written.
    Done,
}

/// Watches a printer.
pub struct Printed(watch::Receiver<Fate>);

impl Printer {
    pub fn start() -> io::Result<(Self, Printed)> {
        let (sender, pages) = mpsc::channel(PLACES);
        let (fate, watched) = watch::channel(Fate::Writing);
        thread::Builder::new().name("printer".to_owned()).spawn(move || {
            write_all(pages, &fate);
            fate.send_replace(Fate::Done);
        })?;
        Ok((Self(sender), Printed(watched)))
    }

    pub async fn print(&self, page: Page) {
        // The thread outlives this sender.
        let _ = self.0.send(page).await;
    }
}

impl Printed {
    /// Waits until nobody reads standard output any more.
    pub async fn reader_gone(&mut self) {
        if self.0.wait_for(|fate| *fate == Fate::ReaderGone).await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits until everything is written.
    pub async fn done(&mut self) {
        let _ = self.0.wait_for(|fate| *fate == Fate::Done).await;
    }
}

fn write_all(mut pages: mpsc::Receiver<Page>, fate: &watch::Sender<Fate>) {
    let mut next = pages.blocking_recv();
    while let Some(mut page) = next {
        // What is there for the same stream goes out together.
        next = loop {
            match pages.try_recv() {
                Ok(more) if more.stream == page.stream && page.bytes.len() < BATCH => {
                    page.bytes.extend_from_slice(&more.bytes);
                }
                Ok(other) => break Some(other),
                Err(_) => break None,
            }
        };
        if write(&page).is_err() && page.stream == Stream::Out {
            fate.send_replace(Fate::ReaderGone);
        }
        if next.is_none() {
            next = pages.blocking_recv();
        }
    }
}

fn write(page: &Page) -> io::Result<()> {
    match page.stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            out.write_all(&page.bytes)?;
            out.flush()
        }
        Stream::Err => io::stderr().lock().write_all(&page.bytes),
    }
}
