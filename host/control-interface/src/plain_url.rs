//! Addresses as people write them: `http://127.0.0.1:4318/path`.

use http::Uri;

/// A URL of HTTP without TLS, a user and a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainUrl {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port, if it has one.
    pub port: Option<u16>,
    /// The path without a slash at its end; empty without one.
    pub path: String,
}

impl PlainUrl {
    /// Reads one; none for anything else.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let (host, port) = (uri.host().filter(|host| !host.is_empty())?, uri.port_u16());
        // Neither a user nor anything that is no port.
        let authority = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let plain = uri.authority().is_some_and(|given| given.as_str() == authority);
        let is_one = plain && uri.scheme_str() == Some("http") && uri.query().is_none();
        is_one.then(|| Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// What a message shows of a text that is none.
    #[must_use]
    pub fn shown(text: &str) -> String {
        text.chars().filter(|c| !c.is_control()).take(100).collect()
    }
}

/// A host and its port, as the header `host` has them.
#[must_use]
pub fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_perhaps_a_port_and_a_path_and_nothing_else() {
        for (text, host, port, path) in [
            ("http://127.0.0.1:4318", "127.0.0.1", Some(4318), ""),
            ("http://collector/", "collector", None, ""),
            ("http://[::1]:9/otlp/", "::1", Some(9), "/otlp"),
        ] {
            let (host, path) = (host.to_owned(), path.to_owned());
            assert_eq!(PlainUrl::parse(text), Some(PlainUrl { host, port, path }));
        }
        for wrong in [
            "",
            "a:1",
            "https://a:1",
            "http://",
            "http://a:x",
            "http://a:70000",
            "http://a?b",
            "http://u:p@a",
        ] {
            assert_eq!(PlainUrl::parse(wrong), None, "{wrong}");
        }
        assert_eq!((authority("::1", 9), authority("a", 80)), ("[::1]:9".to_owned(), "a:80".to_owned()));
    }
}
