//! Web: greets.

use wasm_roles_sdk::http::{HttpHandler, Method, Request, Response};
use wasm_roles_sdk::{Role, RoleEnvironment, UnknownName, export_web_role};

#[derive(Default)]
struct Web;

// The life cycle's defaults will do: nothing to start, nothing to stop.
impl Role for Web {}

impl HttpHandler for Web {
    async fn handle(&self, request: Request) -> Response {
        match (request.method(), request.path().as_str()) {
            (Method::Get, "/") => match greeting() {
                Ok(greeting) => Response::text(greeting),
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

export_web_role!(Web);

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_roles_sdk::testing::{DefinedRole, HttpRequest, TestEnvironment};

    fn answer(path: &str) -> (u16, String) {
        let environment = TestEnvironment::new(DefinedRole::new("Web"))
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
    fn it_greets_as_the_setting_says() {
        assert_eq!(
            answer("/"),
            (200, "Good morning, says Web_IN_0\n".to_owned())
        );
    }

    #[test]
    fn other_paths_are_not_found() {
        assert_eq!(answer("/elsewhere").0, 404);
    }
}
