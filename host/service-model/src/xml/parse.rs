//! From text to the tree, one pass over the events of quick-xml.

use quick_xml::XmlVersion;
use quick_xml::errors::SyntaxError::{
    UnclosedDoubleQuotedAttributeValue as OpenDoubleQuote,
    UnclosedSingleQuotedAttributeValue as OpenSingleQuote,
};
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::EscapeError;
use quick_xml::events::attributes::{AttrError, Attribute as RawAttribute};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::slips;
use super::{Attribute, CONFIGURATION_NAMESPACE, DEFINITION_NAMESPACE, Element, Namespace};
use crate::diagnostic::{Code, Diagnostic, Report};
use crate::location::Locator;
use crate::{Source, Span};

/// The schemas need 9; virtual directories may nest a little.
const DEEPEST: usize = 64;
/// The schemas need 9.
const MOST_ATTRIBUTES: usize = 64;

/// Reads a text into a tree. XML that is not well-formed gives one [`Code::MalformedXml`] and no tree.
pub(crate) fn parse(source: &Source, report: &mut Report) -> Option<Element> {
    let text = source.body();
    let mut parser = Parser { text, locator: Locator::new(&source.name, text), open: Vec::new(), root: None };
    match parser.run() {
        Ok(root) => Some(root),
        Err(malformed) => {
            let hint = "the file must be well-formed XML; nothing after this place was read";
            report.push(malformed.or_help(hint));
            None
        }
    }
}

/// Boxed, since the good way should not carry its size.
type Malformed = Box<Diagnostic>;

struct Parser<'a> {
    text: &'a str,
    locator: Locator<'a>,
    /// Elements whose end tag is still to come, the root first.
    open: Vec<Element>,
    root: Option<Element>,
}

