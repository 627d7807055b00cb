//! A web role that greets and counts.

use std::cell::Cell;

use wasm_roles_sdk::http::{HttpHandler, Method, Request, Response};
use wasm_roles_sdk::{Role, RoleEnvironment, export_web_role};

#[derive(Default)]
struct HelloWeb {
    greeted: Cell<u64>,
}

// The life cycle's defaults will do: nothing to start, nothing to stop.
impl Role for HelloWeb {}

impl HttpHandler for HelloWeb {
    async fn handle(&self, request: Request) -> Response {
        match (request.method(), request.path().as_str()) {
            (Method::Get, "/") => {
                self.greeted.set(self.greeted.get() + 1);
                let id = RoleEnvironment::current_instance().id;
                Response::text(format!("Hello from {id}, for the {}. time.\n", self.greeted.get()))
            }
            (Method::Post, "/echo") => match request.body(1 << 20).await {
                Ok(body) => Response::new(200).with_body(body),
                Err(error) => Response::text(format!("{error}\n")).with_status(413),
            },
            _ => Response::new(404),
        }
    }
}

export_web_role!(HelloWeb);
