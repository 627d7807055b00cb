//! A web role over wasi:http 0.3.
//!
//! | path | answer |
//! |---|---|
//! | `/` | `Hello, world!` |
//! | `/count` | how many requests this instance has had, this one included |
//! | `/slow` | `slow`, after 500 ms |
//! | `/echo` | the body of the request |
//! | `/big` | 1 MiB of `x` |
//! | `/panic` | none: the instance traps |
#![allow(clippy::panic, reason = "that is what /panic is for")]

use std::cell::Cell;
use std::time::Duration;

use wasm_roles_sdk::http::{HttpHandler, Request, Response};
use wasm_roles_sdk::{Role, export_web_role, sleep};

#[derive(Default)]
struct Hello {
    requests: Cell<u64>,
}

impl Role for Hello {}

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
            "/panic" => panic!("panicking in a request as told"),
            _ => Response::new(404),
        }
    }
}

export_web_role!(Hello);
