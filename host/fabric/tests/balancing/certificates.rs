//! Certificates: who sees them, and https endpoints whose TLS ends in the host.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::service::{Made, Service};

/// The answer to a request over TLS, by a client that trusts this certificate alone.
pub async fn get(at: SocketAddr, trusted: &Made, path: &str) -> String {
    try_get(at, trusted, path).await.unwrap()
}

/// The same, or why there is no connection.
pub async fn try_get(at: SocketAddr, trusted: &Made, path: &str) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(at).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    Ok(answer)
}

pub fn certificates(entries: &[(&str, &Made)]) -> String {
    let entry = |(name, made): &(&str, &Made)| {
        format!(
            r#"<Certificate name="{name}" thumbprint="{}" thumbprintAlgorithm="sha1" />"#,
            made.thumbprint
        )
    };
    format!("<Certificates>{}</Certificates>", entries.iter().map(entry).collect::<String>())
}

pub const WEB: &str = r#"<WebRole name="W">
    <Endpoints>
      <InputEndpoint name="Plain" protocol="http" port="80" localPort="8080" />
      <InputEndpoint name="Secure" protocol="https" port="443" localPort="8443" certificate="Tls" />
    </Endpoints>
    <Certificates><Certificate name="Tls" storeLocation="LocalMachine" storeName="My" /></Certificates>
  </WebRole>"#;

#[tokio::test(start_paused = true)]
async fn a_web_role_answers_over_tls_with_the_certificate_of_its_endpoint() {
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    let tls = service.certify("web");
    let configuration =
        format!(r#"<Role name="W"><Instances count="2" />{}</Role>"#, certificates(&[("Tls", &tls)]));
    let running = service.start(WEB, &configuration).await;
    running.deployment.statuses().all_ready().await;
    let mut names = Vec::new();
    for _ in 0..3 {
        let answer = get(running.at(443), &tls, "/name").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        names.push(answer.split("\r\n\r\n").nth(1).unwrap().to_owned());
    }
    assert_eq!(names, ["W_IN_0", "W_IN_1", "W_IN_0"]);
    let big = get(running.at(443), &tls, "/big").await;
    assert!(big.ends_with(&"x".repeat(1 << 20)), "{} bytes", big.len());
}

#[tokio::test(start_paused = true)]
async fn without_certificates_a_service_runs_and_says_what_is_different() {
    let tls = Service::of(&[]).certify("somewhere else");
    let service = Service::of(&[("W", "hello-http-p3")]);
    let configuration =
        format!(r#"<Role name="W"><Instances count="1" />{}</Role>"#, certificates(&[("Tls", &tls)]));
    let mut running = service.start(WEB, &configuration).await;
    running
        .hears("role W does not see its certificates (Tls), since no folder with certificates is named")
        .await;
    running.hears("TLS at public port 443 is passed on to role W (endpoint Secure)").await;
    running.hears("W_IN_0 is Ready").await;
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_in_the_folder_keeps_the_service_from_starting() {
    let tls = Service::of(&[]).certify("somewhere else");
    let mut service = Service::of(&[("W", "hello-http-p3")]);
    service.certify("another one");
    let configuration =
        format!(r#"<Role name="W"><Instances count="1" />{}</Role>"#, certificates(&[("Tls", &tls)]));
    let Err(error) = service.try_start(WEB, &configuration).await else { panic!("it must not start") };
    let said = error.to_string();
    let thumbprint = tls.thumbprint.to_uppercase();
    assert!(said.contains("certificate Tls of role W is not in ") && said.contains(&thumbprint), "{said}");
    assert!(error.problems()[0].hint().unwrap().contains("PEM"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_role_sees_the_certificates_that_it_declares_and_no_others() {
    let mut service = Service::of(&[("One", "task"), ("Other", "task")]);
    let (shared, secret, unused) = (service.certify("a"), service.certify("b"), service.certify("c"));
    let _ = unused;
    let role = |name: &str, certificates: &str, words: &str| {
        format!(
            r#"<WorkerRole name="{name}"><Certificates>{certificates}</Certificates><Runtime><EntryPoint>
              <ProgramEntryPoint commandLine="{name}.wasm {words} sleep 1000000" setReadyOnProcessStart="true" />
            </EntryPoint></Runtime></WorkerRole>"#
        )
    };
    let shared_one = r#"<Certificate name="Shared" storeLocation="LocalMachine" storeName="My" />"#;
    let elevated = r#"<Certificate name="Secret" storeLocation="LocalMachine" storeName="My" permissionLevel="elevated" />"#;
    let definition = role(
        "One",
        &format!("{shared_one}{elevated}"),
        "list /certificates try-write /certificates/Shared.pem try-write /certificates/new",
    ) + &role("Other", shared_one, "list /certificates");
    let configuration = format!(
        r#"<Role name="One"><Instances count="1" />{}</Role><Role name="Other"><Instances count="1" />{}</Role>"#,
        certificates(&[("Shared", &shared), ("Secret", &secret)]),
        certificates(&[("Shared", &shared)]),
    );
    let mut running = service.start(&definition, &configuration).await;
    while running.told.iter().filter(|said| said.contains("_IN_0: ")).count() < 4 {
        running.hears("_IN_0: ").await;
    }
    let mut said: Vec<&String> = running.told.iter().filter(|said| said.contains("_IN_0: ")).collect();
    said.sort();
    assert_eq!(
        said,
        [
            "One_IN_0: Secret.pem Shared.key Shared.pem",
            "One_IN_0: could not write",
            "One_IN_0: could not write",
            "Other_IN_0: Shared.key Shared.pem",
        ]
    );
}
