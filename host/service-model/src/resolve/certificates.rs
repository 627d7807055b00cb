//! Certificates: the ones that endpoints name, and which certificate each one is.

use std::collections::{HashMap, HashSet};

use crate::configuration::{ConfiguredRole, WrittenConfiguration};
use crate::definition::{WrittenCertificate, WrittenDefinition, WrittenRole};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::Located;
use crate::{Certificate, CertificateName, EndpointKind, InputProtocol, Thumbprint};

/// Looks up the certificates that input endpoints name. One for `https` must name one (facts: section 2.4).
pub(super) fn resolve(definition: &mut WrittenDefinition, report: &mut Report) {
    for role in &mut definition.roles {
        let known: HashSet<&str> =
            role.certificates.iter().map(|certificate| certificate.name.value.as_str()).collect();
        let mut unknown = Vec::new();
        for endpoint in &mut role.endpoints {
            let Some(EndpointKind::Input(input)) = &mut endpoint.kind else { continue };
            match &endpoint.certificate {
                Some(name) if known.contains(name.value.as_str()) => {
                    input.certificate = CertificateName::new(&name.value).ok();
                }
                Some(name) => unknown.push(name.clone()),
                None if input.protocol == InputProtocol::Https => {
                    let message = format!("the https endpoint `{}` needs a certificate", endpoint.name.value);
                    let error = Diagnostic::at(Code::MissingAttribute, &endpoint.span, message);
                    let error = error.label("has no attribute `certificate`");
                    report.push(
                        error.help(
                            "declare one in the role's `<Certificates>` and name it: `certificate=\"…\"`",
                        ),
                    );
                }
                None => {}
            }
        }
        for name in unknown.into_iter().filter(|_| !role.has_nameless_certificate) {
            report_unknown(role, &name, report);
        }
    }
}

fn report_unknown(role: &WrittenRole, name: &Located<String>, report: &mut Report) {
    let message = format!("role `{}` has no certificate `{}`", role.name.value, name.value);
    let error = Diagnostic::at(Code::UnknownCertificate, &name.span, message);
    let known = role.certificates.iter().map(|certificate| certificate.name.value.as_str());
    let help = match report.nearest(&name.value, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!(
            "add `<Certificate name=\"{}\" storeLocation=\"LocalMachine\" storeName=\"My\" />` to its \
             `<Certificates>`",
            name.value
        ),
    };
    report.push(error.help(help));
}

/// The thumbprints that the configuration gives to the certificates of a role, by name, and the certificates of
/// modules that it gives none to.
pub(super) fn apply<'a>(
    role: &'a WrittenRole,
    configured: &ConfiguredRole,
    configuration: &WrittenConfiguration,
    report: &mut Report,
) -> (HashMap<String, Thumbprint>, Vec<&'a WrittenCertificate>) {
    let given: HashSet<&str> =
        configured.certificates.iter().map(|found| found.name.value.as_str()).collect();
    let is_missing = |found: &&WrittenCertificate| !given.contains(found.name.value.as_str());
    let missing = role.certificates.iter().filter(|_| configuration.is_whole).filter(is_missing);
    let (of_modules, declared): (Vec<_>, Vec<_>) = missing.partition(|found| found.import.is_some());
    for certificate in declared {
        let name = &certificate.name.value;
        let message = format!(
            "certificate `{name}` of role `{}` has no thumbprint in {}",
            role.name.value, configuration.file_name
        );
        let error = Diagnostic::at(Code::CertificateWithoutThumbprint, &certificate.name.span, message);
        report.push(error.label("declared here").help(format!(
            "add `<Certificate name=\"{name}\" thumbprint=\"…\" thumbprintAlgorithm=\"sha1\" />` to the role's \
             `<Certificates>` there"
        )));
    }
    let declared: HashSet<&str> = role.certificates.iter().map(|found| found.name.value.as_str()).collect();
    let mut thumbprints = HashMap::new();
    for certificate in &configured.certificates {
        let name = certificate.name.value.as_str();
        if declared.contains(name) {
            thumbprints
                .extend(certificate.thumbprint.clone().map(|thumbprint| (name.to_owned(), thumbprint)));
        } else if !role.has_nameless_certificate && !role.imports.explain(name) {
            warn_undeclared(role, &certificate.name, report);
        }
    }
    (thumbprints, of_modules)
}

fn warn_undeclared(role: &WrittenRole, name: &Located<String>, report: &mut Report) {
    let message = format!("role `{}` declares no certificate `{}`", role.name.value, name.value);
    let warning = Diagnostic::at(Code::UndeclaredCertificate, &name.span, message).label("left out");
    let known = role.certificates.iter().map(|certificate| certificate.name.value.as_str());
    let nearest = report.nearest(&name.value, known);
    report.push(warning.did_you_mean(nearest));
}

/// The certificates of a role with their thumbprints. One that was reported as wrong is left out; then there will be
/// no model.
pub(super) fn configure(
    certificates: Vec<WrittenCertificate>,
    thumbprints: &HashMap<String, Thumbprint>,
) -> Vec<Certificate> {
    let configure = |written: WrittenCertificate| {
        let (store_location, store_name) = written.store?;
        Some(Certificate {
            thumbprint: thumbprints.get(written.name.value.as_str()).cloned(),
            name: written.name.value,
            store_location,
            store_name,
            permission_level: written.permission_level,
            span: written.span,
        })
    };
    certificates.into_iter().filter_map(configure).collect()
}
