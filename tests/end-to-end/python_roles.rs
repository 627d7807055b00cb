//! Roles in Python: the SDK's own tests, its package as it is published, and what only a running component shows.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::host_process::{Host, root};
use crate::http_exchange::{Response, exchange};
use crate::tools;

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

const DEFINITION: &str = r#"<ServiceDefinition name="Python" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WebRole name="Web" vmsize="Small">
    <Sites><Site name="Web"><Bindings><Binding name="Http" endpointName="Http" /></Bindings></Site></Sites>
    <Endpoints><InputEndpoint name="Http" protocol="http" port="80" /></Endpoints>
  </WebRole>
</ServiceDefinition>"#;

const CONFIGURATION: &str = r#"<ServiceConfiguration serviceName="Python" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Web"><Instances count="1" /></Role>
</ServiceConfiguration>"#;

/// Runs a program among the tools; none, with a line that says so, when it is not installed.
fn run(program: &str, arguments: &[&str], folder: &Path, python_path: &[&Path]) -> Option<Output> {
    let path = tools::path();
    if !std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        tools::skipped(&format!("{program} is not installed"));
        return None;
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONPATH", std::env::join_paths(python_path).unwrap()).env_remove("VIRTUAL_ENV");
    Some(command.output().unwrap())
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// The tests in a folder pass, and there are some.
fn passes(folder: &Path, python_path: &[&Path]) {
    let Some(ran) = run("python3", &["-m", "unittest", "discover", "tests"], folder, python_path) else {
        return;
    };
    assert!(ran.status.success() && said(&ran).contains("\nOK\n"), "{}", said(&ran));
    assert!(!said(&ran).contains("Ran 0 tests"), "{}", said(&ran));
}

fn sdk() -> PathBuf {
    root().join("guest-sdk/python")
}

#[test]
fn the_python_sdk_passes_its_own_tests() {
    passes(&sdk(), &[&sdk().join("src")]);
}

#[test]
fn the_words_role_of_the_polyglot_example_passes_its_own_tests() {
    let role = root().join("examples/polyglot/roles/Words");
    passes(&role, &[&role.join("src"), &sdk().join("src")]);
}

#[test]
fn the_contract_in_the_package_is_the_contract() {
    let copies = sdk().join("src/wasm_roles/wit/deps");
    let mut originals = vec![root().join("wit/role.wit")];
    originals.extend(fs::read_dir(root().join("wit/deps")).unwrap().map(|entry| entry.unwrap().path()));
    assert!(originals.len() > 1);
    for original in &originals {
        let copy = copies.join(original.file_name().unwrap());
        let same = fs::read(original).unwrap() == fs::read(&copy).unwrap_or_default();
        assert!(same, "copy {} to {}", original.display(), copy.display());
    }
    assert_eq!(fs::read_dir(copies).unwrap().count(), originals.len(), "a file too many");
}

/// The package, built as for publication and installed from the built file into a folder of its own.
struct Published {
    _folder: TempDir,
    packages: PathBuf,
}

fn published() -> Option<Arc<Published>> {
    static PUBLISHED: OnceLock<Option<Arc<Published>>> = OnceLock::new();
    PUBLISHED.get_or_init(publish).clone()
}

fn publish() -> Option<Arc<Published>> {
    let folder = tempfile::tempdir().unwrap();
    let (source, built, packages) =
        (folder.path().join("source"), folder.path().join("dist"), folder.path().join("packages"));
    // Where it is built, files are written.
    copy(&sdk(), &source);
    let build = ["-m", "build", "--no-isolation", "--outdir", built.to_str().unwrap(), "."];
    let made = run("python", &build, &source, &[])?;
    if said(&made).contains("No module named") {
        tools::skipped(&said(&made));
        return None;
    }
    assert!(made.status.success(), "{}", said(&made));
    let file = |end: &str| {
        let files = fs::read_dir(&built).unwrap().map(|entry| entry.unwrap().path());
        files
            .into_iter()
            .find(|file| file.to_string_lossy().ends_with(end))
            .unwrap_or_else(|| panic!("no {end}"))
    };
    assert!(file(".tar.gz").is_file());
    let wheel = file("-py3-none-any.whl");
    let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"];
    let places = [packages.to_str().unwrap(), wheel.to_str().unwrap()];
    let installed = run("python", &[install.as_slice(), &places].concat(), &source, &[])?;
    assert!(installed.status.success(), "{}", said(&installed));
    Some(Arc::new(Published { _folder: folder, packages }))
}

/// A folder with all in it but what Python makes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_file() {
            fs::copy(path, place).unwrap();
        } else if !name.starts_with("__") && !name.ends_with(".egg-info") {
            copy(&path, &place);
        }
    }
}

