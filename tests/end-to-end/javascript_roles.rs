//! Roles in JavaScript: the SDK's own tests, and what it does inside of a component.
//!
//! Without node or componentize-qjs they are left out, and that is said.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::host_process::{Host, free_port, root};
use crate::http_exchange::{Response, exchange};
use crate::tools;

const DEFINITION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceDefinition name="Checks" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WebRole name="Checks" vmsize="Small">
    <Sites>
      <Site name="Checks">
        <Bindings><Binding name="Http" endpointName="Http" /><Binding name="Https" endpointName="Https" /></Bindings>
      </Site>
    </Sites>
    <LocalResources><LocalStorage name="Disk" sizeInMB="2" /></LocalResources>
    <Certificates><Certificate name="Tls" storeLocation="LocalMachine" storeName="My" /></Certificates>
    <Endpoints>
      <InputEndpoint name="Http" protocol="http" port="80" />
      <InputEndpoint name="Https" protocol="https" port="443" certificate="Tls" />
    </Endpoints>
  </WebRole>
</ServiceDefinition>
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="Checks" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Checks">
    <Instances count="COUNT" />
    <Certificates>
      <Certificate name="Tls" thumbprint="0000000000000000000000000000000000000000" thumbprintAlgorithm="sha1" />
    </Certificates>
  </Role>
</ServiceConfiguration>
"#;

/// What the role `checks` can be asked to try.
const CHECKS: [&str; 11] = [
    "files",
    "quota",
    "connections",
    "large",
    "closing",
    "reset",
    "datagrams",
    "names",
    "timers",
    "fetch",
    "web",
];

fn sdk() -> PathBuf {
    root().join("guest-sdk/javascript")
}

/// Runs a tool in a folder. None when it is not installed.
fn run(program: &str, arguments: &[&OsStr], folder: &Path) -> Option<Output> {
    // Found by hand: the PATH of the child is not that of this process.
    let path = tools::path();
    let mut places = std::env::split_paths(&path).map(|place| place.join(program));
    let Some(program) = places.find(|place| place.is_file()) else {
        tools::skipped(&format!(
            "there is no {program} here; `cargo xtask tools` installs what node and npm can"
        ));
        return None;
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("PATH", &path).env_remove("NODE_TEST_CONTEXT");
    Some(command.output().expect("it starts"))
}

fn succeeded(output: &Output) {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
}

#[test]
fn the_sdk_for_javascript_passes_its_own_tests_and_can_be_packed_and_installed() {
    let arguments = ["--test", "tests/"].map(OsStr::new);
    if let Some(output) = run("node", &arguments, &sdk()) {
        succeeded(&output);
    }
}

#[test]
fn the_types_of_the_sdk_for_javascript_say_what_fits_and_what_does_not() {
    let arguments = ["--project", "tests/tsconfig.json"].map(OsStr::new);
    if let Some(output) = run("tsc", &arguments, &sdk()) {
        succeeded(&output);
    }
}

#[test]
fn the_web_role_of_polyglot_passes_its_own_tests() {
    let register = sdk().join("toolchain/register.mjs");
    let arguments = [OsStr::new("--import"), register.as_os_str(), OsStr::new("--test")];
    if let Some(output) = run("node", &arguments, &root().join("examples/polyglot/roles/Web")) {
        succeeded(&output);
    }
}

/// The component of the role `checks`, made once.
fn component() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let component = folder.join("javascript-checks.wasm");
        let command = sdk().join("bin/componentize.mjs");
        let role = root().join("tests/languages/javascript/checks");
        run("componentize-qjs", &[OsStr::new("--help")], folder)?;
        let arguments = [
            command.as_os_str(),
            OsStr::new("--role"),
            role.as_os_str(),
            OsStr::new("--output"),
            component.as_os_str(),
        ];
        succeeded(&run("node", &arguments, folder)?);
        Some(component)
    };
    MADE.get_or_init(make).as_deref()
}

/// The role `checks` in a service of its own, with so many instances: the host, and where its endpoints listen.
struct Checks {
    host: Host,
    http: SocketAddr,
    https: SocketAddr,
    folder: TempDir,
}

impl Checks {
    fn start(instances: u32) -> Option<Self> {
        Self::start_with(instances, &[], &[])
    }

    fn start_with(instances: u32, arguments: &[&str], variables: &[(&str, &Path)]) -> Option<Self> {
        let component = component()?;
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("Checks")).unwrap();
        fs::copy(component, folder.path().join("Checks/Checks.wasm")).unwrap();
        let definition = folder.path().join("ServiceDefinition.csdef");
        fs::write(&definition, DEFINITION).unwrap();
        let configuration = CONFIGURATION.replace("COUNT", &instances.to_string());
        fs::write(folder.path().join("ServiceConfiguration.cscfg"), configuration).unwrap();
        tools::compile(&definition);
        let [http, https] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let publish = [format!("80={http}"), format!("443={https}")];
        let pem = folder.path().join("tls.pem").display().to_string();
        let own = ["--publish", &publish[0], "--publish", &publish[1], "--dev-certificates"];
        let arguments = [&own, ["--dev-certificates-pem", &pem].as_slice(), arguments].concat();
        let mut host = Host::run_with(&definition, &arguments, variables);
        host.wait_for("Ready");
        Some(Self { host, http, https, folder })
    }
}

