//! Captures of whole conversations: what a tap is told, and the file.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use wasm_roles_virtual_network::capture::{Content, TcpFlags, Wire};
use wasm_roles_virtual_network::{CaptureFile, Effect, Fault, NetError, Packet, Tap, Whom};

use crate::bed::{Bed, CLIENT, PORT, SERVER, at, read, read_all, write_all};

/// Writes a line for each packet.
#[derive(Default)]
struct Lines(Mutex<String>);

impl Tap for Lines {
    fn attached(&self, address: Ipv4Addr, instance: &str) {
        writeln!(self.0.lock().unwrap(), "{address} is {instance}").unwrap();
    }

    fn packet(&self, packet: Packet) {
        let mut lines = self.0.lock().unwrap();
        if let Wire::Loopback(instance) = &packet.wire {
            write!(lines, "[{instance}] ").unwrap();
        }
        write!(lines, "{} > {}: ", packet.from, packet.to).unwrap();
        describe(&mut lines, &packet.content);
        let comment = packet.comment.map(|comment| format!(" ({comment})")).unwrap_or_default();
        writeln!(lines, "{comment}").unwrap();
    }
}

/// The content, with the sequence numbers of a first connection counted from 0.
fn describe(lines: &mut String, content: &Content) {
    match content {
        Content::Tcp { sequence, acknowledgment, flags, data } => {
            for (flag, name) in [
                (TcpFlags::SYN, "SYN "),
                (TcpFlags::FIN, "FIN "),
                (TcpFlags::RST, "RST "),
                (TcpFlags::PSH, "PSH "),
            ] {
                lines.push_str(if flags.has(flag) { name } else { "" });
            }
            write!(lines, "{}", sequence % 0x4000_0000).unwrap();
            if flags.has(TcpFlags::ACK) {
                write!(lines, " ack {}", acknowledgment % 0x4000_0000).unwrap();
            }
            if !data.is_empty() {
                write!(lines, " {:?}", String::from_utf8_lossy(data)).unwrap();
            }
        }
        Content::Udp { data } => write!(lines, "UDP {:?}", String::from_utf8_lossy(data)).unwrap(),
        Content::Unreachable { why, .. } => write!(lines, "ICMP unreachable: {why:?}").unwrap(),
    }
}

/// What a tap heard after the names.
fn heard(bed: &Bed) -> Arc<Lines> {
    let lines = Arc::new(Lines::default());
    assert!(bed.network.set_tap(lines.clone()));
    assert!(!bed.network.set_tap(Arc::new(Lines::default())), "one tap, for good");
    assert_eq!(
        std::mem::take(&mut *lines.0.lock().unwrap()),
        "10.0.0.4 is Client_IN_0\n10.0.0.5 is Server_IN_0\n"
    );
    lines
}

