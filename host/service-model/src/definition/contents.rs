//! Content that is copied into a role's folder (facts: section 2.8).

use crate::Content;
use crate::diagnostic::Report;
use crate::fields;
use crate::xml::Element;

/// The contents of a role in the order of the definition.
pub(super) fn read(role: &Element, report: &mut Report) -> Vec<Content> {
    let mut contents = Vec::new();
    for content in role.items("Contents", "Content") {
        let destination = fields::filled(content, "destination", report);
        let source = fields::required_child(content, "SourceDirectory", report)
            .and_then(|source| fields::filled(source, "path", report));
        if let (Some(destination), Some(source)) = (destination, source) {
            contents.push(Content {
                destination: destination.value.clone(),
                source_directory: source.value.clone(),
                span: content.span.clone(),
            });
        }
    }
    contents
}
