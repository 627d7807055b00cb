//! Text of a guest, made safe for a terminal and a log.
//!
//! A guest could move the cursor, rewrite the line of another instance, or fill the clipboard. So control characters are
//! shown as text. Two things stay: tabs, and on a coloured terminal the sequences that only set colours.

/// `bytes` as text without control characters. `keep_colors` leaves `ESC [ numbers m` as it is and resets the colours
/// at the end.
pub fn clean(bytes: &[u8], keep_colors: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    let mut colored = false;
    while let Some(character) = rest.chars().next() {
        if keep_colors && let Some(sequence) = color_sequence(rest) {
            cleaned.push_str(sequence);
            colored = true;
            rest = rest.strip_prefix(sequence).unwrap_or_default();
            continue;
        }
        if character.is_control() && character != '\t' || is_invisible_control(character) {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
    }
    if colored {
        cleaned.push_str("\x1b[0m");
    }
    cleaned
}

/// Characters that turn the direction of what follows, which can make a line read as something else.
fn is_invisible_control(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The sequence that sets colours at the start of `text`, if there is one.
fn color_sequence(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\x1b[")?;
    let length = parameters.find(|character: char| !(character.is_ascii_digit() || character == ';'))?;
    parameters.get(length..)?.strip_prefix('m')?;
    text.get(..length.checked_add(3)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_do_nothing() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain\ttext", "plain\ttext"),
            ("grüße 🦀".as_bytes(), "grüße 🦀"),
            (b"\rWebRole1_IN_0 | forged", "\\rWebRole1_IN_0 | forged"),
            (b"\x1b[2J", "\\u{1b}[2J"),
            (b"\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            (b"\xff", "\u{fffd}"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(clean(bytes, false), *expected);
            assert_eq!(clean(bytes, true), *expected);
        }
    }

    #[test]
    fn colours_stay_where_they_are_wanted_and_end_with_the_line() {
        assert_eq!(clean(b"\x1b[1;31mred", true), "\x1b[1;31mred\x1b[0m");
        assert_eq!(clean(b"\x1b[1;31mred", false), "\\u{1b}[1;31mred");
        for no_color in ["\x1b[31", "\x1b[31;H", "\x1b[?25l", "\x1b"] {
            assert!(!clean(no_color.as_bytes(), true).contains('\x1b'), "{no_color:?}");
        }
    }
}
