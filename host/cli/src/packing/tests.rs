use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use clap::Parser;
use tempfile::TempDir;
use wasm_roles_control_interface::package::{Manifest, OutboundOption, OverlayOption};

use super::*;
use crate::reading::Reading;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    package: PackageArguments,
}

const NAMESPACE: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition";

/// A folder of projects: the service is one of them, and its site another one beside it.
fn projects(roles: &str, files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let definition =
        format!("<ServiceDefinition name=\"Shop\" xmlns=\"{NAMESPACE}\">{roles}</ServiceDefinition>");
    write(&folder, "cloud/Shop.csdef", &definition);
    for file in files {
        write(&folder, file, file);
    }
    folder
}

fn write(folder: &TempDir, file: &str, text: &str) {
    let path = folder.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn try_pack(folder: &TempDir, options: &[&str]) -> Result<Package, Failure> {
    let definition = folder.path().join("cloud/Shop.csdef");
    let command = Command::parse_from([&["test", definition.to_str().unwrap()], options].concat());
    let reading = Reading::of(&command.package.service)?;
    let plan = reading.plan()?;
    Package::of(&command.package, reading.files(), &plan)
}

fn pack(folder: &TempDir, options: &[&str]) -> Package {
    try_pack(folder, options).unwrap_or_else(|failure| panic!("{failure}"))
}

fn refusal(folder: &TempDir, options: &[&str]) -> String {
    try_pack(folder, options).map(|package| format!("{package:?}")).unwrap_err().to_string()
}

fn bytes(package: &Package) -> Vec<u8> {
    let mut bytes = Vec::new();
    package.write(&mut bytes).unwrap();
    bytes
}

/// Names and contents of everything but the manifest.
fn unpacked(bytes: &[u8]) -> (Manifest, BTreeMap<String, String>) {
    let mut archive = tar::Archive::new(bytes);
    let mut entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), text)
    });
    let (name, manifest) = entries.next().unwrap();
    assert_eq!(name, "package.json");
    (serde_json::from_str(&manifest).unwrap(), entries.collect())
}

fn names(package: &Package) -> Vec<String> {
    unpacked(&bytes(package)).1.into_keys().filter(|name| !name.ends_with('/')).collect()
}

const WORKER: &str = r#"<WorkerRole name="Worker"><ConfigurationSettings><Setting name="Greeting" /></ConfigurationSettings></WorkerRole>"#;

#[test]
fn what_the_definition_refers_to_is_packed_and_nothing_beside_it() {
    let roles = r#"<WebRole name="Web"><Sites><Site name="Web" physicalDirectory="..\site"><Bindings>
            <Binding name="A" endpointName="A" /></Bindings></Site></Sites>
            <Endpoints><InputEndpoint name="A" protocol="http" port="80" /></Endpoints>
            <Contents><Content destination="tools"><SourceDirectory path="extra\tools" /></Content></Contents></WebRole>
        <WorkerRole name="Worker"><Startup><Task commandLine="setup.cmd" /></Startup></WorkerRole>"#;
    let folder = projects(
        roles,
        &[
            "cloud/Web/Web.wasm",
            "cloud/Web/data/words.txt",
            "cloud/Worker.wasm",
            "cloud/setup.wasm",
            "cloud/secret.txt",
            "cloud/extra/tools/a",
            "cloud/extra/b",
            "site/index.html",
            "other/x",
        ],
    );
    let package = pack(&folder, &[]);
    assert_eq!(
        names(&package),
        [
            "service/cloud/Shop.csdef",
            "service/cloud/Web/Web.wasm",
            "service/cloud/Web/data/words.txt",
            "service/cloud/Worker.wasm",
            "service/cloud/extra/tools/a",
            "service/cloud/setup.wasm",
            "service/site/index.html",
        ]
    );
    let (manifest, files) = unpacked(&bytes(&package));
    assert_eq!(manifest.definition, "service/cloud/Shop.csdef");
    assert_eq!((manifest.configuration, manifest.approots.len()), (None, 0));
    assert_eq!(files["service/site/index.html"], "site/index.html");
}

