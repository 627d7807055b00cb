//! Rules for the world outside of the deployment: what people allow beside the definition, which knows no such thing.
//!
//! ```text
//! HOST[:PORT]        example.com:443   *.example.com   *   localhost:5432
//! ADDRESS[:PORT]     93.184.216.34:443   [2001:db8::1]:443   2001:db8::1
//! RANGE[:PORT]       10.20.0.0/16:5432   [2001:db8::/32]:443   2001:db8::/32
//! ```
//!
//! Without a port a rule is for every port; it is always for TCP and UDP. A rule with a name lets a role look the name up, and reach
//! exactly the addresses that its own look-ups gave. Answers that lead to a private network, to the host or to its link are
//! thrown away, unless a range of the same role contains them. A range that is wider than the host's loopback, the link, or
//! another special range does not lead into it: `0.0.0.0/0` is the internet and private networks, and not `127.0.0.1` or
//! `169.254.169.254`. `localhost` is the loopback of the host.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::str::FromStr;

use thiserror::Error;

use super::address_range::{AddressRange, Class, LOOPBACK};
use super::host_name::{HostName, HostPattern};

/// One rule. See the module for how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundRule {
    target: OutboundTarget,
    port: Option<NonZeroU16>,
}

/// Where a rule leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundTarget {
    /// To what these names stand for.
    Names(HostPattern),
    /// To these addresses.
    Addresses(AddressRange),
    /// To the loopback addresses of the host.
    Localhost,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OutboundRuleError {
    /// There is nothing.
    #[error("a rule is HOST[:PORT], ADDRESS[:PORT] or RANGE[:PORT], as in example.com:443")]
    Empty,
    /// It is a URL.
    #[error("`{text}` is a URL; a rule names a host and a port, as in example.com:443")]
    Url {
        /// The text.
        text: String,
    },
    /// What should be a port is none.
    #[error("`{port}` in `{text}` is no port from 1 to 65535")]
    Port {
        /// The text.
        text: String,
        /// The part that should be a port.
        port: String,
    },
    /// What should be a host is none.
    #[error(
        "`{host}` is no host: a host is a name such as example.com, `*.example.com`, `localhost`, an address, or a range of \
         addresses such as 10.20.0.0/16"
    )]
    Host {
        /// The part that should be a host.
        host: String,
    },
    /// The length of a range is none.
    #[error("`{prefix}` in `{text}` is no length of a range; it is 0 to {longest} here")]
    Prefix {
        /// The text.
        text: String,
        /// The part that should be the length.
        prefix: String,
        /// The number of bits of such an address.
        longest: u8,
    },
    /// A range that does not begin at its first address.
    #[error("`{text}` has bits set behind its length; the range is {meant}")]
    HostBits {
        /// The text.
        text: String,
        /// The range that contains the address.
        meant: AddressRange,
    },
}

impl OutboundRule {
    /// A rule for all ports, or for one.
    #[must_use]
    pub const fn new(target: OutboundTarget, port: Option<NonZeroU16>) -> Self {
        Self { target, port }
    }

    /// Where it leads.
    #[must_use]
    pub const fn target(&self) -> &OutboundTarget {
        &self.target
    }

    /// The port; `None`: every port.
    #[must_use]
    pub const fn port(&self) -> Option<NonZeroU16> {
        self.port
    }

    /// Whether it leads to this address and port by itself, without a name that was looked up.
    #[must_use]
    pub fn leads_to(&self, target: SocketAddr) -> bool {
        self.admits_port(target.port()) && self.contains(target.ip())
    }

    /// Whether it leads wherever `other` does, as far as that can be said without looking names up: a name is covered by names,
    /// and an address by addresses.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let port = self.port.is_none() || self.port == other.port;
        port && match (&self.target, &other.target) {
            (OutboundTarget::Names(own), OutboundTarget::Names(HostPattern::Name(name))) => own.admits(name),
            (OutboundTarget::Names(HostPattern::Any), OutboundTarget::Names(_)) => true,
            (_, OutboundTarget::Addresses(range)) if range.as_single().is_some() => {
                range.as_single().is_some_and(|address| self.contains(address))
            }
            (own, other) => own == other,
        }
    }

    fn admits_port(&self, port: u16) -> bool {
        port != 0 && self.port.is_none_or(|own| own.get() == port)
    }

    /// Whether it contains the address itself, on whatever port.
    fn contains(&self, address: IpAddr) -> bool {
        match &self.target {
            OutboundTarget::Names(_) => false,
            OutboundTarget::Addresses(range) => range.admits(address),
            OutboundTarget::Localhost => LOOPBACK.iter().any(|range| range.contains(address)),
        }
    }
}

