//! Whom outgoing TLS believes, and how it is spoken.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasm_roles_virtual_network::TcpStream;
use wasmtime_wasi_http::Error;

use super::errors;

/// TLS sessions that an instance remembers, to resume them.
const SESSIONS: usize = 64;

/// The authorities whose certificates an instance accepts from servers that it sends https requests to.
///
/// The default is those of the platform, found when they are first needed (where `SSL_CERT_FILE` or
/// `SSL_CERT_DIR` of the host say, else where the operating system keeps them). Certificates that cannot be read are
/// left out; without any, every server is refused.
#[derive(Clone, Debug)]
pub struct TrustedRoots {
    platform: bool,
    more: Vec<CertificateDer<'static>>,
}

impl Default for TrustedRoots {
    fn default() -> Self {
        Self { platform: true, more: Vec::new() }
    }
}

impl TrustedRoots {
    /// None at all, to add to.
    #[must_use]
    pub const fn none() -> Self {
        Self { platform: false, more: Vec::new() }
    }

    /// These and one more, as DER. What is no certificate is left out.
    #[must_use]
    pub fn and(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.more.push(CertificateDer::from(certificate.into()));
        self
    }

    /// Reads them. It blocks.
    fn read(self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        if self.platform {
            // One bad file of many must not take the others with it.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        store.add_parsable_certificates(self.more);
        store
    }
}

/// What all instances share of outgoing TLS: the roots, read once.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    roots: TrustedRoots,
    config: OnceCell<ClientConfig>,
}

impl Trust {
    pub(crate) fn new(roots: TrustedRoots) -> Self {
        Self { roots, config: OnceCell::new() }
    }

    async fn config(&self) -> Result<&ClientConfig, Error> {
        let make = async || {
            let roots = self.roots.clone();
            let roots = tokio::task::spawn_blocking(|| roots.read()).await;
            let roots = roots.map_err(|_| Error::ConfigurationError)?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let builder = builder.map_err(|_| Error::ConfigurationError)?;
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Ok(config)
        };
        self.config.get_or_try_init(make).await
    }
}

/// The TLS of one instance: its sessions are its own, so nothing of one instance shows in another's connections.
pub(super) struct Client {
    trust: Arc<Trust>,
    connector: OnceCell<TlsConnector>,
}

impl Client {
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        Self { trust, connector: OnceCell::new() }
    }

    /// Speaks TLS over `stream` with `host`, whose name or address the certificate must have.
    pub(super) async fn connect(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HttpRequestUriInvalid)?;
        let connector = self.connector.get_or_try_init(async || {
            let mut config = self.trust.config().await?.clone();
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            Ok::<_, Error>(TlsConnector::from(Arc::new(config)))
        });
        connector.await?.connect(name, stream).await.map_err(|error| errors::tls(&error))
    }
}