#[test]
fn a_configuration_named_folders_and_certificates_have_places_of_their_own() {
    let folder =
        projects(WORKER, &["out/worker/Worker.wasm", "out/worker/a/b", "certs/a.pem", "certs/notes.txt"]);
    write(
        &folder,
        "elsewhere/Cloud.cscfg",
        "<ServiceConfiguration serviceName=\"Shop\" xmlns=\"http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration\">\
         <Role name=\"Worker\"><Instances count=\"1\" /><ConfigurationSettings><Setting name=\"Greeting\" value=\"hi\" />\
         </ConfigurationSettings></Role></ServiceConfiguration>",
    );
    let at = |name: &str| folder.path().join(name).display().to_string();
    let approot = format!("Worker={}", at("out/worker"));
    let package = pack(
        &folder,
        &["--config", &at("elsewhere/Cloud.cscfg"), "--approot", &approot, "--certificates", &at("certs")],
    );
    let (manifest, files) = unpacked(&bytes(&package));
    let files: Vec<String> = files.into_keys().filter(|name| !name.ends_with('/')).collect();
    assert_eq!(
        files,
        [
            "approots/Worker/Worker.wasm",
            "approots/Worker/a/b",
            "certificates/a.pem",
            "configuration/Cloud.cscfg",
            "service/Shop.csdef",
        ]
    );
    assert_eq!(manifest.configuration.as_deref(), Some("configuration/Cloud.cscfg"));
    assert_eq!(manifest.approots["Worker"], "approots/Worker");
    assert_eq!(manifest.certificates.as_deref(), Some("certificates"));
}

#[test]
fn options_come_as_they_were_typed_and_in_their_order() {
    let folder = projects(WORKER, &["cloud/Worker.wasm"]);
    write(&folder, "policy.toml", "[roles.Worker.outbound]\nallow = [\"10.0.0.0/8:1\"]\n");
    let policy = folder.path().join("policy.toml").display().to_string();
    let package = pack(
        &folder,
        &[
            "--setting=Worker.Greeting=a",
            "--set=Worker/Instances/@count=3",
            "--setting=Worker.Greeting=b",
            "--limit=Worker.memory=512MiB",
            "--allow-outbound=example.com:443",
            "--host-policy",
            &policy,
            "--stop-timeout=5",
        ],
    );
    let options = unpacked(&bytes(&package)).0.options;
    assert_eq!(
        options.overlays,
        [
            OverlayOption::Setting("Worker.Greeting=a".to_owned()),
            OverlayOption::Set("Worker/Instances/@count=3".to_owned()),
            OverlayOption::Setting("Worker.Greeting=b".to_owned()),
        ]
    );
    assert_eq!(options.resource_limits, ["Worker.memory=512MiB"]);
    assert_eq!((options.stop_seconds, options.bind), (Some(5), None));
    let outbound = |role: Option<&str>, allow: &str| OutboundOption {
        role: role.map(str::to_owned),
        allow: allow.to_owned(),
    };
    assert_eq!(
        options.outbound,
        [outbound(None, "example.com:443"), outbound(Some("Worker"), "10.0.0.0/8:1")]
    );
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let one = projects(WORKER, &["cloud/Worker/Worker.wasm", "cloud/Worker/b", "cloud/Worker/a"]);
    let other = projects(WORKER, &["cloud/Worker/a", "cloud/Worker/b", "cloud/Worker/Worker.wasm"]);
    assert_eq!(bytes(&pack(&one, &[])), bytes(&pack(&other, &[])));
}

#[test]
fn long_names_come_through() {
    let long = format!("cloud/Worker/{}/{}", "d".repeat(120), "f".repeat(120));
    let folder = projects(WORKER, &["cloud/Worker.wasm", &long]);
    assert!(
        names(&pack(&folder, &[])).contains(&format!("service/{}", long.strip_prefix("cloud/").unwrap()))
    );
}

