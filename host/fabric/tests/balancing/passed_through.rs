//! An https endpoint whose TLS ends in the role: what the client says arrives as it is, and so does the answer.

use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wasm_roles_fabric::Tls;

use crate::certificates::certificates;
use crate::service::Service;

const ECHO: &str = r#"<WorkerRole name="W">
    <Endpoints><InputEndpoint name="Echo" protocol="https" port="443" localPort="8443" certificate="Tls" /></Endpoints>
    <Certificates><Certificate name="Tls" storeLocation="LocalMachine" storeName="My" /></Certificates>
  </WorkerRole>"#;

/// What a client of TLS says first.
fn client_hello() -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut said = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut said).unwrap();
    }
    assert!(said.starts_with(&[22, 3]), "a record of a handshake");
    said
}

#[tokio::test(start_paused = true)]
async fn with_tls_passed_through_the_role_gets_the_handshake_byte_by_byte() {
    let mut service = Service::of(&[("W", "sdk-echo")]);
    // The host has a certificate with its key, and does not use it.
    let tls = service.certify("web");
    service.tls = Some(Tls::Pass);
    let configuration =
        format!(r#"<Role name="W"><Instances count="1" />{}</Role>"#, certificates(&[("Tls", &tls)]));
    let running = service.start(ECHO, &configuration).await;
    running.deployment.statuses().all_ready().await;

    let said = client_hello();
    let mut client = TcpStream::connect(running.at(443)).await.unwrap();
    client.write_all(&said).await.unwrap();
    client.shutdown().await.unwrap();
    let mut back = Vec::new();
    client.read_to_end(&mut back).await.unwrap();
    assert_eq!(back, said, "the guest sends back what it got");
}
