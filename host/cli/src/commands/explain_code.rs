//! `wasm-roles explain-code`: what the code of a diagnostic means.

use anyhow::Result;
use wasm_roles_service_model::{Code, nearest};

use super::Ending;
use crate::arguments::ExplainCodeArguments;
use crate::failure::Failure;
use crate::output;

/// Prints one code at length, or every code with its first sentence.
pub fn explain_code(arguments: &ExplainCodeArguments) -> Result<Ending> {
    let text = match &arguments.code {
        Some(name) => at_length(named(name)?),
        None => Code::ALL.iter().map(|code| in_short(*code)).collect(),
    };
    output::print(text)?;
    Ok(Ending::Done)
}

fn named(name: &str) -> Result<Code, Failure> {
    let known = || Code::ALL.iter().map(|code| code.as_str());
    let found = Code::ALL.iter().find(|code| code.as_str().eq_ignore_ascii_case(name));
    found.copied().ok_or_else(|| {
        let hint = match nearest(name, known()) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "`wasm-roles explain-code` lists all codes".to_owned(),
        };
        Failure::of_arguments(format!("there is no code `{name}`"), Some(hint))
    })
}

/// Such as `E0012: error`, then what it means.
fn at_length(code: Code) -> String {
    let (usual, strict) = (code.severity(false), code.severity(true));
    let strictly = if usual == strict { String::new() } else { format!("; {strict} with --strict") };
    format!("{code}: {usual}{strictly}\n\n{}\n", words(code))
}

fn in_short(code: Code) -> String {
    format!("{code}  {}\n", first_sentence(&words(code).replace('\n', " ")).trim_end_matches('.'))
}

/// Up to the first full stop that is not the one of "e.g.".
fn first_sentence(text: &str) -> &str {
    let before = text.match_indices(". ").filter_map(|(at, _)| text.get(..at));
    before.into_iter().find(|before| !before.ends_with("e.g")).unwrap_or(text)
}

/// The explanation, without the space that doc comments have in front of each line.
fn words(code: Code) -> String {
    let lines: Vec<&str> = code.explanation().lines().map(str::trim).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviation_ends_no_sentence() {
        assert_eq!(first_sentence("A word, e.g. `TCP` for it. It is read."), "A word, e.g. `TCP` for it");
        assert_eq!(first_sentence("Only one."), "Only one.");
    }
}
