//! How roles are run, wherever that is.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_service_plan::RoleName;

// No doc comment: clap would print it in the place of the command's own words.
#[derive(Debug, Args)]
pub struct RoleArguments {
    /// The folder with the component of a role; without it the folder of the role's name beside the definition, or else
    /// the definition's own
    #[arg(long, value_name = "ROLE=DIR", value_parser = parse_approot)]
    pub approot: Vec<(RoleName, PathBuf)>,

    /// Which instances of its component answer the requests of a wasi:http 0.2 handler
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = WebInstances::PerRequest)]
    pub web_instances: WebInstances,

    /// Say what the instances of web roles have answered, in lines of the instance [default: nothing]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub access_log: Option<AccessLogFormat>,
}

/// How a request is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessLogFormat {
    /// The combined format of other servers, with the request's id and its seconds after it
    Combined,
    /// A JSON object
    Json,
}

impl From<AccessLogFormat> for wasm_roles_fabric::AccessLogFormat {
    fn from(format: AccessLogFormat) -> Self {
        match format {
            AccessLogFormat::Combined => Self::Combined,
            AccessLogFormat::Json => Self::Json,
        }
    }
}

/// Which instances of its component answer the requests of a 0.2 handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WebInstances {
    /// A fresh one for each request, many at a time: nothing in memory is shared
    PerRequest,
    /// One for all requests, one at a time: its memory is kept from request to request
    Shared,
}

impl From<WebInstances> for wasm_roles_fabric::WebInstances {
    fn from(which: WebInstances) -> Self {
        match which {
            WebInstances::PerRequest => Self::PerRequest,
            WebInstances::Shared => Self::Shared,
        }
    }
}

fn parse_approot(text: &str) -> Result<(RoleName, PathBuf), String> {
    let (role, folder) = text.split_once('=').ok_or("it has the form ROLE=DIR, as in WebRole1=target/web")?;
    let role = RoleName::new(role).map_err(|error| error.to_string())?;
    if folder.is_empty() {
        return Err("the folder is empty".to_owned());
    }
    Ok((role, PathBuf::from(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_roles_are_read() {
        let (role, folder) = parse_approot("Web=a=b").unwrap();
        assert_eq!((role.as_str(), folder), ("Web", PathBuf::from("a=b")));
        for wrong in ["Web", "=dir", "Web=", "../x=dir"] {
            assert!(parse_approot(wrong).is_err(), "{wrong}");
        }
    }
}
