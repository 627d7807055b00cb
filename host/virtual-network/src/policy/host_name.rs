//! Names of hosts outside, and patterns of them.

use std::fmt;
use std::sync::Arc;

/// The longest name that DNS knows, in bytes.
const LONGEST: usize = 253;
/// The longest label.
const LONGEST_LABEL: usize = 63;

/// A name that may be looked up outside: labels of ASCII letters, digits, `-` and `_`, in lower case, without a dot at the
/// end. Its last label does not begin with a digit, so that no resolver takes it for an address in one of the old spellings
/// (`127.1`, `0x7f000001`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Arc<str>);

impl HostName {
    /// The name that `text` spells, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.len() > LONGEST || !text.split('.').all(is_label) {
            return None;
        }
        let last = text.rsplit('.').next()?;
        let is_numeric = last.starts_with(|first: char| first.is_ascii_digit());
        (!is_numeric).then(|| Self(text.to_ascii_lowercase().into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What no name comes before: where a search begins.
    pub(crate) fn first() -> Self {
        Self("".into())
    }

    /// What is behind the first dot.
    pub(super) fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, parent)| parent)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Which names a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This one.
    Name(HostName),
    /// Every name below this one, not the name itself: `*.example.com`.
    Below(HostName),
    /// Every name: `*`.
    Any,
}

impl HostPattern {
    /// The pattern that `text` spells, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        match text.strip_prefix('*') {
            Some("") => Some(Self::Any),
            Some(below) => below.strip_prefix('.').and_then(HostName::new).map(Self::Below),
            None => HostName::new(text).map(Self::Name),
        }
    }

    /// Whether `name` is one of them.
    #[must_use]
    pub fn admits(&self, name: &HostName) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Below(above) => {
                let below = name.as_str().strip_suffix(above.as_str());
                below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            Self::Any => true,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_is() {
        for (text, name) in [
            ("Example.COM", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("db", Some("db")),
            ("_sip._tcp.example.com", Some("_sip._tcp.example.com")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("1.example", Some("1.example")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("bücher.example", None),
            ("a b", None),
            ("a/b", None),
            // Old spellings of addresses.
            ("127.1", None),
            ("2130706433", None),
            ("0x7f000001", None),
            ("0177.0.0.1", None),
            ("example.0x7f", None),
        ] {
            assert_eq!(HostName::new(text).as_ref().map(HostName::as_str), name, "{text}");
        }
        assert!(HostName::new(&"x".repeat(63)).is_some() && HostName::new(&"x".repeat(64)).is_none());
        assert!(
            HostName::new(&["x"; 127].join(".")).is_some() && HostName::new(&["x"; 128].join(".")).is_none()
        );
    }

    #[test]
    fn which_names_a_pattern_admits() {
        for (pattern, name, admits) in [
            ("example.com", "example.com", true),
            ("EXAMPLE.com", "example.COM.", true),
            ("example.com", "www.example.com", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*", "anything.at.all", true),
        ] {
            let (parsed, name) = (HostPattern::new(pattern).unwrap(), HostName::new(name).unwrap());
            assert_eq!(parsed.admits(&name), admits, "{pattern} {name}");
        }
        for wrong in ["", "*.", "**", "*example.com", "www.*.com", "*.1"] {
            assert_eq!(HostPattern::new(wrong), None, "{wrong}");
        }
    }
}
