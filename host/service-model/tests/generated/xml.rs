//! Choices, and elements that are printed in all the ways that XML has for the same thing.

use std::fmt::{Display, Write};

/// A list of numbers that decides everything. After its end every number is 0.
pub struct Choices<'a> {
    rest: std::slice::Iter<'a, u32>,
}

/// Ends of names: what the schema allows is more than letters.
const ENDINGS: &[&str] = &["", ".x", " y", "-z", "_", "(é)", "𝄞"];

/// Texts that are hard to carry through XML.
const TEXTS: &[&str] = &[
    "plain",
    "",
    " ",
    "a & b < c > d",
    "\"double\" and 'single'",
    "tab\tline\nreturn\rboth\r\n",
    " é𝄞 ",
    "]]> <!-- -->",
    "&amp; &#10;",
    "%PATH%\\x\\",
    "\u{85}\u{A0}\u{2028}",
];

impl<'a> Choices<'a> {
    pub fn new(numbers: &'a [u32]) -> Self {
        Choices { rest: numbers.iter() }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        self.rest.next().map_or(0, |number| number % end)
    }

    pub fn maybe(&mut self) -> bool {
        self.below(2) == 1
    }

    pub fn one_of<'b>(&mut self, texts: &[&'b str]) -> &'b str {
        texts[usize::try_from(self.below(u32::try_from(texts.len()).unwrap())).unwrap()]
    }

    pub fn text(&mut self) -> &'static str {
        self.one_of(TEXTS)
    }

    /// A text that is not blank.
    pub fn filled_text(&mut self) -> String {
        let text = self.text();
        if text.trim().is_empty() { format!("x{text}") } else { text.to_owned() }
    }

    /// A name that differs from those with another number.
    pub fn name(&mut self, stem: &str, number: u32) -> String {
        format!("{stem}{number}{}", self.one_of(ENDINGS))
    }

    /// Fewer than `end` different names.
    pub fn names(&mut self, stem: &str, end: u32) -> Vec<String> {
        (0..self.below(end)).map(|number| self.name(stem, number)).collect()
    }
}

/// An element.
pub struct Xml {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Xml>,
}

impl Xml {
    pub fn new(name: &'static str) -> Self {
        Xml { name, attributes: Vec::new(), children: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    pub fn holding(mut self, children: impl IntoIterator<Item = Xml>) -> Self {
        self.children.extend(children);
        self
    }

    /// A container with the children, unless there are none.
    pub fn holding_in(self, container: &'static str, children: impl IntoIterator<Item = Xml>) -> Self {
        let container = Xml::new(container).holding(children);
        if container.children.is_empty() { self } else { self.holding([container]) }
    }

    pub fn document(&self, choices: &mut Choices<'_>) -> String {
        let mut text =
            choices.one_of(&["", "<?xml version=\"1.0\"?>\r\n", "\u{FEFF}", "<!-- é -->"]).to_owned();
        self.print(&mut text, choices);
        text
    }

    fn print(&self, text: &mut String, choices: &mut Choices<'_>) {
        write!(text, "<{}", self.name).unwrap();
        for (name, value) in &self.attributes {
            text.push_str(choices.one_of(&[" ", "\n\t", "  "]));
            let quote = choices.one_of(&["\"", "'"]);
            let equals = choices.one_of(&["=", " = "]);
            write!(text, "{name}{equals}{quote}").unwrap();
            // The reader takes names of namespaces as they stand.
            let may_refer = *name != "xmlns";
            print_value(value, quote, may_refer, text, choices);
            text.push_str(quote);
        }
        if self.children.is_empty() && !choices.maybe() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        for child in &self.children {
            text.push_str(choices.one_of(&["", "\n  ", "\r\n", "<!-- <x/> -->", "<?y?>"]));
            child.print(text, choices);
        }
        write!(text, "</{}>", self.name).unwrap();
    }
}

fn print_value(value: &str, quote: &str, may_refer: bool, text: &mut String, choices: &mut Choices<'_>) {
    let all_as_numbers = may_refer && choices.below(8) == 1;
    for character in value.chars() {
        let must = matches!(character, '<' | '&' | '\t' | '\n' | '\r') || quote.starts_with(character);
        if must || all_as_numbers {
            write!(text, "&#x{:x};", u32::from(character)).unwrap();
        } else {
            text.push(character);
        }
    }
}
