//! Where a request goes, out of its URL. The URL is the guest's.

use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use http::Uri;
use http::uri::Scheme;
use wasmtime_wasi_http::Error;

use super::limits::AUTHORITY_BYTES;

/// The longest host, in bytes: DNS allows 253 and a dot.
const LONGEST_HOST: usize = 254;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A name or an address; an address of IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: NonZeroU16,
    pub(super) is_encrypted: bool,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let is_encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(Error::HttpProtocolError),
        };
        let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?.as_str();
        let default = if is_encrypted { 443 } else { 80 };
        let (host, port) = host_and_port(authority).ok_or(Error::HttpRequestUriInvalid)?;
        let port = match port {
            None => NonZeroU16::new(default),
            Some(digits) => parse_port(digits),
        };
        Ok(Self { host: host.to_owned(), port: port.ok_or(Error::HttpRequestUriInvalid)?, is_encrypted })
    }
}

/// The host and the digits behind its colon. None for what has user information, or is no host.
fn host_and_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            // A zone would name a link of the host's; there is none for a guest.
            address.parse::<Ipv6Addr>().ok()?;
            (address, rest)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    // A port can be as long as it likes: it may begin with zeros.
    if authority.len() > AUTHORITY_BYTES
        || host.is_empty()
        || host.len() > LONGEST_HOST
        || authority.contains('@')
    {
        return None;
    }
    match rest.strip_prefix(':') {
        Some(digits) => Some((host, Some(digits))),
        None => rest.is_empty().then_some((host, None)),
    }
}

fn parse_port(digits: &str) -> Option<NonZeroU16> {
    // `parse` would take a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to() {
        for (url, host, port, is_encrypted) in [
            ("http://Worker/", "Worker", 80, false),
            ("https://example.com/", "example.com", 443, true),
            ("http://Worker_IN_0:8080/a?b", "Worker_IN_0", 8080, false),
            ("https://10.0.0.4:1/", "10.0.0.4", 1, true),
            ("http://[2001:db8::1]/", "2001:db8::1", 80, false),
            ("http://[::1]:65535/", "::1", 65535, false),
        ] {
            let target = Target::of(&url.parse().unwrap()).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((target.host.as_str(), target.port.get()), (host, port), "{url}");
            assert_eq!(target.is_encrypted, is_encrypted, "{url}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_an_invalid_url() {
        let long = format!("http://{}/", "a".repeat(LONGEST_HOST + 1));
        let zeros = format!("http://a:{}80/", "0".repeat(AUTHORITY_BYTES));
        for url in [
            "http://user@Worker/",
            "http://user:secret@Worker:80/",
            "http://user@[::1]/",
            "http://Worker:0/",
            "http://Worker:/",
            "http://Worker:65536/",
            "http://Worker:+80/",
            "http://:80/",
            "http://[fe80::1%25eth0]/",
            "http://[::1]80/",
            "http://[example.com]/",
            "http://a:1:2/",
            &long,
            &zeros,
        ] {
            // The crate for URLs refuses some of them itself; what it lets through is refused here.
            let Ok(uri) = url.parse::<Uri>() else { continue };
            assert!(matches!(Target::of(&uri), Err(Error::HttpRequestUriInvalid)), "{url}");
        }
        for path in ["/", "*"] {
            assert!(matches!(Target::of(&path.parse().unwrap()), Err(Error::HttpProtocolError)));
        }
    }
}
