//! The text of an overlay, taken apart. Everything is kept as a piece of the text, so that it can be pointed at.

use std::ops::Range;

use super::{Overlay, OverlayError, Step, Target};
use crate::xml::is_xml_character;

/// As deep as the files themselves may be.
const DEEPEST: usize = 64;

pub(super) fn set(text: &str) -> Result<Overlay, OverlayError> {
    let equals = split(text)?;
    let path = text.get(..equals).unwrap_or_default();
    let pieces = steps_of(path);
    let Some((last, before)) = pieces.split_last() else {
        return Err(OverlayError::NoAttribute(path.to_owned()));
    };
    let attribute = path.get(last.clone()).unwrap_or_default();
    if attribute.len() < 2 || !attribute.starts_with('@') {
        return Err(OverlayError::NoAttribute(path.to_owned()));
    }
    if before.len() > DEEPEST {
        return Err(OverlayError::TooManySteps(before.len()));
    }
    let attribute = last.start.saturating_add(1)..last.end;
    let steps = before.iter().map(|piece| step(path, piece)).collect::<Result<Vec<Step>, _>>()?;
    let target = Target::Attribute { steps, attribute };
    Ok(Overlay { text: text.to_owned(), target, value: equals.saturating_add(1) })
}

pub(super) fn setting(text: &str) -> Result<Overlay, OverlayError> {
    refuse_forbidden_characters(text)?;
    let equals = text.find('=').ok_or_else(|| OverlayError::NoValue(text.to_owned()))?;
    let key = text.get(..equals).unwrap_or_default();
    match key.split_once('.') {
        Some((role, setting)) if !role.is_empty() && !setting.is_empty() => {}
        _ => return Err(OverlayError::NoSetting(key.to_owned())),
    }
    let value = equals.saturating_add(1);
    Ok(Overlay { text: text.to_owned(), target: Target::Setting(0..equals), value })
}

/// Byte offset of the `=` that ends the path.
fn split(text: &str) -> Result<usize, OverlayError> {
    refuse_forbidden_characters(text)?;
    let mut brackets = Brackets::default();
    text.char_indices()
        .find(|(_, character)| brackets.outside(*character) && *character == '=')
        .map(|(position, _)| position)
        .ok_or_else(|| OverlayError::NoValue(text.to_owned()))
}

/// The pieces between the `/` of a path.
fn steps_of(path: &str) -> Vec<Range<usize>> {
    let mut brackets = Brackets::default();
    let mut pieces = Vec::new();
    let mut start = 0;
    for (position, character) in path.char_indices() {
        if brackets.outside(character) && character == '/' {
            pieces.push(start..position);
            start = position.saturating_add(1);
        }
    }
    pieces.push(start..path.len());
    pieces
}

fn step(path: &str, piece: &Range<usize>) -> Result<Step, OverlayError> {
    let text = path.get(piece.clone()).unwrap_or_default();
    let Some(bracket) = text.find('[') else {
        return if text.is_empty() {
            Err(OverlayError::EmptyStep(path.to_owned()))
        } else {
            Ok(Step { name: piece.clone(), filter: None })
        };
    };
    let refused = || OverlayError::Filter(text.to_owned());
    let (name, filter) = text.split_at(bracket);
    let inside = filter.strip_prefix("[@").and_then(|rest| rest.strip_suffix(']')).ok_or_else(refused)?;
    let (attribute, written) = inside.split_once('=').ok_or_else(refused)?;
    let quoted = ['"', '\''].iter().find_map(|quote| {
        let rest = written.strip_prefix(*quote)?;
        rest.strip_suffix(*quote)
    });
    let value = quoted.unwrap_or(written);
    // Without quotes it is what a shell made of them; then nothing may look like the end of it.
    if name.is_empty() || attribute.is_empty() || (quoted.is_none() && value.contains(['"', '\'', '[', ']']))
    {
        return Err(refused());
    }
    // `[@` before the attribute, `=` after it and, when there are quotes, the first of them.
    let attribute_start = piece.start.saturating_add(bracket).saturating_add(2);
    let attribute_end = attribute_start.saturating_add(attribute.len());
    let value_start = attribute_end.saturating_add(if quoted.is_some() { 2 } else { 1 });
    Ok(Step {
        name: piece.start..piece.start.saturating_add(bracket),
        filter: Some((attribute_start..attribute_end, value_start..value_start.saturating_add(value.len()))),
    })
}

/// Follows brackets and the quotes in them.
#[derive(Default)]
struct Brackets {
    open: bool,
    quote: Option<char>,
}

impl Brackets {
    /// Takes the next character; whether it stands outside.
    fn outside(&mut self, character: char) -> bool {
        let was_open = self.open;
        match (self.quote, character) {
            (Some(quote), _) if quote == character => self.quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if self.open => self.quote = Some(character),
            (None, '[') => self.open = true,
            (None, ']') => self.open = false,
            (None, _) => {}
        }
        !was_open
    }
}

