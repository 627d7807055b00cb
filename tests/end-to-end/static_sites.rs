//! Web roles whose files are served by the host: with a handler behind them, and without any component.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::host_process::{Host, free_port, guest};
use crate::http_exchange::{Response, exchange};

const SCHEMA: &str = "http://schemas.microsoft.com/ServiceHosting/2008/10";

/// A service of one web role, `Web`, with this `Sites` element and two instances.
struct Service {
    folder: TempDir,
}

impl Service {
    fn new(sites: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let service = Self { folder };
        let endpoints = r#"<Endpoints><InputEndpoint name="HttpIn" protocol="http" port="80" /></Endpoints>"#;
        service.write(
            "Service.csdef",
            format!(
                r#"<ServiceDefinition name="Svc" xmlns="{SCHEMA}/ServiceDefinition">
                    <WebRole name="Web">{sites}{endpoints}</WebRole></ServiceDefinition>"#
            ),
        );
        service.write(
            "ServiceConfiguration.cscfg",
            format!(
                r#"<ServiceConfiguration serviceName="Svc" xmlns="{SCHEMA}/ServiceConfiguration">
                    <Role name="Web"><Instances count="2" /></Role></ServiceConfiguration>"#
            ),
        );
        service
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is there");
        fs::write(path, content).expect("the file can be written");
    }

    fn with_handler(self, name: &str) -> Self {
        let component = fs::read(guest(name)).expect("the guest can be read");
        self.write("Web/Web.wasm", component);
        self
    }

    fn run(&self) -> Running {
        self.run_with(&[])
    }

    fn run_with(&self, arguments: &[&str]) -> Running {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let publish = format!("80={address}");
        let mut host = Host::run(
            &self.folder.path().join("Service.csdef"),
            &[&["--publish", &publish], arguments].concat(),
        );
        host.wait_for("instances are Ready");
        Running { host, address }
    }
}

struct Running {
    host: Host,
    address: SocketAddr,
}

impl Running {
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        exchange(self.address, method, path, headers, "").expect("an answer")
    }

    fn get(&self, path: &str) -> (u16, String) {
        let response = self.ask("GET", path, &[]);
        (response.status, String::from_utf8_lossy(&response.body).into_owned())
    }

    fn stop(mut self) {
        self.host.signal("TERM");
        assert!(self.host.ended().success(), "{:#?}", self.host.said);
    }
}

const SITE: &str = r#"<Sites><Site name="Web" physicalDirectory="pages">
    <VirtualApplication name="app" physicalDirectory="..\{above}" />
    <Bindings><Binding name="A" endpointName="HttpIn" /></Bindings></Site></Sites>"#;

/// The site with two directories, one of them above the definition's folder.
fn service() -> (Service, TempDir) {
    let above = tempfile::tempdir().expect("a folder");
    fs::write(above.path().join("index.html"), "the application").expect("the file can be written");
    let name = above.path().file_name().and_then(|name| name.to_str()).expect("a name");
    let service = Service::new(&SITE.replace("{above}", name));
    service.write("pages/index.html", "<h1>Hello</h1>");
    service.write("pages/style.css", "body {}");
    service.write("pages/style.css.gz", "packed");
    (service, above)
}

#[test]
fn a_web_role_without_a_component_is_a_static_site() {
    let (service, _above) = service();
    let large: Vec<u8> = (0..3_000_000_u32).map(|position| position.to_le_bytes()[1]).collect();
    service.write("pages/large.bin", &large);
    let running = service.run();
    assert_eq!(running.get("/"), (200, "<h1>Hello</h1>".to_owned()));
    assert_eq!(running.get("/app/"), (200, "the application".to_owned()));
    assert_eq!(running.get("/nothing").0, 404);
    let style = running.ask("GET", "/style.css", &[("accept-encoding", "gzip")]);
    assert_eq!((style.header("content-encoding"), style.text()), (Some("gzip"), "packed"));
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    let tag = style.header("etag").expect("a tag").to_owned();
    let again = running.ask("GET", "/style.css", &[("accept-encoding", "gzip"), ("if-none-match", &tag)]);
    assert_eq!((again.status, again.text()), (304, ""));
    let post = running.ask("POST", "/", &[]);
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    let to = running.ask("GET", "/app?a=b", &[]);
    assert_eq!((to.status, to.header("location")), (301, Some("/app/?a=b")));
    let whole = running.ask("GET", "/large.bin", &[]);
    assert!(whole.body == large);
    let part = running.ask("GET", "/large.bin", &[("range", "bytes=1000000-1999999")]);
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 1000000-1999999/3000000")));
    assert!(part.body == large[1_000_000..2_000_000]);
    running.stop();
}