#[test]
fn the_published_package_passes_the_tests_and_knows_its_types() {
    let Some(published) = published() else { return };
    let tests = tempfile::tempdir().unwrap();
    copy(&sdk().join("tests"), &tests.path().join("tests"));
    passes(tests.path(), &[&published.packages]);
    for file in ["py.typed", "componentize-py.toml", "wit/python.wit", "wit/deps/role.wit"] {
        assert!(published.packages.join("wasm_roles").join(file).is_file(), "{file}");
    }
}

/// The service of these tests, whose web role is built with the published package.
fn service() -> Option<PathBuf> {
    static BUILT: OnceLock<Option<TempDir>> = OnceLock::new();
    let built = BUILT.get_or_init(build).as_ref();
    built.map(|folder| folder.path().join("ServiceDefinition.csdef"))
}

fn build() -> Option<TempDir> {
    let published = published()?;
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("ServiceDefinition.csdef"), DEFINITION).unwrap();
    fs::write(place("ServiceConfiguration.cscfg"), CONFIGURATION).unwrap();
    copy(&root().join("tests/languages/python/web"), &place("roles/Web"));
    // As somebody has it who has installed the package into the service's virtual environment.
    copy(&published.packages, &place(".venv/lib/python3/site-packages"));
    if !tools::build(&place("ServiceDefinition.csdef")) {
        return None;
    }
    fs::write(place("Web/greeting.txt"), "hello from a file").unwrap();
    Some(folder)
}

/// The web role, running.
struct Web {
    host: Host,
    address: SocketAddr,
}

impl Web {
    fn start() -> Option<Self> {
        let mut host = Host::run(&service()?, &["--publish", "80=127.0.0.1:0"]);
        let line = host.wait_for("80/tcp");
        let address = line
            .split_whitespace()
            .find_map(|word| word.trim_start_matches("http://").trim_end_matches('/').parse().ok());
        host.wait_for("is Ready");
        Some(Self { host, address: address.unwrap_or_else(|| panic!("no address in {line}")) })
    }

    fn get(&self, path: &str) -> Response {
        exchange(self.address, "GET", path, &[], "").unwrap()
    }

    fn text(&self, path: &str) -> String {
        let response = self.get(path);
        assert_eq!(response.status, 200, "{path}: {response:?}");
        response.text().to_owned()
    }
}

#[test]
fn requests_and_answers_arrive_as_they_were_sent() {
    let Some(web) = Web::start() else { return };
    let host = web.address.to_string();
    let asked = exchange(web.address, "PATCH", "/?a=1&b", &[("x-test", "yes")], "").unwrap();
    let expected = format!(
        r#"{{"method": "PATCH", "query": "a=1&b", "authority": "{host}", "header": "yes", "id": "Web_IN_0"}}"#
    );
    assert_eq!(asked.text(), expected);
    let body = "ä".repeat(40_000);
    let echoed = exchange(web.address, "POST", "/echo", &[], &body).unwrap();
    assert_eq!((echoed.status, echoed.text()), (201, body.as_str()));
    assert_eq!(web.text("/large").len(), 1_000_000);
    assert_eq!(web.text("/file"), "hello from a file");
}

