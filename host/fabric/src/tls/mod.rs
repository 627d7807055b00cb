//! Ends TLS of public connections.
//!
//! The handshake is made before a connection is handed to an instance, so an instance never waits for a client that does
//! not finish one. What the instance gets then is a connection like any other: it reads what the client said, and
//! its end of writing becomes a `close_notify` before the end of the stream. A client that ends its stream without a
//! `close_notify` could have been cut off by somebody in between; the instance sees a reset then and not an end.
//!
//! TLS 1.2 and 1.3, with what rustls holds to be safe; clients are not asked for certificates. HTTP/1.1 is what is agreed
//! on when the client asks (ALPN). The random numbers of TLS are the operating system's and not the deployment's: keys
//! that follow from a seed would be no secret.
//!
//! When the certificate [changes](crate::change), handshakes that begin after it are made with the new one. Sessions of
//! before are not resumed then: a client that could resume one would never see the new certificate.

mod failure;
mod handshakes;
mod stream;

pub use failure::HandshakeFailure;
pub(crate) use handshakes::{Handshakes, Shaken};

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use tokio_rustls::TlsAcceptor;

use crate::certificates::StoredCertificate;

/// What is spoken inside.
const HTTP_1_1: &[u8] = b"http/1.1";

/// What ends TLS with a certificate.
///
/// # Errors
///
/// The certificate has no key, the key belongs to another one, or is of a kind that rustls does not know.
pub(crate) fn acceptor(certificate: &StoredCertificate) -> Result<TlsAcceptor, rustls::Error> {
    let key = certificate.key.as_ref().map(rustls::pki_types::PrivateKeyDer::clone_key);
    let key = key.ok_or_else(|| rustls::Error::General("it has no private key".to_owned()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificate.chain.clone(), key)?;
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests;
