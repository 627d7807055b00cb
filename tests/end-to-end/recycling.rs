//! An instance of a web role recycles under load, and no request is lost.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::host_process::{Host, free_port, guest, wait_until_answered};

#[test]
fn no_request_fails_while_one_of_two_instances_recycles() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("Web")).unwrap();
    fs::copy(guest("hello-http-p3"), folder.path().join("Web/Web.wasm")).unwrap();
    let definition = folder.path().join("ServiceDefinition.csdef");
    fs::write(&definition, DEFINITION).unwrap();
    fs::write(folder.path().join("ServiceConfiguration.cscfg"), CONFIGURATION).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut host = Host::run(&definition, &["--publish", &format!("80={address}")]);
    wait_until_answered(address);
    std::thread::scope(|scope| {
        for client in 0..4 {
            scope.spawn(move || {
                let mut connection = None;
                for number in 0..250 {
                    let recycle = client == 0 && number == 50;
                    ask(&mut connection, address, if recycle { "/recycle" } else { "/" });
                }
            });
        }
    });
    host.wait_for("asked to be recycled");
    host.signal("INT");
    assert_eq!(host.ended().code(), Some(0));
}

type Connection = Option<BufReader<TcpStream>>;

/// One request, on the connection that is there. A server may close one that is idle at any time: then a request without any
/// answer is sent once more on a new one (RFC 9112, section 9.3.1).
fn ask(connection: &mut Connection, address: SocketAddr, path: &str) {
    if connection.is_some() && ask_on(connection, address, path) {
        return;
    }
    *connection = Some(BufReader::new(TcpStream::connect(address).unwrap()));
    assert!(ask_on(connection, address, path), "a new connection was closed without an answer");
}

/// False if the connection was closed before an answer.
fn ask_on(connection: &mut Connection, address: SocketAddr, path: &str) -> bool {
    let mut stream = connection.take().unwrap();
    if write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").is_err() {
        return false;
    }
    let mut status = String::new();
    match stream.read_line(&mut status) {
        Ok(0) => return false,
        Ok(_) => assert!(status.starts_with("HTTP/1.1 200 "), "{status}"),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
        Err(error) => panic!("{error}"),
    }
    let (mut length, mut last) = (0_usize, false);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        last |= line == "connection: close";
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    *connection = (!last).then_some(stream);
    true
}

const DEFINITION: &str = r#"<ServiceDefinition name="Test" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">
  <WebRole name="Web">
    <Sites><Site name="Web"><Bindings><Binding name="In" endpointName="In" /></Bindings></Site></Sites>
    <Endpoints><InputEndpoint name="In" protocol="http" port="80" /></Endpoints>
  </WebRole>
</ServiceDefinition>
"#;

const CONFIGURATION: &str = r#"<ServiceConfiguration serviceName="Test" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
  <Role name="Web"><Instances count="2" /></Role>
</ServiceConfiguration>
"#;
