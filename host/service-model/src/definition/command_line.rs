//! A command line into words, as a shell would split it, without running one.
//!
//! White space separates words. Single and double quotes hold a word together and may stand inside one; `""` is an
//! empty word. A backslash is a letter like any other, since command lines of the platform are full of Windows
//! paths; only `\"` within double quotes means a quote. Variables and wild cards mean themselves.

use crate::diagnostic::{Code, Diagnostic, Report};
use crate::fields;
use crate::xml::Element;

/// The program that `commandLine` of an element names, and the words that it is given.
pub(super) fn read(element: &Element, report: &mut Report) -> Option<(String, Vec<String>)> {
    let attribute = fields::filled(element, "commandLine", report)?;
    let problem = match split(&attribute.value) {
        Ok(words) => {
            let mut words = words.into_iter();
            match words.next().filter(|command| !command.is_empty()) {
                Some(command) => return Some((command, words.collect())),
                None => "a command line names a program".to_owned(),
            }
        }
        Err(quote) => format!("the quote {quote} is never closed"),
    };
    let message = format!("`{}` is no value of `{}`", attribute.value, attribute.name);
    report.push(Diagnostic::at(Code::InvalidValue, &attribute.value_span, message).label(problem));
    None
}

/// The words, or the quote that is never closed.
pub(crate) fn split(text: &str) -> Result<Vec<String>, char> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some('"'), '\\') if characters.peek() == Some(&'"') => {
                characters.next();
                word.get_or_insert_default().push('"');
            }
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(open),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("   ", &[]),
            ("run.wasm", &["run.wasm"]),
            ("  run.wasm  --port\t80 ", &["run.wasm", "--port", "80"]),
            (r#""my program.wasm" 'one word' two"#, &["my program.wasm", "one word", "two"]),
            (r#"a"b c"d '' """#, &["ab cd", "", ""]),
            (
                r#"bin\run.cmd "C:\Program Files\x" "say \"hi\"""#,
                &[r"bin\run.cmd", r"C:\Program Files\x", r#"say "hi""#],
            ),
            ("echo $HOME *.txt `ls`", &["echo", "$HOME", "*.txt", "`ls`"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), *words, "{text:?}");
        }
    }

    #[test]
    fn an_open_quote_is_refused() {
        assert_eq!(split(r#"run "a b"#), Err('"'));
        assert_eq!(split("run it's"), Err('\''));
    }
}
