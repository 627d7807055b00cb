//! The arguments of the commands that run nothing.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::{
    ControlArguments, GrantArguments, LimitArguments, OfDeployment, PublicationArguments, ReadingArguments,
    ServiceArguments,
};

pub const CHECK_EXAMPLE: &str = "\
Exit code: 0 clean or only warnings and notes, 1 errors, 2 wrong arguments.

Examples:
  wasm-roles check myservice/ServiceDefinition.csdef
  wasm-roles check ServiceDefinition.csdef --config ServiceConfiguration.Cloud.cscfg --strict

With --format json standard output is one object, also when a file cannot be read:

  {\"ok\", \"configuration\", \"diagnostics\": [{\"code\", \"severity\", \"message\", \"file\",
  \"line\", \"column\", \"end_column\", \"label\", \"help\"}]}

Lines and columns count from 1, columns in characters; `end_column` is the column after the last
character. What has no place or no code has null there.";

pub const PLAN_EXAMPLE: &str = "\
Examples:
  wasm-roles plan myservice/ServiceDefinition.csdef
  wasm-roles plan ServiceDefinition.csdef --set 'WorkerRole1/Instances/@count=3' --format json";

pub const EXPLAIN_EXAMPLE: &str = "\
Exit code: 0 allowed, 3 denied, 1 errors in the files, 2 wrong arguments or names that the definition does not have.

Without a definition it is about what runs on a host; then a name that there is not has exit code 1.

Examples:
  wasm-roles explain myservice/ServiceDefinition.csdef WebRole1 WorkerRole2:InternalTCP3
  wasm-roles explain myservice/ServiceDefinition.csdef Internet WebRole1
  wasm-roles explain myservice/ServiceDefinition.csdef WorkerRole1 Internet --allow-outbound example.com:443
  wasm-roles explain -d shop WebRole1 WorkerRole2";

pub const GRAPH_EXAMPLE: &str = "\
Examples:
  wasm-roles graph myservice/ServiceDefinition.csdef --format svg > traffic.svg
  wasm-roles graph myservice/ServiceDefinition.csdef | dot -Tpng > traffic.png";

pub const EXPLAIN_CODE_EXAMPLE: &str = "\
Example:
  wasm-roles explain-code E0012";

#[derive(Debug, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    pub service: ServiceArguments,

    /// How the problems are written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub service: ServiceArguments,

    #[command(flatten)]
    pub publication: PublicationArguments,

    #[command(flatten)]
    pub limits: LimitArguments,

    #[command(flatten)]
    pub grants: GrantArguments,

    /// How the plan is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// For whom something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Words and tables for people
    Human,
    /// One JSON object for programs
    Json,
}

#[derive(Debug, Args)]
#[command(override_usage = "wasm-roles explain [OPTIONS] <CSDEF> <FROM> <TO[:ENDPOINT]>\n       \
                            wasm-roles explain [OPTIONS] [-d <DEPLOYMENT>] <FROM> <TO[:ENDPOINT]>")]
pub struct ExplainArguments {
    /// The service definition, or nothing for what runs; the role that wants to talk, or `Internet` for the outside; the role
    /// that it wants to talk to, and perhaps the endpoint of that role, or `Internet`, and perhaps a place there, such as
    /// Internet:example.com:443
    #[arg(value_names = ["CSDEF", "FROM", "TO[:ENDPOINT]"], num_args = 2..=3, required = true)]
    pub words: Vec<String>,

    #[command(flatten)]
    pub reading: ReadingArguments,

    #[command(flatten)]
    pub grants: GrantArguments,

    #[command(flatten)]
    pub of: OfDeployment,

    #[command(flatten)]
    pub control: ControlArguments,
}

/// A role, and perhaps one of its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub role: String,
    pub endpoint: Option<String>,
}

impl FromStr for Target {
    type Err = &'static str;

    /// No name of a role or an endpoint has a colon.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (role, endpoint) = match text.split_once(':') {
            Some((role, endpoint)) => (role, Some(endpoint)),
            None => (text, None),
        };
        if role.is_empty() || endpoint == Some("") {
            return Err("it has the form ROLE or ROLE:ENDPOINT, as in WorkerRole2:InternalTCP3");
        }
        Ok(Self { role: role.to_owned(), endpoint: endpoint.map(str::to_owned) })
    }
}

#[derive(Debug, Args)]
pub struct GraphArguments {
    #[command(flatten)]
    pub service: ServiceArguments,

    /// The language of the drawing
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,
}

/// The language of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz, for `dot`
    Dot,
    /// Mermaid, which many Markdown viewers draw
    Mermaid,
    /// A picture that every browser shows
    Svg,
}

#[derive(Debug, Args)]
pub struct ExplainCodeArguments {
    /// The code, as diagnostics have it in brackets
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_role_and_perhaps_an_endpoint() {
        let target = |role: &str, endpoint: Option<&str>| Target {
            role: role.to_owned(),
            endpoint: endpoint.map(str::to_owned),
        };
        assert_eq!("Web".parse(), Ok(target("Web", None)));
        assert_eq!("Web:Http".parse(), Ok(target("Web", Some("Http"))));
        for wrong in ["", ":", ":Http", "Web:"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
