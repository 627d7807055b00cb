//! Web: greets, and shows what the worker says.

use std::error::Error;
use std::io;
use std::time::Duration;

use wasm_roles_sdk::http::{HttpHandler, Method, Request, Response};
use wasm_roles_sdk::net::TcpStream;
use wasm_roles_sdk::{Role, RoleEnvironment, RoleInstance, UnknownName, export_web_role, timeout};

/// How long the worker may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Web;

// The life cycle's defaults will do: nothing to start, nothing to stop.
impl Role for Web {}

impl HttpHandler for Web {
    async fn handle(&self, request: Request) -> Response {
        match (request.method(), request.path().as_str()) {
            (Method::Get, "/") => match greeting() {
                Ok(greeting) => Response::text(greeting + &worker_says().await),
                Err(error) => Response::text(format!("{error}\n")).with_status(500),
            },
            _ => Response::text("There is nothing here.\n").with_status(404),
        }
    }
}

fn greeting() -> Result<String, UnknownName> {
    let greeting = RoleEnvironment::setting("Greeting")?;
    Ok(format!(
        "{greeting}, says {}\n",
        RoleEnvironment::current_instance().id
    ))
}

/// What an instance of the worker says, or why there is no answer.
async fn worker_says() -> String {
    let worker = RoleEnvironment::role("Worker");
    let instances = worker.map(|worker| worker.instances).unwrap_or_default();
    let mut problem: Box<dyn Error> = "it has no instance".into();
    for instance in &instances {
        match timeout(PATIENCE, ask(instance))
            .await
            .map_err(io::Error::from)
            .flatten()
        {
            Ok(line) => return line,
            Err(error) => problem = error.into(),
        }
    }
    format!("Worker does not answer: {problem}\n")
}

async fn ask(worker: &RoleInstance) -> io::Result<String> {
    let endpoint = worker.endpoint("Ask").map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(endpoint.socket_address()).await?;
    let mut line = Vec::new();
    stream.read_to_end(&mut line).await?;
    String::from_utf8(line).map_err(io::Error::other)
}

export_web_role!(Web);

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_sdk::Protocol;
    use wasm_roles_sdk::testing::{DefinedRole, HttpRequest, TestEnvironment};

    fn answer(path: &str) -> (u16, String) {
        let environment = TestEnvironment::new(DefinedRole::new("Web"))
            .role(DefinedRole::new("Worker").internal_endpoint("Ask", Protocol::Tcp, 7000))
            .setting("Greeting", "Good morning")
            .install();
        let web = environment.start::<Web>().unwrap();
        let response = web.handle(HttpRequest::new(Method::Get, path));
        (
            response.status(),
            String::from_utf8_lossy(response.body()).into_owned(),
        )
    }

    #[test]
    fn it_greets_also_when_the_worker_does_not_answer() {
        // There are no sockets here.
        let (status, page) = answer("/");
        let mut lines = page.lines();
        assert_eq!(
            (status, lines.next()),
            (200, Some("Good morning, says Web_IN_0"))
        );
        assert!(
            lines
                .next()
                .unwrap()
                .starts_with("Worker does not answer: ")
        );
    }

    #[test]
    fn other_paths_are_not_found() {
        assert_eq!(answer("/elsewhere").0, 404);
    }
}
