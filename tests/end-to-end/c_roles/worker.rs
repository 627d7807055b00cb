//! A worker in C, over TCP and UDP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::Service;

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

const DEFINITION: &str = r#"<WorkerRole name="Role" vmsize="Small">
    <LocalResources><LocalStorage name="Disk" sizeInMB="1" /></LocalResources>
    <Endpoints>
      <InputEndpoint name="In" protocol="tcp" port="9000" />
      <InputEndpoint name="Echo" protocol="udp" port="9001" />
    </Endpoints>
  </WorkerRole>"#;

struct Cells {
    service: Service,
    tcp: SocketAddr,
    udp: SocketAddr,
}

impl Cells {
    fn start() -> Option<Self> {
        let free = ["--publish", "9000=127.0.0.1:0", "--publish", "9001=127.0.0.1:0"];
        let mut service = Service::start("cells", DEFINITION, &free)?;
        let address = |line: String| line.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
        let tcp = address(service.host.wait_for("9000/tcp"));
        let udp = address(service.host.wait_for("9001/udp"));
        service.host.wait_for("is Ready");
        Some(Self { service, tcp, udp })
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tcp).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(&self, line: &str) -> String {
        let mut stream = self.connect();
        writeln!(stream, "{line}").unwrap();
        answer(&mut stream)
    }
}

fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn clients_that_say_nothing_keep_nobody_waiting() {
    let Some(cells) = Cells::start() else { return };
    let silent: Vec<TcpStream> = (0..100).map(|_| cells.connect()).collect();
    let mut late = cells.connect();
    assert_eq!(cells.ask("INSTANCE"), "OK Role_IN_0\n");
    writeln!(late, "INSTANCE").unwrap();
    assert_eq!(answer(&mut late), "OK Role_IN_0\n");
    drop(silent);
    assert_eq!(cells.ask("INSTANCE"), "OK Role_IN_0\n");
}

#[test]
fn a_connection_that_is_kept_is_answered_later_and_others_meanwhile() {
    let Some(cells) = Cells::start() else { return };
    let mut kept = cells.connect();
    writeln!(kept, "SLEEP 3000").unwrap();
    let mut other = BufReader::new(cells.connect());
    writeln!(other.get_mut(), "INSTANCE").unwrap();
    let mut line = String::new();
    other.read_line(&mut line).unwrap();
    assert_eq!(line, "OK Role_IN_0\n");
    kept.set_nonblocking(true).unwrap();
    assert!(kept.read(&mut [0]).is_err(), "it has been answered already");
    kept.set_nonblocking(false).unwrap();
    assert_eq!(answer(&mut kept), "OK\n");
}

#[test]
fn a_connection_that_is_kept_can_be_closed_at_once() {
    let Some(cells) = Cells::start() else { return };
    for _ in 0..100 {
        assert_eq!(cells.ask("CLOSE"), "OK\n");
    }
    assert_eq!(cells.ask("INSTANCE"), "OK Role_IN_0\n");
}

#[test]
fn a_line_in_pieces_and_without_an_end_is_a_line() {
    let Some(cells) = Cells::start() else { return };
    let mut stream = cells.connect();
    stream.set_nodelay(true).unwrap();
    for piece in ["IN", "STAN", "CE"] {
        stream.write_all(piece.as_bytes()).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(answer(&mut stream), "OK Role_IN_0\n");
}

#[test]
fn a_connection_to_nobody_is_refused_in_words() {
    let Some(cells) = Cells::start() else { return };
    assert_eq!(cells.ask("CONNECT 10.0.0.4:9000"), "OK\n");
    assert_eq!(cells.ask("CONNECT 10.0.0.77:9000"), "ERROR connecting to 10.0.0.77:9000: access-denied\n");
    assert_eq!(cells.ask("CONNECT Role:9000"), "OK\n");
    let nobody = cells.ask("CONNECT nobody:9000");
    assert_eq!(nobody, "ERROR looking up the name nobody: it has no address that this role may know\n");
}

#[test]
fn datagrams_come_back_from_a_role_that_returns_them() {
    let Some(cells) = Cells::start() else { return };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 100];
    for text in ["one", "two", "three"] {
        socket.send_to(text.as_bytes(), cells.udp).unwrap();
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (text.as_bytes(), cells.udp));
    }
}

#[test]
fn a_role_that_finishes_is_started_again_and_one_that_stops_hears_it() {
    let Some(mut cells) = Cells::start() else { return };
    assert_eq!(cells.ask("EXIT"), "OK\n");
    cells.service.host.wait_for("run returned");
    cells.service.host.wait_for("is Ready again");
    cells.service.stops();
    let said = &cells.service.host.said;
    assert!(said.iter().any(|line| line.contains("| heard ") && line.ends_with("stopping")), "{said:#?}");
}
