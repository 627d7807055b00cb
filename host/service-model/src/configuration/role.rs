//! Roles of the configuration: instance counts, values of settings, thumbprints of certificates.

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields::{self, Located};
use crate::xml::{Attribute, Element};
use crate::{Thumbprint, ThumbprintError, VmNamePrefix};

/// A role as the configuration writes it.
pub(crate) struct ConfiguredRole {
    pub(crate) name: Located<String>,
    /// `None`: reported.
    pub(crate) instance_count: Option<u32>,
    pub(crate) settings: Vec<ConfiguredSetting>,
    pub(crate) certificates: Vec<ConfiguredCertificate>,
    pub(crate) vm_name: Option<VmNamePrefix>,
}

/// A setting with its value.
pub(crate) struct ConfiguredSetting {
    pub(crate) name: Located<String>,
    /// `None`: reported.
    pub(crate) value: Option<String>,
}

/// A certificate with its thumbprint.
pub(crate) struct ConfiguredCertificate {
    pub(crate) name: Located<String>,
    /// `None`: reported.
    pub(crate) thumbprint: Option<Thumbprint>,
}

/// Reads a role; `None` when it has no name, after everything in it was checked all the same.
pub(super) fn read(element: &Element, report: &mut Report) -> Option<ConfiguredRole> {
    let name = fields::text(element, "name", report);
    let instance_count = fields::required_child(element, "Instances", report)
        .and_then(|instances| fields::required(instances, "count", report))
        // The schema has a signed number; a negative count never had a meaning.
        .and_then(|count| fields::number(count, 0..=i32::MAX.cast_unsigned(), report));
    let settings = settings(element, report);
    let certificates = certificates(element, report);
    let vm_name = element.attribute("vmName");
    let vm_name = vm_name.and_then(|_| fields::name(element, "vmName", VmNamePrefix::new, report));
    for image in element.children("OsImage") {
        fields::required(image, "href", report);
    }
    let vm_name = vm_name.map(|name| name.value);
    Some(ConfiguredRole { name: name?, instance_count, settings, certificates, vm_name })
}

fn settings(role: &Element, report: &mut Report) -> Vec<ConfiguredSetting> {
    let mut settings = Vec::new();
    for setting in role.items("ConfigurationSettings", "Setting") {
        let name = fields::text(setting, "name", report);
        let value = fields::required(setting, "value", report).map(|value| value.value.clone());
        settings.extend(name.map(|name| ConfiguredSetting { name, value }));
    }
    let names = settings.iter().map(|setting| (setting.name.value.as_str(), &setting.name.span));
    fields::reject_duplicates(names, Code::DuplicateSetting, "setting", report);
    settings
}

fn certificates(role: &Element, report: &mut Report) -> Vec<ConfiguredCertificate> {
    let mut certificates = Vec::new();
    for certificate in role.items("Certificates", "Certificate") {
        let name = fields::text(certificate, "name", report);
        let thumbprint = fields::required(certificate, "thumbprint", report);
        let thumbprint = thumbprint.and_then(|thumbprint| read_thumbprint(thumbprint, report));
        if let Some(algorithm) = fields::required(certificate, "thumbprintAlgorithm", report) {
            fields::word(algorithm, &[("sha1", ())], report);
        }
        certificates.extend(name.map(|name| ConfiguredCertificate { name, thumbprint }));
    }
    let names = certificates.iter().map(|found| (found.name.value.as_str(), &found.name.span));
    fields::reject_duplicates(names, Code::DuplicateCertificate, "certificate", report);
    certificates
}

/// Templates leave the thumbprint empty or short, which is no reason to refuse the service.
fn read_thumbprint(attribute: &Attribute, report: &mut Report) -> Option<Thumbprint> {
    let problem = match Thumbprint::parse(&attribute.value) {
        Ok(thumbprint) => return Some(thumbprint),
        Err(problem) => problem,
    };
    let (code, message) = match problem {
        ThumbprintError::NoDigit(_) => (Code::InvalidValue, "the thumbprint is no hexadecimal number"),
        ThumbprintError::Length(0) => (Code::IncompleteThumbprint, "the thumbprint is empty"),
        ThumbprintError::Length(_) => (Code::IncompleteThumbprint, "the thumbprint is no SHA-1 digest"),
    };
    let found = Diagnostic::at(code, &attribute.value_span, message).label(problem.to_string());
    report.push(found.help("copy the SHA-1 thumbprint that the certificate's own details show"));
    None
}
