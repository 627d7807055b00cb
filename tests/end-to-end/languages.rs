//! What a role can do in each language: the table of `docs/languages.md`, asked of running roles.
//!
//! `tests/languages/<language>/cells` is the same role four times; it does what it is told over TCP. A language whose tools are
//! missing is left out, and that is said.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::host_process::{Host, root};
use crate::tools;

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

const DEFINITION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceDefinition name="Cells" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WorkerRole name="Cells" vmsize="Small">
    <ConfigurationSettings>
      <Setting name="Greeting" />
      <Setting name="Recycle" />
    </ConfigurationSettings>
    <LocalResources>
      <LocalStorage name="Disk" sizeInMB="5" />
    </LocalResources>
    <Endpoints>
      <InputEndpoint name="In" protocol="tcp" port="9000" />
    </Endpoints>
  </WorkerRole>
</ServiceDefinition>
"#;

const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ServiceConfiguration serviceName="Cells" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Cells">
    <Instances count="1" />
    <ConfigurationSettings>
      <Setting name="Greeting" value="hello" />
      <Setting name="Recycle" value="no" />
    </ConfigurationSettings>
  </Role>
</ServiceConfiguration>
"#;

/// A language: its column in the page, and its folder.
const LANGUAGES: [(&str, &str); 4] =
    [("Rust", "rust"), ("Python", "python"), ("JavaScript", "javascript"), ("C", "c")];

/// A row of the page, and how a role is asked about it.
type Row = (&'static str, fn(&mut Cells) -> bool);

const ROWS: [Row; 11] = [
    ("settings, and who it is", settings),
    ("serves TCP on its endpoints", serves),
    ("connects over TCP", connects),
    ("sends and receives datagrams", datagrams),
    ("asks over `http:`", |cells| fetches(cells, "http")),
    ("asks over `https:`", |cells| fetches(cells, "https")),
    ("keeps files in local storage", stores),
    ("goes on with others while one waits", goes_on),
    ("hears `changing` and `changed`, and sees the new values", hears),
    ("is recycled for a setting when it says so", recycles),
    ("hears `stopping`, and `on-stop` is called", stops),
];

fn folder(language: &str) -> PathBuf {
    root().join("target/languages").join(language)
}

/// The service of a language, built. None where a tool is missing.
fn built(language: &str) -> Option<PathBuf> {
    let folder = folder(language);
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let place = folder.join(name);
        // What is the same is not written: nothing has changed then.
        if fs::read_to_string(&place).is_ok_and(|there| there == text) {
            return;
        }
        fs::write(place, text).unwrap();
    };
    write("ServiceDefinition.csdef", DEFINITION);
    write("ServiceConfiguration.cscfg", CONFIGURATION);
    let source = format!("[roles.Cells]\nsource = \"../../../tests/languages/{language}/cells\"\n");
    let layout = match language {
        // Its manifest says where the SDK is.
        "rust" => format!("{source}profile = \"guest\"\n"),
        _ => format!("{source}\n[sdk]\n{language} = \"../../../guest-sdk/{language}\"\n"),
    };
    write("build.toml", &layout);
    let definition = folder.join("ServiceDefinition.csdef");
    if !tools::build(&definition) {
        return None;
    }
    Some(definition)
}

/// The service of a language, running, and what it may reach outside of it.
struct Cells {
    host: Host,
    address: SocketAddr,
    web: SocketAddr,
    heard_tls: Arc<AtomicBool>,
    echo: SocketAddr,
    /// For the socket of the host.
    folder: tempfile::TempDir,
}

impl Cells {
    fn start(language: &str) -> Option<Self> {
        let definition = built(language)?;
        let folder = tempfile::tempdir().unwrap();
        let ((web, heard_tls), echo) = (a_web_server(), an_echo());
        let allowed = [web.to_string(), echo.to_string()];
        let arguments = [
            "--publish",
            "9000=127.0.0.1:0",
            "--allow-outbound",
            &allowed[0],
            "--allow-outbound",
            &allowed[1],
        ];
        let mut host = Host::run_with(&definition, &arguments, &[("XDG_RUNTIME_DIR", folder.path())]);
        let line = host.wait_for("9000/tcp");
        let address = line.split_whitespace().find_map(|word| word.parse().ok()).expect("an address");
        host.wait_for("is Ready");
        Some(Self { host, address, web, heard_tls, echo, folder })
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// One line in, one line out.
    fn ask(&self, line: &str) -> String {
        let mut stream = self.connect();
        writeln!(stream, "{line}").unwrap();
        answer(&mut stream)
    }

    /// Changes a setting while it runs.
    fn change(&self, setting: &str, value: &str) {
        let before = CONFIGURATION.lines().find(|line| line.contains(&format!("\"{setting}\""))).unwrap();
        let after = format!("<Setting name=\"{setting}\" value=\"{value}\" />");
        let file = self.folder.path().join("new.cscfg");
        fs::write(&file, CONFIGURATION.replace(before, &after)).unwrap();
        let mut update = Command::new(env!("CARGO_BIN_EXE_wasm-roles"));
        update.args(["update", "Cells", "--config"]).arg(file).env("XDG_RUNTIME_DIR", self.folder.path());
        let output = update.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

/// Answers each request with 204, and says whether somebody began to speak TLS, which it does not understand.
fn a_web_server() -> (SocketAddr, Arc<AtomicBool>) {
    /// What a record of the handshake begins with (RFC 8446, section 5.1).
    const HANDSHAKE: u8 = 22;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard_tls = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&heard_tls);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            heard.fetch_or(request[0] == HANDSHAKE, Ordering::SeqCst);
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
    });
    (address, heard_tls)
}

