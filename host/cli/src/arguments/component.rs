//! The arguments of the commands that are about components.

use std::path::PathBuf;

use clap::Args;

use super::{CacheArguments, Format, ReadingArguments};

pub const INSPECT_EXAMPLE: &str = "\
Exit code: 0 it runs here, 1 it does not, or it cannot be read, 2 wrong arguments.

Examples:
  wasm-roles inspect WorkerRole1/WorkerRole1.wasm
  wasm-roles inspect something.wasm --format json

With --format json standard output is one object, also when the file cannot be read:

  {\"file\", \"bytes\", \"form\", \"runs\", \"role\": {\"entry_point\", \"events\", \"program\", \"http\"}, \"wasi\", \"made_with\",
  \"imports\": [{\"name\", \"given\", \"why\", \"hint\"}], \"exports\": [{\"name\", \"use\", \"functions\": [{\"name\", \"async\"}]}],
  \"compiled\", \"problems\": [{\"message\", \"hint\"}]}

`form` is component, core-module, wasi-0.1-module, broken, text, compiled, native-program, empty or unknown; `program` and `http` are
the version of WASI; `compiled` tells whether the compiled form had been kept before.";

pub const COMPILE_EXAMPLE: &str = "\
Exit code: 0 all of them are kept, 1 some are not, 2 wrong arguments.

Examples:
  wasm-roles compile WorkerRole1/WorkerRole1.wasm
  wasm-roles compile ServiceDefinition.csdef --cache-dir image/cache

A compiled form is for this version of wasm-roles and for processors with what the one of this machine has. A host with
`--cache-dir` uses it where it fits, and compiles again where it does not.";

#[derive(Debug, Args)]
pub struct InspectArguments {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    pub format: Format,

    #[command(flatten)]
    pub cache: CacheArguments,
}

#[derive(Debug, Args)]
pub struct CompileArguments {
    /// Components, or service definitions (.csdef) whose components are meant [default: the definition in the current folder]
    #[arg(value_name = "FILE|CSDEF")]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub reading: ReadingArguments,

    #[command(flatten)]
    pub cache: CacheArguments,
}
