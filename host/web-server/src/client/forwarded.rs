//! Whom a request is from: `Forwarded` (RFC 7239) and the `X-Forwarded-` headers.
//!
//! Of a connection from outside nothing is believed: what such headers say is dropped, and the server says what it
//! sees. A role inside may pass on what it was told: the server adds itself to the end of the chain.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::header::FORWARDED;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Others that applications are known to believe. The server does not set them.
const OTHERS: [HeaderName; 3] = [
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-real-ip"),
];

/// The longest chain that is passed on, in bytes.
const LONGEST_CHAIN: usize = 2_048;

/// What the server says about the client of one connection.
#[derive(Debug)]
pub(crate) struct ClientHeaders {
    outside: bool,
    peer: IpAddr,
    address: HeaderValue,
    protocol: HeaderValue,
    /// The end of `Forwarded` but for the host.
    element: String,
    /// The host of the last request: the next one mostly has the same.
    last: Mutex<Option<Named>>,
}

#[derive(Clone, Debug)]
struct Named {
    host: Authority,
    value: HeaderValue,
    forwarded: HeaderValue,
}

impl ClientHeaders {
    /// For a connection from `address`, from `outside` of the deployment, encrypted or not.
    pub(crate) fn new(address: IpAddr, outside: bool, secured: bool) -> Self {
        let address = address.to_canonical();
        let protocol = if secured { "https" } else { "http" };
        let element = match address {
            IpAddr::V4(address) => format!("for={address};proto={protocol}"),
            IpAddr::V6(address) => format!("for=\"[{address}]\";proto={protocol}"),
        };
        Self {
            outside,
            peer: address,
            address: value(&address.to_string()),
            protocol: HeaderValue::from_static(protocol),
            element,
            last: Mutex::new(None),
        }
    }

    pub(crate) fn is_outside(&self) -> bool {
        self.outside
    }

    /// Its address.
    pub(crate) fn address(&self) -> IpAddr {
        self.peer
    }

    /// Puts it into the headers of a request for `host`.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, host: &Authority) {
        let Named { value: host, forwarded, .. } = self.named(host);
        if self.outside {
            for other in &OTHERS {
                headers.remove(other);
            }
            headers.insert(X_FORWARDED_FOR, self.address.clone());
            headers.insert(X_FORWARDED_PROTO, self.protocol.clone());
            headers.insert(X_FORWARDED_HOST, host);
            headers.insert(FORWARDED, forwarded);
            return;
        }
        append(headers, X_FORWARDED_FOR, &self.address);
        append(headers, FORWARDED, &forwarded);
        headers.entry(X_FORWARDED_PROTO).or_insert_with(|| self.protocol.clone());
        headers.entry(X_FORWARDED_HOST).or_insert(host);
    }

    fn named(&self, host: &Authority) -> Named {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(named) if named.host.as_str() == host.as_str() => named.clone(),
            _ => {
                let mut forwarded = self.element.clone();
                let quote = if is_token(host.as_str()) { "" } else { "\"" };
                // Writing to a string does not fail. A host has no character that would have to be escaped.
                let _ = write!(forwarded, ";host={quote}{host}{quote}");
                let value_of_host = value(host.as_str());
                let named = Named { host: host.clone(), value: value_of_host, forwarded: value(&forwarded) };
                last.insert(named).clone()
            }
        }
    }
}

/// Adds the end of a chain to a header.
fn append(headers: &mut HeaderMap, name: HeaderName, end: &HeaderValue) {
    let mut chain = Vec::new();
    for value in headers.get_all(&name) {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    // A chain that long is no chain of proxies.
    if chain.len() > LONGEST_CHAIN {
        chain.clear();
    }
    chain.extend_from_slice(end.as_bytes());
    headers.insert(name, HeaderValue::from_bytes(&chain).unwrap_or_else(|_| end.clone()));
}

/// What is made of addresses and checked hosts, and so always is a value.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// A token of RFC 9110, as far as a host can be one.
fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'*+%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(
        client: &ClientHeaders,
        host: &'static str,
        sent: &[(&'static str, &str)],
    ) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        client.mark(&mut headers, &Authority::from_static(host));
        let pair = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
        };
        let mut all: Vec<_> = headers.iter().map(pair).collect();
        all.sort();
        all
    }

    fn expected(values: [&str; 4]) -> Vec<(String, String)> {
        let names = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_client_outside_is_who_it_is_and_nothing_that_it_says() {
        let client = ClientHeaders::new([203, 0, 113, 7].into(), true, true);
        let lies = [
            ("forwarded", "for=10.0.0.4"),
            ("x-forwarded-for", "10.0.0.4"),
            ("x-forwarded-for", "10.0.0.5"),
            ("x-forwarded-host", "admin"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", "1"),
            ("x-real-ip", "10.0.0.4"),
            ("x-original-host", "admin"),
        ];
        let truth = expected([
            "for=203.0.113.7;proto=https;host=www.example.com",
            "203.0.113.7",
            "www.example.com",
            "https",
        ]);
        assert_eq!(marked(&client, "www.example.com", &lies), truth);
        assert_eq!(marked(&client, "www.example.com", &[]), truth);
    }

    #[test]
    fn a_host_with_a_port_and_an_address_of_ipv6_are_quoted() {
        let client = ClientHeaders::new("2001:db8::7".parse().unwrap(), true, false);
        let truth = expected([
            "for=\"[2001:db8::7]\";proto=http;host=\"www:8080\"",
            "2001:db8::7",
            "www:8080",
            "http",
        ]);
        assert_eq!(marked(&client, "www:8080", &[]), truth);
        let other = marked(&client, "other", &[]);
        assert!(other.contains(&("x-forwarded-host".to_owned(), "other".to_owned())), "{other:?}");
    }

    #[test]
    fn a_role_inside_adds_itself_to_what_it_passes_on() {
        let client = ClientHeaders::new([10, 0, 0, 4].into(), false, false);
        let sent = [
            ("forwarded", "for=203.0.113.7;proto=https"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-for", "10.0.0.9"),
            ("x-forwarded-host", "www.example.com"),
            ("x-forwarded-proto", "https"),
        ];
        let truth = expected([
            "for=203.0.113.7;proto=https, for=10.0.0.4;proto=http;host=worker",
            "203.0.113.7, 10.0.0.9, 10.0.0.4",
            "www.example.com",
            "https",
        ]);
        assert_eq!(marked(&client, "worker", &sent), truth);
        let alone = expected(["for=10.0.0.4;proto=http;host=worker", "10.0.0.4", "worker", "http"]);
        assert_eq!(marked(&client, "worker", &[]), alone);
    }

    #[test]
    fn a_chain_without_end_is_not_passed_on() {
        let client = ClientHeaders::new([10, 0, 0, 4].into(), false, false);
        let long = "1.2.3.4, ".repeat(300);
        let marked = marked(&client, "worker", &[("x-forwarded-for", &long)]);
        assert!(marked.contains(&("x-forwarded-for".to_owned(), "10.0.0.4".to_owned())));
    }
}
