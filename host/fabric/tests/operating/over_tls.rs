//! The same over HTTPS and HTTP/2, whose connections stay open: everything that can be done to a deployment, under a constant load.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use wasm_roles_fabric::{Status, UpgradeOutcome, swap};

use crate::bed::{Bed, Setup, TWO_EACH, ids};

/// Clients, each with a connection of its own.
const CLIENTS: usize = 4;
/// Requests after which a client connects anew, so that handshakes are among what is tried.
const OF_A_CONNECTION: u32 = 40;

/// Three instances of `Web`, with HTTPS.
const HTTPS: Setup = Setup { web: 3, streams: 1, https: true, ..TWO_EACH };

#[tokio::test]
async fn ten_operations_lose_no_request_over_https_and_http_2() {
    let (mut bed, mut staging) = (Bed::ready(HTTPS).await, Bed::ready(HTTPS).await);
    // Public addresses change hands in a swap, and certificates stay with their deployment.
    let connector = connector(&[bed.trusted(), staging.trusted()]);
    let loads = [Load::on(bed.at(443), &connector), Load::on(staging.at(443), &connector)];
    let goes_on = async || {
        for load in &loads {
            load.goes_on(30).await;
        }
    };
    goes_on().await;
    let all = ids(&["Web_IN_0", "Web_IN_1", "Web_IN_2"]);

    bed.deployment.recycle(&all).await.unwrap();
    goes_on().await;
    bed.deployment.stop_instances(&ids(&["Web_IN_1"])).await.unwrap();
    goes_on().await;
    bed.deployment.start_instances(&ids(&["Web_IN_1"])).await.unwrap();
    goes_on().await;
    let grown = bed.next(6, 1, 1);
    bed.deployment.change(grown).await.unwrap();
    goes_on().await;
    let shrunk = bed.next(3, 1, 1);
    bed.deployment.change(shrunk).await.unwrap();
    goes_on().await;
    let without = bed.without("Web_IN_0");
    bed.deployment.change(without).await.unwrap();
    goes_on().await;
    let other_settings = bed.next(2, 1, 2);
    bed.deployment.change(other_settings).await.unwrap();
    goes_on().await;
    let taken_back = bed.upgrade_only(&[0]).await;
    assert!(matches!(taken_back, UpgradeOutcome::RolledBack(_)), "{taken_back:?}");
    goes_on().await;
    assert_eq!(bed.upgrade().await, UpgradeOutcome::Done);
    assert_eq!(staging.upgrade().await, UpgradeOutcome::Done);
    goes_on().await;
    for _ in 0..3 {
        swap(&mut bed.deployment, &mut staging.deployment).unwrap();
        goes_on().await;
    }
    assert_eq!(bed.with(Status::Ready).len(), 3, "{:?}", bed.statuses());
    for load in loads {
        let heard = load.ends().await;
        assert!(heard.failures.is_empty(), "{:#?}", heard.failures);
        assert!(heard.answers > 300 && heard.connections > CLIENTS as u64, "{heard:?}");
    }
}

/// Clients that never stop asking.
struct Load {
    clients: JoinSet<()>,
    heard: watch::Sender<Heard>,
    over: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Heard {
    answers: u64,
    connections: u64,
    failures: Vec<String>,
}

impl Load {
    fn on(at: SocketAddr, connector: &TlsConnector) -> Self {
        let (over, watched) = watch::channel(false);
        let heard = watch::Sender::new(Heard::default());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(asks(at, connector.clone(), heard.clone(), watched.clone()));
        }
        Self { clients, heard, over }
    }

    /// Waits until clients have had so many answers more.
    async fn goes_on(&self, answers: u64) {
        let mut heard = self.heard.subscribe();
        let before = heard.borrow().answers;
        let more = heard.wait_for(|heard| heard.answers >= before + answers);
        let has_gone_on = timeout(Duration::from_secs(60), more).await.is_ok();
        assert!(has_gone_on, "{:#?}", self.heard.borrow());
    }

    async fn ends(mut self) -> Heard {
        self.over.send_replace(true);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        self.heard.send_replace(Heard::default())
    }
}

fn connector(trusted: &[PathBuf]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in trusted.iter().flat_map(|file| CertificateDer::pem_file_iter(file).unwrap()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn asks(
    at: SocketAddr,
    connector: TlsConnector,
    heard: watch::Sender<Heard>,
    over: watch::Receiver<bool>,
) {
    while !*over.borrow() {
        let mut requests = match connected(at, &connector).await {
            Ok(requests) => requests,
            Err(error) => {
                heard.send_modify(|heard| heard.failures.push(format!("a connection: {error}")));
                continue;
            }
        };
        heard.send_modify(|heard| heard.connections += 1);
        for _ in 0..OF_A_CONNECTION {
            // A server may say at any time that it takes no more requests on a connection.
            if *over.borrow() || requests.ready().await.is_err() {
                break;
            }
            match asked(&mut requests).await {
                Ok(()) => heard.send_modify(|heard| heard.answers += 1),
                Err(error) if was_not_looked_at(&*error) => break,
                Err(error) => {
                    heard.send_modify(|heard| heard.failures.push(format!("a request: {error:?}")));
                    break;
                }
            }
        }
    }
}

async fn connected(
    at: SocketAddr,
    connector: &TlsConnector,
) -> Result<SendRequest<Empty<Bytes>>, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let stream = connector.connect(ServerName::try_from("localhost")?, stream).await?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(requests)
}

async fn asked(requests: &mut SendRequest<Empty<Bytes>>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let request = hyper::Request::get("https://localhost/").body(Empty::new())?;
    let response = requests.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status != 200 || body != "Hello, world!" {
        return Err(format!("{status} {body:?}").into());
    }
    Ok(())
}

/// Whether the server says that it has not begun with a request, so that a client sends it again elsewhere (RFC 9113, sections 6.8
/// and 8.7): it came after the last one that the server takes on this connection.
fn was_not_looked_at(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let Some(error) = error.downcast_ref::<hyper::Error>() else { return false };
    let reason = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_canceled()
        || reason.is_some_and(|reason| {
            reason.reason() == Some(h2::Reason::REFUSED_STREAM)
                || (reason.is_go_away()
                    && reason.is_remote()
                    && reason.reason() == Some(h2::Reason::NO_ERROR))
        })
}
