//! What a deployment wants of certificates, and what it gets: a pure function of the plan and the folder.
//!
//! | folder | thumbprint | the folder has it | the role | an `https` endpoint with it |
//! |---|---|---|---|---|
//! | none | | | does not see it: a notice | TLS is passed on: a notice; an error with `--tls end` |
//! | named | none | | does not see it: a notice | the same |
//! | named | given | no | an error | an error |
//! | named | given | without its private key | sees the certificate | an error; with `--tls pass` TLS is passed on |
//! | named | given | with its private key | sees it | TLS ends here; with `--tls pass` it is passed on |
//! | either | either | no, and one was [made](super::development) | sees that one: a notice | TLS ends here with it; with `--tls pass` it is passed on |
//!
//! At an endpoint with [sites](super::hosts) of several hosts the role's other certificates that are there, with their keys, are shown
//! to clients that ask for a host that they cover ([`sni`](crate::tls)).
//!
//! "Passed on" means that the bytes of the client go to the role as they are, and that the role ends TLS itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasm_roles_service_plan::{
    Certificate, CertificateName, PermissionLevel, Plan, PlannedRole, Port, Protocol, PublicPort, RoleName,
    Span, Thumbprint,
};

use super::development::{Development, DevelopmentCertificates, Made, NotMade};
use super::hosts::hosts_of;
use super::{CertificateFolder, FolderWarning, StoredCertificate};

/// Where TLS of `https` endpoints ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// In this host: the role reads what the client said.
    End,
    /// In the role: it reads what came over the wire.
    Pass,
}

/// Certificates of a deployment.
#[derive(Clone, Debug, Default)]
pub struct CertificateOptions {
    /// Where they are. Default: nowhere.
    pub folder: Option<Arc<CertificateFolder>>,
    /// Where TLS ends. Default: in this host if the certificate is there, otherwise in the role.
    pub tls: Option<Tls>,
    /// What makes those of https endpoints that are nowhere. Default: nothing.
    pub development: Option<Arc<DevelopmentCertificates>>,
}

/// What runs differently from what the definition says, because a certificate is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateNotice {
    /// No folder was named.
    #[error(
        "role {role} does not see its certificates ({}), since no folder with certificates is named",
        listed(certificates)
    )]
    NoFolder {
        /// The role.
        role: RoleName,
        /// What it declares.
        certificates: Vec<CertificateName>,
    },
    /// The configuration does not say which certificate it is.
    #[error(
        "role {role} does not see its certificate {certificate}, since the configuration has no thumbprint for it"
    )]
    NoThumbprint {
        /// The role.
        role: RoleName,
        /// The certificate.
        certificate: CertificateName,
    },
    /// Nobody here can end TLS.
    #[error(
        "TLS at public port {port} is passed on to role {role} (endpoint {endpoint}), since its certificate is not there"
    )]
    PassedOn {
        /// The public port.
        port: Port,
        /// The role.
        role: RoleName,
        /// The endpoint.
        endpoint: String,
    },
    /// It was made for development.
    #[error(
        "certificate {certificate} of role {role} is self-signed, with the SHA-1 thumbprint {thumbprint}: clients do not \
         trust it{}",
        trusted_by(trust.as_deref())
    )]
    SelfSigned {
        /// The role.
        role: RoleName,
        /// The certificate.
        certificate: CertificateName,
        /// Its own, whatever the configuration has.
        thumbprint: Thumbprint,
        /// A file with the certificate and without its key, for those who shall trust it.
        trust: Option<PathBuf>,
    },
    /// Something about the folder itself.
    #[error(transparent)]
    Folder(#[from] FolderWarning),
}

/// A certificate that is needed is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It is not in the folder.
    #[error(
        "{span}: certificate {certificate} of role {role} is not in {}: no certificate there has the thumbprint {thumbprint}",
        folder.display()
    )]
    NotInFolder {
        /// The role.
        role: RoleName,
        /// The certificate.
        certificate: CertificateName,
        /// What was looked for.
        thumbprint: Thumbprint,
        /// Where.
        folder: Box<Path>,
        /// Files that may have it in a form that is not read.
        other_forms: Box<[PathBuf]>,
        /// Whether a public https endpoint has it.
        of_https_endpoint: bool,
        /// Where the definition declares it.
        span: Span,
    },
    /// One for development cannot be made.
    #[error(
        "no certificate can be made for public port {port} (certificate {certificate} of role {role}): {reason}"
    )]
    NotMade {
        /// The public port.
        port: Port,
        /// The role.
        role: RoleName,
        /// The certificate.
        certificate: CertificateName,
        /// Why.
        reason: NotMade,
    },
    /// TLS cannot be ended with it.
    #[error("public port {port} (https endpoint {endpoint} of role {role}) cannot end TLS: {reason}")]
    CannotEndTls {
        /// The public port.
        port: Port,
        /// The role.
        role: RoleName,
        /// The endpoint.
        endpoint: String,
        /// Why.
        reason: NoTls,
    },
}