/// Sends each datagram back.
fn an_echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut datagram = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            let _ = socket.send_to(&datagram[..length], from);
        }
    });
    address
}

fn settings(cells: &mut Cells) -> bool {
    cells.ask("SETTING Greeting") == "OK hello"
        && cells.ask("INSTANCE") == "OK Cells_IN_0"
        && cells.ask("SETTING Nothing").starts_with("ERROR ")
}

fn serves(cells: &mut Cells) -> bool {
    // Many at once, of which some say nothing.
    let silent: Vec<TcpStream> = (0..20).map(|_| cells.connect()).collect();
    let all = (0..20).all(|_| cells.ask("INSTANCE") == "OK Cells_IN_0");
    drop(silent);
    all
}

fn connects(cells: &mut Cells) -> bool {
    cells.ask("CONNECT 10.0.0.4:9000") == "OK" && cells.ask("CONNECT 10.0.0.99:1").starts_with("ERROR ")
}

fn datagrams(cells: &mut Cells) -> bool {
    cells.ask(&format!("UDP {} to and fro", cells.echo)) == "OK to and fro"
}

fn fetches(cells: &mut Cells, scheme: &str) -> bool {
    let answer = cells.ask(&format!("FETCH {scheme}://{}/", cells.web));
    match scheme {
        "http" => answer == "OK 204",
        // Nobody has a certificate here that anybody believes: what can be seen is that the handshake began.
        _ => answer.starts_with("ERROR ") && cells.heard_tls.load(Ordering::SeqCst),
    }
}

fn stores(cells: &mut Cells) -> bool {
    cells.ask("STORE kept for later") == "OK kept for later"
}

fn goes_on(cells: &mut Cells) -> bool {
    let mut waits = cells.connect();
    writeln!(waits, "SLEEP 3000").unwrap();
    let other = cells.ask("INSTANCE");
    waits.set_nonblocking(true).unwrap();
    let meanwhile = waits.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    waits.set_nonblocking(false).unwrap();
    meanwhile && answer(&mut waits) == "OK" && other == "OK Cells_IN_0"
}

fn hears(cells: &mut Cells) -> bool {
    cells.change("Greeting", "good day");
    let heard = cells.ask("EVENTS");
    heard.contains("changing changed") && cells.ask("SETTING Greeting") == "OK good day"
}

fn recycles(cells: &mut Cells) -> bool {
    cells.change("Recycle", "yes");
    // It has begun anew, with the new value, and has heard nothing.
    !cells.ask("EVENTS").contains("changing") && cells.ask("SETTING Recycle") == "OK yes"
}

fn stops(cells: &mut Cells) -> bool {
    cells.host.signal("TERM");
    assert!(cells.host.ended().success(), "{:#?}", cells.host.said);
    let said = |text: &str| cells.host.said.iter().any(|line| line.contains(text));
    said("stopping") && said("| stops")
}

/// The cells of a row of the page, by column.
fn cells_of(page: &str, row: &str) -> Vec<(String, String)> {
    let table = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let head = page.lines().find(|line| line.starts_with("| a role ")).expect("the page has the table");
    let line = page.lines().find(|line| line.starts_with(&format!("| {row} |")));
    let line = line.unwrap_or_else(|| panic!("the page has no row `{row}`"));
    table(head).into_iter().zip(table(line)).skip(1).collect()
}

/// The table says of a language what its role does.
fn is_as_the_page_says((column, language): (&str, &str)) {
    let page = fs::read_to_string(root().join("docs/languages.md")).expect("the page is there");
    let Some(mut cells) = Cells::start(language) else { return };
    let mut wrong = Vec::new();
    for (row, does) in ROWS {
        let says = cells_of(&page, row).into_iter().find(|(of, _)| of == column).expect("a column").1;
        let can = does(&mut cells);
        if can != says.starts_with("yes") {
            wrong.push(format!(
                "{row}: the page says `{says}`, the role {}",
                if can { "can" } else { "cannot" }
            ));
        }
    }
    assert!(wrong.is_empty(), "{column}: {wrong:#?}");
    is_no_larger_than_the_page_says(&page, column, &folder(language).join("Cells/Cells.wasm"));
}

fn is_no_larger_than_the_page_says(page: &str, column: &str, component: &Path) {
    let says = cells_of(page, "size of a component").into_iter().find(|(of, _)| of == column).unwrap().1;
    let kilobytes = |text: &str| -> f64 {
        let (number, unit) = text.split_once(' ').unwrap_or_else(|| panic!("{text} is no size"));
        number.parse::<f64>().unwrap() * if unit == "MB" { 1000.0 } else { 1.0 }
    };
    let bytes = fs::metadata(component).unwrap().len();
    let limit = kilobytes(&says) * 1000.0 * 1.25;
    assert!((bytes as f64) < limit, "{column}: {bytes} bytes, and the page says {says}");
}

#[test]
fn roles_in_rust_do_what_the_page_says() {
    is_as_the_page_says(LANGUAGES[0]);
}

#[test]
fn roles_in_python_do_what_the_page_says() {
    is_as_the_page_says(LANGUAGES[1]);
}

#[test]
fn roles_in_javascript_do_what_the_page_says() {
    is_as_the_page_says(LANGUAGES[2]);
}

#[test]
fn roles_in_c_do_what_the_page_says() {
    is_as_the_page_says(LANGUAGES[3]);
}
