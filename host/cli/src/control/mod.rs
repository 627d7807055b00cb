//! Talking to a host: which one it is, for whom, about which deployment, and until when.

mod deployments;
mod sockets;
mod waiting;

use std::path::{Path, PathBuf};

use wasm_roles_control_interface::{Client, Token};

pub use deployments::{only_deployment, only_service};
pub use sockets::{is_served, of_run, of_serve};
pub use waiting::{Waited, until_over};

use crate::arguments::ControlArguments;
use crate::failure::Failure;

/// A client of the host that the arguments mean, for the tenant that they mean.
pub fn client(arguments: &ControlArguments) -> Result<Client, Failure> {
    let client = match arguments.control.as_deref() {
        None => {
            if arguments.token_file.is_some() {
                return Err(Failure::of_arguments(
                    "--token-file is for a host that is named by its address",
                    Some("add `--control http://ADDR:PORT`".to_owned()),
                ));
            }
            Client::unix(sockets::found()?)
        }
        Some(url) if is_url(url) => Client::tcp(url, token(arguments.token_file.as_deref(), url)?)?,
        Some(socket) => Client::unix(PathBuf::from(socket)),
    };
    Ok(match &arguments.tenant {
        Some(tenant) => client.for_tenant(tenant.clone()),
        None => client,
    })
}

fn is_url(text: &str) -> bool {
    text.contains("://")
}

fn token(file: Option<&Path>, url: &str) -> Result<Token, Failure> {
    let Some(file) = file else {
        return Err(Failure::of_arguments(
            format!("the host {url} answers only to those who have a token"),
            Some("name the file that holds yours with `--token-file FILE`".to_owned()),
        ));
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::with_hint(
            format!("the token in {} cannot be read: {error}", file.display()),
            "it is a file with one line, the token",
        )
    })?;
    Token::new(text.trim()).map_err(|error| {
        Failure::with_hint(format!("{}: {error}", file.display()), "it is a file with one line, the token")
    })
}