/// Why TLS cannot be ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTls {
    /// No folder was named.
    #[error("no folder with certificates is named")]
    NoFolder,
    /// The configuration does not say which certificate it is.
    #[error("the configuration has no thumbprint for certificate {0}")]
    NoThumbprint(CertificateName),
    /// The folder does not have the private key.
    #[error("the private key of certificate {0} (thumbprint {1}) is not there")]
    NoKey(CertificateName, Thumbprint),
    /// The certificate or its key is no good for it.
    #[error("certificate {0} (thumbprint {1}) cannot be used: {2}")]
    Unusable(CertificateName, Thumbprint, String),
}

impl CertificateError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotInFolder { folder, other_forms, of_https_endpoint, .. } => {
                let or_make = if *of_https_endpoint { OR_MAKE } else { "" };
                let put = format!(
                    "put it there as a PEM file, with its private key, ending in .pem: {}{or_make}",
                    folder.display()
                );
                match other_forms.first() {
                    Some(other) => format!(
                        "if it is in {0}: `openssl pkcs12 -in {0} -nodes -out {1}`; otherwise {put}",
                        other.display(),
                        other.with_extension("pem").display()
                    ),
                    None => put,
                }
            }
            Self::NotMade { .. } => {
                "name folders in which you can make files, or put a certificate into the folder of `--certificates`"
                    .to_owned()
            }
            Self::CannotEndTls { reason, .. } => {
                let otherwise = "or let the role end TLS itself with `--tls pass`";
                match reason {
                    NoTls::NoFolder => {
                        format!("name the folder with `--certificates DIR`{OR_MAKE}, {otherwise}")
                    }
                    NoTls::NoThumbprint(name) => format!(
                        "add `<Certificate name=\"{name}\" thumbprint=\"…\" thumbprintAlgorithm=\"sha1\" />` to the \
                         role in the configuration{OR_MAKE}, {otherwise}"
                    ),
                    NoTls::NoKey(..) => format!(
                        "put the key beside its certificate, in a file of the same stem that ends in .key, {otherwise}"
                    ),
                    NoTls::Unusable(..) => {
                        format!("check that the key belongs to the certificate, {otherwise}")
                    }
                }
            }
        }
    }
}

/// For those of https endpoints.
const OR_MAKE: &str = "; or let a self-signed one be made with `--dev-certificates`";

fn trusted_by(trust: Option<&Path>) -> String {
    match trust {
        Some(file) => format!(" unless they are given {}", file.display()),
        None => ", and this run alone has it; `--dev-certificates-pem FILE` writes it for those who shall"
            .to_owned(),
    }
}

fn listed(names: &[CertificateName]) -> String {
    let names: Vec<&str> = names.iter().map(CertificateName::as_str).collect();
    names.join(", ")
}

/// A certificate that a role sees.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) name: &'a CertificateName,
    pub(crate) certificate: &'a StoredCertificate,
    /// Whether its private key may be seen, too.
    pub(crate) with_key: bool,
}

/// A public port whose TLS ends here.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) public: &'a PublicPort,
    pub(crate) name: &'a CertificateName,
    pub(crate) thumbprint: &'a Thumbprint,
    pub(crate) certificate: &'a StoredCertificate,
    /// Certificates of the role that can be shown instead, in its order.
    pub(crate) others: Vec<(&'a CertificateName, &'a Thumbprint, &'a StoredCertificate)>,
    /// Of the sites that are bound to the endpoint.
    pub(crate) hosts: BTreeSet<String>,
}

/// What a deployment gets.
#[derive(Debug, Default)]
pub(crate) struct Demand<'a> {
    pub(crate) seen: BTreeMap<&'a RoleName, Vec<Seen<'a>>>,
    pub(crate) ended: Vec<Ended<'a>>,
    pub(crate) notices: Vec<CertificateNotice>,
}

/// Where certificates are.
#[derive(Clone, Copy)]
struct Sources<'a> {
    folder: Option<&'a CertificateFolder>,
    made: &'a Made,
}

/// A certificate that is there, with its own thumbprint.
type Found<'a> = (&'a Thumbprint, &'a StoredCertificate);

impl<'a> Sources<'a> {
    fn made(self, role: &RoleName, name: &CertificateName) -> Option<&'a Development> {
        self.made.get(&(role.clone(), name.clone())).map(Arc::as_ref)
    }

    fn find(self, role: &RoleName, declared: &'a Certificate) -> Option<Found<'a>> {
        if let Some(made) = self.made(role, &declared.name) {
            return Some((&made.thumbprint, &made.certificate));
        }
        let thumbprint = declared.thumbprint.as_ref()?;
        Some((thumbprint, self.folder?.find(thumbprint)?))
    }
}

