//! The world outside, as guests of both versions see it, where the host lets them out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_roles_virtual_network::outside::Soon;
use wasm_roles_virtual_network::{HostName, HostRules, NameAnswer, Outside, SystemOutside};

use crate::bed::{BOTH, Bed, run};

/// Names that are answered later than they are asked for; all addresses outside are at one place of the host's.
struct World {
    server: SocketAddr,
}

impl Outside for World {
    fn connect(&self, _: SocketAddr) -> Soon<tokio::net::TcpStream> {
        SystemOutside.connect(self.server)
    }

    fn bind_udp(&self, target: SocketAddr) -> io::Result<std::net::UdpSocket> {
        SystemOutside.bind_udp(target)
    }

    fn look_up(&self, name: HostName) -> Soon<NameAnswer> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let addresses = match name.as_str() {
                "www.example.com" => vec!["93.184.216.34", "2606:2800:220:1::1"],
                "rebound.example.com" => vec!["127.0.0.1", "10.0.0.6", "169.254.169.254"],
                "busy.example.com" => return Err(io::ErrorKind::ResourceBusy.into()),
                _ => return Err(io::ErrorKind::NotFound.into()),
            };
            let addresses = addresses.into_iter().map(|address| address.parse().unwrap()).collect();
            Ok(NameAnswer { addresses, time_to_live: Duration::from_secs(60) })
        })
    }
}

async fn shouting_server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            stream.write_all(text.to_uppercase().as_bytes()).await.unwrap();
        }
    });
    address
}

async fn bed(rules: &[&str]) -> (Bed, SocketAddr) {
    let (bed, server) = (Bed::new(), shouting_server().await);
    let mut host = HostRules::default();
    rules.iter().for_each(|rule| host.allow(rule.parse().unwrap()));
    bed.network().set_host_rules(host);
    bed.network().set_outside(Arc::new(World { server }));
    (bed, server)
}

#[tokio::test]
async fn names_outside_stand_for_what_may_be_believed_of_their_answers() {
    for version in BOTH {
        let (bed, _) = bed(&["*.example.com"]).await;
        let guest = bed.subject();
        for (name, expected) in [
            ("www.example.com", "2606:2800:220:1::1 93.184.216.34"),
            ("WWW.EXAMPLE.COM", "2606:2800:220:1::1 93.184.216.34"),
            ("rebound.example.com", "NotFound"),
            ("no.example.com", "NotFound"),
            ("example.com", "NotFound"),
            ("Peer", "10.0.0.6"),
        ] {
            let said = run(version, guest.clone(), &format!("resolve {name}")).await;
            let mut addresses: Vec<&str> = said.split(' ').collect();
            addresses.sort_unstable();
            assert_eq!(addresses.join(" "), expected, "{name}, {version:?}");
        }
        let busy = run(version, guest, "resolve busy.example.com").await;
        assert!(!busy.contains('.'), "{busy}, {version:?}");
    }
}

#[tokio::test]
async fn a_guest_talks_to_an_address_outside_that_a_rule_names_and_to_no_other() {
    for version in BOTH {
        let (bed, server) = bed(&["93.184.216.34:443", "localhost"]).await;
        let guest = bed.subject();
        for (command, expected) in [
            ("talk 93.184.216.34:443 hello".to_owned(), "HELLO"),
            (format!("talk {server} hello"), "HELLO"),
            ("connect 93.184.216.34:80".to_owned(), "PermissionDenied"),
            ("connect 169.254.169.254:80".to_owned(), "PermissionDenied"),
            ("connect [2606:2800:220:1::1]:443".to_owned(), "PermissionDenied"),
        ] {
            assert_eq!(run(version, guest.clone(), &command).await, expected, "{command}, {version:?}");
        }
        assert_eq!(bed.counters().outbound, 2);
    }
}

#[tokio::test]
async fn datagrams_go_out_and_come_back() {
    for version in BOTH {
        let (bed, _) = bed(&["localhost"]).await;
        let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = peer.local_addr().unwrap();
        let answer = async {
            let mut buffer = [0; 64];
            for _ in 0..2 {
                let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
                peer.send_to(&buffer[..length], from).await.unwrap();
            }
        };
        let guest = bed.subject();
        let ask = async {
            let asked = run(version, guest.clone(), &format!("udp-ask {address} hello")).await;
            let connected = run(version, guest.clone(), &format!("udp-connect {address} again")).await;
            (asked, connected)
        };
        let ((asked, connected), ()) = tokio::join!(ask, answer);
        assert!(asked.contains("hello") && asked.contains(&address.to_string()), "{asked}, {version:?}");
        assert!(connected.contains("again"), "{connected}, {version:?}");
    }
}
