//! What shells and `man` are told about the arguments.

use std::fs;

use crate::golden::assert_golden;
use crate::service::Service;

/// Every command of the table: first those about files, then those about hosts and about the program itself.
pub const COMMANDS: [&str; 27] = [
    "new",
    "build",
    "run",
    "check",
    "plan",
    "explain",
    "graph",
    "serve",
    "deploy",
    "ps",
    "host",
    "status",
    "logs",
    "update",
    "scale",
    "upgrade",
    "rollback",
    "swap",
    "recycle",
    "stop",
    "start",
    "delete",
    "events",
    "top",
    "explain-code",
    "completions",
    "man",
];

/// How many of them are about files.
pub const OF_FILES: usize = 7;

#[test]
fn every_command_that_asks_a_host_has_help_with_an_example() {
    let service = Service::new("", "");
    for command in &COMMANDS[OF_FILES..] {
        let help = service.transcript(&format!("{command} --help"));
        assert!(help.contains(&format!("  wasm-roles {command}")), "{help}");
        assert_golden(&format!("help_{command}"), &help);
    }
    assert_golden("help_upgrade_walk", &service.transcript("upgrade walk --help"));
    assert_golden("help_commands", &service.transcript("--help"));
}

#[test]
fn each_shell_learns_every_command() {
    let service = Service::new("", "");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = service.transcript(&format!("completions {shell}"));
        assert!(script.contains("--- exit code 0"), "{script}");
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    assert_golden("completions_unknown", &service.transcript("completions tcsh"));
}

#[test]
fn bash_can_read_its_script() {
    let service = Service::new("", "");
    let output = service.transcript("completions bash");
    let (_, script) = output.split_once("--- standard output\n").unwrap();
    let (script, _) = script.split_once("--- standard error").unwrap();
    let service = service.with("script", script);
    let check = "source ./script; COMP_WORDS=(wasm-roles roll); COMP_CWORD=1; _wasm__roles wasm-roles roll wasm-roles; echo ${COMPREPLY[@]}";
    let said =
        std::process::Command::new("bash").args(["-c", check]).current_dir(service.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "rollback", "{said:?}");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let service = Service::new("", "");
    assert_golden("man_swap", &service.transcript("man swap"));
    let walk = service.transcript("man upgrade walk");
    assert!(
        walk.contains("wasm\\-roles\\-upgrade\\-walk") || walk.contains("wasm-roles-upgrade-walk"),
        "{walk}"
    );
    let said = service.transcript("man --out pages");
    assert!(said.contains("--- exit code 0"), "{said}");
    for command in COMMANDS {
        let page = service.path().join(format!("pages/wasm-roles-{command}.1"));
        assert!(fs::read_to_string(&page).unwrap().contains(".SH SYNOPSIS"), "{}", page.display());
    }
    assert!(service.path().join("pages/wasm-roles.1").is_file());
    assert_golden("man_unknown", &service.transcript("man swpa"));
}
