//! Every template in every language, as somebody meets it who begins: made, built, tested, run and asked.
//!
//! A language whose tools are not installed is left out, and that is said.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::{Language, Project, ToolSearch, Tools};

use crate::host_process::{Host, free_port, root};
use crate::http_exchange::exchange;
use crate::tools;

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn services_in_rust_build_pass_their_tests_and_run() {
    every_template(Language::Rust);
}

#[test]
fn services_in_python_build_pass_their_tests_and_run() {
    every_template(Language::Python);
}

#[test]
fn services_in_javascript_build_pass_their_tests_and_run() {
    every_template(Language::JavaScript);
}

#[test]
fn services_in_c_build_pass_their_tests_and_run() {
    every_template(Language::C);
}

fn every_template(language: Language) {
    let worker_made = Made::new(language, "worker");
    let Some(tools) = worker_made.tools("Worker") else { return };
    worker_made.build(&["Worker"]);
    worker_made.test("Worker", &tools);
    worker(&worker_made);

    let made = Made::new(language, "web");
    made.build(&["Web"]);
    made.test("Web", &tools);
    web(&made);

    // Its worker is that of the template `worker`, and building takes its time.
    let made = Made::new(language, "service");
    made.take_worker_of(&worker_made);
    made.build(&["Web"]);
    made.test("Web", &tools);
    service(&made);
}

/// Its instances tick, and tell whoever connects.
fn worker(made: &Made) {
    let ports = [free_port(), free_port()];
    let publish = |number: usize| format!("{}=127.0.0.1:{}", 10_100 + number, ports[number]);
    let (first, second) = (publish(0), publish(1));
    let arguments = ["--publish", &first, "--publish", &second, "--setting", "Worker.TickSeconds=1"];
    let mut host = Host::run(&made.definition(), &arguments);
    host.wait_for("Worker_IN_0 | tick 2");
    for (number, port) in ports.into_iter().enumerate() {
        let line = said_by(SocketAddr::from(([127, 0, 0, 1], port)));
        let ticks = line
            .strip_prefix(&format!("Worker_IN_{number} has ticked "))
            .unwrap_or_else(|| panic!("{line:?}"));
        let ticks: u32 =
            ticks.strip_suffix(" times\n").unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
        assert!(ticks >= 1, "{line:?}");
    }
    stopped(host);
    let mut host =
        Host::run(&made.definition(), &["--setting", "Worker.TickSeconds=often", arguments[0], arguments[1]]);
    host.wait_for("TickSeconds is `often`");
}

/// It greets as its setting says.
fn web(made: &Made) {
    let (mut host, address) = web_host(made, &[]);
    let answer = answered(&mut host, address);
    assert_eq!(answer, "Hello from shop, says Web_IN_0\n");
    assert_eq!(exchange(address, "GET", "/elsewhere", &[], "").unwrap().status, 404);
    stopped(host);
    let (mut host, address) = web_host(made, &["--setting", "Web.Greeting=Good morning"]);
    assert_eq!(answered(&mut host, address), "Good morning, says Web_IN_0\n");
}

/// The web role asks the worker, if the definition lets it.
fn service(made: &Made) {
    let (mut host, address) = web_host(made, &[]);
    let answer = answered(&mut host, address);
    let (greeting, worker) = answer.split_once('\n').unwrap();
    assert_eq!(greeting, "Hello from shop, says Web_IN_0");
    assert!(worker.starts_with("Worker_IN_") && worker.contains(" has ticked "), "{worker:?}");
    stopped(host);

    let definition = fs::read_to_string(made.definition()).unwrap();
    let other = definition.replace("<FromRole roleName=\"Web\" />", "<FromRole roleName=\"Worker\" />");
    assert_ne!(definition, other);
    fs::write(made.definition(), other).unwrap();
    let (mut host, address) = web_host(made, &[]);
    let answer = answered(&mut host, address);
    assert!(answer.contains("\nWorker does not answer: "), "{answer:?}");
    host.wait_for("denied");
}

fn web_host(made: &Made, arguments: &[&str]) -> (Host, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let publish = format!("8080={address}");
    let host = Host::run(&made.definition(), &[&["--publish", &publish], arguments].concat());
    (host, address)
}

fn answered(host: &mut Host, address: SocketAddr) -> String {
    host.wait_for("Ready");
    let response = exchange(address, "GET", "/", &[], "").unwrap();
    assert_eq!(response.status, 200, "{response:?}");
    response.text().to_owned()
}

fn stopped(mut host: Host) {
    host.signal("TERM");
    assert!(host.ended().success(), "{:#?}", host.said);
}

