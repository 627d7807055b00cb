//! A tap that writes a pcapng file.
//!
//! What a guest sends goes into a queue and from there, on a thread of its own, into the file; so a slow disk delays
//! nobody. While the queue is full packets are dropped, counted, and the count is in the file in the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use super::tap::{Content, Packet, Tap, Wire};
use super::{headers, pcapng};
use crate::sync::lock;

/// Packets that wait to be written.
const QUEUE: usize = 16 * 1024;
/// Bytes of data in them.
const QUEUED_BYTES: usize = 32 * 1024 * 1024;
/// Loopbacks that get an interface of their own in the file; the rest share one.
const INTERFACES: usize = 4096;

/// Writes what passes to a pcapng file, for Wireshark and its family.
///
/// The file is complete after [`finish`](Self::finish); what was written before can be read at any time.
pub struct CaptureFile {
    to_writer: Mutex<Option<SyncSender<Item>>>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
    traffic: Arc<Traffic>,
}

/// What has come, been dropped and is queued.
#[derive(Debug, Default)]
struct Traffic {
    seen: AtomicU64,
    dropped: AtomicU64,
    queued_bytes: AtomicUsize,
}

enum Item {
    Name(Ipv4Addr, String),
    Packet(Packet),
    End(Instant),
}

impl CaptureFile {
    /// Begins to write to `output`. `since_1970` is the time of the clock on the wall now, from which the times of packets
    /// count.
    ///
    /// # Errors
    ///
    /// When the head of the file cannot be written, or no thread started.
    pub fn start(mut output: impl Write + Send + 'static, since_1970: Duration) -> io::Result<Self> {
        output.write_all(&pcapng::section_header(concat!("wasm-roles ", env!("CARGO_PKG_VERSION"))))?;
        output.write_all(&pcapng::interface("network"))?;
        output.flush()?;
        let (to_writer, items) = sync_channel(QUEUE);
        let traffic = Arc::new(Traffic::default());
        let clock = Epoch { start: Instant::now(), since_1970 };
        let file = Writer { output, clock, loopbacks: BTreeMap::new(), traffic: traffic.clone() };
        let writer =
            std::thread::Builder::new().name("capture".to_owned()).spawn(move || file.run(&items))?;
        Ok(Self { to_writer: Mutex::new(Some(to_writer)), writer: Mutex::new(Some(writer)), traffic })
    }

    /// Packets that are not in the file because the disk was too slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.traffic.dropped.load(Ordering::Relaxed)
    }

    /// Writes what is queued and the statistics, and ends the file; what passes from now on is not in it. It blocks until
    /// the file is written.
    ///
    /// # Errors
    ///
    /// The first error of writing; nothing was written after it.
    pub fn finish(&self) -> io::Result<()> {
        // Both are taken out before anything blocks, so that no guest waits for the locks.
        let to_writer = lock(&self.to_writer).take();
        let writer = lock(&self.writer).take();
        if let Some(to_writer) = to_writer {
            // The writer is gone after an error, which the join tells.
            let _ = to_writer.send(Item::End(Instant::now()));
        }
        match writer.map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written,
            Some(Err(_)) => Err(io::Error::other("the thread that writes the capture failed")),
        }
    }

    fn queue(&self, item: Item) -> Queued {
        let to_writer = lock(&self.to_writer);
        let Some(to_writer) = to_writer.as_ref() else { return Queued::Ended };
        match to_writer.try_send(item) {
            Ok(()) => Queued::Yes,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Queued::Dropped,
        }
    }
}

/// What became of something for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queued {
    Yes,
    Dropped,
    /// The file has ended.
    Ended,
}

impl Tap for CaptureFile {
    fn attached(&self, address: Ipv4Addr, instance: &str) {
        self.queue(Item::Name(address, instance.to_owned()));
    }

    fn packet(&self, packet: Packet) {
        let (traffic, bytes) = (&self.traffic, size(&packet.content));
        let before = traffic.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= QUEUED_BYTES;
        let queued = if fits { self.queue(Item::Packet(packet)) } else { Queued::Dropped };
        if queued != Queued::Yes {
            traffic.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        if queued != Queued::Ended {
            traffic.seen.fetch_add(1, Ordering::Relaxed);
        }
        if queued == Queued::Dropped {
            traffic.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for CaptureFile {
    fn drop(&mut self) {
        // Who wants to know calls it before.
        let _ = self.finish();
    }
}

/// The bytes of data that a packet keeps, also those of what it says could not be delivered.
fn size(content: &Content) -> usize {
    match content {
        Content::Tcp { data, .. } | Content::Udp { data } => data.len(),
        Content::Unreachable { original, .. } => size(original),
    }
}

/// From tokio's time to the time since 1970.
#[derive(Clone, Copy)]
struct Epoch {
    start: Instant,
    since_1970: Duration,
}

impl Epoch {
    fn since_1970(self, at: Instant) -> Duration {
        self.since_1970.saturating_add(at.saturating_duration_since(self.start))
    }
}

/// The thread that writes.
struct Writer<W> {
    output: W,
    clock: Epoch,
    /// The interfaces of loopbacks; the network is number 0.
    loopbacks: BTreeMap<Wire, u32>,
    traffic: Arc<Traffic>,
}

impl<W: Write> Writer<W> {
    fn run(mut self, items: &Receiver<Item>) -> io::Result<()> {
        while let Ok(item) = items.recv() {
            let mut item = Some(item);
            while let Some(next) = item.take() {
                match next {
                    Item::Name(address, name) => self.output.write_all(&pcapng::name(address, &name))?,
                    Item::Packet(packet) => self.write(&packet)?,
                    Item::End(at) => return self.end(at),
                }
                item = items.try_recv().ok();
            }
            // Nothing waits, so whoever looks at the file sees all of it.
            self.output.flush()?;
        }
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> io::Result<()> {
        let interface = self.interface(&packet.wire)?;
        let time = self.clock.since_1970(packet.at);
        let mut comment = packet.comment.as_deref();
        for data in headers::packets(packet) {
            self.output.write_all(&pcapng::packet(interface, time, &data, comment.take()))?;
        }
        self.traffic.queued_bytes.fetch_sub(size(&packet.content), Ordering::Relaxed);
        Ok(())
    }

    fn interface(&mut self, wire: &Wire) -> io::Result<u32> {
        let Wire::Loopback(instance) = wire else { return Ok(0) };
        if let Some(number) = self.loopbacks.get(wire) {
            return Ok(*number);
        }
        if self.loopbacks.len() >= INTERFACES {
            return Ok(0);
        }
        self.output.write_all(&pcapng::interface(&format!("loopback {instance}")))?;
        let number = u32::try_from(self.loopbacks.len().saturating_add(1)).unwrap_or(0);
        self.loopbacks.insert(wire.clone(), number);
        Ok(number)
    }

    fn end(mut self, at: Instant) -> io::Result<()> {
        let (seen, dropped) =
            (self.traffic.seen.load(Ordering::Relaxed), self.traffic.dropped.load(Ordering::Relaxed));
        self.output.write_all(&pcapng::statistics(0, self.clock.since_1970(at), seen, dropped))?;
        self.output.flush()
    }
}