#[test]
fn raw_requests_with_tricks_get_nothing_that_is_not_content() {
    let (service, _above) = service();
    service.write("pages/.env", "SECRET");
    service.write("secret.txt", "SECRET");
    let running = service.run();
    let paths = [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "//secret.txt",
        "/.env",
        "/%2eenv",
        "/index.html::$DATA",
        "/index.html.",
        "/%00",
        "/%zz",
        "/%ff",
        "/app/../../secret.txt",
        "/Service.csdef",
        "/../Service.csdef",
        "/../ServiceConfiguration.cscfg",
    ];
    for path in paths {
        let (status, text) = running.get(path);
        assert!(matches!(status, 400 | 404) && !text.contains("SECRET"), "{path}: {status} {text}");
    }
    // Further than any name of a file, and as long as a server may have to read.
    let (status, _) = running.get(&format!("/{}", "a".repeat(8000)));
    assert!(matches!(status, 404 | 414 | 431), "{status}");
    running.stop();
}

#[test]
fn hosts_choose_among_the_sites_of_a_port() {
    let service = Service::new(
        r#"<Sites>
            <Site name="One" physicalDirectory="one"><Bindings>
                <Binding name="A" endpointName="HttpIn" hostHeader="one.example" /></Bindings></Site>
            <Site name="Two" physicalDirectory="two"><Bindings>
                <Binding name="A" endpointName="HttpIn" hostHeader="two.example" /></Bindings></Site>
        </Sites>"#,
    );
    service.write("one/index.html", "one");
    service.write("two/index.html", "two");
    let running = service.run();
    let of_host = |target: &str| running.get(target);
    // A target with a host counts more than the field, which is the address here.
    assert_eq!(of_host("http://one.example/"), (200, "one".to_owned()));
    assert_eq!(of_host("http://TWO.example:8080/"), (200, "two".to_owned()));
    assert_eq!(of_host("/").0, 404);
    running.stop();
}

#[test]
fn files_come_first_and_the_handler_answers_everything_else() {
    let (service, _above) = service();
    let service = service.with_handler("hello-http-p3");
    let running = service.run();
    assert_eq!(running.get("/style.css"), (200, "body {}".to_owned()));
    assert_eq!(running.get("/count"), (200, "1".to_owned()), "the file did not take the handler's time");
    let of_the_handler = running.get("/nothing");
    assert_eq!(of_the_handler.0, 404);
    assert_eq!(running.get("/../style.css"), of_the_handler);
    running.stop();
}

#[test]
fn a_missing_directory_keeps_the_service_from_starting() {
    let service = Service::new(&SITE.replace("{above}", "no-such-folder"));
    let mut host = Host::run(&service.folder.path().join("Service.csdef"), &[]);
    assert!(!host.ended().success());
    let said = host.said.join("\n");
    let pages = Path::new(service.folder.path()).join("pages");
    assert!(said.contains("Service.csdef:2:"), "{said}");
    let problem =
        format!("the files of site Web/ of role Web cannot be served: {}: No such file", pages.display());
    assert!(said.contains(&problem), "{said}");
    assert!(said.contains("the files of site Web/app of role Web cannot be served"), "{said}");
}

#[test]
fn an_access_log_has_a_line_for_each_request_beside_what_the_instance_says() {
    for (format, expected) in
        [("combined", "\"GET /missing?q=1 HTTP/1.1\" 404 "), ("json", "\"method\":\"GET\"")]
    {
        let service = Service::new(
            r#"<Sites><Site name="Web" physicalDirectory="static"><Bindings>
            <Binding name="B" endpointName="HttpIn" /></Bindings></Site></Sites>"#,
        );
        service.write("static/index.html", "hello");
        let mut running = service.run_with(&["--access-log", format]);
        assert_eq!(running.get("/missing?q=1").0, 404);
        let line = running.host.wait_for(expected);
        assert!(line.starts_with("Web_IN_") && line.contains("/missing"), "{line}");
        running.stop();
    }
}
