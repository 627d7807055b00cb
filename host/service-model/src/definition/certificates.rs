//! Certificates that a role declares (facts: section 2.5).

use crate::diagnostic::{Code, Report};
use crate::fields::{self, Located};
use crate::xml::Element;
use crate::{CertificateName, CertificateStoreName, PermissionLevel, Span, StoreLocation};

/// The stores that every machine has. Others are made on demand.
const WELL_KNOWN_STORES: &[&str] = &[
    "My",
    "Root",
    "CA",
    "Trust",
    "Disallowed",
    "TrustedPeople",
    "TrustedPublisher",
    "AuthRoot",
    "AddressBook",
];

/// A certificate as the definition writes it.
pub(crate) struct WrittenCertificate {
    pub(crate) name: Located<CertificateName>,
    /// Location and name of its store. `None`: something about it is wrong, which was reported.
    pub(crate) store: Option<(StoreLocation, CertificateStoreName)>,
    pub(crate) permission_level: PermissionLevel,
    /// Position of the module that adds it in [`WrittenImports::imports`]; `None`: the role declares it.
    ///
    /// [`WrittenImports::imports`]: super::imports::WrittenImports::imports
    pub(crate) import: Option<usize>,
    pub(crate) span: Span,
}

/// The certificates of a role, and whether one of them has no name.
pub(super) fn read(role: &Element, report: &mut Report) -> (Vec<WrittenCertificate>, bool) {
    let mut certificates = Vec::new();
    let mut has_nameless = false;
    for element in role.items("Certificates", "Certificate") {
        match read_certificate(element, report) {
            Some(certificate) => certificates.push(certificate),
            None => has_nameless = true,
        }
    }
    let names = certificates.iter().map(|found| (found.name.value.as_str(), &found.name.span));
    fields::reject_duplicates(names, Code::DuplicateCertificate, "certificate", report);
    (certificates, has_nameless)
}

fn read_certificate(element: &Element, report: &mut Report) -> Option<WrittenCertificate> {
    let name = fields::name(element, "name", CertificateName::new, report);
    let locations =
        [("CurrentUser", StoreLocation::CurrentUser), ("LocalMachine", StoreLocation::LocalMachine)];
    let location = fields::required(element, "storeLocation", report);
    let location = location.and_then(|location| fields::word(location, &locations, report));
    let store_name = store_name(element, report);
    let levels =
        [("limitedOrElevated", PermissionLevel::LimitedOrElevated), ("elevated", PermissionLevel::Elevated)];
    let level = element.attribute("permissionLevel");
    let level = level.and_then(|level| fields::word(level, &levels, report));
    Some(WrittenCertificate {
        name: name?,
        store: location.zip(store_name),
        permission_level: level.unwrap_or_default(),
        import: None,
        span: element.span.clone(),
    })
}

/// Names of stores are compared without regard to case, so a well-known one gets its usual spelling.
fn store_name(element: &Element, report: &mut Report) -> Option<CertificateStoreName> {
    let attribute = fields::required(element, "storeName", report)?;
    let well_known = WELL_KNOWN_STORES.iter().find(|known| known.eq_ignore_ascii_case(&attribute.value));
    if let Some(known) = well_known {
        if *known != attribute.value {
            fields::other_spelling(attribute, known, report);
        }
        return CertificateStoreName::new(known).ok();
    }
    fields::name(element, "storeName", CertificateStoreName::new, report).map(|name| name.value)
}
