//! The directories of sites: found and opened once, when a deployment starts (facts: section 2.8).
//!
//! `physicalDirectory` is absolute, or relative to the definition's folder, out of which it may lead: projects of the old platform keep
//! their sites beside the project of the service. A backslash separates names as `/` does. All instances of a
//! role share the open directories. The role's own files need not be among them: a site has what its directory has.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use wasm_roles_role_runtime::Clock;
use wasm_roles_service_plan::{
    EndpointKind, Plan, PlannedPlace, PlannedRole, PlannedSite, Protocol, RoleName, Span,
};
use wasm_roles_web_server::files::Directory;
use wasm_roles_web_server::sites::{Binding, Place, Site, SiteOptions, Sites};

use crate::approot::Approots;
use crate::start_error::StartError;

/// The directory of a site cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{span}: the files of site {site}{path} of role {role} cannot be served: {}: {reason}", directory.display())]
pub struct SiteDirectoryError {
    /// The role.
    pub role: RoleName,
    /// The site.
    pub site: String,
    /// Where in the site: `/` or the path of a virtual directory or application.
    pub path: String,
    /// Where the definition declares it.
    pub span: Span,
    /// The directory.
    pub directory: PathBuf,
    /// What the operating system says.
    pub reason: String,
}

impl SiteDirectoryError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        format!(
            "`physicalDirectory` is absolute or relative to the definition's folder: put the files there, name another \
             directory, or leave it out, and everything on `{}` is answered by the role's handler",
            self.path
        )
    }
}

/// The sites of each role, not yet with what its component says.
pub(crate) type SitesOf = BTreeMap<RoleName, Vec<Site>>;

/// Opens the directories of all sites.
///
/// # Errors
///
/// Every directory that cannot be opened.
pub(crate) async fn open(plan: &Plan, approots: &Approots) -> Result<SitesOf, StartError> {
    let (roles, folder) = (plan.roles.clone(), approots.definition_folder().to_owned());
    let opening = tokio::task::spawn_blocking(move || open_all(&roles, &folder));
    // Only when the tokio runtime shuts down.
    let Ok((sites, problems)) = opening.await else { return Ok(SitesOf::new()) };
    if problems.is_empty() { Ok(sites) } else { Err(StartError::new(problems)) }
}

/// The folders of a role's sites, in the order of the definition.
pub(crate) fn folders(role: &PlannedRole, approots: &Approots) -> Vec<PathBuf> {
    let places = role.sites.iter().flat_map(|site| site.root.all());
    let written = places.filter_map(|(_, place)| place.physical_directory.as_deref());
    written.map(|written| resolved(approots.definition_folder(), written)).collect()
}

/// The sites as instances have them; `has_application`: whether their component answers requests.
pub(crate) fn of_instances(sites: Vec<Site>, has_application: bool, clock: Clock) -> Arc<Sites> {
    if sites.is_empty() {
        return Arc::default();
    }
    let now = Arc::new(move || UNIX_EPOCH + clock.wall());
    Arc::new(Sites::new(sites, SiteOptions { has_application, now }))
}

fn open_all(roles: &[PlannedRole], definition_folder: &Path) -> (SitesOf, Vec<SiteDirectoryError>) {
    let mut opener = Opener { definition_folder, directories: BTreeMap::new(), problems: Vec::new() };
    let mut all = SitesOf::new();
    for role in roles.iter().filter(|role| !role.sites.is_empty()) {
        let sites = role.sites.iter().map(|site| opener.site(role, site)).chain(of_internal_endpoints(role));
        all.insert(role.name.clone(), sites.collect());
    }
    (all, opener.problems)
}

/// Other roles reach the handler on internal endpoints that no site is bound to.
fn of_internal_endpoints(role: &PlannedRole) -> Option<Site> {
    let is_bound = |name: &str| {
        role.sites.iter().flat_map(|site| &site.bindings).any(|binding| binding.endpoint == name)
    };
    let free = role.endpoints.iter().filter(|endpoint| {
        endpoint.kind == EndpointKind::Internal
            && endpoint.protocol == Protocol::Http
            && !is_bound(&endpoint.name)
    });
    let bindings: Vec<Binding> = free.filter_map(|endpoint| binding(endpoint.port, None)).collect();
    (!bindings.is_empty()).then(|| Site { bindings, root: Place::default() })
}

fn binding(port: u16, host: Option<&String>) -> Option<Binding> {
    Some(Binding { port: NonZeroU16::new(port)?, host: host.cloned() })
}

/// Opens each directory once, however many sites have it.
struct Opener<'a> {
    definition_folder: &'a Path,
    directories: BTreeMap<PathBuf, Directory>,
    problems: Vec<SiteDirectoryError>,
}

