//! A tree of elements that becomes text.

/// An element to write: attributes on one line, children below it, indented.
pub(super) struct Tag {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Tag>,
}

impl Tag {
    pub(super) fn new(name: &'static str) -> Self {
        Tag { name, attributes: Vec::new(), children: Vec::new() }
    }

    /// An element with the attribute `name`, as most have one.
    pub(super) fn named(element: &'static str, name: impl ToString) -> Self {
        Tag::new(element).with("name", name)
    }

    /// An attribute.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// An attribute, when there is a value for it.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Elements inside of it, after those that it has.
    pub(super) fn holding(mut self, children: impl IntoIterator<Item = Tag>) -> Self {
        self.children.extend(children);
        self
    }

    /// A container with these elements; none when there are none.
    pub(super) fn holding_in(self, container: &'static str, children: impl IntoIterator<Item = Tag>) -> Self {
        let container = Tag::new(container).holding(children);
        if container.children.is_empty() { self } else { self.holding([container]) }
    }

    /// What is in it, without itself.
    pub(super) fn into_children(self) -> Vec<Tag> {
        self.children
    }

    /// The whole file with this element as its root.
    pub(super) fn into_document(self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        self.write(0, &mut text);
        text
    }

    /// As deep as the model, whose depth the reader has limited.
    fn write(&self, depth: usize, text: &mut String) {
        const INDENT: &str = "  ";
        text.push_str(&INDENT.repeat(depth));
        text.push('<');
        text.push_str(self.name);
        for (name, value) in &self.attributes {
            text.push(' ');
            text.push_str(name);
            text.push_str("=\"");
            push_escaped(value, text);
            text.push('"');
        }
        if self.children.is_empty() {
            text.push_str(" />\n");
            return;
        }
        text.push_str(">\n");
        for child in &self.children {
            child.write(depth.saturating_add(1), text);
        }
        text.push_str(&INDENT.repeat(depth));
        text.push_str("</");
        text.push_str(self.name);
        text.push_str(">\n");
    }
}

/// An attribute's value that a reader of XML takes as it is. Line ends and tabs would become spaces if they were
/// not written as references.
fn push_escaped(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\t' => text.push_str("&#9;"),
            '\n' => text.push_str("&#10;"),
            '\r' => text.push_str("&#13;"),
            other => text.push(other),
        }
    }
}