/// What is said there to whoever connects, as soon as somebody is ready to say it.
fn said_by(address: SocketAddr) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let heard = || -> io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        };
        match heard() {
            Ok(text) if !text.is_empty() => return text,
            heard => assert!(Instant::now() < deadline, "nobody answers on {address}: {heard:?}"),
        }
    }
}

/// A service that `wasm-roles new` has made.
struct Made {
    language: Language,
    folder: TempDir,
}

impl Made {
    fn new(language: Language, template: &str) -> Self {
        let made = Self { language, folder: tempfile::tempdir().unwrap() };
        let arguments = ["new", "shop", "--lang", language.name(), "--template", template];
        let said = made.wasm_roles(made.folder.path()).args(arguments).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        if language == Language::Rust {
            // The versions that everything else here is built with.
            fs::copy(root().join("Cargo.lock"), made.service().join("Cargo.lock")).unwrap();
        }
        made
    }

    fn service(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    fn definition(&self) -> PathBuf {
        self.service().join("ServiceDefinition.csdef")
    }

    /// The binary, with the tools that were installed for these tests, and with what cargo has built before.
    fn wasm_roles(&self, folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
        command.current_dir(folder).envs(variables());
        command
    }

    fn project(&self, role: &str) -> Project {
        let service = self.service().canonicalize().unwrap();
        let source = service.join("roles").join(role);
        Project::new(service, source, RoleName::new(role).unwrap())
    }

    /// The tools that a role needs; none when they are not all there.
    fn tools(&self, role: &str) -> Option<Tools> {
        let path = tools::path();
        let search = ToolSearch::in_folders(std::env::split_paths(&path));
        match self.language.recipe().tools(&self.project(role), &search) {
            Ok(tools) => Some(tools),
            Err(missing) => {
                for tool in missing {
                    println!("skipped: templates in {}: {tool}; to get it, {}", self.language, tool.get);
                }
                None
            }
        }
    }

    /// Has the component of the role `Worker` from a service with the same sources.
    fn take_worker_of(&self, other: &Self) {
        let files = |made: &Self| files_below(&made.service().join("roles/Worker"));
        assert_eq!(files(self), files(other), "the worker of both templates is the same");
        fs::create_dir(self.service().join("Worker")).unwrap();
        let component = "Worker/Worker.wasm";
        fs::copy(other.service().join(component), self.service().join(component)).unwrap();
    }

    /// Builds roles, in the service's own folder and without naming the definition, and compiles them, which may take longer than a test
    /// waits for a service. A second time there is nothing to build.
    fn build(&self, roles: &[&str]) {
        let roles: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
        for expected in ["built", "unchanged"] {
            let built = self.wasm_roles(&self.service()).arg("build").args(&roles).output().unwrap();
            let said = String::from_utf8_lossy(&built.stdout);
            let wrong = String::from_utf8_lossy(&built.stderr);
            assert!(built.status.success(), "{}: {said}{wrong}", self.language);
            assert!(said.contains(expected), "{}: {expected} is not in {said}", self.language);
        }
        let cache = root().join("target/test-cache");
        let mut compile = self.wasm_roles(&self.service());
        let compiled = compile.arg("compile").arg("--cache-dir").arg(cache).output().unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    }

    /// Runs the tests of a role, as its README says.
    fn test(&self, role: &str, tools: &Tools) {
        let project = self.project(role);
        let steps = self.language.recipe().test(&project, tools);
        assert!(!steps.is_empty(), "{role} in {} has no tests", self.language);
        for step in steps {
            let folder = step.folder().unwrap_or(project.source());
            let mut command = Command::new(step.program());
            command.args(step.arguments()).current_dir(folder).envs(variables()).envs(step.variables());
            let ran = command.output().unwrap();
            let said = String::from_utf8_lossy(&ran.stdout);
            let wrong = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "`{}` of {role} in {}: {said}{wrong}", step.typed(), self.language);
        }
    }
}

/// The files below a folder, with what they hold; not what tools and tests have made there.
fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    const MADE: [&str; 5] = ["node_modules", "__pycache__", "build", "target", "package-lock.json"];
    let mut files = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = PathBuf::from(path.file_name().unwrap());
        if MADE.iter().any(|made| name == Path::new(made)) {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path).into_iter().map(|(below, held)| (name.join(below), held)));
        } else {
            files.push((name, fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

/// One folder for all of cargo's work here, so that what the templates have in common is built once; and what takes long and changes nothing
/// here is left out.
fn variables() -> [(&'static str, OsString); 3] {
    [
        ("PATH", tools::path()),
        ("CARGO_TARGET_DIR", root().join("target/templates").into()),
        ("CARGO_PROFILE_RELEASE_LTO", "off".into()),
    ]
}
