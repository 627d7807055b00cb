//! Certificates: where they come from, who sees them, and which of them end TLS.
//!
//! A role declares certificates by name, and the configuration says by its thumbprint which one each is (facts: sections 2.5
//! and 6). The certificates themselves lie in a folder that the user names ([`CertificateFolder`]): PEM files, found by
//! the SHA-1 digest of the certificate, whatever the files are called.
//!
//! # What a role sees
//!
//! Exactly the certificates that it declares, read-only, at [`GUEST_CERTIFICATES`]:
//!
//! | file | what |
//! |---|---|
//! | `<name>.pem` | the certificate, then the others of its chain |
//! | `<name>.key` | its private key, in PKCS #8, PKCS #1 or SEC1 as the user's file has it |
//!
//! There is no `.key` for a certificate with `permissionLevel="elevated"`: only elevated processes may read that key, and no
//! component has elevated rights, whatever `executionContext` says. The host ends TLS with it all the same. Start-up
//! tasks see what their role sees.
//!
//! # What is missing
//!
//! The rules are in [`demand`]. In short: without a folder everything runs, roles see no certificates, and TLS is passed on to
//! them; with one, a certificate that is not in it is an error. For [development](development) one that an https endpoint needs
//! can be made.

pub mod demand;
pub mod development;
mod folder;
mod hosts;
mod pem;
mod provision;
mod shown;
mod thumbprint;

pub use demand::{CertificateError, CertificateNotice, CertificateOptions, NoTls, Tls};
pub use development::DevelopmentCertificates;
pub use folder::{CertificateFolder, FileError, FileReason, FolderError, FolderWarning};
pub(crate) use provision::{NotProvided, Provision};
pub(crate) use shown::{Edition, remove_leftovers};

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use wasm_roles_service_plan::Thumbprint;
use webpki::EndEntityCert;

/// Where the instances of a role find its certificates.
pub const GUEST_CERTIFICATES: &str = "/certificates";

/// A certificate with what belongs to it.
pub struct StoredCertificate {
    /// The certificate, then the others of its chain; never none.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// Its private key, if the folder has it.
    pub(crate) key: Option<PrivateKeyDer<'static>>,
}

impl StoredCertificate {
    /// Whether the private key is there.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Of the certificate itself.
    pub(crate) fn thumbprint(&self) -> Option<Thumbprint> {
        self.chain.first().and_then(thumbprint::thumbprint)
    }

    /// The hosts that it covers, as it has them: none when it cannot be read.
    pub(crate) fn host_names(&self) -> Vec<String> {
        let certificate =
            self.chain.first().and_then(|certificate| EndEntityCert::try_from(certificate).ok());
        certificate.map(|read| read.valid_dns_names().map(str::to_owned).collect()).unwrap_or_default()
    }
}

impl fmt::Debug for StoredCertificate {
    /// Never shows a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCertificate")
            .field("certificates", &self.chain.len())
            .field("has_key", &self.has_key())
            .finish()
    }
}
