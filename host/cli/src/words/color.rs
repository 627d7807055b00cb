//! Colours: on a terminal only, and not where `NO_COLOR` says no (no-color.org).

/// Whether a stream gets colours.
pub fn wanted(is_terminal: bool) -> bool {
    allowed(is_terminal, std::env::var_os("NO_COLOR").as_deref())
}

fn allowed(is_terminal: bool, no_color: Option<&std::ffi::OsStr>) -> bool {
    is_terminal && no_color.is_none_or(|value| value.is_empty())
}

/// Colours that can be told apart on light and dark ground, one after the other for one instance after the other.
const COLORS: [&str; 6] = ["36", "33", "32", "35", "34", "31"];

/// Paints `text` in the colour number `number`.
pub fn paint(text: &str, number: usize) -> String {
    let color = COLORS.get(number.checked_rem(COLORS.len()).unwrap_or_default()).copied().unwrap_or("0");
    format!("\x1b[{color}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_did_not_refuse_them() {
        let cases =
            [(true, None, true), (true, Some(""), true), (true, Some("1"), false), (false, None, false)];
        for (terminal, no_color, expected) in cases {
            assert_eq!(allowed(terminal, no_color.map(std::ffi::OsStr::new)), expected, "{no_color:?}");
        }
    }
}
