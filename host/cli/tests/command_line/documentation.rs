//! Documentation that is made from the program.

use std::fs;
use std::path::Path;

use wasm_roles_service_model::Code;

use crate::shells::{COMMANDS, OF_FILES};

/// What stands before this line in the page is written by hand, what comes after it is the table.
const MARK: &str = "<!-- What follows is made by `BLESS=1 cargo test -p wasm-roles`. -->\n";

fn table() -> String {
    let mut table = "| code | usually | with `--strict` | meaning |\n|---|---|---|---|\n".to_owned();
    for code in Code::ALL {
        let lines: Vec<&str> = code.explanation().lines().map(str::trim).collect();
        let meaning = lines.join(" ").replace('|', "\\|");
        table.push_str(&format!(
            "| {code} | {} | {} | {meaning} |\n",
            code.severity(false),
            code.severity(true)
        ));
    }
    table
}

#[test]
fn the_page_about_diagnostics_has_every_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics.md");
    let page = fs::read_to_string(&file).unwrap();
    let (by_hand, made) = page.split_once(MARK).unwrap();
    let expected = format!("\n{}", table());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, format!("{by_hand}{MARK}{expected}")).unwrap();
        return;
    }
    assert!(
        made == expected,
        "docs/diagnostics.md is not about the codes that there are (BLESS=1 renews it)"
    );
}

#[test]
fn the_page_about_operating_services_has_every_command_that_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md");
    let page = fs::read_to_string(file).unwrap();
    let (_, table) = page.split_once("## The commands").unwrap();
    for command in &COMMANDS[OF_FILES..] {
        let is_there = table.contains(&format!("`{command}")) || *command == "explain-code";
        assert!(is_there, "docs/operating.md says nothing of {command}");
    }
}
