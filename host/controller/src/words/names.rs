//! Names in sentences: bounded in length and number, whoever has sent them.

/// Names that are listed.
const LISTED: usize = 10;
/// Characters of a name.
const LONGEST: usize = 100;

/// A name that somebody has sent, without control characters.
pub(crate) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// All of a few names, the first of many: `a, b and 3 more`.
pub(crate) fn some_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let listed: Vec<&str> = names.by_ref().take(LISTED).collect();
    match names.count() {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_some_names_and_some_of_a_long_one() {
        assert_eq!(some_of(["a", "b"]), "a, b");
        let many: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        assert_eq!(some_of(many.iter().map(String::as_str)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 990 more");
        assert_eq!(shown("Back\u{1b}"), "Back\\u{1b}");
        assert_eq!(shown(&"x".repeat(1 << 20)).chars().count(), LONGEST + 1);
    }
}
