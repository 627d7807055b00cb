//! One form for every request, however it came. Pure.
//!
//! HTTP has four ways to say what a request is for, and two places for the host. Whoever answers sees one: an
//! absolute URI, and one `Host` that says the same. What contradicts itself is refused, so that no two parts of a
//! service read it in two ways (RFC 9112, sections 3.2 and 11.2; RFC 9113, section 8.3.1). HTTP/1.0 demands no host at
//! all: a request without one is for the address that the connection was made to.
//!
//! HTTP/2 may also send cookies one by one; they become one header again (RFC 9113, section 8.2.3).

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{COOKIE, HOST, HeaderMap};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Uri, Version};

/// Why a request is not answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the request names no host\n")]
    NoHost,
    #[error("the request has more than one Host header\n")]
    SeveralHosts,
    #[error("the request's Host header is not a host\n")]
    NotAHost,
    #[error("the request's authority and its Host header name different hosts\n")]
    TwoHosts,
    #[error("the request's target is neither a path nor a URI\n")]
    NotATarget,
    #[error("this server is not a proxy: it does not answer CONNECT\n")]
    Connect,
}

/// Brings a request into the one form. Returns the host that it is for. `local`: where the connection was made to.
pub(super) fn normalize(parts: &mut Parts, secured: bool, local: SocketAddr) -> Result<Authority, Malformed> {
    if parts.method == Method::CONNECT {
        return Err(Malformed::Connect);
    }
    let named = one_host(&parts.headers)?;
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    let authority = match uri.authority.take() {
        Some(authority) => {
            if uri.scheme.is_none() && parts.version <= Version::HTTP_11 {
                return Err(Malformed::NotATarget); // a host alone, which only CONNECT has
            }
            let authority = checked(authority)?;
            let host = match named {
                None if parts.version == Version::HTTP_11 => return Err(Malformed::NoHost),
                host => host,
            };
            // Of HTTP/1.1's absolute form the target counts, whatever Host says.
            let differs =
                host.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()));
            if differs && parts.version > Version::HTTP_11 {
                return Err(Malformed::TwoHosts);
            }
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Malformed::NotAHost)?;
            parts.headers.insert(HOST, host);
            authority
        }
        None => {
            let host = match named {
                Some(host) => host.clone(),
                None if parts.version < Version::HTTP_11 => {
                    let host = HeaderValue::try_from(local.to_string()).map_err(|_| Malformed::NoHost)?;
                    parts.headers.insert(HOST, host.clone());
                    host
                }
                None => return Err(Malformed::NoHost),
            };
            checked(Authority::try_from(host.as_bytes()).map_err(|_| Malformed::NotAHost)?)?
        }
    };
    if parts.version > Version::HTTP_11 {
        join_cookies(&mut parts.headers);
    }
    uri.scheme = Some(if secured { Scheme::HTTPS } else { Scheme::HTTP });
    uri.authority = Some(authority.clone());
    uri.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from_parts(uri).map_err(|_| Malformed::NotAHost)?;
    Ok(authority)
}

fn one_host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Malformed> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(Malformed::SeveralHosts),
        (host, None) => Ok(host),
    }
}

/// Makes one header of all cookies. What they are made of are values of headers, and so is the result.
fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else { return };
    let mut joined = first.as_bytes().to_vec();
    let mut is_sensitive = first.is_sensitive();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
        is_sensitive |= crumb.is_sensitive();
    }
    if let Ok(mut joined) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        joined.set_sensitive(is_sensitive);
        headers.insert(COOKIE, joined);
    }
}

