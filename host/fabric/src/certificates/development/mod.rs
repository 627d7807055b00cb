//! Certificates for development: self-signed ones in the place of those that https endpoints name and that are not there.
//!
//! They are made when [`CertificateOptions::development`](super::CertificateOptions) says so, and for nothing but the certificates
//! of public https endpoints that the folder does not have. Everything else treats them like any other: TLS ends with them, and
//! the role sees them, with the key if it may.
//!
//! A certificate is good for `localhost`, 127.0.0.1, ::1, the service's public name, and the hosts of the sites that are
//! bound to endpoints with it. No client trusts it by itself. Its thumbprint is not the one that the configuration may have: a
//! thumbprint is the digest of one certificate, so nobody can make another one for it.
//!
//! | | certificate and key |
//! |---|---|
//! | a folder to keep them is named | `<role>/<name>.pem`, and `<role>/<name>.key` for the user alone; the next run finds them |
//! | none is named | made for each run, and nowhere on the disk |
//!
//! One that is kept is made anew when it lacks one of the hosts, has less than [`RENEWED_BEFORE`] left, or has a key that others
//! can read. On Unix a folder that others can change, or that is a link, has no certificates and gets none: that is an error.
//! Whether they are kept or not, the certificates, without their keys, can be written to a file for those who shall trust them.
//!
//! Keys come from the operating system's random numbers, as all of TLS does, and not from the deployment's seed.

mod make;
mod own;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use wasm_roles_service_plan::{CertificateName, Plan, Port, Protocol, RoleName, Thumbprint};

use super::demand::CertificateOptions;
use super::hosts::hosts_of;
use super::{StoredCertificate, pem};

/// How long a certificate is good: what browsers accept at most.
pub const GOOD_FOR: Duration = Duration::from_secs(397 * DAY);
/// One that is kept is made anew when it has less left.
pub const RENEWED_BEFORE: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Below the data folder, where the command line keeps them. No instance is called so.
pub const FOLDER: &str = "wasm-roles-development";

/// Makes certificates for development, and gives the same one again as long as it lives.
pub struct DevelopmentCertificates {
    now: SystemTime,
    kept: Option<PathBuf>,
    public: Option<PathBuf>,
    made: Mutex<Made>,
}

/// By role and name.
pub(crate) type Made = BTreeMap<(RoleName, CertificateName), Arc<Development>>;

/// A certificate that was made.
#[derive(Debug)]
pub(crate) struct Development {
    pub(crate) certificate: StoredCertificate,
    pub(crate) thumbprint: Thumbprint,
    /// The hosts that it is good for.
    hosts: Vec<String>,
    /// A file with the certificate and without its key.
    pub(crate) trust: Option<PathBuf>,
}

/// A certificate that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) role: RoleName,
    pub(crate) name: CertificateName,
    /// The first of the public ports with it.
    pub(crate) port: Port,
    pub(crate) hosts: Vec<String>,
}

/// What could not be done with a file.
pub(crate) type NotKept = (PathBuf, io::Error);

impl DevelopmentCertificates {
    /// Certificates that are good from `now` on, and are forgotten with this.
    #[must_use]
    pub fn new(now: SystemTime) -> Self {
        Self { now, kept: None, public: None, made: Mutex::default() }
    }

    /// The same, kept in a folder, which is made for the user alone when it is needed.
    #[must_use]
    pub fn kept_in(self, folder: Option<PathBuf>) -> Self {
        Self { kept: folder, ..self }
    }

    /// The same, and all of them, without their keys, also in this PEM file.
    #[must_use]
    pub fn shown_in(self, file: Option<PathBuf>) -> Self {
        Self { public: file, ..self }
    }