#[cfg(unix)]
#[test]
fn links_are_packed_as_the_files_that_a_role_could_read() {
    use std::os::unix::fs::symlink;
    let folder = projects(WORKER, &["cloud/Worker/real", "secret", "build/Worker.wasm"]);
    let at = |name: &str| folder.path().join(name);
    symlink("real", at("cloud/Worker/inside")).unwrap();
    symlink(at("secret"), at("cloud/Worker/outside")).unwrap();
    symlink("/", at("cloud/Worker/root")).unwrap();
    // Builds put components elsewhere, and people link to them.
    symlink(at("build/Worker.wasm"), at("cloud/Worker/Worker.wasm")).unwrap();
    let package = pack(&folder, &[]);
    let files = unpacked(&bytes(&package)).1;
    assert_eq!(files["service/Worker/inside"], "cloud/Worker/real");
    assert_eq!(files["service/Worker/Worker.wasm"], "build/Worker.wasm");
    assert!(!files.keys().any(|name| name.contains("outside") || name.contains("root")), "{files:?}");
    let left_out: Vec<&str> =
        package.left_out().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(left_out, ["outside", "root"]);
}

#[cfg(unix)]
#[test]
fn links_out_of_contents_are_refused_as_the_host_would() {
    let roles = r#"<WorkerRole name="Worker"><Contents><Content destination="x"><SourceDirectory path="files" /></Content></Contents></WorkerRole>"#;
    let folder = projects(roles, &["cloud/Worker.wasm", "cloud/files/a", "secret"]);
    std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("cloud/files/out")).unwrap();
    let refused = refusal(&folder, &[]);
    assert!(refused.contains("files/out is a link that leads out of its folder"), "{refused}");
}

#[test]
fn what_means_something_on_this_machine_only_is_refused_with_its_place() {
    for directory in ["/etc", r"C:\inetpub", "%TEMP%"] {
        let roles = format!(
            r#"<WebRole name="Web"><Sites><Site name="Web" physicalDirectory="{directory}"><Bindings>
            <Binding name="A" endpointName="A" /></Bindings></Site></Sites>
            <Endpoints><InputEndpoint name="A" protocol="http" port="80" /></Endpoints></WebRole>"#
        );
        let folder = projects(&roles, &["cloud/Web.wasm"]);
        let refused = refusal(&folder, &[]);
        let expected = format!("physicalDirectory `{directory}` means something on this machine only");
        assert!(refused.contains("Shop.csdef:1:") && refused.contains(&expected), "{refused}");
    }
}

#[test]
fn everything_that_is_missing_is_told_at_once() {
    let roles = r#"<WebRole name="Web"><Sites><Site name="Web" physicalDirectory="gone"><Bindings>
            <Binding name="A" endpointName="A" /></Bindings></Site></Sites>
            <Endpoints><InputEndpoint name="A" protocol="http" port="80" /></Endpoints></WebRole>
        <WorkerRole name="Worker"><Startup><Task commandLine="setup.cmd" /></Startup></WorkerRole>"#;
    let refused = refusal(&projects(roles, &[]), &[]);
    for missing in
        ["role Web has no component", "there is no folder", "role Worker has no component", "setup.wasm"]
    {
        assert!(refused.contains(missing), "{refused}");
    }
    let refused = refusal(&projects(WORKER, &["cloud/Worker.wasm"]), &["--approot", "Wroker=."]);
    assert!(refused.contains("role Wroker") && refused.contains("its roles are Worker"), "{refused}");
}

#[test]
fn a_file_that_becomes_shorter_damages_no_package() {
    let folder = projects(WORKER, &["cloud/Worker.wasm"]);
    let package = pack(&folder, &[]);
    let path = folder.path().join("cloud/Worker.wasm");
    fs::remove_file(&path).unwrap();
    let error = package.write(Vec::new()).unwrap_err();
    assert!(error.to_string().contains("Worker.wasm"), "{error}");
    // As if it had been cut while it was read.
    let mut whole = super::archive::Whole::of(Path::new("/dev/null"), 1).unwrap();
    assert!(whole.read_to_end(&mut Vec::new()).unwrap_err().to_string().contains("shorter"));
}

#[tokio::test]
async fn a_stream_has_the_same_bytes() {
    use tokio::io::AsyncReadExt;
    let large = "cloud/Worker/large";
    let folder = projects(WORKER, &["cloud/Worker.wasm"]);
    write(&folder, large, &"x".repeat(3_000_000));
    let expected = bytes(&pack(&folder, &[]));
    let mut sent = Vec::new();
    super::archive::stream(pack(&folder, &[])).read_to_end(&mut sent).await.unwrap();
    assert!(sent == expected, "{} bytes and {}", sent.len(), expected.len());
}
