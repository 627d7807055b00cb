//! What text that was copied from a page has where XML has something else: placeholders, typographic quotes, dots for
//! what was left out. Knowing them, the reader can say what to do and not only what is wrong.

const TYPOGRAPHIC_QUOTES: &[char] =
    &['\u{201C}', '\u{201D}', '\u{201E}', '\u{2018}', '\u{2019}', '\u{AB}', '\u{BB}'];
const STRAIGHT_QUOTES: &str = "replace the typographic quotes by straight ones: `\"`";

/// What to do about a `<` in an attribute's value.
pub(super) fn angle_bracket(value: &str, position: usize) -> String {
    match value.get(position..).and_then(placeholder) {
        Some(placeholder) => {
            format!(
                "write a value in the place of `{placeholder}`, or `&lt;` if the character itself is meant"
            )
        }
        None => "write `&lt;` instead".to_owned(),
    }
}

/// `<worker-role-name>` at the start of a text.
fn placeholder(text: &str) -> Option<&str> {
    const LONGEST: usize = 80;
    let end = text.find('>')?;
    let words = text.get(1..end)?;
    let fits = !words.is_empty() && words.len() <= LONGEST && !words.contains(['<', '=', '\n']);
    text.get(..=end).filter(|_| fits)
}

/// What to do when the reader gave up in a tag at byte `at` and a sign that is no part of XML is to blame.
pub(super) fn of_documentation(text: &str, at: usize) -> Option<&'static str> {
    let at = text.floor_char_boundary(at);
    // It stops at the sign or right behind it.
    let beside = [text.get(at..)?.chars().next(), text.get(..at)?.chars().next_back()];
    let is = |signs: &[char]| beside.iter().flatten().any(|sign| signs.contains(sign));
    if is(TYPOGRAPHIC_QUOTES) {
        Some(STRAIGHT_QUOTES)
    } else if is(&['…']) {
        Some("`…` stands for something that was left out: write it out")
    } else {
        None
    }
}

/// What to do about a quote that is never closed, in the tag at byte `at`.
pub(super) fn open_quote(text: &str, at: usize) -> &'static str {
    let rest = text.get(at..).unwrap_or_default();
    if rest.lines().next().is_some_and(|line| line.contains(TYPOGRAPHIC_QUOTES)) {
        STRAIGHT_QUOTES
    } else {
        "count the quotes of this tag: each value stands between two; nothing after this place was read"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_named_and_another_bracket_is_not() {
        assert!(angle_bracket("a <your-name> b", 2).contains("the place of `<your-name>`"));
        for value in ["a < b", "<", "<>", "a <b='c'>"] {
            let position = value.find('<').unwrap();
            assert_eq!(angle_bracket(value, position), "write `&lt;` instead", "{value}");
        }
    }

    #[test]
    fn signs_of_printed_text_are_named_and_others_are_not() {
        assert!(of_documentation("<a b=\u{201D}c\u{201D}>", 5).unwrap().contains("quotes"));
        assert!(of_documentation("<a …>", 6).unwrap().contains("left out"));
        assert_eq!(of_documentation("<a b=c>", 5), None);
        assert_eq!(of_documentation("", 9), None);
    }

    #[test]
    fn a_quote_that_stays_open_may_have_a_typographic_partner() {
        let text = "<a/>\n<b c=\"d\u{201D}>\n<e f=\"g>";
        assert!(open_quote(text, 5).contains("straight"));
        assert!(open_quote(text, text.find("<e").unwrap()).contains("count the quotes"));
    }
}
