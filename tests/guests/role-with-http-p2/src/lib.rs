//! A web role over wasi:http 0.2 with an entry-point beside its handler, both in one instance.
//!
//! Every request is answered with the stages of the entry-point that have been reached: `on-start`, `run`.
//! The role says `on-stop` on its standard output.
#![allow(unsafe_code, reason = "the exports of a component are raw functions")]

use std::cell::RefCell;
use std::io::{self, Write};
use std::time::Duration;

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasm_roles_sdk::{Role, RoleResult, export_role, sleep};

thread_local! {
    static REACHED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn reached(stage: &'static str) {
    REACHED.with_borrow_mut(|stages| stages.push(stage));
}

#[derive(Default)]
struct Staged;

impl Role for Staged {
    async fn on_start(&'static self) -> RoleResult {
        reached("on-start");
        Ok(())
    }

    async fn run(&'static self) -> RoleResult {
        reached("run");
        loop {
            sleep(Duration::from_secs(3600)).await;
        }
    }

    async fn on_stop(&'static self) {
        println!("on-stop");
    }
}

export_role!(Staged);

impl wasip2::exports::http::incoming_handler::Guest for Staged {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        let stages = REACHED.with_borrow(|stages| stages.join(" "));
        if let Err(error) = answer(out, stages.as_bytes()) {
            eprintln!("{error}");
        }
    }
}

fn answer(out: ResponseOutparam, body: &[u8]) -> io::Result<()> {
    let response = OutgoingResponse::new(Fields::new());
    let outgoing = response.body().map_err(|()| io::Error::other("the body has been taken already"))?;
    ResponseOutparam::set(out, Ok(response));
    let mut stream = outgoing.write().map_err(|()| io::Error::other("the body is being written already"))?;
    stream.write_all(body)?;
    Write::flush(&mut stream)?;
    drop(stream);
    OutgoingBody::finish(outgoing, None).map_err(io::Error::other)
}

wasip2::http::proxy::export!(Staged);