impl fmt::Display for OutboundRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.target, self.port) {
            (OutboundTarget::Names(names), _) => names.fmt(f)?,
            (OutboundTarget::Localhost, _) => f.write_str("localhost")?,
            (OutboundTarget::Addresses(range), Some(_)) if !range.is_ipv4() => write!(f, "[{range}]")?,
            (OutboundTarget::Addresses(range), _) => range.fmt(f)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for OutboundRule {
    type Err = OutboundRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(OutboundRuleError::Empty);
        }
        if text.contains("://") {
            return Err(OutboundRuleError::Url { text: text.to_owned() });
        }
        let (host, port) = split(text);
        let target = parse_target(text, host)?;
        let parse_port = |port: &str| {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            port.parse()
                .ok()
                .filter(|_| digits)
                .ok_or_else(|| OutboundRuleError::Port { text: text.to_owned(), port: port.to_owned() })
        };
        Ok(Self { target, port: port.map(parse_port).transpose()? })
    }
}

/// The host and the port, as they are written. IPv6 has colons of its own, so its port comes behind brackets or a length.
fn split(text: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => (text, None),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return (text, None);
    }
    match text.rsplit_once(':') {
        // The last colon of `2001:db8::/32` is the address's own.
        Some((_, last)) if last.contains('/') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn parse_target(text: &str, host: &str) -> Result<OutboundTarget, OutboundRuleError> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(OutboundTarget::Localhost);
    }
    let not_a_host = || OutboundRuleError::Host { host: host.to_owned() };
    if let Some((first, prefix)) = host.split_once('/') {
        let first: IpAddr = first.parse().map_err(|_| not_a_host())?;
        let longest = AddressRange::bits(first);
        let length = prefix.parse().ok().filter(|length| *length <= longest);
        let length = length.ok_or_else(|| OutboundRuleError::Prefix {
            text: text.to_owned(),
            prefix: prefix.to_owned(),
            longest,
        })?;
        let meant = AddressRange::around(first, length);
        let range = AddressRange::new(first, length);
        let bits = OutboundRuleError::HostBits { text: text.to_owned(), meant };
        return range.map(OutboundTarget::Addresses).ok_or(bits);
    }
    if let Ok(address) = host.parse() {
        return Ok(OutboundTarget::Addresses(AddressRange::single(address)));
    }
    HostPattern::new(host).map(OutboundTarget::Names).ok_or_else(not_a_host)
}

/// The rules of one role.
#[derive(Clone, Debug, Default)]
pub(super) struct OutboundRules(Box<[OutboundRule]>);

