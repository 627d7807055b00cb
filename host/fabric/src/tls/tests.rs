//! A public port whose TLS ends here, with clients of rustls. Time is paused.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasm_roles_role_runtime::Clock;
use wasm_roles_virtual_network::Network;

use super::handshakes::{HANDSHAKE_TIME, PLACES};
use super::*;
use crate::backends::Backends;
use crate::balancer::Balancer;
use crate::door::{Entrance, TlsEntrance};
use crate::entry::{Entry, Ways};
use crate::events::{Event, EventKind, Events, Herald};
use crate::hairpin::Hairpin;
use crate::members::Members;
use crate::public_socket::Slot;
use crate::test_certificates::{SelfSigned, self_signed};
use crate::test_plans::plan_of;

mod inside;

const HOST: &str = "web.example";

/// What ends TLS with this certificate.
fn acceptor_of(made: &SelfSigned) -> TlsAcceptor {
    let stored = StoredCertificate {
        chain: vec![CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()],
        key: Some(PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap()),
    };
    acceptor(shown(&stored).unwrap(), BTreeMap::new()).unwrap()
}

/// A client that trusts these certificates, and remembers its sessions.
fn connector(trusted: &[&SelfSigned]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for made in trusted {
        roots.add(CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// An instance of a real network that listens, and a public port whose TLS ends before it.
struct Bed {
    at: SocketAddr,
    made: SelfSigned,
    certificate: watch::Sender<TlsAcceptor>,
    listener: wasm_roles_virtual_network::TcpListener,
    interface: wasm_roles_virtual_network::Interface,
    /// Of an instance of another role.
    caller: wasm_roles_virtual_network::Interface,
    events: Events,
    serving: AbortHandle,
    members: Members<Entry>,
    _hairpin: Arc<Hairpin<Entry>>,
    _herald_alive: oneshot::Sender<std::convert::Infallible>,
}

impl Bed {
    async fn new() -> Self {
        let plan = Arc::new(plan_of(
            r#"<WebRole name="W">
                <Endpoints><InputEndpoint name="A" protocol="https" port="443" localPort="8443" certificate="T" /></Endpoints>
                <Certificates><Certificate name="T" storeLocation="LocalMachine" storeName="My" /></Certificates>
            </WebRole><WorkerRole name="C" />"#,
            r#"<Role name="C"><Instances count="1" /></Role><Role name="W"><Instances count="1" /><Certificates>
                <Certificate name="T" thumbprint="A909502DD82AE41433E6F83886B00D4277A32A7B" thumbprintAlgorithm="sha1" />
            </Certificates></Role>"#,
        ));
        let made = self_signed(HOST);
        let (certificate, ends_tls) = watch::channel(acceptor_of(&made));
        let (sender, events) = Events::channel();
        let (_herald_alive, alive) = oneshot::channel();
        let clock = Clock::new(SystemTime::UNIX_EPOCH);
        let (herald, carry) = Herald::new(Arc::clone(&plan), clock, sender, alive);
        tokio::spawn(carry);
        let network = Network::new(Arc::clone(&plan.policy), Arc::new(herald.clone()));
        let attach = |role: &str| {
            let instance = plan.instances.iter().find(|instance| instance.role.as_str() == role).unwrap();
            network.attach(instance.index).unwrap()
        };
        let (interface, caller) = (attach("W"), attach("C"));
        let local = SocketAddr::from((interface.address(), 8443));
        let listener = interface.bind(local).unwrap().listen(100).unwrap();
        let members = Members::new();
        let ways = Arc::new(Ways::of(&plan, &plan.roles[0].name));
        members.place(0).enter(Entry::new(interface.clone(), ways));
        let public = plan.public[0].clone();
        let backends = Backends { public, only: None, rotation: members.ready(), healthy: None };
        let outside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = outside.local_addr().unwrap();
        let balancer = Balancer { backends, herald };
        let hairpin = Arc::new(Hairpin::new());
        network.set_public_ports(Arc::downgrade(&hairpin) as Weak<_>);
        let (gave_up, inside) = hairpin.open_door(443);
        let tls = Some(TlsEntrance { acceptor: ends_tls, inside });
        let entrance = Entrance { listener: Slot::new(outside).begin_use(), gave_up, tls };
        let serving = tokio::spawn(balancer.serve(entrance)).abort_handle();
        Self {
            at,
            made,
            certificate,
            listener,
            interface,
            caller,
            events,
            serving,
            members,
            _hairpin: hairpin,
            _herald_alive,
        }
    }

    /// A client that trusts the certificate, and the instance's end of its connection.
    async fn pair(&self) -> (TlsStream<TcpStream>, wasm_roles_virtual_network::TcpStream) {
        let trusted = [&self.made];
        let (client, served) = tokio::join!(self.client(&trusted), self.listener.accept());
        (client.unwrap(), served.unwrap())
    }

    /// A client that trusts these certificates.
    async fn client(&self, trusted: &[&SelfSigned]) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.at).await.unwrap();
        connector(trusted).connect(ServerName::try_from(HOST).unwrap(), stream).await
    }

    /// The next failure that is told.
    async fn failed(&mut self) -> (HandshakeFailure, u64) {
        let Event { kind, .. } = self.events.next().await.unwrap();
        let EventKind::HandshakesFailed { port, failure, connections } = kind else { panic!("{kind:?}") };
        assert_eq!(port.get(), 443);
        (failure, connections)
    }
}

#[tokio::test(start_paused = true)]
async fn the_instance_reads_what_the_client_said_and_knows_that_it_came_encrypted() {
    let bed = Bed::new().await;
    let (mut client, mut served) = bed.pair().await;
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(served.is_secured());
    assert_eq!(served.peer_address(), client.get_ref().0.local_addr().unwrap());
    client.write_all(b"question").await.unwrap();
    let mut question = [0; 8];
    served.read_exact(&mut question).await.unwrap();
    assert_eq!(&question, b"question");
    served.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
}

#[tokio::test(start_paused = true)]
async fn megabytes_pass_in_both_directions_at_the_same_time() {
    let bed = Bed::new().await;
    let (client, served) = bed.pair().await;
    let data: Arc<Vec<u8>> = Arc::new(
        (0..3_000_000_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect(),
    );
    let one = tokio::spawn(both_ways(client, Arc::clone(&data)));
    let other = tokio::spawn(both_ways(served, data));
    assert!(one.await.unwrap() && other.await.unwrap());
}

/// Sends all of the data and then the end, and reads the same from the other side.
async fn both_ways(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite, data: Arc<Vec<u8>>) -> bool {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut read = Vec::new();
    let write = async {
        writer.write_all(&data).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let (_, read_all) = tokio::join!(write, reader.read_to_end(&mut read));
    read_all.unwrap();
    read == *data
}

#[tokio::test(start_paused = true)]
async fn each_side_can_end_its_direction_and_go_on_reading() {
    let bed = Bed::new().await;
    let (mut client, mut served) = bed.pair().await;
    client.write_all(b"all of it").await.unwrap();
    client.shutdown().await.unwrap();
    let mut read = String::new();
    served.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "all of it");
    served.write_all(b"an answer after the end").await.unwrap();
    served.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "an answer after the end");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_closes_says_so_and_loses_nothing() {
    let bed = Bed::new().await;
    let (mut client, mut served) = bed.pair().await;
    served.write_all(&[7; 40_000]).await.unwrap();
    drop(served);
    let mut read = Vec::new();
    // Without a `close_notify` this would be an error.
    client.read_to_end(&mut read).await.unwrap();
    assert_eq!(read, [7; 40_000]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_ends_without_saying_so_may_have_been_cut_off() {
    let bed = Bed::new().await;
    let (mut client, mut served) = bed.pair().await;
    client.write_all(b"half of").await.unwrap();
    let (mut below, _) = client.into_inner();
    below.shutdown().await.unwrap();
    let mut read = Vec::new();
    let error = served.read_to_end(&mut read).await.unwrap_err();
    assert_eq!((error.kind(), read.as_slice()), (std::io::ErrorKind::ConnectionReset, &b"half of"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_either_side_is_one_for_the_other() {
    let bed = Bed::new().await;
    let (client, mut served) = bed.pair().await;
    let (below, _) = client.into_inner();
    below.set_zero_linger().unwrap();
    drop(below);
    let error = served.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let (mut client, served) = bed.pair().await;
    served.reset();
    let error = client.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let (mut client, _served) = bed.pair().await;
    bed.interface.fail();
    let error = client.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_handshake_reaches_no_instance_and_is_sent_away() {
    let mut bed = Bed::new().await;
    let begun = Instant::now();
    let mut slow = TcpStream::connect(bed.at).await.unwrap();
    slow.write_all(&[22, 3, 1]).await.unwrap();
    let _ = slow.read(&mut [0; 1]).await;
    assert_eq!(begun.elapsed(), HANDSHAKE_TIME);
    assert_eq!(bed.failed().await, (HandshakeFailure::TimedOut, 1));
    assert!(bed.listener.try_accept().unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn clients_that_keep_places_do_not_keep_others_out() {
    let mut bed = Bed::new().await;
    let mut slow = Vec::new();
    for _ in 0..2 * PLACES {
        slow.push(TcpStream::connect(bed.at).await.unwrap());
        tokio::task::yield_now().await;
    }
    let (mut client, mut served) = bed.pair().await;
    client.write_all(b"x").await.unwrap();
    served.read_exact(&mut [0]).await.unwrap();
    assert_eq!(bed.failed().await, (HandshakeFailure::PushedOut, 1));
    let later = bed.failed().await;
    assert!(matches!(later.0, HandshakeFailure::TimedOut | HandshakeFailure::PushedOut), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_many_places_pushes_out_only_itself() {
    let bed = Bed::new().await;
    // An honest client at another address, which is slow and was there first.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let honest = socket.connect(bed.at).await.unwrap();
    let mut greedy = Vec::new();
    for _ in 0..2 * PLACES {
        greedy.push(TcpStream::connect(bed.at).await.unwrap());
        tokio::task::yield_now().await;
    }
    let trusted = connector(&[&bed.made]);
    let shaking = trusted.connect(ServerName::try_from(HOST).unwrap(), honest);
    let (client, served) = tokio::join!(shaking, bed.listener.accept());
    client.unwrap().write_all(b"x").await.unwrap();
    served.unwrap().read_exact(&mut [0]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_once_for_each_cause_and_then_counted() {
    let mut bed = Bed::new().await;
    let stranger = self_signed(HOST);
    for _ in 0..3 {
        let mut plain = TcpStream::connect(bed.at).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n").await.unwrap();
        let _ = plain.read_to_end(&mut Vec::new()).await;
    }
    for _ in 0..2 {
        bed.client(&[&stranger]).await.unwrap_err();
    }
    assert_eq!(bed.failed().await, (HandshakeFailure::NotTls, 1));
    assert_eq!(bed.failed().await, (HandshakeFailure::NotTrusted, 1));
    let begun = Instant::now();
    assert_eq!(bed.failed().await, (HandshakeFailure::NotTls, 2));
    assert_eq!(bed.failed().await, (HandshakeFailure::NotTrusted, 1));
    assert!(begun.elapsed() > Duration::from_secs(50), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn closing_the_port_ends_handshakes_and_leaves_connections() {
    let bed = Bed::new().await;
    let (mut client, mut served) = bed.pair().await;
    let mut slow = TcpStream::connect(bed.at).await.unwrap();
    tokio::task::yield_now().await;
    bed.serving.abort();
    assert!(matches!(slow.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    client.write_all(b"x").await.unwrap();
    served.read_exact(&mut [0]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn when_the_certificate_changes_new_connections_see_the_new_one_and_others_go_on() {
    let bed = Bed::new().await;
    let (mut client, mut served) = bed.pair().await;
    let next = self_signed(HOST);
    bed.certificate.send_replace(acceptor_of(&next));

    client.write_all(b"still here").await.unwrap();
    let mut said = [0; 10];
    served.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"still here");
    assert!(bed.client(&[&bed.made]).await.is_err(), "the old certificate is not presented any more");
    let trusted = [&next];
    let (renewed, accepted) = tokio::join!(bed.client(&trusted), bed.listener.accept());
    renewed.unwrap();
    accepted.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_of_before_is_resumed_as_long_as_the_certificate_stays_and_not_beyond() {
    use rustls::HandshakeKind::{Full, Resumed};
    let bed = Bed::new().await;
    let next = self_signed(HOST);
    let connector = connector(&[&bed.made, &next]);
    let mut kinds = Vec::new();
    for changes in [false, false, true] {
        if changes {
            bed.certificate.send_replace(acceptor_of(&next));
        }
        let stream = TcpStream::connect(bed.at).await.unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let (client, served) = tokio::join!(connector.connect(name, stream), bed.listener.accept());
        let (mut client, served) = (client.unwrap(), served.unwrap());
        drop(served);
        // What resumes a session comes after the handshake.
        client.read_to_end(&mut Vec::new()).await.unwrap();
        kinds.push(client.get_ref().1.handshake_kind().unwrap());
    }
    assert_eq!(kinds, [Full, Resumed, Full]);
}

/// The first message of a client that knows TLS 1.1 at most: version, random, no session, one cipher, no compression, and which
/// signatures it knows.
fn hello_of_tls_1_1() -> Vec<u8> {
    let mut hello = vec![22, 3, 1, 0, 55, 1, 0, 0, 51, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 1]);
    hello
}

#[tokio::test(start_paused = true)]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let mut bed = Bed::new().await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(bed.made.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(bed.at).await.unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let client = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(client.get_ref().1.protocol_version(), Some(version.version));
        bed.listener.accept().await.unwrap();
    }
    let mut old = TcpStream::connect(bed.at).await.unwrap();
    old.write_all(&hello_of_tls_1_1()).await.unwrap();
    let mut answer = Vec::new();
    old.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 70], "the alert says that the version is not spoken");
    assert_eq!(bed.failed().await, (HandshakeFailure::NothingInCommon, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_tls_is_not_left_waiting() {
    let mut bed = Bed::new().await;
    let begun = Instant::now();
    let mut plain = TcpStream::connect(bed.at).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n").await.unwrap();
    let _ = plain.read_to_end(&mut Vec::new()).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let (failure, _) = bed.failed().await;
    assert!(failure.to_string().contains("http:// where https:// is served"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn http_2_is_agreed_on_where_a_web_server_answers_and_nowhere_else() {
    let bed = Bed::new().await;
    let cases = [(Spoken::ByRole, &b"http/1.1"[..]), (Spoken::ByWebServer, &b"h2"[..])];
    for (spoken, expected) in cases {
        bed.certificate.send_replace(for_speaker(&acceptor_of(&bed.made), spoken));
        let (client, served) = bed.pair().await;
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(expected));
        drop(served);
    }
}
