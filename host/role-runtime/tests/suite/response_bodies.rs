//! How the body of a response gets from a handler to its client.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasm_roles_role_runtime::{End, InstanceState};
use wasm_roles_virtual_network::Interface;

use crate::bed::Bed;
use crate::web::{ask, connect};

/// What comes back for this request, head and body, until the connection ends.
async fn exchange(client: &Interface, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(client).await;
    stream.write_all(request).await.unwrap();
    let mut response = Vec::new();
    // A response that is broken off may end in a reset.
    let _ = stream.read_to_end(&mut response).await;
    response
}

fn text(response: Vec<u8>) -> String {
    String::from_utf8(response).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn a_body_that_is_complete_with_its_handler_is_sent_with_its_length() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-stock"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let response =
        text(exchange(&client, b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await);
    assert!(response.contains("\r\ncontent-length: 13\r\n"), "{response}");
    assert!(!response.contains("transfer-encoding"), "{response}");
    assert!(response.ends_with("\r\n\r\nhello, world!"), "{response}");
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn a_body_that_is_handed_on_arrives_whole() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-stock"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    for length in [0, 1, 64 << 10, (1 << 20) + 7] {
        let body: Vec<u8> = (0..length).map(|index: u32| index.to_le_bytes()[1]).collect();
        assert_eq!(ask(&client, "/forward", &body).await, (200, body), "{length} bytes");
    }
    let request = b"POST /forward HTTP/1.1\r\nhost: test\r\nconnection: close\r\nte: trailers\r\n\
        trailer: checksum\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nchecksum: 17\r\n\r\n";
    let response = text(exchange(&client, request).await);
    // hyper sends no trailers that the head of the response did not announce; they must not get in the way.
    assert!(response.contains("3\r\nabc\r\n0\r\n"), "{response}");
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}

#[tokio::test]
async fn a_body_shorter_than_its_head_says_breaks_the_connection() {
    let bed = Bed::new();
    let role = bed.start(&bed.load("hello-http-stock"), "wait");
    role.reached(InstanceState::Ready).await;
    let client = bed.interface(1);
    let response = text(exchange(&client, b"GET /lengthy HTTP/1.1\r\nhost: test\r\n\r\n").await);
    // Nothing, or a head and too little: this would still wait if the server took the response for complete.
    assert!(response.is_empty() || response.contains("content-length: 20\r\n"), "{response}");
    assert_eq!(ask(&client, "/", b"").await, (200, b"Hello, world!".to_vec()));
    role.instance.stop();
    assert_eq!(role.instance.ended().await, End::Stopped { forced: false });
}
