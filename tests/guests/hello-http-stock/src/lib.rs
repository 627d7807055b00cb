//! A plain `wasi:http` 0.3 handler, written as its bindings suggest, without the SDK: any host of the world
//! `wasi:http/service` can run it.
//!
//! | path | answer |
//! |---|---|
//! | `/stream` | `chunk` and a line end, again and again, whatever becomes of the client |
//! | `/half` | one chunk of the body, then the instance traps |
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
                body.write_all(b"half".to_vec()).await;
                // The first write is over when the host has read it.
                panic!("panicking in a body as told");
            }),
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
    let (body, contents) = wit_stream::new();
    let (end, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = Response::new(fields, Some(contents), trailers);
    drop(wit_bindgen::spawn_local(async move {
        write(body).await;
        // Who reads the trailers may have left.
        let _ = end.write(Ok(None)).await;
    }));
    Ok(response)
}

wasip3::http::service::export!(Hello);
