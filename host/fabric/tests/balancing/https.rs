//! Certificates for development, and HTTP/2 over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasm_roles_fabric::DevelopmentCertificates;

use crate::certificates::{WEB, certificates, get, try_get};
use crate::service::{Made, Service};

/// A client that trusts this certificate and offers these protocols.
pub async fn client(at: SocketAddr, trusted: &Made, protocols: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn http_2_over_tls_reaches_the_handler() {
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let tls = service.certify("web");
    let configuration =
        format!(r#"<Role name="W"><Instances count="1" />{}</Role>"#, certificates(&[("Tls", &tls)]));
    let running = service.start(WEB, &configuration).await;
    running.deployment.statuses().all_ready().await;
    let stream = client(running.at(443), &tls, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = hyper::Request::get("https://localhost/name").body(Empty::<Bytes>::new()).unwrap();
        let response = requests.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "W_IN_0");
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_development_ends_tls_for_those_who_trust_it() {
    let missing = Service::of(&[]).certify("somewhere else");
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    service.certify("one that nobody asks for");
    let trust = service.data().with_extension("pem");
    let development = DevelopmentCertificates::new(SystemTime::now()).shown_in(Some(trust.clone()));
    service.development = Some(Arc::new(development));
    let web = |instances: u32, made: &Made| {
        let certificates = certificates(&[("Tls", made)]);
        format!(r#"<Role name="W"><Instances count="{instances}" />{certificates}</Role>"#)
    };
    let mut running = service.start(WEB, &web(1, &missing)).await;
    let said = running.hears("certificate Tls of role W is self-signed").await;
    running.deployment.statuses().all_ready().await;
    let certificate = std::fs::read_to_string(&trust).unwrap();
    assert!(said.ends_with(&format!("unless they are given {}", trust.display())), "{said}");
    let digest = ring::digest::digest(
        &ring::digest::SHA1_FOR_LEGACY_USE_ONLY,
        &CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap(),
    );
    let thumbprint: String = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(said.contains(&thumbprint), "{said} {thumbprint}");
    let trusted = Made { certificate, thumbprint };
    assert!(get(running.at(443), &trusted, "/name").await.ends_with("W_IN_0"));

    // Another thumbprint that nobody has changes nothing for clients; that of a certificate which is there now does.
    let other = Service::of(&[]).certify("another one");
    running.change(&web(1, &other)).await.unwrap();
    assert!(get(running.at(443), &trusted, "/name").await.ends_with("W_IN_0"));
    let real = running.service.certify("real");
    running.change(&web(1, &real)).await.unwrap();
    assert!(get(running.at(443), &real, "/name").await.ends_with("W_IN_0"));
    try_get(running.at(443), &trusted, "/name").await.unwrap_err();
}