#[test]
fn tasks_of_different_requests_wake_each_other() {
    let Some(web) = Web::start() else { return };
    let address = web.address;
    let meet = || thread::spawn(move || exchange(address, "GET", "/meet", &[], "").unwrap());
    let meetings = [meet(), meet(), meet()];
    let deadline = Instant::now() + PATIENCE;
    while web.text("/waiting") != "3" {
        assert!(Instant::now() < deadline, "three requests do not wait");
    }
    assert_eq!(web.text("/go"), "3");
    for meeting in meetings {
        assert_eq!(meeting.join().unwrap().text(), "met");
    }
    // A task that goes on after its request was answered, and a timer that ends a wait.
    assert_eq!(web.text("/rest"), "begun");
    assert_eq!(web.text("/rested"), "rested");
    assert_eq!(web.text("/late"), "late");
}

#[test]
fn what_is_given_up_leaves_the_instance_well() {
    let Some(mut web) = Web::start() else { return };
    assert_eq!(web.text("/give-up"), "given up after True");
    assert_eq!(web.text("/restart"), "one one two two nothing ConnectionRefusedError");
    // The connections that were given up end with their listener.
    assert_eq!(web.text("/late"), "late");
    assert!(
        !web.host.said.iter().any(|line| line.contains("trapped") || line.contains("Traceback")),
        "{:#?}",
        web.host.said
    );
    // Whoever cancels all tasks cancels `run` too, which ends it.
    assert_eq!(web.get("/cancel").status, 500);
    web.host.wait_for("run returned an error: it was cancelled");
}

#[test]
fn a_role_can_ask_itself_while_it_answers() {
    let Some(web) = Web::start() else { return };
    let told = web.text("/fetch?http://10.0.0.4:80/rest");
    assert_eq!(told, "200 begun");
    let refused = web.get("/fetch?http://10.0.0.9/");
    assert_eq!((refused.status, refused.text()), (502, "HttpError: [Errno 2] http request denied"));
}

#[test]
fn errors_of_a_request_are_answered_and_told_and_end_nothing() {
    let Some(mut web) = Web::start() else { return };
    for (path, told) in [
        ("/fail", "ValueError: as it was told"),
        ("/none", "`handle` is to return a Response, and returned None"),
        ("/header", "HTTP does not allow the header `not a name`"),
        ("/status", "99 is no status of an answer"),
        ("/import", "No module named 'colorsys'"),
        ("/thread", "can't start new thread"),
    ] {
        assert_eq!(web.get(path).status, 500, "{path}");
        web.host.wait_for(told);
    }
    let long = exchange(web.address, "POST", "/echo", &[], &"x".repeat(100_001)).unwrap();
    assert_eq!((long.status, long.text()), (413, "the body has more than 100000 bytes\n"));
    // A client that leaves half-way through its request.
    let mut leaves = TcpStream::connect(web.address).unwrap();
    leaves.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf").unwrap();
    drop(leaves);
    assert_eq!(web.text("/waiting"), "0");
    web.host.signal("TERM");
    assert!(web.host.ended().success(), "{:#?}", web.host.said);
    for line in
        ["| LookupError: nothing to stop", "| `stopping` has failed", "| on_stop is called all the same"]
    {
        assert!(web.host.said.iter().any(|said| said.contains(line)), "{line}: {:#?}", web.host.said);
    }
}

#[test]
fn many_requests_at_once_are_all_answered() {
    let Some(web) = Web::start() else { return };
    let address = web.address;
    let clients: Vec<_> = (0..20)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                for path in ["/late", "/large", "/rest", "/waiting"].iter().cycle().take(20) {
                    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
                    read_answer(&mut stream);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(web.text("/waiting"), "0");
}

/// Reads one answer with a length, which has to be a good one.
fn read_answer(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
}

#[test]
fn chance_is_another_in_each_run_and_what_was_made_with_the_component_is_not() {
    let chance =
        || -> Option<[f64; 2]> { Some(serde_json::from_str(&Web::start()?.text("/chance")).unwrap()) };
    let (Some([first_born, first]), Some([second_born, second])) = (chance(), chance()) else { return };
    assert_eq!(first_born.to_bits(), second_born.to_bits());
    assert_ne!(first.to_bits(), second.to_bits());
}