/// What the plan wants, as the module's table says. `made` has what was made for development.
///
/// # Errors
///
/// All certificates that are needed and not there.
pub(crate) fn demand<'a>(
    plan: &'a Plan,
    options: &'a CertificateOptions,
    made: &'a Made,
) -> Result<Demand<'a>, Vec<CertificateError>> {
    let (mut demand, mut errors) = (Demand::default(), Vec::new());
    let sources = Sources { folder: options.folder.as_deref(), made };
    if let Some(folder) = sources.folder {
        demand.notices.extend(folder.warnings().iter().cloned().map(CertificateNotice::from));
    }
    for role in plan.roles.iter().filter(|role| !role.certificates.is_empty()) {
        demand.show(plan, role, sources, &mut errors);
    }
    if options.tls != Some(Tls::Pass) {
        for public in plan.public.iter().filter(|public| public.protocol == Protocol::Https) {
            demand.end(plan, public, options.tls, sources, &mut errors);
        }
    }
    if errors.is_empty() { Ok(demand) } else { Err(errors) }
}

impl<'a> Demand<'a> {
    /// Lets a role see its certificates.
    fn show(
        &mut self,
        plan: &Plan,
        role: &'a PlannedRole,
        sources: Sources<'a>,
        errors: &mut Vec<CertificateError>,
    ) {
        let mut unseen = Vec::new();
        for declared in &role.certificates {
            let Certificate { name, thumbprint, permission_level, span, .. } = declared;
            if let Some(made) = sources.made(&role.name, name) {
                self.notices.push(CertificateNotice::SelfSigned {
                    role: role.name.clone(),
                    certificate: name.clone(),
                    thumbprint: made.thumbprint.clone(),
                    trust: made.trust.clone(),
                });
            }
            if let Some((_, certificate)) = sources.find(&role.name, declared) {
                let with_key = *permission_level == PermissionLevel::LimitedOrElevated;
                self.seen.entry(&role.name).or_default().push(Seen { name, certificate, with_key });
                continue;
            }
            let certificate = name.clone();
            match (sources.folder, thumbprint) {
                (None, _) => unseen.push(certificate),
                (Some(_), None) => {
                    self.notices
                        .push(CertificateNotice::NoThumbprint { role: role.name.clone(), certificate });
                }
                (Some(folder), Some(thumbprint)) => errors.push(CertificateError::NotInFolder {
                    role: role.name.clone(),
                    certificate,
                    thumbprint: thumbprint.clone(),
                    folder: folder.path().into(),
                    other_forms: folder.other_forms().into(),
                    of_https_endpoint: is_of_https_endpoint(plan, &role.name, name),
                    span: span.clone(),
                }),
            }
        }
        if !unseen.is_empty() {
            let (role, certificates) = (role.name.clone(), unseen);
            self.notices.push(CertificateNotice::NoFolder { role, certificates });
        }
    }

    /// Ends TLS of a port, if that can be done.
    fn end(
        &mut self,
        plan: &'a Plan,
        public: &'a PublicPort,
        tls: Option<Tls>,
        sources: Sources<'a>,
        errors: &mut Vec<CertificateError>,
    ) {
        let reason = match usable(plan, public, sources) {
            Ok(Some(ended)) => return self.ended.push(ended),
            Ok(None) => return, // reported as missing from the folder
            Err(reason) => reason,
        };
        let (port, role, endpoint) = (public.port, public.role.clone(), public.endpoint.clone());
        match reason {
            NoTls::NoFolder | NoTls::NoThumbprint(_) if tls.is_none() => {
                self.notices.push(CertificateNotice::PassedOn { port, role, endpoint });
            }
            reason => errors.push(CertificateError::CannotEndTls { port, role, endpoint, reason }),
        }
    }
}

fn is_of_https_endpoint(plan: &Plan, role: &RoleName, name: &CertificateName) -> bool {
    plan.public.iter().any(|public| {
        public.protocol == Protocol::Https
            && public.role == *role
            && public.certificate.as_ref() == Some(name)
    })
}

/// The certificates that a port ends TLS with; none when the folder does not have its own.
fn usable<'a>(
    plan: &'a Plan,
    public: &'a PublicPort,
    sources: Sources<'a>,
) -> Result<Option<Ended<'a>>, NoTls> {
    // The model has checked that an https endpoint names a certificate of its role.
    let (Some(role), Some(name)) = (plan.role(&public.role), &public.certificate) else {
        return Err(NoTls::NoFolder);
    };
    let declared = role.certificates.iter().find(|declared| declared.name == *name);
    let Some((thumbprint, certificate)) = declared.and_then(|declared| sources.find(&role.name, declared))
    else {
        let is_known = declared.is_some_and(|declared| declared.thumbprint.is_some());
        return match sources.folder {
            None => Err(NoTls::NoFolder),
            Some(_) if is_known => Ok(None),
            Some(_) => Err(NoTls::NoThumbprint(name.clone())),
        };
    };
    if !certificate.has_key() {
        return Err(NoTls::NoKey(name.clone(), thumbprint.clone()));
    }
    let others = role.certificates.iter().filter(|other| other.name != *name).filter_map(|other| {
        let (thumbprint, certificate) = sources.find(&role.name, other)?;
        certificate.has_key().then_some((&other.name, thumbprint, certificate))
    });
    let (others, hosts) = (others.collect(), hosts_of(plan, &role.name, &public.endpoint));
    Ok(Some(Ended { public, name, thumbprint, certificate, others, hosts }))
}

#[cfg(test)]
mod tests;