fn taken(lines: &Lines) -> Vec<String> {
    std::mem::take(&mut *lines.0.lock().unwrap()).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_small_conversation_is_shown_from_handshake_to_end() {
    let bed = Bed::new();
    let lines = heard(&bed);
    let (client, server) = bed.pair().await;
    write_all(&client, "hello").await.unwrap();
    assert_eq!(read(&server).await.unwrap(), "hello");
    write_all(&server, "hi").await.unwrap();
    assert_eq!(read(&client).await.unwrap(), "hi");
    drop(client);
    assert_eq!(read_all(&server).await, (Vec::new(), Ok(())));
    drop(server);
    assert_eq!(
        taken(&lines),
        [
            "10.0.0.4:49152 > 10.0.0.5:7000: SYN 0 (Client_IN_0 connects to Server_IN_0)",
            "10.0.0.5:7000 > 10.0.0.4:49152: SYN 0 ack 1",
            "10.0.0.4:49152 > 10.0.0.5:7000: 1 ack 1",
            "10.0.0.4:49152 > 10.0.0.5:7000: PSH 1 ack 1 \"hello\"",
            "10.0.0.5:7000 > 10.0.0.4:49152: 1 ack 6",
            "10.0.0.5:7000 > 10.0.0.4:49152: PSH 1 ack 6 \"hi\"",
            "10.0.0.4:49152 > 10.0.0.5:7000: 6 ack 3",
            "10.0.0.4:49152 > 10.0.0.5:7000: FIN 6 ack 3",
            "10.0.0.5:7000 > 10.0.0.4:49152: 3 ack 7",
            "10.0.0.5:7000 > 10.0.0.4:49152: FIN 3 ack 7",
            "10.0.0.4:49152 > 10.0.0.5:7000: 7 ack 4",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn connects_that_fail_show_how() {
    let bed = Bed::new();
    let lines = heard(&bed);
    bed.client.connect(at(SERVER, 8000)).unwrap_err();
    bed.client.connect(at(SERVER, 7009)).unwrap_err();
    bed.client.connect(at(crate::bed::SERVER_1, 7000)).unwrap_err();
    let _listener = bed.listen(1);
    let swallow = Fault::between(Whom::Anyone, Whom::Anyone, Effect::SwallowConnects);
    bed.network.faults().inject(swallow);
    assert_eq!(bed.client.connect(at(SERVER, 7000)).unwrap().await.unwrap_err(), NetError::Timeout);
    let lines = taken(&lines);
    let packets: Vec<&str> = lines.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    assert!(packets[0].starts_with("SYN"), "{packets:?}");
    assert!(packets[1].starts_with("ICMP unreachable: Prohibited (denied by the policy: "), "{packets:?}");
    assert!(packets[1].contains("rules:1"), "the rule is named: {}", packets[1]);
    assert!(packets[2].starts_with("SYN") && packets[3].starts_with("RST 0 ack"), "{packets:?}");
    assert!(packets[4].starts_with("SYN") && packets[5].starts_with("ICMP unreachable: Host"), "{packets:?}");
    assert!(packets[6].starts_with("SYN") && packets.len() == 7, "nobody answers: {packets:?}");
}

#[tokio::test]
async fn datagrams_loopback_and_resets_are_shown_where_they_pass() {
    let bed = Bed::new();
    let lines = heard(&bed);
    let sender = bed.client.bind_udp(at(CLIENT, 0)).unwrap();
    let _receiver = bed.receiver();
    sender.send_to(Bytes::from_static(b"one"), at(SERVER, PORT.get())).unwrap();
    sender.send_to(Bytes::from_static(b"two"), at(SERVER, 7001)).unwrap();
    sender.send_to(Bytes::from_static(b"three"), at(SERVER, 8000)).unwrap_err();
    let shown = taken(&lines);
    assert_eq!(shown[0], "10.0.0.4:49152 > 10.0.0.5:7000: UDP \"one\"");
    assert_eq!(shown[1], "10.0.0.4:49152 > 10.0.0.5:7001: UDP \"two\"");
    assert_eq!(shown[2], "10.0.0.5:7001 > 10.0.0.4:49152: ICMP unreachable: Port");
    assert!(shown[4].contains("ICMP unreachable: Prohibited (denied by the policy: "), "{shown:?}");
    assert!(shown[3].ends_with("UDP \"three\""), "{shown:?}");
    let listener = bed.server.bind(at(Ipv6Addr::LOCALHOST, 9)).unwrap().listen(1).unwrap();
    let own = bed.server.connect(at(Ipv6Addr::LOCALHOST, 9)).unwrap().await.unwrap();
    own.reset();
    drop(listener);
    let shown = taken(&lines);
    assert!(shown.iter().all(|line| line.starts_with("[Server_IN_0] [::1]:")), "{shown:?}");
    assert_eq!(shown.iter().filter(|line| line.contains(": RST")).count(), 1, "{shown:?}");
}

#[tokio::test]
async fn a_client_outside_is_shown_as_the_guest_sees_it() {
    let bed = Bed::new();
    let lines = heard(&bed);
    let listener = bed.listen(1);
    let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut browser = tokio::net::TcpStream::connect(outside.local_addr().unwrap()).await.unwrap();
    bed.server.hand_over(PORT, outside.accept().await.unwrap().0).unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut browser, b"GET").await.unwrap();
    let stream = listener.accept().await.unwrap();
    assert_eq!(read(&stream).await.unwrap(), "GET");
    write_all(&stream, "200 OK").await.unwrap();
    drop(stream);
    let shown = taken(&lines);
    let packets: Vec<&str> = shown.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(packets[0], "SYN 0 (a client outside connects to Server_IN_0)");
    assert!(packets[3].contains("GET") && packets[5].contains("200 OK") && packets[7].starts_with("FIN"));
}

/// A file in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_file_of_a_small_conversation_is_the_golden_one() {
    let bed = Bed::new();
    let memory = Memory::default();
    let wall = Duration::from_secs(1_700_000_000);
    let file = Arc::new(CaptureFile::start(memory.clone(), wall).unwrap());
    bed.network.set_tap(file.clone());
    let (client, server) = bed.pair().await;
    write_all(&client, "hello").await.unwrap();
    tokio::time::advance(Duration::from_millis(1500)).await;
    write_all(&server, "hi").await.unwrap();
    drop((client, server));
    bed.client.connect(at(SERVER, 8000)).unwrap_err();
    let datagrams = bed.client.bind_udp(at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    datagrams.send_to(Bytes::from_static(b"to myself"), at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    file.finish().unwrap();
    let written = memory.0.lock().unwrap().clone();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/conversation.pcapng");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden, &written).unwrap();
    }
    assert!(written == std::fs::read(golden).unwrap(), "it differs; BLESS=1 writes it anew");
}

/// A file on a disk that stands still until it is let go.
#[derive(Clone, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>, Memory);

impl io::Write for Stuck {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let is_head = self.1.0.lock().unwrap().len() < 100;
        let free = self.0.0.lock().unwrap();
        let _free = self.0.1.wait_while(free, |free| !*free && !is_head).unwrap();
        self.1.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_disk_that_stands_still_delays_nobody_and_what_is_lost_is_counted() {
    let bed = Bed::new();
    let stuck = Stuck::default();
    let file = Arc::new(CaptureFile::start(stuck.clone(), Duration::ZERO).unwrap());
    bed.network.set_tap(file.clone());
    let sender = bed.client.bind_udp(at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    for _ in 0..20_000 {
        sender.send_to(Bytes::from_static(b"flood"), at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    }
    let dropped = file.dropped();
    assert!((1..20_000).contains(&dropped), "{dropped}");
    *stuck.0.0.lock().unwrap() = true;
    stuck.0.1.notify_all();
    file.finish().unwrap();
    let written = stuck.1.0.lock().unwrap().clone();
    let counted =
        [&[4, 0, 8, 0], 20_000_u64.to_le_bytes().as_slice(), &[5, 0, 8, 0], &dropped.to_le_bytes()].concat();
    assert!(written.windows(counted.len()).any(|window| window == counted), "the statistics say so");
    sender.send_to(Bytes::from_static(b"after the end"), at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    assert_eq!(file.dropped(), dropped);
}

#[test]
fn an_error_of_the_disk_is_told_in_the_end() {
    struct Full(usize);
    impl io::Write for Full {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(data.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let bed = Bed::new();
    let file = Arc::new(CaptureFile::start(Full(200), Duration::ZERO).unwrap());
    bed.network.set_tap(file.clone());
    let sender = bed.client.bind_udp(at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    sender.send_to(vec![0; 500].into(), at(Ipv4Addr::LOCALHOST, 5000)).unwrap();
    assert_eq!(file.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}
