//! Which certificate a client is shown, by the host that it names (SNI): a pure function.
//!
//! | the host that the client names | is shown |
//! |---|---|
//! | none, or one that no site of the endpoint has as its host header | the endpoint's own certificate |
//! | that of a site, and a certificate of the role has exactly this name | that one; the endpoint's own before others |
//! | that of a site, and a certificate of the role has a wildcard for it | the same |
//! | that of a site, and no certificate of the role covers it | the endpoint's own |
//!
//! Names are the subject alternative names of a certificate, without regard to ASCII case. A wildcard stands for the whole
//! first label and for exactly one (RFC 6125, section 6.4.3), and not for that of a top level.

use std::collections::BTreeMap;

/// How well a name of a certificate covers a host; the better one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cover {
    Wildcard,
    Exact,
}

fn cover(name: &str, host: &str) -> Option<Cover> {
    if name.eq_ignore_ascii_case(host) {
        return (!name.contains('*')).then_some(Cover::Exact);
    }
    let parent = name.strip_prefix("*.").filter(|parent| parent.contains('.') && !parent.contains('*'))?;
    let (label, rest) = host.split_once('.')?;
    (!label.is_empty() && rest.eq_ignore_ascii_case(parent)).then_some(Cover::Wildcard)
}

/// How well a certificate with these names covers a host.
fn best<'a>(names: impl IntoIterator<Item = &'a String>, host: &str) -> Option<Cover> {
    names.into_iter().filter_map(|name| cover(name, host)).max()
}

/// The hosts, in lower case, that are shown another certificate than the endpoint's own, each with the place of that one among
/// `others`.
pub(crate) fn others_shown<'a>(
    hosts: impl IntoIterator<Item = &'a str>,
    own: &[String],
    others: &[Vec<String>],
) -> BTreeMap<String, usize> {
    let shown = |host: &str| {
        let mut shown = (best(own, host), None);
        for (place, names) in others.iter().enumerate() {
            let covers = best(names, host);
            // The first one of those that cover it as well.
            if covers > shown.0 {
                shown = (covers, Some(place));
            }
        }
        shown.1
    };
    let hosts = hosts.into_iter().map(str::to_ascii_lowercase);
    hosts.filter_map(|host| shown(&host).map(|place| (host, place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_whole_label() {
        let cases = [
            ("shop.example.com", "shop.example.com", Some(Cover::Exact)),
            ("Shop.Example.com", "shop.example.com", Some(Cover::Exact)),
            ("*.example.com", "shop.example.com", Some(Cover::Wildcard)),
            ("*.EXAMPLE.com", "shop.example.com", Some(Cover::Wildcard)),
            ("*.example.com", "example.com", None),
            ("*.example.com", "a.shop.example.com", None),
            ("*.example.com", ".example.com", None),
            ("*.com", "example.com", None),
            ("*", "localhost", None),
            ("s*.example.com", "shop.example.com", None),
            ("shop.*.com", "shop.example.com", None),
            ("*.*.com", "shop.example.com", None),
            ("*.example.com", "*.example.com", None),
            ("example.com", "shop.example.com", None),
            ("", "shop.example.com", None),
        ];
        for (name, host, expected) in cases {
            assert_eq!(cover(name, host), expected, "{name} {host}");
        }
    }

    #[test]
    fn the_certificate_that_covers_a_host_of_a_site_best_is_shown() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        // The endpoint's own names, those of two others, the host; which of the others.
        let cases = [
            (&["a.example.com"][..], &["b.example.com"][..], &[][..], "b.example.com", Some(0)),
            (&["a.example.com"], &["b.example.com"], &[], "B.example.COM", Some(0)),
            (&["a.example.com"], &["b.example.com"], &[], "a.example.com", None),
            (&["a.example.com"], &["b.example.com"], &[], "c.example.com", None),
            (&["a.example.com"], &["a.example.com"], &[], "a.example.com", None),
            (&["*.example.com"], &["*.example.com"], &[], "c.example.com", None),
            (&["*.example.com"], &["*.example.com"], &["c.example.com"], "c.example.com", Some(1)),
            (&["c.example.com"], &["*.example.com"], &[], "c.example.com", None),
            (&["other.org"], &["*.example.com"], &["*.example.com"], "c.example.com", Some(0)),
            (&["other.org"], &["*.example.com"], &["x", "c.example.com"], "c.example.com", Some(1)),
            (&[], &["*.example.com"], &[], "a.b.example.com", None),
        ];
        for (own, first, second, host, expected) in cases {
            let shown = others_shown([host], &names(own), &[names(first), names(second)]);
            assert_eq!(
                shown.get(&host.to_ascii_lowercase()).copied(),
                expected,
                "{own:?} {first:?} {second:?} {host}"
            );
        }
    }
}
