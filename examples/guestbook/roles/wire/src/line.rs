//! A line of fields: tabs between them, a line feed at the end. Within a field both are escaped, with `\t` and `\n`, and
//! the backslash with `\\`.

/// The fields as a line.
#[must_use]
pub fn write(fields: &[&str]) -> String {
    let mut line = String::new();
    for (position, field) in fields.iter().enumerate() {
        if position > 0 {
            line.push('\t');
        }
        for character in field.chars() {
            match character {
                '\\' => line.push_str("\\\\"),
                '\t' => line.push_str("\\t"),
                '\n' => line.push_str("\\n"),
                other => line.push(other),
            }
        }
    }
    line.push('\n');
    line
}

/// The fields of a line, with or without its line feed; nothing if there is an escape that means nothing.
#[must_use]
pub fn read(line: &str) -> Option<Vec<String>> {
    line.strip_suffix('\n').unwrap_or(line).split('\t').map(field).collect()
}

fn field(written: &str) -> Option<String> {
    let mut field = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        field.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                _ => return None,
            },
            other => other,
        });
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_field_comes_back() {
        for fields in [
            vec!["add", "Ada", "hello"],
            vec!["add", "", "\n\n\t\\n\\"],
            vec!["žluťoučký \u{1f980}"],
            vec!["", ""],
        ] {
            let line = write(&fields);
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
            assert_eq!(read(&line).unwrap(), fields);
        }
    }

    #[test]
    fn an_escape_without_a_meaning_is_no_line() {
        for line in ["a\\", "a\\x", "\\r\n"] {
            assert_eq!(read(line), None, "{line:?}");
        }
    }
}