impl<'a> Parser<'a> {
    fn run(&mut self) -> Result<Element, Malformed> {
        self.refuse_forbidden_characters()?;
        let mut reader = NsReader::from_str(self.text);
        loop {
            let start = offset(reader.buffer_position());
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.syntax(&error, offset(reader.error_position()))),
            };
            match event {
                Event::Start(tag) => {
                    let element = self.element(&reader, &tag, start)?;
                    self.open.push(element);
                }
                Event::Empty(tag) => {
                    let element = self.element(&reader, &tag, start)?;
                    self.place(element);
                }
                Event::End(_) => {
                    if let Some(element) = self.open.pop() {
                        self.place(element);
                    }
                }
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => self.stray_text(start, &reader)?,
                Event::DocType(_) => {
                    return Err(self.malformed(start, 9, "a document type declaration has no place here"));
                }
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::Eof => return self.finish(),
            }
        }
    }

    fn element(
        &mut self,
        reader: &NsReader<&[u8]>,
        tag: &BytesStart<'_>,
        start: usize,
    ) -> Result<Element, Malformed> {
        let name = tag.name();
        let width = name.as_ref().len().saturating_add(1);
        if self.root.is_some() {
            return Err(self.malformed(start, width, "a second root element follows the first"));
        }
        if self.open.len() >= DEEPEST {
            let message = format!("elements are nested more than {DEEPEST} deep");
            return Err(self.malformed(start, width, message));
        }
        let (resolved, local) = reader.resolver().resolve_element(name);
        let namespace = self.namespace(resolved, start, width)?;
        let name = local.as_ref().to_owned();
        let span = self.locator.span(start, width);
        let attributes = self.attributes(reader, tag, start.saturating_add(1))?;
        Ok(Element { namespace, name, attributes, children: Vec::new(), stray_text: None, span })
    }

    /// `content` is the offset of the tag's name; the offsets of its attributes count from there.
    fn attributes(
        &mut self,
        reader: &NsReader<&[u8]>,
        tag: &BytesStart<'_>,
        content: usize,
    ) -> Result<Vec<Attribute>, Malformed> {
        // quick-xml does not say where an attribute is, but hands out pieces of the tag's own text.
        let base = tag.as_ptr().addr();
        let offset_of = |part: &str| content.saturating_add(part.as_ptr().addr().saturating_sub(base));
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.attribute_syntax(&error, content))?;
            let key_start = offset_of(attribute.key.as_ref());
            if attributes.len() >= MOST_ATTRIBUTES {
                let message = format!("an element has more than {MOST_ATTRIBUTES} attributes");
                return Err(self.malformed(key_start, attribute.key.as_ref().len(), message));
            }
            let value_start = offset_of(&attribute.value);
            let value = self.attribute_value(&attribute, value_start)?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let key_len = attribute.key.as_ref().len();
            let (resolved, local) = reader.resolver().resolve_attribute(attribute.key);
            attributes.push(Attribute {
                namespace: self.namespace(resolved, key_start, key_len)?,
                name: local.as_ref().to_owned(),
                value,
                name_span: self.locator.span(key_start, key_len),
                value_span: self.locator.span(value_start, attribute.value.len()),
            });
        }
        Ok(attributes)
    }

    fn attribute_value(&mut self, attribute: &RawAttribute<'_>, start: usize) -> Result<String, Malformed> {
        let raw = attribute.value.as_ref();
        if let Some(position) = raw.find('<') {
            let place = start.saturating_add(position);
            let problem = self.malformed(place, 1, "`<` cannot stand in an attribute's value");
            return Err(Box::new(problem.help(slips::angle_bracket(raw, position))));
        }
        match attribute.normalized_value(XmlVersion::Explicit1_0) {
            Ok(value) if value.chars().all(is_xml_character) => Ok(value.into_owned()),
            Ok(_) => {
                let message = "the value refers to a character that XML does not allow";
                Err(self.malformed(start, raw.len(), message))
            }
            Err(error) => Err(self.bad_reference(&error, start, raw)),
        }
    }

    fn namespace(
        &mut self,
        resolved: ResolveResult<'_>,
        start: usize,
        width: usize,
    ) -> Result<Namespace, Malformed> {
        match resolved {
            ResolveResult::Unbound => Ok(Namespace::None),
            ResolveResult::Bound(namespace) => Ok(match namespace.as_ref() {
                DEFINITION_NAMESPACE => Namespace::Definition,
                CONFIGURATION_NAMESPACE => Namespace::Configuration,
                "http://www.w3.org/XML/1998/namespace" | "http://www.w3.org/2001/XMLSchema-instance" => {
                    Namespace::XmlTools
                }
                _ => Namespace::Foreign,
            }),
            ResolveResult::Unknown(prefix) => {
                let message = format!("the namespace prefix `{prefix}` is not declared");
                Err(self.malformed(start, width, message))
            }
        }
    }

    /// Puts a finished element where it belongs: into the open one around it, or at the root.
    fn place(&mut self, element: Element) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn stray_text(&mut self, start: usize, reader: &NsReader<&[u8]>) -> Result<(), Malformed> {
        let end = offset(reader.buffer_position());
        let text = self.text.get(start..end).unwrap_or_default();
        let blank = text.len().saturating_sub(text.trim_ascii_start().len());
        let (start, len) = (start.saturating_add(blank), text.trim_ascii().len());
        match self.open.last_mut() {
            Some(parent) if parent.stray_text.is_some() => Ok(()),
            Some(parent) => {
                parent.stray_text = Some(self.locator.span(start, len));
                Ok(())
            }
            None => Err(self.malformed(start, len, "text stands outside the root element")),
        }
    }

    fn finish(&mut self) -> Result<Element, Malformed> {
        if let Some(open) = self.open.last() {
            let message = format!("`<{}>` is never closed", open.name);
            let help = format!("end it with `</{0}>`, or with `/>` if nothing stands in it", open.name);
            return Err(Box::new(Diagnostic::at(Code::MalformedXml, &open.span, message).help(help)));
        }
        self.root.take().ok_or_else(|| self.malformed(0, 0, "the file has no element"))
    }

    fn refuse_forbidden_characters(&mut self) -> Result<(), Malformed> {
        match self.text.char_indices().find(|(_, character)| !is_xml_character(*character)) {
            None => Ok(()),
            Some((start, character)) => {
                let message = format!("XML does not allow the character U+{:04X}", u32::from(character));
                Err(self.malformed(start, character.len_utf8(), message))
            }
        }
    }

    fn syntax(&mut self, error: &Error, at: usize) -> Malformed {
        match error {
            Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                let message = format!("`</{found}>` does not close `<{expected}>`");
                let problem = self.malformed(at, found.len().saturating_add(3), message);
                match self.open.last() {
                    Some(open) => {
                        let help = format!("`<{expected}>` of line {} is still open", open.span.line);
                        Box::new(problem.help(help))
                    }
                    None => problem,
                }
            }
            Error::IllFormed(error) => self.malformed(at, 1, error.to_string()),
            Error::Syntax(error @ (OpenSingleQuote | OpenDoubleQuote)) => {
                let problem = self.malformed(at, 1, error.to_string());
                Box::new(problem.help(slips::open_quote(self.text, at)))
            }
            Error::Syntax(error) => self.malformed(at, 1, error.to_string()),
            error => self.malformed(at, 1, error.to_string()),
        }
    }

    fn attribute_syntax(&mut self, error: &AttrError, content: usize) -> Malformed {
        let (position, message) = match error {
            AttrError::ExpectedEq(position) => (*position, "an attribute's name must be followed by `=`"),
            AttrError::ExpectedValue(position) => (*position, "`=` must be followed by a value in quotes"),
            AttrError::UnquotedValue(position) => (*position, "an attribute's value must stand in quotes"),
            AttrError::ExpectedQuote(position, _) => {
                (*position, "the attribute's value has no closing quote")
            }
            AttrError::Duplicated(position, _) => (*position, "the attribute stands twice in one element"),
        };
        let start = content.saturating_add(position);
        let problem = self.malformed(start, 1, message);
        match slips::of_documentation(self.text, start) {
            Some(help) => Box::new(problem.help(help)),
            None => problem,
        }
    }

    fn bad_reference(&mut self, error: &Error, value_start: usize, raw: &str) -> Malformed {
        match error {
            Error::Escape(EscapeError::UnrecognizedEntity(range, name)) => {
                // The range is that of the name; `&` stands before it and `;` after it.
                let start = value_start.saturating_add(range.start).saturating_sub(1);
                let message = format!("`&{name};` stands for nothing in XML");
                let problem = self.malformed(start, name.len().saturating_add(2), message);
                Box::new(problem.help("write the character itself, or `&amp;` for an `&`"))
            }
            error => self.malformed(value_start, raw.len(), error.to_string()),
        }
    }

    fn malformed(&mut self, start: usize, len: usize, message: impl Into<String>) -> Malformed {
        let span: Span = self.locator.span(start, len);
        Box::new(Diagnostic::at(Code::MalformedXml, &span, message))
    }
}

/// The production `Char` of XML 1.0.
pub(crate) fn is_xml_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        other => other >= ' ',
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
