//! Where the certificates of a service are, and where TLS ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use wasm_roles_fabric::certificates::development;
use wasm_roles_fabric::{CertificateFolder, CertificateOptions, DevelopmentCertificates, Tls};

use crate::failure::Failure;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct CertificateArguments {
    /// The folder with the certificates that the configuration names by thumbprint: PEM files, each with the private key
    /// in it or in a file of the same stem
    #[arg(long, value_name = "DIR")]
    pub certificates: Option<PathBuf>,

    /// Make self-signed certificates for https endpoints whose own are not in the folder of --certificates. Clients do not trust
    /// them by themselves. With --data-dir they are kept for the next run
    #[arg(long)]
    pub dev_certificates: bool,

    /// Write the certificates that were made, without their keys, to a file for clients that shall trust them
    #[arg(long, value_name = "FILE", requires = "dev_certificates")]
    pub dev_certificates_pem: Option<PathBuf>,

    /// Where TLS of https endpoints ends; without it here if the certificate is there, otherwise in the role
    #[arg(long, value_name = "WHERE", value_enum)]
    pub tls: Option<TlsArgument>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsArgument {
    /// In this program: the role reads what the client said
    End,
    /// In the role: it gets the encrypted bytes
    Pass,
}

impl CertificateArguments {
    /// For a deployment that starts `now`. Reads the folder. `kept`: the data folder, if the next run has it too.
    pub fn options(&self, now: SystemTime, kept: Option<&Path>) -> Result<CertificateOptions, Failure> {
        let folder = self.certificates.clone().map(CertificateFolder::read).transpose()?;
        let tls = self.tls.map(|tls| match tls {
            TlsArgument::End => Tls::End,
            TlsArgument::Pass => Tls::Pass,
        });
        let development = self.dev_certificates.then(|| {
            let development = DevelopmentCertificates::new(now);
            let development = development.kept_in(kept.map(|data| data.join(development::FOLDER)));
            Arc::new(development.shown_in(self.dev_certificates_pem.clone()))
        });
        Ok(CertificateOptions { folder: folder.map(Arc::new), tls, development })
    }
}
