//! A web role over wasi:http 0.2 that exports the handler and nothing else.
//!
//! | path | answer |
//! |---|---|
//! | `/` | `Hello, world!` |
//! | `/count` | how many requests this instance has had, this one included |
//! | `/echo` | the body of the request |
//! | `/panic` | none: the instance traps |
//! | `/spin` | none: it says so, and then never returns and never waits |
#![allow(clippy::panic, reason = "that is what /panic is for")]
#![allow(unsafe_code, reason = "the exports of a component are raw functions")]

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

static REQUESTS: AtomicU64 = AtomicU64::new(0);

struct Hello;

impl wasip2::exports::http::incoming_handler::Guest for Hello {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let count = REQUESTS.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let path = request.path_with_query().unwrap_or_default();
        let (status, body) = match path.as_str() {
            "/" => (200, b"Hello, world!".to_vec()),
            "/count" => (200, count.to_string().into_bytes()),
            "/echo" => match read_body(&request) {
                Ok(body) => (200, body),
                Err(error) => (400, error.to_string().into_bytes()),
            },
            "/panic" => panic!("panicking in a request as told"),
            "/spin" => {
                println!("spinning as told");
                loop {
                    std::hint::spin_loop();
                }
            }
            _ => (404, Vec::new()),
        };
        if let Err(error) = answer(out, status, &body) {
            eprintln!("{path}: {error}");
        }
    }
}

fn read_body(request: &IncomingRequest) -> io::Result<Vec<u8>> {
    let gone = || io::Error::other("the body has been taken already");
    let incoming = request.consume().map_err(|()| gone())?;
    let mut stream = incoming.stream().map_err(|()| gone())?;
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    Ok(body)
}

fn answer(out: ResponseOutparam, status: u16, body: &[u8]) -> io::Result<()> {
    let fields = Fields::new();
    fields.append("content-length", body.len().to_string().as_bytes()).map_err(io::Error::other)?;
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).map_err(|()| io::Error::other("not a status"))?;
    let outgoing = response.body().map_err(|()| io::Error::other("the body has been taken already"))?;
    ResponseOutparam::set(out, Ok(response));
    let mut stream = outgoing.write().map_err(|()| io::Error::other("the body is being written already"))?;
    stream.write_all(body)?;
    Write::flush(&mut stream)?;
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(io::Error::other)
}

wasip2::http::proxy::export!(Hello);
