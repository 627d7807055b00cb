//! A plain `wasi:http` 0.3 handler, written as its bindings suggest, without the SDK: any host of the world
//! `wasi:http/service` can run it.
//!
//! | path | answer |
//! |---|---|
//! | `/stream` | `chunk` and a line end, again and again, whatever becomes of the client |
//! | `/half` | a part of the body, then the instance traps |
//! | `/forward` | the body of the request and its trailers, handed on without a look |
//! | `/lengthy` | `Hello, world!`, but the head says 20 bytes |
//! | `/spin` | none: it never returns and never waits |
//! | any other | `Hello, world!` |
#![allow(clippy::panic, reason = "that is what /half is for")]
#![allow(unsafe_code, reason = "the exports of a component are raw functions")]

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::StreamWriter;

struct Hello;

impl wasip3::exports::http::handler::Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match request.get_path_with_query().as_deref() {
            Some("/stream") => respond(async |mut body| {
                // What is left over says that the client is gone.
                while body.write_all(b"chunk\n".repeat(1000)).await.is_empty() {}
            }),
            Some("/half") => respond(async |mut body| {
                // More than a host reads ahead: when this is over, the client has a part of it.
                body.write_all(vec![b'h'; 1 << 20]).await;
                panic!("panicking in a body as told");
            }),
            Some("/forward") => Ok(forward(request)),
            Some("/lengthy") => {
                let fields = Fields::from_list(&[("content-length".to_owned(), b"20".to_vec())]);
                let fields = fields.map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;
                Ok(respond_with(fields, async |mut body| {
                    body.write_all(b"Hello, world!".to_vec()).await;
                }))
            }
            Some("/spin") => loop {
                std::hint::spin_loop();
            },
            _ => respond(async |mut body| {
                body.write_all(b"Hello, world!".to_vec()).await;
            }),
        }
    }
}

fn respond(write: impl AsyncFnOnce(StreamWriter<u8>) + 'static) -> Result<Response, ErrorCode> {
    let fields = Fields::new();
    let appended = fields.append("content-type", b"text/plain");
    appended.map_err(|error| ErrorCode::InternalError(Some(format!("{error:?}"))))?;
    Ok(respond_with(fields, write))
}

fn respond_with(fields: Fields, write: impl AsyncFnOnce(StreamWriter<u8>) + 'static) -> Response {
    let (body, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(fields, Some(contents), trailers);
    drop(wit_bindgen::spawn_local(async move {
        write(body).await;
        // Who reads the trailers may have left.
        let _ = end.write(Ok(None)).await;
    }));
    response
}

fn forward(request: Request) -> Response {
    // Dropping the writer says that the request was read well.
    let (_, read) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, read);
    Response::new(Fields::new(), Some(body), trailers).0
}

wasip3::http::service::export!(Hello);
