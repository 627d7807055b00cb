//! Certificates for tests.

use std::path::Path;

use wasm_roles_service_plan::Thumbprint;

/// A certificate that nobody has signed but itself, in PEM.
pub(crate) struct SelfSigned {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) thumbprint: Thumbprint,
}

/// A certificate for a host of this name.
pub(crate) fn self_signed(host: &str) -> SelfSigned {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, made.cert.der());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    SelfSigned {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        thumbprint: Thumbprint::parse(&digits).unwrap(),
    }
}

/// Writes a file that only its owner can read.
pub(crate) fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