impl OutboundRules {
    pub(super) fn new<'a>(rules: impl IntoIterator<Item = &'a OutboundRule>) -> Self {
        Self(rules.into_iter().cloned().collect())
    }

    /// The rule that leads to an address and port, if `names` are the names that the instance knows the address by.
    pub(super) fn admit(
        &self,
        target: SocketAddr,
        names: impl FnOnce(IpAddr) -> Vec<HostName>,
    ) -> Option<&OutboundRule> {
        if self.0.is_empty() {
            return None;
        }
        if let Some(rule) = self.0.iter().find(|rule| rule.leads_to(target)) {
            return Some(rule);
        }
        // Elsewhere only a range leads, with its port: whoever answers for a name must not choose another one.
        if Class::of(target.ip()) != Class::Public {
            return None;
        }
        let names = names(target.ip());
        let mut on_port = self.0.iter().filter(|rule| rule.admits_port(target.port()));
        on_port.find(|rule| match &rule.target {
            OutboundTarget::Names(pattern) => names.iter().any(|name| pattern.admits(name)),
            OutboundTarget::Addresses(_) | OutboundTarget::Localhost => false,
        })
    }

    /// Whether a name may be looked up.
    pub(super) fn may_look_up(&self, name: &HostName) -> bool {
        self.0.iter().any(|rule| match &rule.target {
            OutboundTarget::Names(pattern) => pattern.admits(name),
            OutboundTarget::Addresses(_) | OutboundTarget::Localhost => false,
        })
    }

    /// Whether a name may lead to `address`: it is public, or one of the ranges contains it.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        Class::of(address) == Class::Public || self.0.iter().any(|rule| rule.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_written() {
        for (text, written) in [
            ("example.com:443", "example.com:443"),
            ("Example.COM.", "example.com"),
            ("*.example.com:443", "*.example.com:443"),
            ("*", "*"),
            ("*:443", "*:443"),
            ("localhost", "localhost"),
            ("LocalHost:5432", "localhost:5432"),
            ("93.184.216.34", "93.184.216.34"),
            ("93.184.216.34:443", "93.184.216.34:443"),
            ("10.20.0.0/16", "10.20.0.0/16"),
            ("10.20.0.0/16:5432", "10.20.0.0/16:5432"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("[2001:db8::/32]:443", "[2001:db8::/32]:443"),
            ("2001:db8::/32:443", "[2001:db8::/32]:443"),
        ] {
            let rule: OutboundRule = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(rule.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(rule), "{written}");
        }
    }

    #[test]
    fn what_is_no_rule_says_why() {
        for (text, says) in [
            ("", "a rule is HOST[:PORT]"),
            ("https://example.com", "`https://example.com` is a URL"),
            ("example.com:", "`` in `example.com:` is no port"),
            ("example.com:0", "`0` in `example.com:0` is no port"),
            ("example.com:+80", "`+80` in `example.com:+80` is no port"),
            ("example.com:65536", "`65536` in"),
            ("example.com:https", "`https` in"),
            (":443", "`` is no host"),
            ("127.1", "`127.1` is no host"),
            ("a b:443", "`a b` is no host"),
            ("*foo.com", "`*foo.com` is no host"),
            ("[2001:db8::1]443", "is no host"),
            ("[2001:db8::1", "is no host"),
            ("10.0.0.0/33", "`33` in `10.0.0.0/33` is no length of a range; it is 0 to 32 here"),
            ("2001:db8::/129", "it is 0 to 128 here"),
            ("10.0.0.0/", "`` in `10.0.0.0/` is no length"),
            ("10.1.2.3/8", "`10.1.2.3/8` has bits set behind its length; the range is 10.0.0.0/8"),
            ("example.com/8", "`example.com/8` is no host"),
        ] {
            let error = text.parse::<OutboundRule>().unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_rule_covers_what_it_leads_to_by_itself() {
        for (rule, asked, covers) in [
            ("example.com", "example.com:443", true),
            ("example.com:443", "example.com", false),
            ("*.example.com:443", "www.example.com:443", true),
            ("*.example.com:443", "www.example.com:80", false),
            ("*", "*.example.com", true),
            ("*", "93.184.216.34:443", false),
            ("10.20.0.0/16:5432", "10.20.1.2:5432", true),
            ("10.20.0.0/16:5432", "10.21.1.2:5432", false),
            ("10.0.0.0/8", "10.20.0.0/16", false),
            ("0.0.0.0/0", "169.254.169.254:80", false),
            ("localhost", "127.0.0.1:5432", true),
            ("localhost:5432", "localhost:5432", true),
            ("127.0.0.1", "localhost", false),
        ] {
            let parsed = |text: &str| text.parse::<OutboundRule>().unwrap();
            assert_eq!(parsed(rule).covers(&parsed(asked)), covers, "{rule} {asked}");
        }
    }

    fn rules(texts: &[&str]) -> OutboundRules {
        let rules: Vec<OutboundRule> = texts.iter().map(|text| text.parse().unwrap()).collect();
        OutboundRules::new(&rules)
    }

    #[test]
    fn an_address_is_admitted_by_a_range_or_by_a_name_that_was_looked_up() {
        let example = HostName::new("example.com").unwrap();
        for (texts, target, known, admitted_by) in [
            (&[][..], "93.184.216.34:443", true, None),
            (&["93.184.216.34:443"], "93.184.216.34:443", false, Some("93.184.216.34:443")),
            (&["93.184.216.34:443"], "93.184.216.34:80", false, None),
            (&["93.184.216.34"], "93.184.216.34:80", false, Some("93.184.216.34")),
            (&["93.184.216.34"], "93.184.216.34:0", false, None),
            (&["example.com:443"], "93.184.216.34:443", false, None),
            (&["example.com:443"], "93.184.216.34:443", true, Some("example.com:443")),
            (&["example.com:443"], "93.184.216.34:80", true, None),
            (&["*.example.com"], "93.184.216.34:443", true, None),
            (&["10.0.0.0/8:1", "example.com:443"], "93.184.216.34:443", true, Some("example.com:443")),
            // A name is no way to what is private or the host's.
            (&["example.com"], "192.168.0.1:443", true, None),
            (&["*"], "127.0.0.1:443", true, None),
            (&["*", "0.0.0.0/0:1"], "169.254.169.254:443", true, None),
            (&["*", "192.168.0.0/16:1"], "192.168.0.1:443", true, None),
            (&["*", "192.168.0.0/16:1"], "192.168.0.1:1", true, Some("192.168.0.0/16:1")),
            (&["localhost"], "127.0.0.1:443", false, Some("localhost")),
            (&["localhost"], "[::1]:443", false, Some("localhost")),
        ] {
            let rules = rules(texts);
            let names = |_| if known { vec![example.clone()] } else { Vec::new() };
            let rule = rules.admit(target.parse().unwrap(), names).map(ToString::to_string);
            assert_eq!(rule.as_deref(), admitted_by, "{texts:?} {target}");
        }
    }

    #[test]
    fn a_name_is_looked_up_when_a_rule_has_it_and_its_answers_are_filtered() {
        let name = HostName::new("www.example.com").unwrap();
        for (texts, may) in [
            (&["*.example.com:443"][..], true),
            (&["example.com"], false),
            (&["0.0.0.0/0"], false),
            (&["*"], true),
        ] {
            assert_eq!(rules(texts).may_look_up(&name), may, "{texts:?}");
        }
        let (none, private) = (rules(&["*"]), rules(&["*", "10.20.0.0/16:5432"]));
        for (address, without, with) in [
            ("93.184.216.34", true, true),
            ("10.20.0.1", false, true),
            ("10.21.0.1", false, false),
            ("127.0.0.1", false, false),
            ("::ffff:93.184.216.34", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!((none.trusts(address), private.trusts(address)), (without, with), "{address}");
        }
    }
}
