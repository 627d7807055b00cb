//! Makes a self-signed certificate, and says whether one is still good.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

use super::{DAY, GOOD_FOR, NotMade, RENEWED_BEFORE, StoredCertificate};

/// What people find it by where they have made it trusted.
const NAME: &str = "wasm-roles development certificate";
/// Clocks differ.
const GOOD_SINCE: Duration = Duration::from_secs(DAY);

/// A certificate for these hosts and addresses, with its key.
pub(super) fn make(hosts: &[String], now: SystemTime) -> Result<StoredCertificate, NotMade> {
    let failed = |error: rcgen::Error| NotMade::Failed(error.to_string());
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970.saturating_sub(GOOD_SINCE);
    params.not_after =
        date_time_ymd(1970, 1, 1) + since_1970.saturating_add(GOOD_FOR.saturating_sub(GOOD_SINCE));
    params.subject_alt_names = hosts.iter().filter_map(|host| subject(host)).collect();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok(StoredCertificate { chain: vec![certificate.der().clone()], key: Some(key.into()) })
}

/// None for what is no name of a host, which no client could ask for either.
fn subject(host: &str) -> Option<SanType> {
    match ServerName::try_from(host).ok()? {
        ServerName::DnsName(name) => Some(SanType::DnsName(name.as_ref().try_into().ok()?)),
        ServerName::IpAddress(address) => Some(SanType::IpAddress(std::net::IpAddr::from(address))),
        _ => None,
    }
}

/// Whether the key belongs to the certificate, and clients who trust it will accept it for all of these hosts for a while.
pub(super) fn is_good(kept: &StoredCertificate, hosts: &[String], now: SystemTime) -> bool {
    let (Some(key), Some(certificate)) = (&kept.key, kept.chain.first()) else { return false };
    let provider = Arc::new(default_provider());
    if CertifiedKey::from_der(kept.chain.clone(), key.clone_key(), &provider).is_err() {
        return false;
    }
    let mut roots = RootCertStore::empty();
    let Ok(()) = roots.add(certificate.clone()) else { return false };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let Ok(verifier) = verifier else { return false };
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let names: Vec<ServerName<'_>> =
        hosts.iter().filter_map(|host| ServerName::try_from(host.as_str()).ok()).collect();
    [Duration::ZERO, RENEWED_BEFORE].into_iter().all(|ahead| {
        let at = UnixTime::since_unix_epoch(since_1970.saturating_add(ahead));
        names.iter().all(|name| verifier.verify_server_cert(certificate, &[], name, &[], at).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_good_for_its_hosts_until_a_month_before_its_end() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let all = hosts(&["localhost", "127.0.0.1", "::1", "svc.cloudapp.net", "shop.example.com"]);
        let made = make(&all, now).unwrap();
        let after = |days: u64| now + Duration::from_secs(days * DAY);
        assert!(is_good(&made, &all, now));
        assert!(is_good(&made, &all, after(360)));
        assert!(!is_good(&made, &all, after(370)), "less than a month is left");
        assert!(!is_good(&made, &all, now - Duration::from_secs(3 * DAY)), "it is not good yet");
        assert!(!is_good(&made, &hosts(&["other.example.com"]), now));
        assert!(!is_good(&StoredCertificate { key: None, ..make(&all, now).unwrap() }, &all, now));
        let other = make(&all, now).unwrap();
        assert!(!is_good(&StoredCertificate { chain: made.chain, key: other.key }, &all, now));
    }

    #[test]
    fn what_is_no_host_is_left_out() {
        let odd = hosts(&["localhost", "a b", "", "ümlaut", "under_score.example.com"]);
        let made = make(&odd, SystemTime::UNIX_EPOCH + GOOD_FOR).unwrap();
        assert!(is_good(&made, &odd, SystemTime::UNIX_EPOCH + GOOD_FOR));
    }
}
