//! Where the certificates of a service are, and where TLS ends.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use wasm_roles_fabric::{CertificateFolder, CertificateOptions, Tls};

use crate::failure::Failure;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct CertificateArguments {
    /// The folder with the certificates that the configuration names by thumbprint: PEM files, each with the private key
    /// in it or in a file of the same stem
    #[arg(long, value_name = "DIR")]
    pub certificates: Option<PathBuf>,

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
    /// For a deployment. Reads the folder.
    pub fn options(&self) -> Result<CertificateOptions, Failure> {
        let folder = self.certificates.clone().map(CertificateFolder::read).transpose()?;
        let tls = self.tls.map(|tls| match tls {
            TlsArgument::End => Tls::End,
            TlsArgument::Pass => Tls::Pass,
        });
        Ok(CertificateOptions { folder: folder.map(Arc::new), tls })
    }
}
