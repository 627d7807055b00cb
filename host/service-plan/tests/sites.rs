//! Where sites answer, and what stands below them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic in a test is its report, also in the functions that tests share"
)]

mod services;

use services::plan_of;
use wasm_roles_service_plan::{LEGACY_SITE, PlannedSite, VirtualDirectoryKind};

/// The sites of a web role with this `Sites` element.
fn sites(sites: &str) -> Vec<PlannedSite> {
    let role = format!(
        r#"<WebRole name="Web">{sites}<Endpoints>
            <InputEndpoint name="HttpIn" protocol="http" port="80" localPort="8080" />
            <InputEndpoint name="Stream" protocol="tcp" port="5000" />
            <InputEndpoint name="Other" protocol="http" port="8081" />
            <InternalEndpoint name="Inside" protocol="http" port="9000" />
        </Endpoints></WebRole>
        <WorkerRole name="Worker" />"#
    );
    let plan = plan_of(&role, &[("Web", 1), ("Worker", 1)]);
    assert!(plan.roles[1].sites.is_empty());
    plan.roles[0].sites.clone()
}

fn bindings(site: &PlannedSite) -> Vec<(&str, u16, Option<&str>)> {
    let bindings = site.bindings.iter();
    bindings.map(|binding| (binding.endpoint.as_str(), binding.port, binding.host.as_deref())).collect()
}

#[test]
fn a_binding_is_the_local_port_of_its_endpoint_and_its_host() {
    let sites = sites(
        r#"<Sites>
            <Site name="One"><Bindings><Binding name="A" endpointName="HttpIn" hostHeader="One.example" />
                <Binding name="B" endpointName="Inside" /></Bindings></Site>
            <Site name="Two"><Bindings><Binding name="A" endpointName="HttpIn" /></Bindings></Site>
        </Sites>"#,
    );
    assert_eq!(bindings(&sites[0]), [("HttpIn", 8080, Some("One.example")), ("Inside", 9000, None)]);
    assert_eq!(bindings(&sites[1]), [("HttpIn", 8080, None)]);
}

#[test]
fn a_web_role_without_sites_has_one_on_its_http_input_endpoints() {
    let sites = sites("");
    assert_eq!((sites.len(), sites[0].name.as_str()), (1, LEGACY_SITE));
    assert_eq!(bindings(&sites[0]), [("HttpIn", 8080, None), ("Other", 8081, None)]);
    assert!(!sites[0].root.has_files());
}

#[test]
fn places_are_listed_with_their_paths_and_directories() {
    let sites = sites(
        r#"<Sites><Site name="Web">
            <VirtualApplication name="app"><VirtualDirectory name="images" physicalDirectory="..\images" />
            </VirtualApplication>
            <VirtualDirectory name="files" physicalDirectory="files" />
            <Bindings><Binding name="A" endpointName="HttpIn" /></Bindings>
        </Site></Sites>"#,
    );
    let all = sites[0].root.all();
    let all: Vec<_> = all
        .iter()
        .map(|(path, place)| (path.as_str(), place.kind, place.physical_directory.as_deref()))
        .collect();
    use VirtualDirectoryKind::{Application, Directory};
    let expected = [
        ("/", Application, None),
        ("/app", Application, None),
        ("/app/images", Directory, Some("..\\images")),
        ("/files", Directory, Some("files")),
    ];
    assert_eq!(all, expected);
    assert!(sites[0].root.has_files());
}
