//! Ends TLS of public connections.
//!
//! The handshake is made before a connection is handed to an instance, so an instance never waits for a client that does
//! not finish one. What the instance gets then is a connection like any other: it reads what the client said, and
//! its end of writing becomes a `close_notify` before the end of the stream. A client that ends its stream without a
//! `close_notify` could have been cut off by somebody in between; the instance sees a reset then and not an end.
//!
//! TLS 1.2 and 1.3, with what rustls holds to be safe; clients are not asked for certificates. Which certificate a client is
//! shown follows from the host that it names ([`sni`]), and what is agreed on when it asks (ALPN) from who answers
//! ([`Spoken`]). A client that begins with something else than TLS, such as a request to `http://`, hears an alert and the
//! end of its connection. The random numbers of TLS are the operating system's and not the deployment's: keys
//! that follow from a seed would be no secret.
//!
//! When the certificate [changes](crate::change), handshakes that begin after it are made with the new one. Sessions of
//! before are not resumed then: a client that could resume one would never see the new certificate.

mod failure;
mod handshakes;
mod sni;
mod stream;

pub use failure::HandshakeFailure;
pub(crate) use handshakes::{Handshakes, Shaken};
pub(crate) use sni::others_shown;
pub(crate) use stream::Below;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::certificates::StoredCertificate;

/// What is agreed on with clients that ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// A program of the role reads the bytes itself: HTTP/1.1.
    ByRole,
    /// The instance's web server answers: HTTP/2, or else HTTP/1.1.
    ByWebServer,
}

impl Spoken {
    /// What two who answer at one port both speak.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::ByRole }
    }

    fn protocols(self) -> Vec<Vec<u8>> {
        let http_1_1 = b"http/1.1".to_vec();
        match self {
            Self::ByRole => vec![http_1_1],
            Self::ByWebServer => vec![b"h2".to_vec(), http_1_1],
        }
    }
}

/// A certificate with its key, as it is shown to clients.
///
/// # Errors
///
/// The certificate has no key, the key belongs to another one, or is of a kind that rustls does not know.
pub(crate) fn shown(certificate: &StoredCertificate) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let key = certificate.key.as_ref().map(rustls::pki_types::PrivateKeyDer::clone_key);
    let key = key.ok_or_else(|| rustls::Error::General("it has no private key".to_owned()))?;
    CertifiedKey::from_der(certificate.chain.clone(), key, &default_provider()).map(Arc::new)
}

/// What ends TLS with an endpoint's own certificate, and with others for clients that name these hosts, in lower case.
///
/// # Errors
///
/// rustls knows none of the versions of TLS.
pub(crate) fn acceptor(
    own: Arc<CertifiedKey>,
    by_host: BTreeMap<String, Arc<CertifiedKey>>,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates { own, by_host }));
    config.alpn_protocols = Spoken::ByRole.protocols();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The same, with what is spoken behind it.
pub(crate) fn for_speaker(acceptor: &TlsAcceptor, spoken: Spoken) -> TlsAcceptor {
    let mut config = ServerConfig::clone(acceptor.config());
    config.alpn_protocols = spoken.protocols();
    TlsAcceptor::from(Arc::new(config))
}

/// The certificates of an endpoint.
#[derive(Debug)]
struct Certificates {
    own: Arc<CertifiedKey>,
    by_host: BTreeMap<String, Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rustls gives the name in lower case, and a session to nobody who names another host than it was made for.
        let other = client.server_name().and_then(|host| self.by_host.get(host));
        Some(Arc::clone(other.unwrap_or(&self.own)))
    }
}

#[cfg(test)]
mod tests;
