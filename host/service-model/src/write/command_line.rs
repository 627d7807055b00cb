//! Words into the command line that has them: the way back of `definition::command_line`.

/// The shortest command line with these words, so that one that was read never grows beyond the schema's limit.
pub(super) fn join(command: &str, arguments: &[String]) -> String {
    let words = std::iter::once(command).chain(arguments.iter().map(String::as_str));
    words.map(quote).collect::<Vec<String>>().join(" ")
}

/// A word without quotes, else within one pair of them, where that is the shortest way.
fn quote(word: &str) -> String {
    let shortest = shortest(word);
    // A backslash at the end would make a quote of the last mark.
    let double = (!word.ends_with('\\')).then(|| format!("\"{}\"", word.replace('"', "\\\"")));
    let single = (!word.contains('\'')).then(|| format!("'{word}'"));
    let whole = [double, single].into_iter().flatten().find(|whole| whole.len() == shortest.len());
    whole.unwrap_or(shortest)
}

/// The shortest way to write a word. Each character may stand bare or within either kind of quotes; the best text
/// that ends in each of the three is carried from character to character.
fn shortest(word: &str) -> String {
    if word.is_empty() {
        return "\"\"".to_owned();
    }
    let mut best = [Some(Written::default()), None, None];
    for character in word.chars() {
        let next = |quoting: Quoting| {
            let ways = best.iter().flatten().filter_map(|before| before.followed_by(character, quoting));
            ways.min_by_key(|way| way.text.len())
        };
        best = [next(Quoting::Bare), next(Quoting::Single), next(Quoting::Double)];
    }
    let ends = best.into_iter().flatten().filter_map(|way| way.switched_to(Quoting::Bare));
    ends.min_by_key(|way| way.text.len()).map(|way| way.text).unwrap_or_default()
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Quoting {
    #[default]
    Bare,
    Single,
    Double,
}

impl Quoting {
    fn mark(self) -> &'static str {
        match self {
            Quoting::Bare => "",
            Quoting::Single => "'",
            Quoting::Double => "\"",
        }
    }
}

/// The first characters of a word as they are written, and the quotes that are open after them.
#[derive(Clone, Default)]
struct Written {
    text: String,
    open: Quoting,
}

impl Written {
    fn followed_by(&self, character: char, quoting: Quoting) -> Option<Written> {
        let escaped = match (quoting, character) {
            (Quoting::Bare, '"' | '\'') | (Quoting::Single, '\'') => return None,
            (Quoting::Bare, _) if character.is_whitespace() => return None,
            (Quoting::Double, '"') => true,
            _ => false,
        };
        let mut next = self.clone().switched_to(quoting)?;
        if escaped {
            next.text.push('\\');
        }
        next.text.push(character);
        Some(next)
    }

    /// `None` where the closing quote would be taken for an escaped one.
    fn switched_to(mut self, quoting: Quoting) -> Option<Written> {
        if self.open == quoting {
            return Some(self);
        }
        if self.open == Quoting::Double && self.text.ends_with('\\') {
            return None;
        }
        self.text.push_str(self.open.mark());
        self.text.push_str(quoting.mark());
        self.open = quoting;
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::join;
    use crate::definition::split_command_line;

    fn words(words: &[&str]) -> (String, Vec<String>) {
        let owned = |word: &&str| (*word).to_owned();
        (words[0].to_owned(), words[1..].iter().map(owned).collect())
    }

    #[test]
    fn the_shortest_quotes_that_do_are_taken() {
        for (given, line) in [
            (&["run.cmd", "a"] as &[&str], "run.cmd a"),
            (&["my program", ""], r#""my program" """#),
            (&[r"C:\a b\"], r"'C:\a b\'"),
            (&["it's"], r#""it's""#),
            (&[r#"say "hi""#], r#"'say "hi"'"#),
            (&[r#"it's "it""#], r#""it's \"it\"""#),
        ] {
            let (command, arguments) = words(given);
            assert_eq!(join(&command, &arguments), line, "{given:?}");
        }
    }

    #[test]
    fn any_words_come_back() {
        let pieces = ["a", " ", "'", "\"", "\\", "\n", "é"];
        let of_number = |mut number: usize| {
            let mut word = String::new();
            while number > 0 {
                word.push_str(pieces[number % pieces.len()]);
                number /= pieces.len();
            }
            word
        };
        for number in 1..7usize.pow(5) {
            let (word, other) = (of_number(number), of_number(number / 3));
            let line = join(&word, std::slice::from_ref(&other));
            assert_eq!(split_command_line(&line), Ok(vec![word, other]), "{line}");
        }
    }
}
