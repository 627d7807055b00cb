//! A component of the world `wasi:http/proxy`, such as `wasmtime serve` runs. It knows nothing of roles, and uses no SDK.
//!
//! It answers every request with a page that shows the request: its method, its path, its headers.
#![allow(unsafe_code, reason = "the exports of a component are raw functions")]

use std::fmt::Write as _;
use std::io::{self, Write};

use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Mirror;

wasip2::http::proxy::export!(Mirror);

impl wasip2::exports::http::incoming_handler::Guest for Mirror {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        if let Err(error) = send(out, page(&request).as_bytes()) {
            eprintln!("the client has left: {error}");
        }
    }
}

fn page(request: &IncomingRequest) -> String {
    let path = request.path_with_query().unwrap_or_default();
    let mut rows = String::new();
    for (name, value) in request.headers().entries() {
        let value = String::from_utf8_lossy(&value);
        // Writing to a string cannot fail.
        let _ =
            writeln!(rows, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(&name), escaped(&value));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Rust</title></head>\n<body>\n\
         <h1>Hello from Rust</h1>\n<p>You asked: <code id=\"request\">{} {}</code></p>\n<table>\n\
         <caption>Your headers</caption>\n{rows}</table>\n</body>\n</html>\n",
        escaped(method_name(&request.method())),
        escaped(&path),
    )
}

fn method_name(method: &Method) -> &str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => name,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn send(out: ResponseOutparam, page: &[u8]) -> io::Result<()> {
    let headers = Fields::new();
    headers.set("content-type", &[b"text/html; charset=utf-8".to_vec()]).map_err(io::Error::other)?;
    let response = OutgoingResponse::new(headers);
    let body = response.body().map_err(|()| io::Error::other("the body has been taken already"))?;
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().map_err(|()| io::Error::other("the body is being written already"))?;
    stream.write_all(page)?;
    Write::flush(&mut stream)?;
    drop(stream);
    OutgoingBody::finish(body, None).map_err(io::Error::other)
}
