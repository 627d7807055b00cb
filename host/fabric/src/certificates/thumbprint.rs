//! The thumbprint of a certificate.

use std::fmt::Write;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::CertificateDer;
use wasm_roles_service_plan::Thumbprint;

/// The SHA-1 digest of the certificate in its binary form (facts: section 6: there is no other algorithm). It only finds the
/// certificate among those that the user trusts already, so that SHA-1 is weak does not matter.
pub(super) fn thumbprint(certificate: &CertificateDer<'_>) -> Option<Thumbprint> {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.as_ref());
    let mut digits = String::with_capacity(2 * digest.as_ref().len());
    for byte in digest.as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02X}");
    }
    Thumbprint::parse(&digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_1_digest_in_capitals() {
        let found = thumbprint(&CertificateDer::from(b"abc".as_slice())).unwrap();
        assert_eq!(found.as_str(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }
}
