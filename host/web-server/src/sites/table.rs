//! Which site a request is for, and which place below it. Pure.
//!
//! *Site*: the binding of the port whose host is the request's, without regard to ASCII case, to a port or to a dot at its end; else
//! the binding of the port without a host; else none. Of two bindings that are the same the first wins: two endpoints of a role may
//! lead to one local port.
//!
//! *Place*: names in the path are compared with those of virtual directories and applications from the root on, without regard to
//! ASCII case, as far down as they fit. What is left names something in the directory of the last one that fitted.
//! One without a directory has no files, also when a directory around it has something of that name.

use std::collections::HashMap;
use std::num::NonZeroU16;

use crate::files::Directory;

/// A web site of a role.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Where it answers.
    pub bindings: Vec<Binding>,
    /// What is at its root and below.
    pub root: Place,
}

/// A site's claim to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The port of the instance's own address.
    pub port: NonZeroU16,
    /// Only requests for this host; `None`: for every host that no other binding of the port names.
    pub host: Option<String>,
}

/// The root of a site, or a virtual directory or application below it.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Its files; `None`: it has none, and all of it is the application's.
    pub directory: Option<Directory>,
    /// What is below it: the part of the path, and the place.
    pub children: Vec<(String, Place)>,
}

impl Place {
    /// Whether it or anything below it has files.
    pub(crate) fn has_files(&self) -> bool {
        self.directory.is_some() || self.children.iter().any(|(_, child)| child.has_files())
    }

    /// The deepest place whose names a path begins with, and the names that are left.
    pub(crate) fn find<'a>(&self, mut names: &'a [String]) -> (&Self, &'a [String]) {
        let mut place = self;
        while let Some((first, rest)) = names.split_first()
            && let Some((_, child)) = place.children.iter().find(|(name, _)| name.eq_ignore_ascii_case(first))
        {
            (place, names) = (child, rest);
        }
        (place, names)
    }
}

/// All sites of a role.
#[derive(Debug)]
pub(crate) struct Table {
    sites: Vec<Place>,
    ports: HashMap<NonZeroU16, Port>,
}

/// Positions of sites.
#[derive(Debug, Default)]
struct Port {
    by_host: HashMap<String, usize>,
    any_host: Option<usize>,
}

impl Table {
    pub(crate) fn new(sites: Vec<Site>) -> Self {
        let mut ports: HashMap<NonZeroU16, Port> = HashMap::new();
        let mut places = Vec::with_capacity(sites.len());
        for (position, site) in sites.into_iter().enumerate() {
            for Binding { port, host } in site.bindings {
                let port = ports.entry(port).or_default();
                let first = match host {
                    Some(host) => port.by_host.entry(folded(&host)).or_insert(position),
                    None => port.any_host.get_or_insert(position),
                };
                debug_assert!(*first <= position);
            }
            places.push(site.root);
        }
        Self { sites: places, ports }
    }

    pub(crate) fn has_files(&self) -> bool {
        self.sites.iter().any(Place::has_files)
    }

    /// The site for a request to `authority`, a host with or without a port.
    pub(crate) fn site(&self, port: NonZeroU16, authority: Option<&str>) -> Option<&Place> {
        let port = self.ports.get(&port)?;
        let named = match authority {
            Some(authority) if !port.by_host.is_empty() => port.by_host.get(&folded(host(authority))),
            _ => None,
        };
        self.sites.get(named.copied().or(port.any_host)?)
    }
}

fn folded(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The host without a port. An IPv6 address in brackets has colons of its own.
fn host(authority: &str) -> &str {
    let authority = authority.trim();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> NonZeroU16 {
        NonZeroU16::new(number).unwrap()
    }

    /// A site that can be told by a child of its root.
    fn site(name: &str, bindings: &[(u16, Option<&str>)]) -> Site {
        let binding = |&(number, host): &(u16, Option<&str>)| Binding {
            port: port(number),
            host: host.map(str::to_owned),
        };
        let root = Place { directory: None, children: vec![(name.to_owned(), Place::default())] };
        Site { bindings: bindings.iter().map(binding).collect(), root }
    }

    #[test]
    fn port_and_host_choose_the_site() {
        let table = Table::new(vec![
            site("contoso", &[(80, Some("www.Contoso.com")), (443, Some("contoso.com"))]),
            site("any", &[(80, None)]),
            site("late", &[(80, None), (80, Some("WWW.contoso.COM")), (80, Some("late.example"))]),
            site("numbers", &[(80, Some("[fd00::1]")), (80, Some("10.0.0.4"))]),
        ]);
        let cases = [
            (80, Some("www.contoso.com"), "contoso"),
            (80, Some("WWW.CONTOSO.COM:8080"), "contoso"),
            (80, Some("www.contoso.com."), "contoso"),
            (80, Some("www.contoso.com.:80"), "contoso"),
            (80, Some("www.contoso.com:"), "contoso"),
            (80, Some(" www.contoso.com "), "contoso"),
            (80, Some("contoso.com"), "any"),
            (80, Some("xwww.contoso.com"), "any"),
            (80, Some("www.contoso.com:port"), "any"),
            (80, Some(""), "any"),
            (80, None, "any"),
            (80, Some("late.example"), "late"),
            (80, Some("[FD00::1]"), "numbers"),
            (80, Some("[fd00::1]:80"), "numbers"),
            (80, Some("10.0.0.4:80"), "numbers"),
            (443, Some("contoso.com"), "contoso"),
            (443, Some("www.contoso.com"), "none"),
            (443, None, "none"),
            (81, Some("www.contoso.com"), "none"),
        ];
        for (number, authority, wanted) in cases {
            let found = table.site(port(number), authority);
            let found = found.map_or("none", |place| place.children[0].0.as_str());
            assert_eq!(found, wanted, "{number} {authority:?}");
        }
    }

    fn place(children: Vec<(&str, Place)>) -> Place {
        let children = children.into_iter().map(|(name, child)| (name.to_owned(), child)).collect();
        Place { directory: None, children }
    }

    #[test]
    fn the_longest_chain_of_names_chooses_the_place() {
        let images = place(vec![("big", place(vec![]))]);
        let root = place(vec![("App", place(vec![("images", images)])), ("images", place(vec![]))]);
        let cases: [(&str, &[&str], &str); 9] = [
            ("", &["App", "images"], ""),
            ("a.txt", &["App", "images"], "a.txt"),
            ("app", &["images"], ""),
            ("APP/x", &["images"], "x"),
            ("app/Images/x", &["big"], "x"),
            ("app/images/big/big/x", &[], "big/x"),
            ("images/big/x", &[], "big/x"),
            ("apps/images", &["App", "images"], "apps/images"),
            ("x/app", &["App", "images"], "x/app"),
        ];
        for (path, children, left) in cases {
            let names: Vec<String> =
                path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let (found, rest) = root.find(&names);
            let found: Vec<&str> = found.children.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!((found.as_slice(), rest.join("/").as_str()), (children, left), "{path}");
        }
    }
}