fn refuse_forbidden_characters(text: &str) -> Result<(), OverlayError> {
    match text.chars().find(|character| !is_xml_character(*character)) {
        Some(character) => Err(OverlayError::Character(character)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path's steps, its attribute and the value.
    fn parts(text: &str) -> (Vec<String>, String, String) {
        let overlay = set(text).unwrap();
        let Target::Attribute { steps, attribute } = &overlay.target else { panic!("a setting") };
        let step = |step: &Step| match &step.filter {
            None => overlay.part(&step.name).to_owned(),
            Some((name, value)) => {
                format!("{}?{}={}", overlay.part(&step.name), overlay.part(name), overlay.part(value))
            }
        };
        let value = overlay.text[overlay.value..].to_owned();
        (steps.iter().map(step).collect(), overlay.part(attribute).to_owned(), value)
    }

    #[test]
    fn a_path_is_taken_apart_into_steps_attribute_and_value() {
        let (steps, attribute, value) = parts("WorkerRole1/Instances/@count=3");
        assert_eq!(steps, ["WorkerRole1", "Instances"]);
        assert_eq!((attribute.as_str(), value.as_str()), ("count", "3"));

        let (steps, attribute, _) = parts("@upgradeDomainCount=3");
        assert!(steps.is_empty());
        assert_eq!(attribute, "upgradeDomainCount");
    }

    #[test]
    fn the_value_may_be_empty_and_may_have_every_sign_of_a_path() {
        assert_eq!(parts("A/@b=").2, "");
        assert_eq!(parts("A/@b=c=[d]/@e='\"").2, "c=[d]/@e='\"");
    }

    #[test]
    fn a_filter_may_have_every_sign_of_a_path_in_its_quotes() {
        for (text, step) in [
            (r#"A/E[@name="x"]/@b=1"#, "E?name=x"),
            (r"A/E[@name='x']/@b=1", "E?name=x"),
            (r"A/E[@name=x]/@b=1", "E?name=x"),
            (r#"A/E[@name="a/b=[c]'d"]/@b=1"#, "E?name=a/b=[c]'d"),
            (r#"A/E[@name=""]/@b=1"#, "E?name="),
        ] {
            let (steps, attribute, value) = parts(text);
            assert_eq!(steps, ["A", step], "{text}");
            assert_eq!((attribute.as_str(), value.as_str()), ("b", "1"), "{text}");
        }
    }

    #[test]
    fn texts_of_another_form_are_refused_with_the_reason() {
        let no_attribute = |path: &str| OverlayError::NoAttribute(path.to_owned());
        let filter = |step: &str| OverlayError::Filter(step.to_owned());
        for (text, error) in [
            ("", OverlayError::NoValue(String::new())),
            ("A/@b", OverlayError::NoValue("A/@b".to_owned())),
            ("A/E[@name='=1", OverlayError::NoValue("A/E[@name='=1".to_owned())),
            ("=1", no_attribute("")),
            ("A/b=1", no_attribute("A/b")),
            ("A/@=1", no_attribute("A/@")),
            ("@b/A=1", no_attribute("@b/A")),
            ("/@b=1", OverlayError::EmptyStep("/@b".to_owned())),
            ("A//@b=1", OverlayError::EmptyStep("A//@b".to_owned())),
            ("A/E[1]/@b=1", filter("E[1]")),
            ("A/E[@name]/@b=1", filter("E[@name]")),
            ("A/E[@='x']/@b=1", filter("E[@='x']")),
            ("A/[@name='x']/@b=1", filter("[@name='x']")),
            ("A/E[@name='x']y/@b=1", filter("E[@name='x']y")),
            ("A/E[@name=x][@name=y]/@b=1", filter("E[@name=x][@name=y]")),
            (&format!("{}@b=1", "A/".repeat(65)), OverlayError::TooManySteps(65)),
            ("A/@b=\u{1b}", OverlayError::Character('\u{1b}')),
        ] {
            assert_eq!(set(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_setting_is_a_key_with_a_dot_and_a_value() {
        let overlay = setting("My.Role.Name=a=b").unwrap();
        assert_eq!(overlay.target, Target::Setting(0..12));
        assert_eq!(&overlay.text[overlay.value..], "a=b");
        assert_eq!(setting("Role.Name"), Err(OverlayError::NoValue("Role.Name".to_owned())));
        for key in ["Role", ".Name", "Role.", ""] {
            assert_eq!(setting(&format!("{key}=v")), Err(OverlayError::NoSetting(key.to_owned())));
        }
        assert_eq!(setting("R.N=\0"), Err(OverlayError::Character('\0')));
    }
}
