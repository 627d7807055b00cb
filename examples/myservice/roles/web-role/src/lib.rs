//! WebRole1: shows who can reach whom. One component is both the web server's handler and a worker that answers on its
//! own internal endpoint, at the same time.

use myservice_reachability::{Format, Report, Responder};
use wasm_roles_sdk::http::{HttpHandler, Method, Request, Response};
use wasm_roles_sdk::{Role, RoleResult, export_web_role};

#[derive(Default)]
struct WebRole {
    responder: Responder,
}

impl Role for WebRole {
    async fn on_start(&self) -> RoleResult {
        Ok(self.responder.bind()?)
    }

    async fn run(&self) -> RoleResult {
        Ok(self.responder.serve().await?)
    }
}

impl HttpHandler for WebRole {
    async fn handle(&self, request: Request) -> Response {
        if request.path() != "/" {
            return Response::text("There is only one page here: /\n").with_status(404);
        }
        if !matches!(request.method(), Method::Get | Method::Head) {
            return Response::new(405).with_header("allow", "GET, HEAD");
        }
        let accept = request.header("accept").unwrap_or_default();
        let report = Report::collect().await;
        let response = match Format::preferred(&accept) {
            Format::Html => Response::html(report.to_html()),
            Format::Json => Response::json(report.to_json()),
        };
        response.with_header("cache-control", "no-store").with_header("vary", "accept")
    }
}

export_web_role!(WebRole);