#[test]
fn a_new_project_in_javascript_is_installed_and_tested_as_its_readme_says() {
    let folder = TempDir::new().unwrap();
    let mut new = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
    new.args(["new", "shop", "--lang", "javascript", "--template", "service"]).current_dir(folder.path());
    succeeded(&new.output().unwrap());
    let project = folder.path().join("shop");
    // What it needs of the registry is the tool alone; the rest are links.
    let install =
        ["install", "--prefer-offline", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund"];
    let Some(installed) = run("npm", &install.map(OsStr::new), &project) else { return };
    succeeded(&installed);
    let tested = run("npm", &["test", "--workspaces", "--if-present"].map(OsStr::new), &project);
    let tested = tested.expect("npm was there a moment ago");
    succeeded(&tested);
    let said = String::from_utf8_lossy(&tested.stdout);
    assert_eq!(said.matches("fail 0").count(), 2, "{said}");
}

fn get(address: SocketAddr, path: &str) -> Response {
    exchange(address, "GET", path, &[], "").unwrap()
}

#[test]
fn a_role_in_javascript_can_do_what_its_sdk_promises() {
    let Some(Checks { mut host, http: address, folder: _folder, .. }) = Checks::start(1) else { return };
    for check in CHECKS {
        let answer = get(address, &format!("/check/{check}"));
        assert_eq!(answer.text(), "ok\n", "{check}");
    }
    host.wait_for("Checks_IN_0 | a line { of: [\"several\", 1] } 10000");
    host.wait_for("Checks_IN_0 | Error: to the other stream");
}

#[test]
fn bodies_of_a_web_role_in_javascript_come_and_go_in_pieces_within_bounds() {
    let Some(Checks { mut host, http: address, folder: _folder, .. }) = Checks::start(1) else { return };
    let large = "žluťoučký kůň\n".repeat(50_000);
    let echoed = exchange(address, "POST", "/echo", &[("content-type", "text/x")], &large).unwrap();
    assert_eq!((echoed.status, echoed.header("content-type")), (200, Some("text/x")));
    assert!(echoed.text() == large, "what came back is not what was sent");
    let counted = exchange(address, "POST", "/count", &[], &large).unwrap();
    assert_eq!(counted.text(), large.len().to_string());
    let refused = exchange(address, "POST", "/limit", &[], &large).unwrap();
    assert_eq!((refused.status, refused.text()), (413, "the body has more than 1000 bytes\n"));
    assert_eq!(get(address, "/stream/3").text(), "piece 0\npiece 1\npiece 2\n");

    // A handler that throws, or answers with nothing, has failed alone.
    for (path, said) in [("/throw", "Error: this request is refused"), ("/nothing", "and no Response")] {
        assert_eq!(get(address, path).status, 500, "{path}");
        host.wait_for(said);
    }
    assert_eq!(get(address, "/elsewhere").status, 404);
}

#[test]
fn a_request_wakes_the_run_of_a_role_in_javascript_and_can_end_it() {
    let Some(Checks { mut host, http: address, folder: _folder, .. }) = Checks::start(1) else { return };
    for name in ["first", "second"] {
        assert_eq!(get(address, &format!("/wake/{name}")).text(), "woken\n");
        host.wait_for(&format!("run was woken by {name}"));
    }
    assert_eq!(get(address, "/wake/error").text(), "woken\n");
    host.wait_for("run returned an error: a request said so: on purpose");
    host.wait_for("is Ready again");
}

#[test]
fn instances_of_a_role_in_javascript_draw_numbers_of_their_own() {
    let Some(Checks { host: _host, http: address, folder: _folder, .. }) = Checks::start(2) else { return };
    let mut drawn: Vec<(String, String)> = Vec::new();
    // The balancer takes turns; each answer has what is the same in all instances, and two draws that are not.
    for _ in 0..4 {
        let text = get(address, "/drawn").text().to_owned();
        let numbers: Vec<&str> = text.trim_matches(['[', ']']).split(',').collect();
        assert_eq!(numbers.len(), 3, "{text}");
        let fresh = (numbers[1].to_owned(), numbers[2].to_owned());
        assert!(
            drawn.iter().all(|(number, id)| *number != fresh.0 && *id != fresh.1),
            "{text} after {drawn:?}"
        );
        drawn.push(fresh);
    }
}

#[test]
fn a_role_in_javascript_fetches_over_https_what_needs_no_body() {
    let Some(server) = Checks::start(1) else { return };
    let certificate = server.folder.path().join("tls.pem");
    let address = server.https.to_string();
    let client = Checks::start_with(1, &["--allow-outbound", &address], &[("SSL_CERT_FILE", &certificate)]);
    let client = client.expect("the tools are there");
    let fetched = get(client.http, &format!("/fetch?url=https://{address}/stream/3"));
    assert_eq!(fetched.text(), "200 null piece 0\npiece 1\npiece 2\n");
    let path = format!("/fetch?url=https://{address}/count");
    let refused = exchange(client.http, "POST", &path, &[], "a body").unwrap();
    assert_eq!(refused.status, 502);
    assert!(
        refused.text().contains("a request with a body can be sent over http: only"),
        "{}",
        refused.text()
    );
    let stranger = Checks::start_with(1, &["--allow-outbound", &address], &[]).expect("the tools are there");
    let answer = get(stranger.http, &format!("/fetch?url=https://{address}/"));
    assert!(answer.text().ends_with(": TLS-certificate-error\n"), "{}", answer.text());
}
