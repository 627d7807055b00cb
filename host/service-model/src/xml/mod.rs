//! XML as a small tree: elements and attributes, each with its place.
//!
//! Comments and processing instructions are left out, the namespaces of the Azure schemas are told apart from
//! others, text is kept only as "here is text that does not belong". The text is untrusted: depth and attribute
//! counts are limited, entities other than the five of XML are refused, and so are characters that XML forbids.

mod parse;
mod slips;

pub(crate) use parse::{is_xml_character, parse};

use crate::Span;

/// The namespace of service definitions.
pub(crate) const DEFINITION_NAMESPACE: &str =
    "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition";
/// The namespace of service configurations.
pub(crate) const CONFIGURATION_NAMESPACE: &str =
    "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration";

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    Definition,
    Configuration,
    /// No namespace: usual for attributes, wrong for elements.
    None,
    /// `xml:` and the XML Schema instance namespace, which talk to XML tools.
    XmlTools,
    Foreign,
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) namespace: Namespace,
    pub(crate) name: String,
    /// In the order of the text, namespace declarations left out.
    pub(crate) attributes: Vec<Attribute>,
    /// In the order of the text.
    pub(crate) children: Vec<Element>,
    /// The first text between the children that is not white space.
    pub(crate) stray_text: Option<Span>,
    /// The start tag up to the end of the name: `<WorkerRole`.
    pub(crate) span: Span,
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) namespace: Namespace,
    pub(crate) name: String,
    /// References resolved, line ends and tabs turned into spaces, as XML wants it.
    pub(crate) value: String,
    pub(crate) name_span: Span,
    /// The value without its quotes.
    pub(crate) value_span: Span,
}

impl Element {
    /// The attribute of this name: spelled exactly, else without regard to ASCII case.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        let own = || self.attributes.iter().filter(|attribute| attribute.namespace == Namespace::None);
        own()
            .find(|attribute| attribute.name == name)
            .or_else(|| own().find(|attribute| attribute.name.eq_ignore_ascii_case(name)))
    }

    /// The children of the element's own namespace.
    pub(crate) fn own_children(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(|child| child.namespace == self.namespace)
    }

    /// The children of this name and the element's own namespace.
    pub(crate) fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.own_children().filter(move |child| child.name == name)
    }

    /// The first child of this name.
    pub(crate) fn child<'a>(&'a self, name: &'a str) -> Option<&'a Element> {
        self.children(name).next()
    }

    /// The children of a container, e.g. every `Setting` of `ConfigurationSettings`.
    pub(crate) fn items<'a>(
        &'a self,
        container: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Element> {
        self.children(container).flat_map(move |container| container.children(name))
    }
}
