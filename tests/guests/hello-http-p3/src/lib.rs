//! A web role over wasi:http 0.3.
//!
//! | path | answer |
//! |---|---|
//! | `/` | `Hello, world!` |
//! | `/count` | how many requests this instance has had, this one included |
//! | `/slow` | `slow`, after 500 ms |
//! | `/echo` | the body of the request |
//! | `/big` | 1 MiB of `x` |
//! | `/name` | the id of the instance |
//! | `/probe` | `well`, or `sick` with status 500 after `/sick`, until `/well` |
//! | `/busy` | the instance says that it is Busy when it is asked, until `/ready` |
//! | `/recycle` | `done`; the instance has asked to be recycled |
//! | `/panic` | none: the instance traps |
#![allow(clippy::panic, reason = "that is what /panic is for")]

use std::cell::Cell;
use std::time::Duration;

use wasm_roles_sdk::http::{HttpHandler, Request, Response};
use wasm_roles_sdk::{Role, RoleEnvironment, Status, export_web_role, sleep};

#[derive(Default)]
struct Hello {
    requests: Cell<u64>,
    sick: Cell<bool>,
    busy: Cell<bool>,
}

impl Role for Hello {
    async fn status_check(&self) -> Status {
        if self.busy.get() { Status::Busy } else { Status::Ready }
    }
}

/// Remembers something and says so.
fn set(flag: &Cell<bool>, value: bool) -> Response {
    flag.set(value);
    Response::text("done")
}

impl HttpHandler for Hello {
    async fn handle(&self, request: Request) -> Response {
        self.requests.update(|count| count.saturating_add(1));
        match request.path().as_str() {
            "/" => Response::text("Hello, world!"),
            "/count" => Response::text(self.requests.get().to_string()),
            "/slow" => {
                sleep(Duration::from_millis(500)).await;
                Response::text("slow")
            }
            "/echo" => match request.body(16 << 20).await {
                Ok(body) => Response::new(200).with_body(body),
                Err(error) => Response::text(error.to_string()).with_status(413),
            },
            "/big" => Response::new(200).with_body(vec![b'x'; 1 << 20]),
            "/name" => Response::text(RoleEnvironment::current_instance().id),
            "/probe" if self.sick.get() => Response::text("sick").with_status(500),
            "/probe" => Response::text("well"),
            "/sick" => set(&self.sick, true),
            "/well" => set(&self.sick, false),
            "/busy" => set(&self.busy, true),
            "/ready" => set(&self.busy, false),
            "/recycle" => {
                RoleEnvironment::request_recycle();
                Response::text("done")
            }
            "/panic" => panic!("panicking in a request as told"),
            _ => Response::new(404),
        }
    }
}

export_web_role!(Hello);
