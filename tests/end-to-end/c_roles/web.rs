//! A web role in C.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::Service;
use crate::http_exchange::{Response, exchange};

/// Far longer than anything here takes: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

const DEFINITION: &str = r#"<WebRole name="Role" vmsize="Small">
    <Sites><Site name="Web"><Bindings><Binding name="Http" endpointName="Http" /></Bindings></Site></Sites>
    <Endpoints><InputEndpoint name="Http" protocol="http" port="80" /></Endpoints>
  </WebRole>"#;

struct Web {
    service: Service,
    address: SocketAddr,
}

impl Web {
    fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    fn start_with(arguments: &[&str]) -> Option<Self> {
        let arguments = [&["--publish", "80=127.0.0.1:0"], arguments].concat();
        let mut service = Service::start("web", DEFINITION, &arguments)?;
        let line = service.host.wait_for("80/tcp");
        let address = line.split_once("http://").unwrap().1.trim_end_matches('/').parse().unwrap();
        service.host.wait_for("is Ready");
        Some(Self { service, address })
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Response {
        exchange(self.address, method, path, &[("x-test", "a \"quote\"")], body).unwrap()
    }

    fn get(&self, path: &str) -> Response {
        self.send("GET", path, "")
    }
}

#[test]
fn the_role_sees_the_request_and_the_client_sees_the_response() {
    let Some(web) = Web::start() else { return };
    let response = web.get("/?a=%20b");
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(
        response.text(),
        r#"{"method":"GET","query":"a=%20b","header":"a \"quote\"","id":"Role_IN_0"}"#
    );
    assert_eq!(web.send("PATCH", "/", "").text().split(',').next(), Some(r#"{"method":"PATCH""#));
    assert_eq!(web.get("/elsewhere").status, 404);
}

#[test]
fn bodies_go_both_ways_whole() {
    let Some(web) = Web::start() else { return };
    let body = "0123456789".repeat(50_000);
    let echoed = web.send("POST", "/echo", &body);
    assert_eq!((echoed.status, echoed.header("x-test"), echoed.text()), (201, Some("yes"), body.as_str()));
    let large = web.get("/large");
    assert_eq!(large.body.len(), 1_000_000);
    assert!(large.text().ends_with("\n000099999\n"));
}

#[test]
fn a_body_that_is_too_large_is_refused_without_asking_the_role() {
    let Some(web) = Web::start() else { return };
    let response = web.send("POST", "/echo", &"x".repeat((1 << 20) + 1));
    assert_eq!(response.status, 413);
    assert_eq!(web.get("/requests").text(), "1\n");
    assert_eq!(web.send("POST", "/echo", &"x".repeat(1 << 20)).status, 201);
}

#[test]
fn requests_share_the_variables_of_the_role_and_its_timers_go_on() {
    let Some(web) = Web::start() else { return };
    assert_eq!(web.get("/requests").text(), "1\n");
    assert_eq!(web.get("/requests").text(), "2\n");
    let ticks = || web.get("/ticks").text().trim().parse::<u32>().unwrap();
    let first = ticks();
    let deadline = Instant::now() + PATIENCE;
    while ticks() == first {
        assert!(Instant::now() < deadline, "the timer is never called again");
    }
}

#[test]
fn what_http_does_not_allow_is_left_out_and_said() {
    let Some(mut web) = Web::start() else { return };
    let response = web.get("/odd");
    assert_eq!((response.status, response.header("x-good"), response.text()), (204, Some("yes"), ""));
    web.service.host.wait_for("the header not a name is left out of a response");
}

#[test]
fn a_role_is_not_asked_about_half_a_body() {
    let Some(web) = Web::start() else { return };
    for body in ["content-length: 1000\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut stream = TcpStream::connect(web.address).unwrap();
        write!(stream, "POST /echo HTTP/1.1\r\nhost: x\r\n{body}").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(!answer.contains("201"), "{answer}");
    }
    assert_eq!(web.get("/requests").text(), "1\n");
}

#[test]
fn a_client_that_goes_away_in_the_middle_takes_nobody_with_it() {
    let Some(mut web) = Web::start() else { return };
    for _ in 0..20 {
        // One that leaves before it has sent its body, and one that leaves before it has read the answer.
        let mut sending = TcpStream::connect(web.address).unwrap();
        write!(sending, "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nsome").unwrap();
        let mut reading = TcpStream::connect(web.address).unwrap();
        write!(reading, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        reading.read_exact(&mut [0; 1000]).unwrap();
    }
    assert_eq!(web.get("/").status, 200);
    assert!(
        web.service.host.said.iter().all(|line| !line.contains("trapped")),
        "{:#?}",
        web.service.host.said
    );
    web.service.stops();
}

/// Answers one request on the loopback, and gives its first line.
fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = server.local_addr().unwrap().to_string();
    let answering = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        while request.read_line(&mut String::new()).unwrap() > 2 {}
        write!(stream, "{answer}").unwrap();
        line
    });
    (there, answering)
}

#[test]
fn a_role_gets_what_others_answer_over_http_and_the_reason_if_it_may_not() {
    let (there, answering) =
        server("HTTP/1.1 418 x\r\ncontent-length: 7\r\nconnection: close\r\n\r\nteapot!");
    let Some(web) = Web::start_with(&["--allow-outbound", &there]) else { return };
    let fetched = web.get(&format!("/fetch?url=http://{there}/tea?milk=no"));
    assert_eq!((fetched.status, fetched.text()), (200, "418 teapot!"));
    assert_eq!(answering.join().unwrap(), "GET /tea?milk=no HTTP/1.1\r\n");
    let outside = web.get("/fetch?url=http://192.0.2.1/");
    assert_eq!((outside.status, outside.text()), (502, "GET http://192.0.2.1/: access-denied\n"));
    let none = web.get("/fetch?url=gopher://x");
    assert_eq!(none.text(), "gopher://x is no URL: it has to begin with http:// or https:// and a name\n");
}

#[test]
fn half_a_body_that_others_answer_is_no_answer() {
    let (there, _answering) = server("HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nhalf");
    let Some(web) = Web::start_with(&["--allow-outbound", &there]) else { return };
    let fetched = web.get(&format!("/fetch?url=http://{there}/"));
    let reason = format!("GET http://{there}/: the body was lost on its way\n");
    assert_eq!((fetched.status, fetched.text()), (502, reason.as_str()));
}