    /// The certificates for what is wanted. It blocks, for a few small files.
    ///
    /// # Errors
    ///
    /// What could not be made or kept, and why.
    pub(crate) fn provide(&self, wanted: &[Wanted]) -> Result<Made, (Wanted, NotMade)> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut provided = Made::new();
        for wanted in wanted {
            let key = (wanted.role.clone(), wanted.name.clone());
            let there =
                made.get(&key).filter(|there| wanted.hosts.iter().all(|host| there.hosts.contains(host)));
            let development = match there {
                Some(there) => Arc::clone(there),
                None => Arc::new(self.find_or_make(wanted).map_err(|error| (wanted.clone(), error))?),
            };
            provided.insert(key.clone(), Arc::clone(&development));
            made.insert(key, development);
        }
        if let (Some(file), Some(first)) = (&self.public, wanted.first()) {
            let written = fs::write(file, text_of(&made));
            written.map_err(|error| (first.clone(), NotMade::File(file.clone(), error.to_string())))?;
        }
        Ok(provided)
    }

    fn find_or_make(&self, wanted: &Wanted) -> Result<Development, NotMade> {
        let (certificate, trust) = match &self.kept {
            None => (make::make(&wanted.hosts, self.now)?, self.public.clone()),
            Some(folder) => {
                let place = store::Place::new(folder, &wanted.role, &wanted.name);
                let kept = place.read().filter(|kept| make::is_good(kept, &wanted.hosts, self.now));
                let certificate = match kept {
                    Some(kept) => kept,
                    None => {
                        let made = make::make(&wanted.hosts, self.now)?;
                        place.write(&made).map_err(|(file, error)| NotMade::File(file, error.to_string()))?;
                        made
                    }
                };
                (certificate, Some(place.certificate))
            }
        };
        let thumbprint = certificate.thumbprint().ok_or(NotMade::Broken)?;
        Ok(Development { certificate, thumbprint, hosts: wanted.hosts.clone(), trust })
    }
}

impl fmt::Debug for DevelopmentCertificates {
    /// Never shows a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentCertificates").field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// Why there is no certificate for development.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotMade {
    /// It cannot be written to a file.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, String),
    /// The certificate itself cannot be made.
    #[error("{0}")]
    Failed(String),
    /// What was made is no certificate.
    #[error("it is no certificate")]
    Broken,
}

/// What is to be made for a plan: the certificates of its public https endpoints that the folder does not have.
pub(crate) fn wanted(plan: &Plan, options: &CertificateOptions) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    for public in plan.public.iter().filter(|public| public.protocol == Protocol::Https) {
        let (Some(role), Some(name)) = (plan.role(&public.role), &public.certificate) else { continue };
        let declared = role.certificates.iter().find(|declared| declared.name == *name);
        let thumbprint = declared.and_then(|declared| declared.thumbprint.as_ref());
        let found = options.folder.as_deref().zip(thumbprint).and_then(|(folder, print)| folder.find(print));
        if found.is_some() {
            continue;
        }
        let hosts = hosts_of(plan, &role.name, &public.endpoint);
        match all.iter_mut().find(|wanted| wanted.role == role.name && wanted.name == *name) {
            Some(wanted) => {
                let more = hosts.into_iter().filter(|host| !wanted.hosts.contains(host));
                let more: Vec<String> = more.collect();
                wanted.hosts.extend(more);
            }
            None => {
                let usual = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
                let service = plan.policy.public_side().map(|side| side.name.to_ascii_lowercase());
                let hosts = usual.into_iter().chain(service).chain(hosts).collect();
                let (role, name) = (role.name.clone(), name.clone());
                all.push(Wanted { role, name, port: public.port, hosts });
            }
        }
    }
    all
}

/// All certificates, without their keys.
fn text_of(made: &Made) -> String {
    let certificates = made.values().flat_map(|made| &made.certificate.chain);
    certificates.map(|certificate| pem::section("CERTIFICATE", certificate)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(role: &str, name: &str) -> Wanted {
        Wanted {
            role: RoleName::new(role).unwrap(),
            name: CertificateName::new(name).unwrap(),
            port: Port::new(443).unwrap(),
            hosts: vec!["localhost".to_owned()],
        }
    }

    #[test]
    fn certificates_with_dots_in_their_names_are_kept_apart_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let all = [wanted("Web", "Api.Tls"), wanted("Web.Api", "Tls")];
        let run = || {
            let kept = folder.path().join(FOLDER);
            let certificates = DevelopmentCertificates::new(SystemTime::now()).kept_in(Some(kept));
            let made = certificates.provide(&all).unwrap();
            let of = |one: &Development| (one.thumbprint.clone(), one.trust.clone().unwrap());
            made.values().map(|one| of(one)).collect::<Vec<_>>()
        };
        let first = run();
        assert_ne!(first[0].0, first[1].0);
        assert!(
            first[0].1.ends_with("Web/Api.Tls.pem") && first[1].1.ends_with("Web.Api/Tls.pem"),
            "{first:?}"
        );
        assert_eq!(run(), first);
    }
}