impl Opener<'_> {
    fn site(&mut self, role: &PlannedRole, site: &PlannedSite) -> Site {
        let bindings = site.bindings.iter();
        Site {
            bindings: bindings.filter_map(|bound| binding(bound.port, bound.host.as_ref())).collect(),
            root: self.place(role, site, "", &site.root),
        }
    }

    fn place(&mut self, role: &PlannedRole, site: &PlannedSite, path: &str, place: &PlannedPlace) -> Place {
        let directory = place.physical_directory.as_deref().and_then(|written| {
            let directory = resolved(self.definition_folder, written);
            self.open(&directory)
                .map_err(|error| {
                    self.problems.push(SiteDirectoryError {
                        role: role.name.clone(),
                        site: site.name.clone(),
                        path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
                        span: place.span.clone(),
                        directory,
                        reason: error.to_string(),
                    })
                })
                .ok()
        });
        let children = place.children.iter().map(|child| {
            (child.name.clone(), self.place(role, site, &format!("{path}/{}", child.name), child))
        });
        Place { directory, children: children.collect() }
    }

    fn open(&mut self, path: &Path) -> io::Result<Directory> {
        if let Some(directory) = self.directories.get(path) {
            return Ok(directory.clone());
        }
        let directory = Directory::open(path)?;
        self.directories.insert(path.to_owned(), directory.clone());
        Ok(directory)
    }
}

/// Definitions come from Windows; on other systems a backslash would be part of a file's name.
fn resolved(definition_folder: &Path, written: &str) -> PathBuf {
    let written = if cfg!(windows) { written.trim().to_owned() } else { written.trim().replace('\\', "/") };
    definition_folder.join(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_plans::plan_of;

    fn role(sites: &str) -> PlannedRole {
        let plan = plan_of(
            &format!(
                r#"<WebRole name="W">{sites}<Endpoints>
                    <InputEndpoint name="A" protocol="http" port="80" localPort="8080" />
                    <InputEndpoint name="B" protocol="http" port="81" localPort="8081" />
                    <InternalEndpoint name="C" protocol="http" port="9000" />
                    <InternalEndpoint name="D" protocol="tcp" port="9001" />
                </Endpoints></WebRole>"#
            ),
            r#"<Role name="W"><Instances count="1" /></Role>"#,
        );
        plan.roles.into_iter().next().unwrap()
    }

    fn opened(sites: &str, folder: &Path) -> (Vec<Site>, Vec<SiteDirectoryError>) {
        let (mut sites, problems) = open_all(&[role(sites)], folder);
        (sites.pop_first().unwrap().1, problems)
    }

    fn ports(site: &Site) -> Vec<u16> {
        site.bindings.iter().map(|binding| binding.port.get()).collect()
    }

    #[test]
    fn directories_are_beside_the_definition_above_it_or_absolute() {
        let folder = tempfile::tempdir().unwrap();
        for directory in ["svc/beside/deep", "above"] {
            std::fs::create_dir_all(folder.path().join(directory)).unwrap();
        }
        let sites = format!(
            r#"<Sites><Site name="Web" physicalDirectory="beside\deep">
                <VirtualApplication name="app" physicalDirectory="..\above">
                    <VirtualDirectory name="files" physicalDirectory="{}" /></VirtualApplication>
                <VirtualApplication name="api" />
                <Bindings><Binding name="A" endpointName="A" hostHeader="x.example" /></Bindings>
            </Site></Sites>"#,
            folder.path().join("above").display()
        );
        let (sites, problems) = opened(&sites, &folder.path().join("svc"));
        assert_eq!(problems, []);
        let root = &sites[0].root;
        assert!(root.directory.is_some());
        assert_eq!(
            sites[0].bindings,
            [Binding { port: 8080.try_into().unwrap(), host: Some("x.example".to_owned()) }]
        );
        let children: Vec<_> =
            root.children.iter().map(|(name, place)| (name.as_str(), place.directory.is_some())).collect();
        assert_eq!(children, [("app", true), ("api", false)]);
        assert!(root.children[0].1.children[0].1.directory.is_some());
    }

    #[test]
    fn every_missing_directory_is_reported_with_its_place_in_the_definition() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "words").unwrap();
        let sites = r#"<Sites><Site name="Web" physicalDirectory="gone">
                <VirtualDirectory name="files" physicalDirectory="file" />
                <Bindings><Binding name="A" endpointName="A" /></Bindings>
            </Site></Sites>"#;
        let (_, problems) = opened(sites, folder.path());
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let at = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(problems.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("Svc.csdef:1:"), "{texts:?}");
        let reported = format!(
            "the files of site Web/files of role W cannot be served: {}: not a directory",
            at("file")
        );
        assert!(texts[0].contains(&reported) || texts[1].contains(&reported), "{texts:?}");
        let reported =
            format!("the files of site Web/ of role W cannot be served: {}: No such file", at("gone"));
        assert!(texts[0].contains(&reported) || texts[1].contains(&reported), "{texts:?}");
        assert!(problems[0].hint().contains("`physicalDirectory`"));
    }

    #[test]
    fn a_role_without_sites_answers_on_all_its_http_endpoints() {
        let (sites, _) = opened("", Path::new("."));
        assert_eq!(sites.iter().map(ports).collect::<Vec<_>>(), [vec![8080, 8081], vec![9000]]);
    }

    #[test]
    fn an_internal_endpoint_without_a_site_is_the_handlers() {
        let bound = |endpoint: &str| {
            format!(
                r#"<Sites><Site name="Web"><Bindings>
                    <Binding name="A" endpointName="{endpoint}" /></Bindings></Site></Sites>"#
            )
        };
        let ports_of =
            |endpoint| opened(&bound(endpoint), Path::new(".")).0.iter().map(ports).collect::<Vec<_>>();
        assert_eq!(ports_of("A"), [vec![8080], vec![9000]]);
        assert_eq!(ports_of("C"), [vec![9000]]);
    }
}