/// A host with or without a port, and nothing else.
fn checked(authority: Authority) -> Result<Authority, Malformed> {
    let port = match authority.as_str().rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => authority.port_u16().is_some() || port.is_empty(),
        _ => true,
    };
    let well_formed = !authority.host().is_empty() && !authority.as_str().contains('@') && port;
    well_formed.then_some(authority).ok_or(Malformed::NotAHost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Malformed::{Connect, NoHost, NotAHost, NotATarget, SeveralHosts, TwoHosts};
    use http::Request;

    const LOCAL: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5)), 7000);

    fn parts(method: &str, version: Version, target: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().method(method).version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_names_one_host_has_one_form() {
        let (old, new) = (Version::HTTP_11, Version::HTTP_2);
        let cases: [(Version, &str, &[&str], &str); 11] = [
            (old, "/a?b=c", &["www.example.com"], "http://www.example.com/a?b=c"),
            (Version::HTTP_10, "/", &["www"], "http://www/"),
            (Version::HTTP_10, "/x", &[], "http://10.0.0.5:7000/x"),
            (Version::HTTP_10, "http://real/x", &[], "http://real/x"),
            (old, "/", &["www:8080"], "http://www:8080/"),
            (old, "/", &["[::1]"], "http://[::1]/"),
            (old, "/", &["[::1]:80"], "http://[::1]:80/"),
            (old, "http://real/x", &["other"], "http://real/x"),
            (new, "https://www/x", &[], "http://www/x"),
            (new, "http://www/x", &["WWW"], "http://www/x"),
            (new, "/x", &["www"], "http://www/x"),
        ];
        for (version, target, hosts, expected) in cases {
            let mut parts = parts("GET", version, target, hosts);
            let host = normalize(&mut parts, false, LOCAL).unwrap();
            assert_eq!(parts.uri, expected, "{target} {hosts:?}");
            let header = parts.headers.get(HOST).unwrap();
            assert!(header.as_bytes().eq_ignore_ascii_case(host.as_str().as_bytes()), "{target} {hosts:?}");
            assert_eq!(parts.headers.get_all(HOST).iter().count(), 1);
        }
    }

    #[test]
    fn what_names_no_host_or_several_is_malformed() {
        let (old, new) = (Version::HTTP_11, Version::HTTP_2);
        let cases: [(Version, &str, &[&str], Malformed); 14] = [
            (old, "/", &[], NoHost),
            (old, "http://www/", &[], NoHost),
            (new, "/", &[], NoHost),
            (old, "/", &["a", "a"], SeveralHosts),
            (old, "/", &["a", "b"], SeveralHosts),
            (old, "/", &[""], NotAHost),
            (old, "/", &["a b"], NotAHost),
            (old, "/", &["user@a"], NotAHost),
            (old, "/", &["a/b"], NotAHost),
            (old, "/", &["a:99999"], NotAHost),
            (old, "/", &["a:b"], NotAHost),
            (old, "http://user@www/", &["www"], NotAHost),
            (old, "nothing", &["a"], NotATarget),
            (new, "http://www/x", &["other"], TwoHosts),
        ];
        for (version, target, hosts, expected) in cases {
            let mut parts = parts("GET", version, target, hosts);
            assert_eq!(normalize(&mut parts, false, LOCAL), Err(expected), "{target} {hosts:?}");
        }
        let mut connect = parts("CONNECT", old, "www:443", &["www"]);
        assert_eq!(normalize(&mut connect, false, LOCAL), Err(Connect));
    }

    #[test]
    fn what_came_encrypted_is_https() {
        let mut parts = parts("GET", Version::HTTP_11, "/", &["www"]);
        normalize(&mut parts, true, LOCAL).unwrap();
        assert_eq!(parts.uri, "https://www/");
    }

    #[test]
    fn the_cookies_of_http_2_are_one_header_again() {
        let cases: [(Version, &[&str], &[&str]); 4] = [
            (Version::HTTP_2, &["a=1", "b=2", "c=\"3\""], &["a=1; b=2; c=\"3\""]),
            (Version::HTTP_2, &["a=1; b=2"], &["a=1; b=2"]),
            (Version::HTTP_2, &[], &[]),
            (Version::HTTP_11, &["a=1", "b=2"], &["a=1", "b=2"]),
        ];
        for (version, sent, expected) in cases {
            let mut parts = parts("GET", version, "/", &["www"]);
            for cookie in sent {
                parts.headers.append(COOKIE, HeaderValue::from_static(cookie));
            }
            normalize(&mut parts, false, LOCAL).unwrap();
            let cookies: Vec<_> = parts.headers.get_all(COOKIE).iter().collect();
            assert_eq!(cookies, expected, "{sent:?}");
        }
    }
}
