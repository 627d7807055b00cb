//! What is in a PEM file.

use rustls::pki_types::pem::{self, SectionKind};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

use super::folder::FileReason;

/// The mark of a private key that needs a password.
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];

/// Certificates and the private key of a file, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) key: Option<PrivateKeyDer<'static>>,
}

/// Reads a file. Sections of other kinds, such as parameters, are left out.
pub(super) fn read(text: &[u8]) -> Result<Contents, FileReason> {
    let as_text = String::from_utf8_lossy(text);
    if ENCRYPTED.iter().any(|mark| as_text.contains(mark)) {
        return Err(FileReason::EncryptedKey);
    }
    let mut contents = Contents::default();
    let mut rest = text;
    while let Some((kind, der)) =
        pem::from_buf(&mut rest).map_err(|error| FileReason::Malformed(error.to_string()))?
    {
        let key = match kind {
            SectionKind::Certificate => {
                contents.certificates.push(der.into());
                continue;
            }
            SectionKind::PrivateKey => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
            SectionKind::RsaPrivateKey => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)),
            SectionKind::EcPrivateKey => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der)),
            _ => continue,
        };
        if contents.key.replace(key).is_some() {
            return Err(FileReason::SeveralKeys);
        }
    }
    let is_empty = contents.certificates.is_empty() && contents.key.is_none();
    if is_empty { Err(FileReason::NothingInIt) } else { Ok(contents) }
}

/// One section of a PEM file.
pub(super) fn section(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The section of a private key, of the kind that it is; none for a kind that this version does not know.
pub(super) fn key_section(key: &PrivateKeyDer<'_>) -> Option<String> {
    let label = match key {
        PrivateKeyDer::Pkcs8(_) => "PRIVATE KEY",
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => return None,
    };
    Some(section(label, key.secret_der()))
}

fn base64(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3).saturating_mul(4));
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4_usize {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            let is_padding = digit > chunk.len();
            text.push(if is_padding { '=' } else { DIGITS.get(index).copied().map_or('=', char::from) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for length in [1, 2, 3, 47, 48, 49, 500] {
            let der: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let key = PrivateKeyDer::Pkcs8(der.clone().into());
            let text = section("CERTIFICATE", &der) + &key_section(&key).unwrap();
            let contents = read(text.as_bytes()).unwrap();
            assert_eq!(contents.certificates, [CertificateDer::from(der)], "{length}");
            assert_eq!(contents.key, Some(key), "{length}");
        }
        assert_eq!(base64(b"light work."), "bGlnaHQgd29yay4=");
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why() {
        let key = section("PRIVATE KEY", b"secret");
        let cases = [
            (String::new(), FileReason::NothingInIt),
            ("hello".to_owned(), FileReason::NothingInIt),
            (section("DH PARAMETERS", b"p"), FileReason::NothingInIt),
            (key.clone() + &key, FileReason::SeveralKeys),
            (section("ENCRYPTED PRIVATE KEY", b"secret"), FileReason::EncryptedKey),
        ];
        for (text, reason) in cases {
            assert_eq!(read(text.as_bytes()), Err(reason), "{text}");
        }
        let cut = section("CERTIFICATE", b"cut").replace("-----END", "END");
        assert!(matches!(read(cut.as_bytes()), Err(FileReason::Malformed(_))));
    }
}
