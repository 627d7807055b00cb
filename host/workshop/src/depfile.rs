//! The files that a tool says it has read, in the words of make: `made: file1 file2 \`.
//!
//! A space in a name has a backslash before it.

use std::path::PathBuf;

/// The files that something is made of, of all rules in the text.
pub(crate) fn files(text: &str) -> Vec<PathBuf> {
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let rules = text.lines().filter(|line| !line.starts_with('#'));
    rules.filter_map(|rule| rule.split_once(": ")).flat_map(|(_, files)| words(files)).collect()
}

fn words(text: &str) -> Vec<PathBuf> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => word.extend(characters.next()),
            space if space.is_whitespace() => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_the_rules_of_cargo_and_of_compilers() {
        let cargo = "/target/web.wasm: /src/lib.rs /a\\ b/page.html\n";
        assert_eq!(files(cargo), [PathBuf::from("/src/lib.rs"), PathBuf::from("/a b/page.html")]);
        let clang = "main.o: src/main.c \\\n  ../common/x.h \\\n  y.h\n\n../common/x.h:\n";
        assert_eq!(files(clang), ["src/main.c", "../common/x.h", "y.h"].map(PathBuf::from));
        assert!(files("# dep-info\n").is_empty());
    }
}
