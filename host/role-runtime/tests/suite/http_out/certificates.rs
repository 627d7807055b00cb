//! https: whose certificates are believed, and which protocol is spoken.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::servers::serve_tls;
use super::{BOTH, Bed};

/// A certificate for `host` by an authority, and the authority's own; by itself, where it is its own authority.
struct Certified {
    authority: Vec<u8>,
    server: Vec<u8>,
    key: Vec<u8>,
}

fn certified(host: &str) -> Certified {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_der = authority.self_signed(&authority_key).unwrap().der().to_vec();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let server = params.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    Certified { authority: authority_der, server: server.der().to_vec(), key: key.serialize_der() }
}

fn self_signed(host: &str) -> Certified {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let server = made.cert.der().to_vec();
    Certified { authority: server.clone(), server, key: made.signing_key.serialize_der() }
}

fn acceptor(certified: &Certified, protocols: &[&str]) -> TlsAcceptor {
    let chain = vec![CertificateDer::from(certified.server.clone())];
    let key = PrivateKeyDer::try_from(certified.key.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_certificate_of_a_believed_authority_for_the_host_is_accepted_and_no_other() {
    let mut bed = Bed::new();
    let open = bed.interface(5);
    let (good, stranger, own) = (certified("Open_IN_0"), certified("Open_IN_0"), self_signed("Open_IN_0"));
    for (port, certified) in (8080..).zip([&good, &stranger, &own]) {
        serve_tls(&open, port, acceptor(certified, &[]));
    }
    bed.believe(&good.authority);
    for guest in BOTH {
        for (url, said) in [
            ("https://Open_IN_0:8080/hello", "200 hello"),
            ("https://open_in_0:8080/version", "200 1.1"),
            // The right server by another name, or by its address.
            ("https://Open:8080/hello", "TlsCertificateError"),
            ("https://10.0.0.5:8080/hello", "TlsCertificateError"),
            ("https://Open_IN_0:8081/hello", "TlsCertificateError"),
            ("https://Open_IN_0:8082/hello", "TlsCertificateError"),
        ] {
            // `Open` is both instances, and only one is there: it is asked until that one is.
            assert_eq!(bed.run(guest, &format!("get {url}")).await, said, "{guest} {url}");
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_chooses_it() {
    let mut bed = Bed::new();
    let open = bed.interface(5);
    let good = certified("Open_IN_0");
    serve_tls(&open, 8080, acceptor(&good, &["h2", "http/1.1"]));
    serve_tls(&open, 8081, acceptor(&good, &["http/1.1"]));
    bed.believe(&good.authority);
    for guest in BOTH {
        for (command, said) in [
            ("get https://Open_IN_0:8080/version", "200 2"),
            ("get https://Open_IN_0:8081/version", "200 1.1"),
            ("get https://Open_IN_0:8080/host", "200 Open_IN_0:8080"),
            ("trailers https://Open_IN_0:8080/trailers", "200 b yes"),
            ("post https://Open_IN_0:8080/count 1000000", "200 1000000"),
            ("length https://Open_IN_0:8080/big", "200 25165824"),
            ("many https://Open_IN_0:8080/hello 20", "20x 200 5"),
        ] {
            assert_eq!(bed.run(guest, command).await, said, "{guest} {command}");
        }
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_from_a_bad_certificate() {
    let bed = Bed::new();
    let open = bed.interface(5);
    super::servers::serve(&open, 8081);
    for guest in BOTH {
        let said = bed.run(guest, "get https://Open_IN_0:8081/hello").await;
        assert!(matches!(said.as_str(), "TlsProtocolError" | "ConnectionTerminated"), "{guest}: {said}");
    }
}
