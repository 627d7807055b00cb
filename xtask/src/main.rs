//! The chores of this workspace. `cargo xtask help` lists them.

mod components;
mod guests;
mod npm;
mod run;
mod target;
mod tools;

use std::env;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use run::cargo;

const HELP: &str = "\
cargo xtask <task> [arguments for what the task runs]

  demo     build everything and run examples/myservice; Ctrl-C stops it
  guests   build every role component: examples, SDK examples, test guests
  tools    get the tools of other languages from PyPI and npm, into target/tools
  bindings make the C SDK's bindings of wit/ anew
  test     guests, then every test
  nightly  guests, then what takes too long for every day: a host that is killed 200 times, with the seed that is
           given or with one of the day
  bench    guests, then the benchmarks
  check    format, and clippy for host and guests, with warnings as errors
";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    perform(&task, &rest).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn perform(task: &str, rest: &[String]) -> Result<ExitCode> {
    match task {
        "demo" => demo(rest),
        "guests" => guests::build().map(|()| ExitCode::SUCCESS),
        "tools" => tools::install().map(|()| ExitCode::SUCCESS),
        "bindings" => bindings(),
        "test" => test(rest),
        "nightly" => nightly(rest),
        "bench" => bench(rest),
        "check" => check(),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => bail!("there is no task `{unknown}`\n\n{HELP}"),
    }
}

fn demo(arguments: &[String]) -> Result<ExitCode> {
    guests::in_rust()?;
    run::to_success(cargo().args(["build", "--package", "wasm-roles"]))?;
    println!(
        "\nThe service answers on http://127.0.0.1:8080/ as soon as it is ready. Open it in a browser, or try\n\n    \
         curl -H 'Accept: application/json' http://127.0.0.1:8080/\n\nCtrl-C stops it.\n"
    );
    let binary = run::root().join("target/debug").join(format!("wasm-roles{}", env::consts::EXE_SUFFIX));
    run::instead_of_this(
        run::command(binary)
            .args(["run", "examples/myservice/ServiceDefinition.csdef", "--publish", "80=127.0.0.1:8080"])
            .args(arguments),
    )
}

fn test(arguments: &[String]) -> Result<ExitCode> {
    guests::build()?;
    // Arguments pick tests of the host.
    if arguments.is_empty() {
        run::to_success(cargo().arg("test").args(tested_examples()))?;
        run::to_success(cargo().args(["test", "--package", components::C_BINDINGS]))?;
    }
    run::instead_of_this(cargo().arg("test").args(arguments))
}

fn bindings() -> Result<ExitCode> {
    run::instead_of_this(cargo().args(["run", "--package", components::C_BINDINGS]))
}

/// The arguments of cargo that select the example roles with tests.
fn tested_examples() -> impl Iterator<Item = &'static str> {
    components::TESTED_EXAMPLES.iter().flat_map(|package| ["--package", package])
}

fn nightly(arguments: &[String]) -> Result<ExitCode> {
    const SECONDS_PER_DAY: u64 = 86_400;
    guests::build()?;
    let day = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / SECONDS_PER_DAY;
    let seed = arguments.first().cloned().unwrap_or_else(|| day.to_string());
    println!("seed {seed}");
    run::instead_of_this(
        cargo()
            .args([
                "test",
                "--package",
                "wasm-roles",
                "--test",
                "end-to-end",
                "kill_nine",
                "--",
                "--nocapture",
            ])
            .env("KILL_ROUNDS", "200")
            .env("KILL_SEED", seed),
    )
}

fn bench(arguments: &[String]) -> Result<ExitCode> {
    guests::build()?;
    // The benchmarks start the binary; the pure crates have benches of their own.
    run::to_success(cargo().args(["build", "--release", "--package", "wasm-roles"]))?;
    for (package, bench) in
        [("wasm-roles-virtual-network", "decide"), ("wasm-roles-service-plan", "read_and_plan")]
    {
        run::to_success(cargo().args(["bench", "--package", package, "--bench", bench]))?;
    }
    run::instead_of_this(
        cargo().args(["run", "--release", "--package", "wasm-roles-benchmarks", "--"]).args(arguments),
    )
}

fn check() -> Result<ExitCode> {
    run::to_success(cargo().args(["fmt", "--all", "--check"]))?;
    run::to_success(cargo().args(["clippy", "--all-targets", "--", "--deny", "warnings"]))?;
    run::to_success(
        cargo().args(["clippy", "--all-targets"]).args(tested_examples()).args(["--", "--deny", "warnings"]),
    )?;
    run::to_success(cargo().args([
        "clippy",
        "--all-targets",
        "--package",
        components::C_BINDINGS,
        "--",
        "--deny",
        "warnings",
    ]))?;
    target::ensure_installed()?;
    for mut selection in guests::cargo_with_selections("clippy")? {
        run::to_success(selection.args(["--", "--deny", "warnings"]))?;
    }
    Ok(ExitCode::SUCCESS)
}
