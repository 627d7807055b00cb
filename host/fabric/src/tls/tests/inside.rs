//! The same port for an instance of the deployment itself, which comes in by the hairpin.

use std::net::Ipv4Addr;

use tokio_rustls::client::TlsStream;
use wasm_roles_virtual_network::TcpStream as Inside;

use super::*;

/// The first address of the subnet (`service-plan`, public side).
const PUBLIC_SIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 443);

impl Bed {
    async fn inside(&self, trusted: &[&SelfSigned]) -> std::io::Result<TlsStream<Inside>> {
        let stream = self.caller.connect(PUBLIC_SIDE).unwrap().await?;
        connector(trusted).connect(ServerName::try_from(HOST).unwrap(), stream).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_speaks_tls_with_its_own_public_port_as_a_client_outside_does() {
    let bed = Bed::new().await;
    let trusted = [&bed.made];
    let (client, served) = tokio::join!(bed.inside(&trusted), bed.listener.accept());
    let (mut client, mut served) = (client.unwrap(), served.unwrap());
    assert!(served.is_secured());
    assert_eq!(served.peer_address(), client.get_ref().0.local_address());
    assert_eq!(client.get_ref().0.peer_address(), PUBLIC_SIDE);
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut question = String::new();
    served.read_to_string(&mut question).await.unwrap();
    served.write_all(&[7; 300_000]).await.unwrap();
    drop(served);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!((question.as_str(), answer.len()), ("question", 300_000));
}

#[tokio::test(start_paused = true)]
async fn a_reset_inside_is_one_for_the_other_side() {
    let bed = Bed::new().await;
    let trusted = [&bed.made];
    let (client, served) = tokio::join!(bed.inside(&trusted), bed.listener.accept());
    let (mut client, served) = (client.unwrap(), served.unwrap());
    served.reset();
    let error = client.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let (client, served) = tokio::join!(bed.inside(&trusted), bed.listener.accept());
    let (client, mut served) = (client.unwrap(), served.unwrap());
    client.get_ref().0.reset();
    let error = served.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_inside_has_its_time_and_its_failures_are_told_of() {
    let mut bed = Bed::new().await;
    let begun = Instant::now();
    let mut slow = bed.caller.connect(PUBLIC_SIDE).unwrap().await.unwrap();
    let _ = slow.read(&mut [0; 1]).await;
    assert_eq!(begun.elapsed(), HANDSHAKE_TIME);
    assert_eq!(bed.failed().await, (HandshakeFailure::TimedOut, 1));
    let stranger = self_signed(HOST);
    bed.inside(&[&stranger]).await.unwrap_err();
    assert_eq!(bed.failed().await, (HandshakeFailure::NotTrusted, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_no_instance_takes_waits_as_one_from_outside_and_is_counted() {
    let mut bed = Bed::new().await;
    bed.members.place(0).leave();
    let begun = Instant::now();
    let mut client = bed.inside(&[&bed.made]).await.unwrap();
    let error = client.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(begun.elapsed() >= crate::CONNECTION_WAIT, "{:?}", begun.elapsed());
    let Event { kind, .. } = bed.events.next().await.unwrap();
    assert!(matches!(kind, EventKind::NoReadyInstance { connections: 1, .. }), "{kind:?}");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_closed_outside_refuses_inside_at_once() {
    let bed = Bed::new().await;
    bed.serving.abort();
    tokio::task::yield_now().await;
    let begun = Instant::now();
    let refused = bed.caller.connect(PUBLIC_SIDE).unwrap().await.unwrap_err();
    assert_eq!(refused, wasm_roles_virtual_network::NetError::ConnectionRefused);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
