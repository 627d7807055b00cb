//! What each endpoint has done.

use std::num::NonZeroU16;

use bytes::Bytes;
use wasm_roles_virtual_network::{EndpointCounters, NetError, Transport};

use crate::bed::{Bed, CLIENT, PORT, SERVER, at, read, received, write_all};

impl Bed {
    fn endpoint(&self, instance: &str, endpoint: &str, transport: Transport) -> Option<EndpointCounters> {
        self.network.endpoint_counters().into_iter().find_map(|(key, counters)| {
            let is_it =
                *key.instance == *instance && *key.endpoint == *endpoint && key.transport == transport;
            is_it.then_some(counters)
        })
    }
}

#[tokio::test]
async fn a_connection_counts_with_the_endpoint_that_listens() {
    let bed = Bed::new();
    let (client, server) = bed.pair().await;
    write_all(&client, "12345").await.unwrap();
    write_all(&server, "123").await.unwrap();
    read(&server).await.unwrap();
    let counters = bed.endpoint("Server_IN_0", "Service", Transport::Tcp).unwrap();
    assert_eq!((counters.connections, counters.bytes_in, counters.bytes_out), (1, 5, 3));
    assert_eq!(bed.network.endpoint_counters().len(), 1, "the client's end is nobody's endpoint");
}

#[tokio::test]
async fn loopback_belongs_to_no_endpoint() {
    let bed = Bed::new();
    let everywhere = bed.server.bind(at(std::net::Ipv4Addr::UNSPECIFIED, 7003)).unwrap().listen(4).unwrap();
    let own = bed.server.connect(at(std::net::Ipv4Addr::LOCALHOST, 7003)).unwrap().await.unwrap();
    write_all(&own, "to myself").await.unwrap();
    let counters = bed.endpoint("Server_IN_0", "Service", Transport::Tcp).unwrap();
    assert_eq!(counters, EndpointCounters::default());
    drop(everywhere);
}

#[tokio::test]
async fn a_client_from_outside_counts_too() {
    let bed = Bed::new();
    let listener = bed.listen(1);
    let outside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut browser = tokio::net::TcpStream::connect(outside.local_addr().unwrap()).await.unwrap();
    bed.server.hand_over(NonZeroU16::new(7000).unwrap(), outside.accept().await.unwrap().0).unwrap();
    let stream = listener.accept().await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut browser, b"GET").await.unwrap();
    assert_eq!(read(&stream).await.unwrap(), "GET");
    write_all(&stream, "200 OK").await.unwrap();
    let counters = bed.endpoint("Server_IN_0", "Service", Transport::Tcp).unwrap();
    assert_eq!((counters.connections, counters.bytes_in, counters.bytes_out), (1, 3, 6));
}

#[test]
fn datagrams_count_in_both_directions_and_so_do_those_that_found_no_room() {
    let bed = Bed::new();
    let server = bed.receiver();
    let client = bed.client.bind_udp(at(CLIENT, 0)).unwrap();
    client.send_to(Bytes::from_static(b"question"), at(SERVER, PORT.get())).unwrap();
    let (_, from) = received(&server).unwrap().unwrap();
    server.send_to(Bytes::from_static(b"answer"), from).unwrap();
    for _ in 0..30 {
        client.send_to(vec![0; 8000].into(), at(SERVER, PORT.get())).unwrap();
    }
    let counters = bed.endpoint("Server_IN_0", "Service", Transport::Udp).unwrap();
    assert_eq!((counters.datagrams_in, counters.datagrams_out, counters.drops), (26, 1, 5));
    assert_eq!((counters.bytes_in, counters.bytes_out), (8 + 25 * 8000, 6));
}

#[tokio::test]
async fn denials_and_refusals_count_where_they_were_aimed() {
    let bed = Bed::new();
    assert_eq!(bed.client.connect(at(SERVER, 8000)).unwrap_err(), NetError::AccessDenied);
    assert_eq!(bed.client.connect(at(SERVER, 9999)).unwrap_err(), NetError::AccessDenied);
    let datagrams = bed.client.bind_udp(at(CLIENT, 0)).unwrap();
    assert_eq!(datagrams.send_to(Bytes::new(), at(SERVER, 8000)), Err(NetError::AccessDenied));
    let denials = |endpoint, transport| bed.endpoint("Server_IN_0", endpoint, transport).unwrap().denials;
    assert_eq!(denials("Ruled", Transport::Tcp), 1);
    assert_eq!(denials("Ruled", Transport::Udp), 1);
    assert_eq!(denials("", Transport::Tcp), 1, "a port of no endpoint");
    let listener = bed.listen(1);
    let waiting = [0; 2].map(|_| bed.client.connect(at(SERVER, PORT.get())).unwrap());
    drop(listener);
    for connecting in waiting {
        drop(connecting.await);
    }
    assert_eq!(bed.endpoint("Server_IN_0", "Service", Transport::Tcp).unwrap().drops, 1, "one had no place");
}

#[tokio::test]
async fn they_go_on_over_incarnations() {
    let bed = Bed::new();
    for _ in 0..2 {
        drop(bed.pair().await);
    }
    bed.server.detach();
    let server = bed.attach(SERVER);
    let listener = server.bind(at(SERVER, PORT.get())).unwrap().listen(1).unwrap();
    bed.client.connect(at(SERVER, PORT.get())).unwrap().await.unwrap();
    drop(listener);
    assert_eq!(bed.endpoint("Server_IN_0", "Service", Transport::Tcp).unwrap().connections, 3);
}
