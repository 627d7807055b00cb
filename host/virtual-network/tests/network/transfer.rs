//! Much data between threads: nothing lost, nothing twice, nobody asleep for ever.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use wasm_roles_virtual_network::TcpStream;

use crate::bed::{Bed, read, write_all};

/// Far more than any of these tests takes; a lost wake-up would wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const TRANSFER: usize = 20 * 1024 * 1024;

/// A small generator (xorshift), so that a failure comes again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Sizes of all magnitudes: many small, some large.
    fn size(&mut self) -> usize {
        let magnitude = self.next() % 18;
        1 + usize::try_from(self.next() % (1 << magnitude)).unwrap()
    }
}

/// The byte at `position` of every stream.
fn byte_at(position: usize) -> u8 {
    u8::try_from((position ^ (position >> 8) ^ (position >> 16)) & 0xff).unwrap()
}

async fn send(stream: &TcpStream, seed: u64) {
    let mut random = Random(seed);
    let mut position = 0;
    while position < TRANSFER {
        let size = random.size().min(TRANSFER - position);
        let data: Vec<u8> = (position..position + size).map(byte_at).collect();
        write_all(stream, data).await.unwrap();
        position += size;
    }
    stream.shutdown_write();
}

async fn receive(stream: &TcpStream, seed: u64) {
    let mut random = Random(seed);
    let mut position = 0;
    loop {
        match stream.try_read(random.size()).unwrap() {
            Some(chunk) if chunk.is_empty() => break,
            Some(chunk) => {
                assert!(
                    chunk.iter().zip(position..).all(|(byte, at)| *byte == byte_at(at)),
                    "after {position}"
                );
                position += chunk.len();
            }
            None => std::future::poll_fn(|cx| stream.poll_readable(cx)).await,
        }
    }
    assert_eq!(position, TRANSFER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_megabytes_each_way_arrive_unharmed() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    let there = tokio::spawn(async move { tokio::join!(send(&client, 11), receive(&client, 12)) });
    let back = tokio::spawn(async move { tokio::join!(send(&server, 13), receive(&server, 14)) });
    timeout(PATIENCE, async { (there.await.unwrap(), back.await.unwrap()) }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_reads_and_writes_it_as_any_stream() {
    let bed = Bed::new();
    let (mut client, server) = bed.pair().await;
    let echo = tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(server);
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let sent: Vec<u8> = (0..3_000_000).map(byte_at).collect();
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let mut received = Vec::new();
    let write = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let (_, read) =
        timeout(PATIENCE, async { tokio::join!(write, reader.read_to_end(&mut received)) }).await.unwrap();
    assert_eq!(read.unwrap(), sent.len());
    assert!(received == sent);
    echo.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost_in_two_hundred_thousand_turns() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    const TURNS: usize = 100_000;
    let echo = tokio::spawn(async move {
        for _ in 0..TURNS {
            let ball = read(&server).await.unwrap();
            write_all(&server, ball).await.unwrap();
        }
    });
    let play = async {
        for turn in 0..TURNS {
            write_all(&client, vec![byte_at(turn); 1]).await.unwrap();
            assert_eq!(read(&client).await.unwrap(), vec![byte_at(turn)], "turn {turn}");
        }
    };
    timeout(PATIENCE, play).await.unwrap();
    echo.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost_between_connects_and_accepts() {
    use crate::bed::{PORT, SERVER, at};
    let bed = Bed::new();
    let listener = bed.listen(2);
    const EACH: usize = 2_000;
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let client = bed.client.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    let stream = client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
                    write_all(&stream, "x").await.unwrap();
                    assert_eq!(read(&stream).await.unwrap(), "");
                }
            })
        })
        .collect();
    let serve = async {
        for _ in 0..4 * EACH {
            let stream = listener.accept().await.unwrap();
            assert_eq!(read(&stream).await.unwrap(), "x");
        }
    };
    timeout(PATIENCE, serve).await.unwrap();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!((bed.client.socket_count(), bed.server.socket_count()), (0, 1));
}
