//! The arguments of the commands that make services and build roles.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wasm_roles_service_plan::RoleName;
use wasm_roles_workshop::{Language, NewName, Template};

use super::Format;

pub const NEW_EXAMPLE: &str = "\
Examples:
  wasm-roles new shop --lang rust
  wasm-roles new shop --lang python --template worker --folder ~/services/shop

It asks nothing, downloads nothing, and overwrites nothing.";

pub const BUILD_EXAMPLE: &str = "\
Exit code: 0 every role has its component, 1 a role could not be built, 2 wrong arguments.

Examples:
  wasm-roles build
  wasm-roles build shop/ServiceDefinition.csdef --role Web

The sources of a role are in roles/<role> beside the definition, or where `build.toml` there says:

  [roles.Worker]
  source = \"sources/worker\"

Its language is told by its manifest: Cargo.toml, pyproject.toml, package.json or Makefile. Tools are looked for
in `.venv/bin` and `node_modules/.bin` of the sources and of the folders above them, then on the PATH.

With --format json standard output is one object, also when nothing can be built:

  {\"ok\", \"error\": null | {\"message\", \"hints\"}, \"roles\": [{\"role\", \"language\", \"outcome\", \"component\",
  \"message\", \"hints\", \"output\"}]}

`outcome` is one of built, unchanged, no-sources, failed.";

#[derive(Debug, Args)]
pub struct NewArguments {
    /// What the service is called: letters, digits and hyphens
    #[arg(value_name = "NAME", value_parser = NewName::new)]
    pub name: NewName,

    /// The language of its roles
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    pub lang: LanguageArgument,

    /// What it begins with
    #[arg(long, value_name = "TEMPLATE", value_enum, default_value_t = TemplateArgument::Service)]
    pub template: TemplateArgument,

    /// The folder that is made for it [default: one of its name, in the current folder]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// A language on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LanguageArgument {
    /// With cargo
    Rust,
    /// With componentize-py
    Python,
    /// With componentize-qjs
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    /// With clang
    C,
}

impl From<LanguageArgument> for Language {
    fn from(language: LanguageArgument) -> Self {
        match language {
            LanguageArgument::Rust => Self::Rust,
            LanguageArgument::Python => Self::Python,
            LanguageArgument::JavaScript => Self::JavaScript,
            LanguageArgument::C => Self::C,
        }
    }
}

/// A template on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TemplateArgument {
    /// A worker role that ticks, and answers on endpoints
    Worker,
    /// A web role
    Web,
    /// A web role that asks a worker role
    Service,
}

impl From<TemplateArgument> for Template {
    fn from(template: TemplateArgument) -> Self {
        match template {
            TemplateArgument::Worker => Self::Worker,
            TemplateArgument::Web => Self::Web,
            TemplateArgument::Service => Self::Service,
        }
    }
}

#[derive(Debug, Args)]
pub struct BuildArguments {
    /// The service definition [default: the one in the current folder]
    #[arg(value_name = "CSDEF")]
    pub definition: Option<PathBuf>,

    /// Build this role only; may be given several times
    #[arg(long = "role", value_name = "ROLE", value_parser = role)]
    pub roles: Vec<RoleName>,

    /// Build also what has not changed
    #[arg(long)]
    pub fresh: bool,

    /// For whom it is written what came of it
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

fn role(text: &str) -> Result<RoleName, String> {
    RoleName::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_on_the_command_line_are_those_of_the_templates() {
        for argument in LanguageArgument::value_variants() {
            let name = argument.to_possible_value().unwrap();
            assert_eq!(name.get_name(), Language::from(*argument).name());
        }
        for argument in TemplateArgument::value_variants() {
            let name = argument.to_possible_value().unwrap();
            assert_eq!(name.get_name(), Template::from(*argument).name());
        }
        assert_eq!(LanguageArgument::value_variants().len(), Language::ALL.len());
        assert_eq!(TemplateArgument::value_variants().len(), Template::ALL.len());
    }
}
