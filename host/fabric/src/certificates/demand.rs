//! What a deployment wants of certificates, and what it gets: a pure function of the plan and the folder.
//!
//! | folder | thumbprint | the folder has it | the role | an `https` endpoint with it |
//! |---|---|---|---|---|
//! | none | | | does not see it: a notice | TLS is passed on: a notice; an error with `--tls end` |
//! | named | none | | does not see it: a notice | the same |
//! | named | given | no | an error | an error |
//! | named | given | without its private key | sees the certificate | an error; with `--tls pass` TLS is passed on |
//! | named | given | with its private key | sees it | TLS ends here; with `--tls pass` it is passed on |
//!
//! "Passed on" means that the bytes of the client go to the role as they are, and that the role ends TLS itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use wasm_roles_service_plan::{
    Certificate, CertificateName, PermissionLevel, Plan, PlannedRole, Port, Protocol, PublicPort, RoleName,
    Span, Thumbprint,
};

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
        folder: PathBuf,
        /// Files that may have it in a form that is not read.
        other_forms: Vec<PathBuf>,
        /// Where the definition declares it.
        span: Span,
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
            Self::NotInFolder { folder, other_forms, .. } => {
                let put = format!(
                    "put it there as a PEM file, with its private key, ending in .pem: {}",
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
            Self::CannotEndTls { reason, .. } => {
                let otherwise = "or let the role end TLS itself with `--tls pass`";
                match reason {
                    NoTls::NoFolder => format!("name the folder with `--certificates DIR`, {otherwise}"),
                    NoTls::NoThumbprint(name) => format!(
                        "add `<Certificate name=\"{name}\" thumbprint=\"…\" thumbprintAlgorithm=\"sha1\" />` to the \
                         role in the configuration, {otherwise}"
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
}

/// What a deployment gets.
#[derive(Debug, Default)]
pub(crate) struct Demand<'a> {
    pub(crate) seen: BTreeMap<&'a RoleName, Vec<Seen<'a>>>,
    pub(crate) ended: Vec<Ended<'a>>,
    pub(crate) notices: Vec<CertificateNotice>,
}

/// What the plan wants, as the module's table says.
///
/// # Errors
///
/// All certificates that are needed and not there.
pub(crate) fn demand<'a>(
    plan: &'a Plan,
    options: &'a CertificateOptions,
) -> Result<Demand<'a>, Vec<CertificateError>> {
    let (mut demand, mut errors) = (Demand::default(), Vec::new());
    if let Some(folder) = &options.folder {
        demand.notices.extend(folder.warnings().iter().cloned().map(CertificateNotice::from));
    }
    for role in plan.roles.iter().filter(|role| !role.certificates.is_empty()) {
        match &options.folder {
            Some(folder) => demand.show(role, folder, &mut errors),
            None => demand.notices.push(CertificateNotice::NoFolder {
                role: role.name.clone(),
                certificates: role.certificates.iter().map(|found| found.name.clone()).collect(),
            }),
        }
    }
    if options.tls != Some(Tls::Pass) {
        for public in plan.public.iter().filter(|public| public.protocol == Protocol::Https) {
            demand.end(plan, public, options, &mut errors);
        }
    }
    if errors.is_empty() { Ok(demand) } else { Err(errors) }
}

impl<'a> Demand<'a> {
    /// Lets a role see its certificates.
    fn show(
        &mut self,
        role: &'a PlannedRole,
        folder: &'a CertificateFolder,
        errors: &mut Vec<CertificateError>,
    ) {
        for Certificate { name, thumbprint, permission_level, span, .. } in &role.certificates {
            let Some(thumbprint) = thumbprint else {
                let (role, certificate) = (role.name.clone(), name.clone());
                self.notices.push(CertificateNotice::NoThumbprint { role, certificate });
                continue;
            };
            match folder.find(thumbprint) {
                Some(certificate) => {
                    let with_key = *permission_level == PermissionLevel::LimitedOrElevated;
                    self.seen.entry(&role.name).or_default().push(Seen { name, certificate, with_key });
                }
                None => errors.push(CertificateError::NotInFolder {
                    role: role.name.clone(),
                    certificate: name.clone(),
                    thumbprint: thumbprint.clone(),
                    folder: folder.path().to_owned(),
                    other_forms: folder.other_forms().to_vec(),
                    span: span.clone(),
                }),
            }
        }
    }

    /// Ends TLS of a port, if that can be done.
    fn end(
        &mut self,
        plan: &'a Plan,
        public: &'a PublicPort,
        options: &'a CertificateOptions,
        errors: &mut Vec<CertificateError>,
    ) {
        let reason = match usable(plan, public, options.folder.as_deref()) {
            Ok(Some(ended)) => return self.ended.push(ended),
            Ok(None) => return, // reported as missing from the folder
            Err(reason) => reason,
        };
        let (port, role, endpoint) = (public.port, public.role.clone(), public.endpoint.clone());
        match reason {
            NoTls::NoFolder | NoTls::NoThumbprint(_) if options.tls.is_none() => {
                self.notices.push(CertificateNotice::PassedOn { port, role, endpoint });
            }
            reason => errors.push(CertificateError::CannotEndTls { port, role, endpoint, reason }),
        }
    }
}

/// The certificate that a port ends TLS with; none when the folder does not have it.
fn usable<'a>(
    plan: &'a Plan,
    public: &'a PublicPort,
    folder: Option<&'a CertificateFolder>,
) -> Result<Option<Ended<'a>>, NoTls> {
    let folder = folder.ok_or(NoTls::NoFolder)?;
    // The model has checked that an https endpoint names a certificate of its role.
    let Some(name) = &public.certificate else { return Err(NoTls::NoFolder) };
    let declared =
        plan.role(&public.role).and_then(|role| role.certificates.iter().find(|found| found.name == *name));
    let thumbprint = declared.and_then(|declared| declared.thumbprint.as_ref());
    let thumbprint = thumbprint.ok_or_else(|| NoTls::NoThumbprint(name.clone()))?;
    match folder.find(thumbprint) {
        None => Ok(None),
        Some(certificate) if certificate.has_key() => {
            Ok(Some(Ended { public, name, thumbprint, certificate }))
        }
        Some(_) => Err(NoTls::NoKey(name.clone(), thumbprint.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_certificates::{self_signed, write};
    use crate::test_plans::plan_of;

    /// A role with an https endpoint, its certificate `Tls` and one whose key is for elevated processes.
    fn service(configured: &str) -> Plan {
        plan_of(
            r#"<WebRole name="Web">
                <Endpoints><InputEndpoint name="In" protocol="https" port="443" certificate="Tls" /></Endpoints>
                <Certificates>
                    <Certificate name="Tls" storeLocation="LocalMachine" storeName="My" />
                    <Certificate name="Admin" storeLocation="LocalMachine" storeName="My" permissionLevel="elevated" />
                </Certificates>
            </WebRole>
            <WorkerRole name="Other" />"#,
            &format!(
                r#"<Role name="Web"><Instances count="1" /><Certificates>{configured}</Certificates></Role>
                   <Role name="Other"><Instances count="1" /></Role>"#
            ),
        )
    }

    fn both(tls: &Thumbprint, admin: &Thumbprint) -> String {
        let entry = |name: &str, thumbprint: &str| {
            format!(r#"<Certificate name="{name}" thumbprint="{thumbprint}" thumbprintAlgorithm="sha1" />"#)
        };
        entry("Tls", tls.as_str()) + &entry("Admin", admin.as_str())
    }

    fn folder(files: &[(&str, &str)]) -> Option<Arc<CertificateFolder>> {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| write(&folder.path().join(name), text));
        Some(Arc::new(CertificateFolder::read(folder.path()).unwrap()))
    }

    /// What becomes of the service: `sees NAME[+key]`, `ends PORT`, notices and errors.
    fn outcome(plan: &Plan, folder: Option<Arc<CertificateFolder>>, tls: Option<Tls>) -> Vec<String> {
        let options = CertificateOptions { folder, tls };
        match demand(plan, &options) {
            Ok(Demand { seen, ended, notices }) => {
                let seen = seen.iter().flat_map(|(role, seen)| {
                    seen.iter().map(move |seen| {
                        let key = if seen.with_key && seen.certificate.has_key() { "+key" } else { "" };
                        format!("{role} sees {}{key}", seen.name)
                    })
                });
                let ended = ended
                    .iter()
                    .map(|ended| format!("ends TLS at {} with {}", ended.public.port, ended.name));
                seen.chain(ended).chain(notices.iter().map(ToString::to_string)).collect()
            }
            Err(errors) => errors.iter().map(|error| format!("error: {error} ({})", error.hint())).collect(),
        }
    }

    #[test]
    fn with_the_certificates_a_role_sees_what_it_declares_and_tls_ends_here() {
        let (tls, admin) = (self_signed("web.example"), self_signed("admin.example"));
        let plan = service(&both(&tls.thumbprint, &admin.thumbprint));
        let all = folder(&[
            ("tls.pem", &(tls.certificate.clone() + &tls.key)),
            ("admin.pem", &(admin.certificate.clone() + &admin.key)),
        ]);
        let seen = ["Web sees Tls+key", "Web sees Admin"].map(str::to_owned);
        let ends = "ends TLS at 443 with Tls".to_owned();
        let ended = [&seen[..], &[ends]].concat();
        assert_eq!(outcome(&plan, all.clone(), None), ended);
        assert_eq!(outcome(&plan, all.clone(), Some(Tls::End)), ended);
        assert_eq!(outcome(&plan, all, Some(Tls::Pass)), seen);
    }

    #[test]
    fn without_a_folder_everything_runs_and_what_is_different_is_said() {
        let tls = self_signed("web.example").thumbprint;
        let plan = service(&both(&tls, &tls));
        let unseen =
            "role Web does not see its certificates (Tls, Admin), since no folder with certificates is named";
        let passed = "TLS at public port 443 is passed on to role Web (endpoint In), since its certificate is not there";
        assert_eq!(outcome(&plan, None, None), [unseen, passed]);
        assert_eq!(outcome(&plan, None, Some(Tls::Pass)), [unseen]);
        assert_eq!(
            outcome(&plan, None, Some(Tls::End)),
            [
                "error: public port 443 (https endpoint In of role Web) cannot end TLS: no folder with certificates is \
              named (name the folder with `--certificates DIR`, or let the role end TLS itself with `--tls pass`)"
            ]
        );
    }

    #[test]
    fn a_certificate_that_is_not_in_the_folder_is_an_error_that_names_all_there_is_to_know() {
        let (tls, admin) = (self_signed("web.example"), self_signed("admin.example"));
        let plan = service(&both(&tls.thumbprint, &admin.thumbprint));
        let only_tls = folder(&[("tls.pem", &(tls.certificate.clone() + &tls.key)), ("admin.pfx", "\0")]);
        let place = only_tls.as_ref().unwrap().path().display().to_string();
        for mode in [None, Some(Tls::End), Some(Tls::Pass)] {
            assert_eq!(
                outcome(&plan, only_tls.clone(), mode),
                [format!(
                    "error: Svc.csdef:5:21: certificate Admin of role Web is not in {place}: no certificate there has the \
                     thumbprint {} (if it is in {place}/admin.pfx: `openssl pkcs12 -in {place}/admin.pfx -nodes -out \
                     {place}/admin.pem`; otherwise put it there as a PEM file, with its private key, ending in .pem: {place})",
                    admin.thumbprint
                )],
                "{mode:?}"
            );
        }
        assert_eq!(outcome(&plan, folder(&[]), None).len(), 2, "one for each, and none for the endpoint");
    }

    #[test]
    fn tls_needs_the_private_key_unless_the_role_ends_it() {
        let tls = self_signed("web.example");
        let plan = service(&both(&tls.thumbprint, &tls.thumbprint));
        let public_half = folder(&[("tls.pem", &tls.certificate)]);
        let said = outcome(&plan, public_half.clone(), None);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].contains(&format!("the private key of certificate Tls (thumbprint {})", tls.thumbprint)),
            "{said:?}"
        );
        assert_eq!(outcome(&plan, public_half, Some(Tls::Pass)), ["Web sees Tls", "Web sees Admin"]);
    }
}
